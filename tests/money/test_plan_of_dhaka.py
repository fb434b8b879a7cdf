"""Money of two owned servers against renting, worked by hand for the bank in Dhaka."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from gpumix.catalog import load
from gpumix.cost.case.streams import present_cost_of
from gpumix.domain.ledger import Entry
from gpumix.domain.money import PlanMoney
from gpumix.domain.money_ranges import Acts, MoneyRange
from gpumix.money.held import ByTheHour, Held, Option, streams_of
from gpumix.money.money import Decision, plan_money

OWN, RENT = "buy:dhaka:8xl40s-48gb", "on_demand:civo:8xl40s-48gb"
MONTHS, RATE, BUSY, HOURS = 36, 0.13, 0.3677, 8760.0


def _once(category: str, usd: float, month: float = 0.0, item: str = "") -> Entry:
    closes = category == "residual"
    return Entry(month, OWN, category, item or category, 2.0, "server", usd / 2.0, "", "assumed",
                 closes=closes)  # fmt: skip


def _monthly(option: str, category: str, item: str, usd_per_year: float) -> Iterator[Entry]:
    for month in range(1, MONTHS + 1):
        yield Entry(month, option, category, item, 1.0, "month", usd_per_year / 12.0, "", "assumed",
                    closes=True)  # fmt: skip


def _own() -> tuple[Entry, ...]:
    """Two servers of eight L40S: view 2's sums, advance taxes back after a year, no staff."""
    bought = {"hardware": 200_000.0, "network": 25_000.0, "storage": 12_000.0, "spares": 10_000.0,
              "installation": 16_000.0}  # fmt: skip
    return (
        *(_once(category, usd) for category, usd in bought.items()),
        _once("tax", 12_350.0, item="import duty"),
        _once("tax", 31_801.25, item="advance taxes"),
        _once("tax refund", -31_801.25, 12.0),
        _once("residual", -55_000.0, 36.0, "resale"),
        *_monthly(OWN, "support", "support", 11_850.0),
        *_monthly(OWN, "insurance", "insurance", 1_185.0),
        *_monthly(OWN, "energy", "idle energy", 5_440.2),
        *_monthly(OWN, "energy", "energy at work", 3_047.65),
    )


def _rent() -> tuple[Entry, ...]:
    """Sixteen L40S by the hour at 1.37 USD and 15 % VAT, while they are busy."""
    hours = HOURS * BUSY / 12.0
    return tuple(
        Entry(month, RENT, "rent", "on-demand rental", 2.0 * hours, "instance-hour",
              8.0 * 1.37 * 1.15, "", "quoted", closes=True)
        for month in range(1, MONTHS + 1)
    )  # fmt: skip


HELD = {
    OWN: Held(
        OWN, "l40s-48gb", 8, "buy", "own site", gpus_by_month=(16.0,) * MONTHS, busy=BUSY,
        rivals=(
            ByTheHour(RENT, "civo", 1.37 * 1.15, may_serve=True),
            ByTheHour("dear", "aws", 2.0 * 1.37 * 1.15, may_serve=False),
            ByTheHour("cheap", "vast", 0.5 * 1.37 * 1.15, may_serve=False),
        ),
    ),
    RENT: Held(RENT, "l40s-48gb", 8, "on_demand", "civo"),
}  # fmt: skip


def _range(
    name: str, factors: tuple[float, float], categories: str = "", purchases: str = "",
    acts: Acts = Acts.PRICE, unit: str = "times",
) -> MoneyRange:  # fmt: skip
    def words(text: str) -> frozenset[str]:
        return frozenset(text.split(";")) if text else frozenset()

    low, high = factors
    return MoneyRange(name, acts, words(categories), words(purchases), "", unit, low, 1.0, high,
                      0.01, 10.0, "worked by hand", date(2026, 11, 30), False)  # fmt: skip


SERVER = "hardware;network;storage;spares;installation;tax;tax refund;residual;support;insurance"
VIEW_6 = (
    _range("price of a server", (0.8, 1.3), SERVER, "buy", unit="USD a server"),
    _range("support", (0.2, 2.0), "support"),
    _range("resale", (20 / 27.5, 35 / 27.5), "residual", unit="share of the price new"),
    _range("tariff", (0.085 / 0.103, 0.127 / 0.103), "energy"),
    _range("busy", (25 / 36.77, 60 / 36.77), "rent;energy at work"),
    _range("capital", (12 / 13, 16 / 13), acts=Acts.CAPITAL, unit="a year"),
    _range("rent", (0.80 / 1.37, 1.86 / 1.37), "rent"),
)
"""The ranges of view 6 that entries tell (outages are not among them)."""


def _decided(*more: Option, ranges: tuple[MoneyRange, ...] = VIEW_6) -> Decision:
    options = (Option("the plan", _own()), Option("renting", _rent()), *more)
    return Decision(options, HELD, ranges, {}, MONTHS, RATE)


@pytest.fixture(scope="module")
def money() -> PlanMoney:
    return plan_money(_decided(), 10_000, 1, 5.0)


def test_what_owning_saves_against_renting(money: PlanMoney) -> None:
    plan, renting = money.options
    assert plan.present_cost_usd == pytest.approx(294_671.0, abs=5.0)
    assert renting.present_cost_usd == pytest.approx(202_888.0, abs=40.0)
    (found,) = money.against
    assert found.npv_usd == pytest.approx(-91_783.0, abs=40.0)
    assert found.saved_cash_usd == pytest.approx(-41_330.0, abs=60.0)
    assert found.irr.value == pytest.approx(-0.077, abs=0.001)
    assert found.payback_months == pytest.approx(55.0, abs=1.0)
    assert found.discounted_payback_months == pytest.approx(84.0, abs=1.0)


def test_own_and_rent_cross_where_worked_by_hand(money: PlanMoney) -> None:
    (line,) = money.own_or_rent
    serving, median = line.prices
    assert (serving.whose, median.whose) == (RENT, "median of 3 providers")
    assert serving.crossing == pytest.approx(0.541, abs=0.001)
    assert line.own_usd[0] == pytest.approx(287_055.0, abs=10.0)
    assert line.own_usd[-1] - line.own_usd[0] == pytest.approx(20_711.0, abs=10.0)
    assert serving.rent_usd[-1] == pytest.approx(551_776.0, rel=1e-3)
    assert line.now_usd == pytest.approx(294_671.0, abs=5.0)
    by_gpus = {point.gpus: point for point in line.by_volume}
    fixed = line.own_usd[0] / 2.0
    assert by_gpus[9].own_usd - by_gpus[8].own_usd > fixed
    assert by_gpus[16].own_usd == pytest.approx(line.own_usd[-1])
    assert by_gpus[16].rent_usd[0] == pytest.approx(serving.rent_usd[-1])


def test_where_the_decision_flips(money: PlanMoney) -> None:
    at = {flip.name: flip for flip in money.flips}
    assert at["price of a server"].value == pytest.approx(66_437.0, rel=2e-3)
    assert at["resale"].value == pytest.approx(0.94, abs=0.005)
    assert at["rent"].value is not None
    assert at["rent"].value * 1.37 == pytest.approx(1.99, abs=0.005)
    assert at["busy"].value is not None
    assert at["busy"].value * BUSY == pytest.approx(0.541, abs=0.001)
    assert at["tariff"].value is None
    assert "renting is cheaper from" in at["tariff"].reason


def test_the_tornado_of_view_six(money: PlanMoney) -> None:
    bars = {bar.input.name: bar for bar in money.tornado}
    assert money.tornado[0].input.name == "price of a server"
    server, busy = bars["price of a server"], bars["busy"]
    assert (server.low_usd, server.high_usd) == pytest.approx((239_978.0, 376_709.0), rel=1e-4)
    assert (server.input.low, server.input.high) == pytest.approx((80_000.0, 130_000.0))
    assert not server.flips
    resale = bars["resale"]
    assert (resale.high_usd, resale.low_usd) == pytest.approx((284_275.0, 305_066.0), rel=1e-4)
    assert (busy.low_usd, busy.high_usd) == pytest.approx((292_233.0, 299_482.0), rel=1e-4)
    assert busy.flips
    assert busy.cheapest_at_high == "the plan"
    capital = bars["capital"]
    assert (capital.low_usd, capital.high_usd) == pytest.approx((294_089.0, 296_288.0), rel=1e-4)


def test_the_draws_of_view_seven(money: PlanMoney) -> None:
    plan, renting = money.options
    own, rent = plan.present, renting.present
    assert (own.p10, own.p50, own.p90) == pytest.approx((268_739.0, 305_451.0, 347_545.0), rel=0.01)
    assert (rent.p10, rent.p50, rent.p90) == pytest.approx(
        (151_538.0, 211_825.0, 289_888.0), rel=0.015
    )
    assert plan.share_cheapest == pytest.approx(0.075, abs=0.01)
    assert renting.share_cheapest == pytest.approx(1.0 - (plan.share_cheapest or 0.0))
    assert money.against[0].npv.p50 == pytest.approx(rent.p50 - own.p50, rel=0.1)


def test_the_books(money: PlanMoney) -> None:
    books = money.books
    assert books is not None
    assert books.capitalised_usd == pytest.approx(275_350.0)
    assert books.charge_by_year_usd == pytest.approx((55_070.0,) * 3)
    assert books.book_value_usd == pytest.approx((220_280.0, 165_210.0, 110_140.0))
    assert (books.resale_usd, books.gain_usd) == pytest.approx((55_000.0, -55_140.0))


def test_what_breaks_a_promise_is_never_the_cheapest_nor_flips(money: PlanMoney) -> None:
    cheap = Option("cheap", _rent()[:12], ("chat is down",))
    found = plan_money(_decided(cheap), 1000, 1, 5.0)
    assert found.best_alternative == "renting"
    assert {one.name: one.share_cheapest for one in found.options}["cheap"] is None
    assert {flip.against for flip in found.flips} == {"renting"}
    assert [one.name for one in found.against] == ["cheap", "renting"]


def test_the_same_seed_gives_the_same_answer_and_another_one_another(money: PlanMoney) -> None:
    assert plan_money(_decided(), 10_000, 1, 5.0) == money
    other = plan_money(_decided(), 10_000, 2, 5.0)
    assert other.options[0].present != money.options[0].present
    assert other.options[0].present_cost_usd == money.options[0].present_cost_usd


def test_an_input_that_moves_both_alike_moves_no_difference() -> None:
    twin = Option("twin", tuple(replace(entry) for entry in _own()))
    found = plan_money(replace(_decided(), options=(Option("the plan", _own()), twin)), 500, 3, 5.0)
    spread = found.against[0].npv
    assert (spread.p10, spread.p90) == pytest.approx((0.0, 0.0), abs=1e-6)


def test_an_input_that_moves_nothing_is_in_no_tornado() -> None:
    ranges = (_range("licences", (0.5, 2.0), "licence;support"), _range("fuel", (0.5, 2.0), "fuel"))
    found = plan_money(_decided(ranges=ranges), 100, 1, 5.0)
    assert [bar.input.name for bar in found.tornado] == ["licences"]


def test_ten_thousand_draws_of_two_thousand_entries_take_less_than_a_second() -> None:
    entries = tuple(
        replace(entry, option=f"{entry.option}-{copy}") for copy in range(14) for entry in _own()
    )
    held = {e.option: replace(HELD[OWN], resource=e.option, provider=e.option) for e in entries}
    assert len(entries) > 2000
    ranges = load().money_ranges
    decision = Decision((Option("the plan", entries),), held, ranges, {}, MONTHS, RATE)
    started = time.process_time()
    found = plan_money(decision, 10_000, 1, 5.0)
    assert time.process_time() - started < 1.0
    assert found.options[0].present.p10 < found.options[0].present.p90


def test_totals_are_those_of_the_entries(money: PlanMoney) -> None:
    entries = _own()
    assert money.options[0].cash_usd == pytest.approx(sum(e.amount for e in entries), abs=0.005)
    assert money.options[0].present_cost_usd == pytest.approx(
        present_cost_of(streams_of(entries), RATE), abs=0.005
    )
    assert sum(money.options[0].cash_by_year_usd) == pytest.approx(
        money.options[0].cash_usd, abs=0.005
    )


def test_a_plan_without_entries_costs_nothing_for_sure() -> None:
    decision = Decision((Option("the plan", ()),), {}, VIEW_6, {}, MONTHS, 0.0)
    found = plan_money(decision, 100, 1, 5.0)
    (plan,) = found.options
    assert (plan.present.p10, plan.present.p90, plan.cash_usd) == (0.0, 0.0, 0.0)
    assert (found.best_alternative, found.books, found.flips) == (None, None, ())


def test_what_is_owned_is_sold_above_what_doing_without_it_costs() -> None:
    name = "owned:dhaka:8xa100"
    kept = (*_own(), *_monthly(name, "support", "support", 9_916.0))
    sale = Entry(0.0, name, "residual", "sale", 1.0, "server", -92_000.0, "", "assumed")
    without = (*_own(), *_monthly(RENT, "rent", "on-demand rental", 80_000.0), sale)
    owned = Held(name, "a100", 8, "owned", "own site", gpus_by_month=(8.0,) * MONTHS,
                 sells_for_usd=92_000.0)  # fmt: skip
    options = (Option("the plan", kept), Option("without", without), Option("all", kept))
    decision = Decision(options, {**HELD, name: owned}, VIEW_6, {}, MONTHS, RATE)
    (found,) = plan_money(decision, 100, 1, 5.0).keep_or_sell
    assert found.keep_usd == pytest.approx(9_916.0 / 12 * 29.985, rel=1e-4)
    assert found.without == "without"
    more = (80_000.0 - 9_916.0) / 12 * 29.985
    assert found.without_more_usd == pytest.approx(more, rel=1e-4)
    assert found.sell_above_usd_per_gpu == pytest.approx(more / 8, rel=1e-4)
    assert found.sells_for_usd == 92_000.0
    alone = replace(decision, options=decision.options[::2])
    (found,) = plan_money(alone, 100, 1, 5.0).keep_or_sell
    assert found.without_more_usd is None
    assert "does without it" in found.reason


def test_options_that_only_come_to_cost_the_same_do_not_flip() -> None:
    """Two ways of renting: with no hours at all both cost nothing, and neither is ever cheaper."""
    dearer = tuple(replace(entry, price=1.1 * entry.price) for entry in _rent())
    options = (Option("the plan", _rent()), Option("dearer", dearer))
    ranges = (replace(_range("hours", (1.0, 1.0), "rent"), least=0.0),)
    found = plan_money(Decision(options, HELD, ranges, {}, MONTHS, RATE), 100, 1, 5.0)
    (flip,) = found.flips
    assert flip.value is None
    assert flip.reason == "the plan is cheaper from 0 to 10 times"
    assert found.tornado == ()
