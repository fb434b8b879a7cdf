"""The workbooks: another reader calculates them again and comes to the answer's figures."""

from __future__ import annotations

import dataclasses
import math
from datetime import date
from pathlib import Path

import plan_fixture
import pytest
from workbook_reader import Calculated

from gpumix.cost.case.streams import cash_by_month, cash_by_year, present_cost_of, stream_of
from gpumix.domain.ledger import Entry
from gpumix.report.workbook import plan_workbook, tco_workbook
from gpumix.verbs.tco import Tco, tco_file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CENT = 0.005
HOSTILE = '=HYPERLINK("http://example.invalid","click")'


def _entry(month: float, category: str, price: float, **other: object) -> Entry:
    entry = Entry(
        month=month, option="a", category=category, item="thing", quantity=3.0, unit="server",
        price=price, source="a quotation", basis="quoted", as_of=date(2026, 11, 2),
    )  # fmt: skip
    return dataclasses.replace(entry, **other)


@pytest.fixture(scope="module")
def entries() -> tuple[Entry, ...]:
    monthly = (
        _entry(float(m), "energy", 101.37 * m, option="b", closes=True) for m in range(1, 37)
    )
    return (
        _entry(0.0, "hardware", 100_000.01),
        _entry(12.0, "tax refund", -1_234.56),
        _entry(12.0, "room", 7_000.0, closes=True, currency="BDT", rate=0.0081),
        _entry(36.0, "residual", -20_000.0, closes=True),
        _entry(41.5, "rent", 55.55, option="b"),
        *monthly,
    )


@pytest.fixture(scope="module")
def book(entries: tuple[Entry, ...]) -> Calculated:
    return Calculated(plan_workbook(_plan(entries), entries))


def _plan(entries: tuple[Entry, ...]) -> plan_fixture.Plan:
    cash, present = math.fsum(e.amount for e in entries), _present(entries)
    return dataclasses.replace(
        plan_fixture.plan(), cash_usd=cash, horizon_usd=present, cost_of_capital=0.13
    )


def _present(entries: tuple[Entry, ...]) -> float:
    return present_cost_of([stream_of(e) for e in entries], 0.13)


def test_every_formula_gives_the_value_that_is_kept_beside_it(book: Calculated) -> None:
    formulas = 0
    for sheet in book.formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    formulas += 1
                    kept = book.kept[sheet.title][cell.coordinate].value
                    found = book.value(sheet.title, cell.coordinate)
                    assert found == pytest.approx(kept, abs=CENT), (
                        f"{sheet.title}!{cell.coordinate}"
                    )
    assert formulas > 300


def test_the_summary_ties_to_the_plan(book: Calculated, entries: tuple[Entry, ...]) -> None:
    cells = book.cells("Summary")
    assert cells["B7"] == pytest.approx(math.fsum(e.amount for e in entries), abs=CENT)
    assert cells["B9"] == pytest.approx(_present(entries), abs=CENT)
    assert cells["D7"] == pytest.approx(0.0, abs=CENT)
    assert cells["D9"] == pytest.approx(0.0, abs=CENT)


def test_cash_falls_in_the_years_and_months_of_the_ledger(
    book: Calculated, entries: tuple[Entry, ...]
) -> None:
    streams = [stream_of(e) for e in entries]
    cells = book.cells("Cash")
    [total] = [int(name[1:]) for name, held in cells.items() if held == "Cash" and name[0] == "A"]
    found = [cells[f"{column}{total}"] for column in "CDE"]
    assert found == pytest.approx(cash_by_year(streams, 36).tolist(), abs=CENT)
    [head] = [int(name[1:]) for name, held in cells.items() if held == "Period"]
    months = [cells[f"I{head + 1 + m}"] for m in range(37)]
    assert cells[f"I{head}"] == "Cash"
    assert months == pytest.approx(cash_by_month(streams, 36).tolist(), abs=CENT)
    assert book.value("Summary", "B8") == pytest.approx(max(_running(months)), abs=CENT)


def _running(amounts: list[float]) -> list[float]:
    return [math.fsum(amounts[: i + 1]) for i in range(len(amounts))]


def test_text_that_looks_like_a_formula_is_text() -> None:
    entries = (
        _entry(0.0, "hardware", 5.0, option=HOSTILE, item="+1+1", unit="-2", source="@SUM(A1)"),
        _entry(0.0, "hardware", 7.0, option=">0"),
        _entry(0.0, "hardware", 9.0, option="*", source="x" * 40_000),
    )
    plan = dataclasses.replace(plan_fixture.hostile_plan(), name=HOSTILE)
    book = Calculated(plan_workbook(plan, entries))
    ledger = book.formulas["Ledger"]
    for name in ("E2", "G2", "I2", "O2"):
        assert ledger[name].data_type == "s"
    assert ledger["E2"].value == HOSTILE
    assert book.formulas["Summary"]["A1"].data_type == "s"
    formulas = {
        c.value for s in book.formulas for r in s.iter_rows() for c in r if c.data_type == "f"
    }
    assert not any("HYPERLINK" in formula for formula in formulas)


@pytest.fixture(scope="module")
def case() -> Tco:
    return tco_file(EXAMPLES / "tco-dhaka.yaml")


def test_a_case_ties_option_by_option(case: Tco) -> None:
    book = Calculated(tco_workbook(case.answer, case.entries, date(2026, 11, 30)))
    rows = list(book.formulas["Summary"].iter_rows(min_row=20))
    found = {}
    for row in rows:
        _number, cash, present, name = row[:4]
        if name.value in case.answer.options:
            found[name.value] = (
                book.value("Summary", cash.coordinate), book.value("Summary", present.coordinate)
            )  # fmt: skip
    for name, option in case.answer.options.items():
        assert found[name] == pytest.approx((option.cash.total, option.present_cost), abs=CENT)
    cells = book.cells("Cash")
    for row, option in enumerate(case.answer.options.values(), start=4):
        years = [cells[f"{column}{row}"] for column in "CDE"]
        assert years == pytest.approx(option.cash.by_year[:3], abs=CENT)
