"""The workbook of a plan and of a case: summary, cash, ledger, mix, assumptions, prices."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from gpumix import fields
from gpumix.domain.evidence import Assumption
from gpumix.domain.ledger import Entry, Leaf, leaves_of
from gpumix.domain.plan import MixLine, Plan
from gpumix.domain.tco import Default, TcoAnswer
from gpumix.report.views import plan as plan_view
from gpumix.report.views import tco as tco_view
from gpumix.report.xlsx import Book, Formula, LedgerSheet, Terms, write_cash
from gpumix.units import MONTHS_PER_YEAR

_MIX = (
    "resource", "count", "gpus_per_instance", "gpu", "purchase", "provider", "region", "country",
    "usd_per_gpu_hour", "utilisation", "serves", "price_as_of", "age_days", "source",
)  # fmt: skip
_ASSUMPTION = ("subject", "value", "basis", "source", "as_of", "owner", "confirmed_on")


def plan_workbook(plan: Plan, entries: Sequence[Entry]) -> bytes:
    """A plan's workbook, the bytes of an .xlsx file; all amounts in USD."""
    capital = plan.cost_of_capital
    terms = Terms(plan.start, plan.months, capital, fields.USD.code)
    ledger = LedgerSheet(entries, terms)
    second = plan.report_currency != terms.currency
    with Book(plan.as_of) as book:
        summary = _summary(
            book, plan.name, [plan_view.headline(plan), plan_view.sureness(plan)], terms, plan.as_of
        )
        outlaid = write_cash(book, ledger, "Category", _categories(entries))
        told = {
            "Cash": plan.cash_usd,
            "Present cost": plan.horizon_usd,
            "Level cost a month": plan.monthly_usd,
        }
        rate = (plan.report_currency, plan.fx_per_usd, plan.fx_as_of) if second else None
        _totals(book, summary, ledger, outlaid, told, rate)
        ledger.write(book)
        _mix(book, ledger, plan.mix)
        sheet = book.sheet("Assumptions", (50, 24, 12, 70, 12, 24, 12))
        _records(book, sheet, Assumption, _ASSUMPTION, plan.assumptions)
        _prices(book, entries, plan.as_of)
    return book.written


def tco_workbook(found: TcoAnswer, entries: Mapping[str, Sequence[Entry]], today: date) -> bytes:
    """A case's workbook, the bytes of an .xlsx file; amounts in the currency of the answer."""
    year, month = map(int, found.start.split("-")[:2])
    terms = Terms(date(year, month, 1), found.months, found.cost_of_capital, found.currency)
    every = [entry for rows in entries.values() for entry in rows]
    ledger = LedgerSheet(every, terms)
    with Book(today) as book:
        summary = _summary(book, found.name, [tco_view.headline(found)], terms, today)
        write_cash(book, ledger, "No.", {number: name for name, number in ledger.numbers.items()})
        _options(book, summary, ledger)
        ledger.write(book)
        sheet = book.sheet("Assumptions", (50, 12, 12, 12, 16, 70, 12))
        names = ("what", "value", "low", "high", "unit", "source", "as_of")
        book.row(sheet, 0, ("Input", "Taken", "Low", "High", "Unit", "Source", "As of"), book.bold)
        for row, default in enumerate(found.assumptions, start=1):
            book.row(sheet, row, _default(default, names))
        _prices(book, every, today)
    return book.written


def _summary(book: Book, name: str, words: Iterable[str], terms: Terms, as_of: date) -> Any:
    """The head of the first sheet; cell B4 holds the cost of capital."""
    sheet = book.sheet("Summary", (34, 22, 22, 22, 22), frozen=0)
    book.row(sheet, 0, [name], book.bold)
    book.row(sheet, 1, ["First month", terms.start, "Months", terms.months])
    book.row(sheet, 2, ["Prices as of", as_of, "Currency", terms.currency])
    book.row(sheet, 3, ["Cost of capital a year", terms.cost_of_capital])
    for row, sentence in enumerate(words, start=14):
        sheet.merge_range(row, 0, row, 4, "", book.wrapped)
        sheet.write_string(row, 0, sentence, book.wrapped)
        sheet.set_row(row, 15.0 * math.ceil(len(sentence) / 100))
    return sheet


def _level(row: int, present: float, terms: Terms) -> Formula:
    """Level cost a month of the present cost in a row of the summary."""
    month = (1.0 + terms.cost_of_capital) ** (1.0 / MONTHS_PER_YEAR) - 1.0
    value = (
        present * month / (1.0 - (1.0 + month) ** -terms.months)
        if month
        else present / terms.months
    )
    whole = f"B{row}*((1+B4)^(1/12)-1)/(1-(1+B4)^(-D2/12))"
    return Formula(f"=IF(B4=0,B{row}/D2,{whole})", value)


def _totals(
    book: Book,
    sheet: Any,
    ledger: LedgerSheet,
    outlaid: str,
    told: Mapping[str, float | None],
    rate: tuple[str, float, date | None] | None,
) -> None:
    """The three totals, each beside what the plan says and their difference."""
    terms = ledger.terms
    head = ["", f"Ledger, {terms.currency}", "plan.json", "Difference"]
    book.row(sheet, 5, [*head, f"In {rate[0]}"] if rate else head, book.bold)
    cash, present = ledger.all(), ledger.all("Present cost")
    running = [0.0]
    by_period = [0.0] * (terms.months + 1)
    for entry in ledger.entries:
        by_period[entry.period(terms.months)] += entry.amount
    for amount in by_period:
        running.append(running[-1] + amount)
    rows = (
        ("Cash", cash),
        ("Most outlaid", Formula(f"={outlaid}", max(running[1:]))),
        ("Present cost", present),
        ("Level cost a month", _level(9, present.value, terms)),
    )
    for row, (name, formula) in enumerate(rows, start=6):
        cells: list[object] = [name, formula, told.get(name)]
        stated = told.get(name)
        cells.append(
            None if stated is None else Formula(f"=B{row + 1}-C{row + 1}", formula.value - stated)
        )
        if rate:
            cells.append(Formula(f"=B{row + 1}*B12", formula.value * rate[1]))
        book.row(sheet, row, cells, book.amount)
    if rate:
        since = f"of {rate[2]}" if rate[2] else ""
        book.row(sheet, 11, [f"{rate[0]} for 1 {terms.currency}", rate[1], since])


def _options(book: Book, sheet: Any, ledger: LedgerSheet) -> None:
    """The totals of every option of a case, below the words."""
    top = 18
    head = ["No.", "Cash", "Present cost", "Option"]
    book.row(sheet, top, head, book.bold)
    for row, (name, number) in enumerate(ledger.numbers.items(), start=top + 1):
        key = {"No.": (f"A{row + 1}", number)}
        book.row(sheet, row, [number, ledger.sum(key), ledger.sum(key, "Present cost"), name])


def _categories(entries: Iterable[Entry]) -> dict[str, str]:
    """Every category with the items in it."""
    items: dict[str, dict[str, None]] = {}
    for entry in entries:
        items.setdefault(entry.category, {})[entry.item] = None
    return {name: ", ".join(own) for name, own in items.items()}


def _mix(book: Book, ledger: LedgerSheet, mix: Sequence[MixLine]) -> None:
    sheet = book.sheet("Mix", (5, 16, 16, 36, 8, 8, 20, 14, 16, 14, 9, 12, 12, 40, 12, 9, 60))
    titles = [fields.field(name, MixLine).axis for name in _MIX]
    book.row(sheet, 0, ["No.", "Cash [USD]", "Present cost [USD]", *titles], book.bold)
    every = []
    for row, line in enumerate(mix, start=1):
        number = ledger.numbers.get(line.resource, 0)
        key = {"No.": (f"A{row + 1}", number)}
        every.append((ledger.sum(key), ledger.sum(key, "Present cost")))
        book.row(sheet, row, [number, *every[-1], *_cells(line, _MIX)])
    if every:
        last = len(every) + 1
        sums = [math.fsum(one.value for one in column) for column in zip(*every, strict=True)]
        cells = [Formula(f"=SUM({c}2:{c}{last})", v) for c, v in zip("BC", sums, strict=True)]
        book.row(sheet, last, ["", *cells], book.total)


def _prices(book: Book, entries: Iterable[Entry], as_of: date) -> None:
    """Every price, how old it is, and what rests on it."""
    sheet = book.sheet("Prices", (30, 14, 22, 14, 9, 12, 11, 60, 16))
    head = ("Option", "Category", "Item", "Price", "Currency", "As of", "Age [days]", "Source",
            "Amount", "Basis")  # fmt: skip
    book.row(sheet, 0, head, book.bold)
    by_option: dict[str, list[Entry]] = {}
    for entry in entries:
        by_option.setdefault(entry.option, []).append(entry)
    rows = [(name, leaf) for name, own in by_option.items() for leaf in leaves_of(own)]
    for row, (name, leaf) in enumerate(rows, start=1):
        book.row(sheet, row, _price(name, leaf, as_of))


def _price(option: str, leaf: Leaf, as_of: date) -> Iterable[object]:
    age = None if leaf.as_of is None else (as_of - leaf.as_of).days
    return (
        option, leaf.category, leaf.item, leaf.price, leaf.currency, leaf.as_of, age, leaf.source,
        leaf.amount, leaf.basis,
    )  # fmt: skip


def _records(
    book: Book, sheet: Any, record: type, names: Sequence[str], records: Iterable[object]
) -> None:
    """A row a record, with the labels of its fields above."""
    book.row(sheet, 0, [fields.field(name, record).axis for name in names], book.bold)
    for row, one in enumerate(records, start=1):
        book.row(sheet, row, _cells(one, names))


def _cells(record: object, names: Iterable[str]) -> list[object]:
    values = [getattr(record, name) for name in names]
    return [", ".join(v) if isinstance(v, tuple) else v for v in values]


def _default(default: Default, names: Iterable[str]) -> list[object]:
    cells = _cells(default, names)
    if not default.sourced:
        cells[5] = f"not sourced: {default.source or 'assumed'}"
    return cells
