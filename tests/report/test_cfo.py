"""The finance director's page: figures of the ledger, each under the total that it is."""

from __future__ import annotations

import dataclasses
from datetime import date

import money_fixture
import plan_fixture
import pytest

from gpumix.domain.plan import Plan
from gpumix.report import html
from gpumix.report.cfo import cfo_page
from gpumix.report.views import cfo, cfo_charts
from gpumix.report.views.plan import sureness


@pytest.fixture(scope="module")
def plan() -> Plan:
    return money_fixture.plan()


def test_groups_add_up_to_the_cash_of_every_year(plan: Plan) -> None:
    ledger = plan.ledger
    assert ledger is not None
    assert ledger.cash is not None
    years = [sum(year) for year in zip(*(g.by_year for g in ledger.groups()), strict=True)]
    assert years == pytest.approx(ledger.cash.by_year)
    assert sum(g.total for g in ledger.groups()) == pytest.approx(ledger.cash.total)
    assert [g.name for g in ledger.groups()][-2:] == ["Taxes back", "Resale"]


def test_cash_by_year_is_printed_with_its_sum(plan: Plan) -> None:
    table = cfo.cash_table(plan)
    last = [cell.text for cell in table.rows[-1]]
    assert last == ["Cash", "$328,751", "-$10,201", "-$33,400", "$285,150"]
    assert last[0] == "Cash"
    assert table.has_total
    assert all(cell.note.lstrip("-").startswith("BDT") for cell in table.rows[-1][1:])


def test_what_is_received_is_below_the_line(plan: Plan) -> None:
    spec = cfo_charts.cash_by_year(plan)
    assert spec is not None
    bars = spec["layer"][0]["data"]["values"]
    below = {bar["group"] for bar in bars if bar["usd"] < 0.0}
    assert below == {"Taxes back", "Resale"}
    line = spec["layer"][1]["data"]["values"]
    assert [round(row["usd"]) for row in line] == [328_751, 318_550, 285_150]


def test_three_lines_say_what_to_do_the_cash_and_what_stands_against_it(plan: Plan) -> None:
    lines = cfo.answer_lines(plan)
    assert [line.partition(":")[0] for line in lines] == ["Do", "Cash", "Present cost"]
    assert "$328,751" in lines[1]
    assert "most ever outlaid is $338,350" in lines[1]


def test_the_nearest_flip_is_named_first(plan: Plan) -> None:
    words = cfo.flips(plan)
    assert words[0] == "price of servers below 66,437 USD (now 100,000 USD): all cloud is cheaper"
    assert words[1] == "use above 54.1 % (now 36.8 %): all cloud is cheaper"
    assert len(words) == 2


def test_every_view_of_the_money_is_on_the_page(plan: Plan) -> None:
    page = cfo_page(plan)
    assert all(table.rows for table in (page.cash, page.against, page.own_or_rent, page.tornado))
    assert all(table.rows for table in (page.spread, page.books, page.ages))
    ids = {chart.id for chart in page.charts}
    wanted = {"cash-year", "cash-month", "busy-0", "volume-0", "tornado", "draws"}
    assert {f"chart-{name}" for name in wanted} <= ids
    assert page.without_price == ("b: no price is known.",)
    text = html.plan_html(plan)
    assert text.index('id="money"') < text.index('id="mix"') < text.index('id="workloads"')
    assert 'href="entries.csv"' in text


def test_owning_and_renting_cross_where_the_table_says(plan: Plan) -> None:
    [row] = cfo.own_or_rent_table(plan).rows
    assert row[-1].text == "54.1 %"
    assert row[1].text == "36.8 %"
    spec = cfo_charts.own_against_rent(cfo.comparable(plan)[0])
    assert spec["layer"][1]["data"]["values"] == [{"busy": 0.541, "text": "54 %"}]


def test_a_plan_without_money_still_has_a_page() -> None:
    bare = plan_fixture.plan()
    page = cfo_page(bare)
    assert page.answer
    assert page.ages.rows
    assert not page.against.rows
    assert not page.tornado_charts


def test_the_day_it_expires_is_the_first_price_that_ends(plan: Plan) -> None:
    first, second, *rest = plan.mix
    dated = dataclasses.replace(
        plan,
        mix=(
            dataclasses.replace(first, valid_until=date(2027, 3, 1)),
            dataclasses.replace(second, valid_until=date(2026, 10, 1)),
            *rest,
        ),
    )
    words = cfo.expiry_words(dated)
    assert words.startswith(f"It holds until 2027-03-01: then the price of {first.resource} ends.")
    assert f"price of {second.resource} was good until 2026-10-01" in words
    none = dataclasses.replace(plan, mix=(dataclasses.replace(first, valid_until=None),))
    assert cfo.expiry_words(none).startswith("Nothing it rests on has an end")


def test_an_amount_is_said_once_where_capital_costs_nothing(plan: Plan) -> None:
    free = dataclasses.replace(plan, cost_of_capital=0.0, cash_usd=plan.horizon_usd)
    words = sureness(free)
    shown = f"${plan.horizon_usd:,.0f}"
    assert words.count(shown) == 1
    assert "which is the cash too" in words
