"""Limits on the cash of calendar years: mixes worked by hand, and what a conflict names."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from datetime import date

import pytest
from years_fixture import HARDWARE, HOUR, choice, cycle, held, rented, server, workload

from gpumix import mix
from gpumix.cost.staff import SiteStaff
from gpumix.domain.case import Jump
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import CashYear
from gpumix.domain.quote import StatedRate
from gpumix.plan.cash import Calendar
from gpumix.plan.effort import NORMAL
from gpumix.plan.formulate import formulate
from gpumix.plan.infeasible.amounts import amounts
from gpumix.plan.interpret import (
    Answer,
    answer_of,
    cash_by_year_local,
    cash_warnings,
    cash_years,
    entries_of,
)
from gpumix.plan.periods import Period
from gpumix.plan.search import Found, search
from gpumix.plan.worthwhile import worthwhile
from gpumix.supply.supply import Supply
from ledger_check import cash_by_year

HOURLY = rented(Purchase.ON_DEMAND, 1.0)
RENT = HOUR
"""A year of one GPU by the hour [USD]."""


def answer(
    supplies: list[Supply],
    cash: Mapping[int, float],
    units: float = 10.0,
    rate: float = 0.0,
    start: date = date(2027, 1, 1),
    staff: tuple[SiteStaff, ...] = (),
) -> Answer:
    return answer_of(solved(supplies, cash, units, rate, start, staff))


def solved(
    supplies: list[Supply],
    cash: Mapping[int, float],
    units: float = 10.0,
    rate: float = 0.0,
    start: date = date(2027, 1, 1),
    staff: tuple[SiteStaff, ...] = (),
) -> Found:
    chosen = choice([workload(units=units)], supplies, rate=rate)
    limits = replace(chosen.inventory.limits, cash=tuple(sorted(cash.items())))
    inventory = replace(chosen.inventory, limits=limits, start=start)
    chosen = replace(chosen, inventory=inventory, staff=staff)
    return search(chosen, cycle(chosen), NORMAL.plan)


def paid(found: Answer) -> list[float]:
    return [one.cash_usd for one in cash_years(found)]


def test_no_limit_tells_no_years() -> None:
    assert cash_years(answer([server(), HOURLY], {})) == ()


def test_a_year_that_cannot_pay_for_a_server_rents_and_buys_in_the_next() -> None:
    # At once: 12,000 - 500 back, 1,000 a year, 4,000 at the end. Rent is 8,760 a year.
    free = answer([server(), HOURLY], {2027: 12_500.0})
    assert held(free, "buy") == [1, 1, 1]
    assert paid(free) == pytest.approx([12_500.0, 1_000.0, 1_000.0 - 4_000.0])
    tight = answer([server(), HOURLY], {2027: 12_499.0})
    assert held(tight, "buy") == [0, 1, 1]
    assert paid(tight) == pytest.approx([RENT, 12_500.0, 1_000.0 - 6_000.0])
    assert cash_years(tight)[0] == CashYear(2027, pytest.approx(RENT), 12_499.0)
    assert cash_years(tight)[1].limit_usd is None
    assert cash_by_year(list(entries_of(tight)), 3) == pytest.approx(paid(tight))
    both = answer([server(), HOURLY], {2027: 12_499.0, 2028: 12_499.0})
    assert held(both, "on_demand")[:2] == [1, 1]


def test_present_costs_do_not_change_what_a_year_pays() -> None:
    later = {2027: 20_000.0, 2028: RENT + 0.1, 2029: RENT + 0.1}
    found = answer([HOURLY], later, rate=0.13)
    assert paid(found) == pytest.approx([RENT] * 3)
    assert solved([HOURLY], {**later, 2029: RENT - 1.0}, rate=0.13).solution.cost is None


def test_a_plan_that_starts_in_july_pays_by_the_calendar() -> None:
    july = date(2027, 7, 1)
    calendar = Calendar(2027, 6, 36)
    assert calendar.years == (2027, 2028, 2029, 2030)
    assert [calendar.months_in(y, 0, 36) for y in calendar.years] == [6, 12, 12, 6]
    assert calendar.share_of(2028, Period(0, 12)) == 0.5
    found = answer([HOURLY], {2030: RENT / 2.0}, start=july)
    assert paid(found) == pytest.approx([RENT / 2.0, RENT, RENT, RENT / 2.0])
    assert solved([HOURLY], {2030: RENT / 2.0 - 1.0}, start=july).solution.cost is None


def test_a_refund_counts_in_the_year_in_which_it_comes() -> None:
    late = server(replace(HARDWARE, refund_usd=2_000.0, refund_lag_months=12.0))
    found = answer([late, HOURLY], {2027: 13_000.0})
    assert paid(found) == pytest.approx([13_000.0, 1_000.0 - 2_000.0, 1_000.0 - 4_000.0])
    assert held(answer([late, HOURLY], {2027: 12_999.0}), "buy")[0] == 0


def test_a_sale_pays_for_what_is_bought() -> None:
    standing = server(
        replace(HARDWARE, age_months=12.0, sell_usd=9_000.0), count=1, idle=True, id="old"
    )
    found = answer([standing, server(), HOURLY], {2027: 12_500.0 - 9_000.0})
    assert held(found, "buy") == [1, 1, 1]
    assert paid(found)[0] == pytest.approx(3_500.0)
    assert held(answer([standing, server(), HOURLY], {2027: 3_499.0}), "buy")[0] == 0


def test_a_longer_term_paid_up_front_does_not_push_out_one_paid_by_the_month() -> None:
    up_front = rented(Purchase.RESERVED_3Y, 0.5, upfront_share=1.0, id="all")
    monthly = rented(Purchase.RESERVED_3Y, 0.6, id="none")
    chosen = choice([workload()], [up_front, monthly])
    assert [s.id for s in worthwhile(chosen)] == ["all"]
    limits = replace(chosen.inventory.limits, cash=((2027, 10_000.0),))
    limited = replace(chosen, inventory=replace(chosen.inventory, limits=limits))
    assert len(worthwhile(limited)) == 2
    assert held(answer([up_front, monthly], {2027: 0.6 * HOUR}), "none") == [1, 1, 1]


def test_posts_beyond_the_least_are_counted_after_the_search() -> None:
    """Two servers need 1.2 posts at 10,000: the problem sees one. Renting one of them instead keeps
    the year."""
    staff = SiteStaff("room", least=1.0, per_server=0.6, salary_usd=10_000.0)
    supplies = [server(), rented(Purchase.ON_DEMAND, 1.5)]
    free = answer(supplies, {2027: 40_000.0}, units=20.0, staff=(staff,))
    assert held(free, "buy") == [2, 2, 2]
    assert paid(free)[0] == pytest.approx(2 * 12_500.0 + 12_000.0)
    tight = answer(supplies, {2027: 36_000.0}, units=20.0, staff=(staff,))
    assert paid(tight)[0] <= 36_000.0
    assert not cash_warnings(tight)


def test_what_cannot_be_kept_is_said() -> None:
    staff = SiteStaff("room", least=1.0, per_server=0.6, salary_usd=10_000.0)
    found = answer([server()], {2027: 36_000.0}, units=20.0, staff=(staff,))
    (warning,) = cash_warnings(found)
    assert warning.startswith("limits.cash: 2027 pays 37,000 USD, more than 36,000")


def test_a_conflict_names_the_least_cash_that_works() -> None:
    chosen = choice([workload()], [HOURLY])
    limits = replace(chosen.inventory.limits, cash=((2028, 5_000.0),))
    inventory = replace(chosen.inventory, limits=limits)
    chosen = replace(chosen, inventory=inventory)
    formulation = formulate(chosen, cycle(chosen))
    assert "cash:2028" in mix.conflict(formulation.problem)
    (own,) = (a for a in amounts(formulation, inventory) if a.limits == ("cash:2028",))
    assert (own.stated.path, own.stated.value) == (("limits", "cash", "2028"), "5,000 USD")
    needed = mix.needed(formulation.problem, own.slack)
    assert needed == pytest.approx(RENT)
    least = next(iter(own.tries(needed or math.nan)))
    assert least == 8_760.0
    assert own.moved(inventory, least).limits.cash == ((2028, 8_760.0),)


def test_cash_in_the_currency_of_the_reader_follows_its_path() -> None:
    """100 for a USD at first, 10 % more a year, and a quarter more from month 13 on: by hand the
    payments at the ends of months 1 to 12, then 13 to 24, then 25 to 36."""
    jump = StatedRate("BDT", 100.0, date(2026, 11, 20), 0.1, (Jump(month=13.0, factor=1.25),))
    plain = answer([HOURLY], {})
    assert cash_by_year_local(plain) == ()
    choice = plain.choice
    inventory = replace(choice.inventory, report_currency="BDT", fx=(jump,))
    own = replace(plain, found=replace(plain.found, choice=replace(choice, inventory=inventory)))
    months = [100.0 * 1.1 ** (m / 12.0) * (1.25 if m >= 13 else 1.0) for m in range(1, 37)]
    by_hand = [RENT / 12.0 * math.fsum(months[y : y + 12]) for y in (0, 12, 24)]
    assert cash_by_year_local(own) == pytest.approx(by_hand)
    steady = replace(inventory, fx=(replace(jump, drift_per_year=0.0, jumps=()),))
    same = replace(plain, found=replace(plain.found, choice=replace(choice, inventory=steady)))
    assert cash_by_year_local(same) == ()
