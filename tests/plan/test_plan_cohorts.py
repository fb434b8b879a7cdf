"""Commitments with dates: what each column costs, by hand, and when plans begin and end them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from years_fixture import HARDWARE, HOUR, choice, cycle, held, planned, rented, server, workload

from gpumix.catalog import load
from gpumix.cost.finance import months_worth
from gpumix.domain.ledger import Entry
from gpumix.domain.offer import Purchase
from gpumix.plan.accounts import usd_by_workload
from gpumix.plan.classes import by_class
from gpumix.plan.cohorts import OWED, Cohort, cohorts_of
from gpumix.plan.effort import NORMAL
from gpumix.plan.interpret import cost_parts, first_year_usd, idle_usd, mix_lines
from gpumix.plan.periods import Period, whole_year
from gpumix.plan.search import search
from gpumix.plan.worthwhile import worthwhile
from ledger_check import cash, cash_after, cash_by_year, present_cost

AGEING = load().ageing

YEARS = tuple(whole_year(year) for year in range(3))
ONE_YEAR = rented(Purchase.RESERVED_1Y, 2.0)
THREE_YEARS = rented(Purchase.RESERVED_3Y, 1.5)
HOURLY = rented(Purchase.ON_DEMAND, 3.0)


RATE = 0.1


def entries(cohort: Cohort) -> list[Entry]:
    """What is paid for it, payment by payment."""
    return [entry for stream in cohort.streams for entry in stream.entries("x")]


def spans(cohorts: tuple[Cohort, ...]) -> list[tuple[int, int, int]]:
    return [(c.start, c.until, c.paid_until) for c in cohorts]


def test_a_term_of_a_year_may_begin_in_every_year() -> None:
    found = cohorts_of(ONE_YEAR, YEARS)
    assert spans(found) == [(0, 12, 12), (12, 24, 24), (24, 36, 36)]
    assert [c.usd for c in found] == pytest.approx([2.0 * HOUR] * 3)
    assert cash_by_year(entries(found[1]), 3) == pytest.approx((0.0, 2.0 * HOUR, 0.0))


def test_a_term_that_outlasts_the_horizon_owes_the_rest() -> None:
    late = cohorts_of(THREE_YEARS, YEARS)[2]
    assert (late.start, late.until, late.paid_until) == (24, 36, 60)
    assert late.usd == pytest.approx(1.5 * 3.0 * HOUR)
    assert [s.total for s in late.streams if s.item == OWED] == pytest.approx([3.0 * HOUR])
    assert cash(entries(late)) == pytest.approx(late.usd)


def test_short_terms_are_renewed_until_something_changes() -> None:
    quarterly = rented(Purchase.RESERVED, 2.0, months=3)
    assert spans(cohorts_of(quarterly, YEARS)) == [(0, 12, 12), (12, 24, 24), (24, 36, 36)]


def test_terms_that_end_within_a_period_are_offered_in_a_row() -> None:
    """A year from July ends in the next July, where nothing changes: one, two or three of them."""
    periods = (Period(0, 6), Period(6, 6), Period(12, 12), Period(24, 12))
    found = spans(cohorts_of(ONE_YEAR, periods))
    assert [s for s in found if s[0] == 6] == [(6, 12, 18), (6, 24, 30), (6, 36, 42)]
    assert [s for s in found if s[0] == 0] == [(0, 12, 12)]


def test_what_is_paid_up_front_is_paid_as_each_term_begins() -> None:
    half = rented(Purchase.RESERVED_1Y, 2.0, upfront_share=0.5)
    first, plain = cohorts_of(half, YEARS)[0], cohorts_of(ONE_YEAR, YEARS)[0]
    assert (first.usd, first.cash_usd) == pytest.approx((plain.usd, HOUR))
    assert [(e.month, e.closes) for e in entries(first)][:2] == [(0, False), (1, True)]
    quarterly = rented(Purchase.RESERVED, 2.0, months=3, upfront_share=1.0)
    paid = entries(cohorts_of(quarterly, YEARS)[1])
    assert [(e.month, e.amount) for e in paid] == [(m, HOUR / 2.0) for m in (12, 15, 18, 21)]


def test_rent_is_discounted_month_by_month() -> None:
    found = cohorts_of(ONE_YEAR, YEARS, RATE)
    monthly = 2.0 * HOUR / 12.0
    for year, cohort in enumerate(found):
        assert cohort.usd == pytest.approx(monthly * months_worth(RATE, 12 * year, 12 * year + 12))


def test_a_server_bought_later_is_paid_then_and_resold_at_the_end() -> None:
    """Two years: 12,000 less 500, worth 0.6 of 10,000 then, at 10 % a year, and 1,000 a year."""
    late = cohorts_of(server(), YEARS, RATE)[1]
    residual = 10_000.0 * (1.0 - 0.6 / 3.0 * 2.0)
    bills = 1_000.0 / 12.0 * months_worth(RATE, 12, 36)
    assert (late.start, late.until) == (12, 36)
    assert late.usd == pytest.approx(11_500.0 / 1.1 - residual / 1.1**3 + bills)
    assert (late.cash_usd, late.capex_usd) == (12_000.0, 12_000.0)
    assert cash_by_year(entries(late), 3) == pytest.approx(
        (0.0, 12_000.0 - 500.0 + 1_000.0, 1_000.0 - residual)
    )


def test_advance_taxes_come_back_when_they_are_due() -> None:
    """500 a year after the purchase, after the horizon where that is later."""
    slow = server(replace(HARDWARE, refund_lag_months=12.0))
    first, *_, last = cohorts_of(slow, YEARS, RATE)
    soon = cohorts_of(server(), YEARS, RATE)[0]
    assert first.usd - soon.usd == pytest.approx(500.0 * (1.0 - 1.0 / 1.1))
    assert [e.month for e in entries(last) if e.category == "tax refund"] == [36]


def test_ordered_hardware_arrives_after_its_lead_time() -> None:
    slow = server(lead_months=4)
    chosen = choice([workload()], [slow, HOURLY])
    periods = cycle(chosen).periods
    assert periods[:2] == (Period(0, 4), Period(4, 8))
    assert [c.start for c in cohorts_of(slow, periods)] == [4, 12, 24]


def test_what_stands_may_be_sold_at_any_change_and_is_sold_at_the_end() -> None:
    standing = server(replace(HARDWARE, age_months=12.0, sell_usd=5_000.0), count=1)
    at_once, one_year, two_years, kept = cohorts_of(standing, YEARS, RATE)
    assert spans((at_once, one_year, two_years, kept)) == [
        (0, 0, 0), (0, 12, 12), (0, 24, 24), (0, 36, 36),
    ]  # fmt: skip
    end = 5_000.0 * 0.3 / 0.8
    assert kept.usd == pytest.approx(1_000.0 / 12.0 * months_worth(RATE, 0, 36) - end / 1.1**3)
    assert cash_by_year(entries(kept), 3) == pytest.approx((1_000.0, 1_000.0, 1_000.0 - end))
    assert at_once.cash_usd == -5_000.0
    # A year later it is two years old: 0.6 / 0.8 of the offer, and 0.3 / 0.8 when the plan ends.
    assert one_year.cash_usd == pytest.approx(-5_000.0 * 0.6 / 0.8)
    assert one_year.usd == pytest.approx(1_000.0 / 12.0 * months_worth(RATE, 0, 12) - 3_750.0 / 1.1)
    assert [(e.month, e.amount) for e in entries(one_year) if e.category == "residual"] == [
        (12.0, pytest.approx(-3_750.0))
    ]


@settings(deadline=None, max_examples=60)
@given(
    edges=st.sets(st.integers(1, 35), max_size=4), months=st.integers(1, 40),
    upfront=st.sampled_from([0.0, 0.3, 1.0]),
)  # fmt: skip
def test_every_cohort_costs_what_its_entries_say(
    edges: set[int], months: int, upfront: float
) -> None:
    cuts = sorted(edges | {0, 12, 24, 36})
    periods = tuple(Period(a, b - a) for a, b in pairwise(cuts))
    supply = rented(Purchase.RESERVED, 2.0, months, upfront_share=upfront)
    found = cohorts_of(supply, periods)
    ends = {p.end for p in periods}
    for cohort in found:
        assert cohort.usd == pytest.approx(cash(entries(cohort)))
        (late,) = [
            c
            for c in cohorts_of(supply, periods, RATE)
            if c.id == cohort.id and c.until == cohort.until
        ]
        assert late.usd == pytest.approx(present_cost(entries(late), RATE))
        assert cohort.usd == pytest.approx(2.0 * 730.0 * (cohort.paid_until - cohort.start))
        assert (cohort.paid_until - cohort.start) % months == 0
        assert cohort.until in ends
        assert cohort.start < cohort.until <= cohort.paid_until
        if not upfront:
            assert cash_after(entries(cohort), 36) == pytest.approx(
                2.0 * 730.0 * max(cohort.paid_until - 36, 0)
            )
    assert {c.start for c in found} == {p.start for p in periods}


def test_a_ladder_of_one_year_terms_follows_a_team_that_triples() -> None:
    """1, 3 and 9 GPUs: held for three years each needs 9 all along; by the year 13 GPU-years."""
    answer = planned([workload(growth=2.0)], [ONE_YEAR])
    assert held(answer, ONE_YEAR.id) == [1, 3, 9]
    assert answer.usd == pytest.approx(13.0 * 2.0 * HOUR)
    assert answer.found.solution.cost == pytest.approx(answer.usd)
    (line,) = mix_lines(answer, AGEING)
    assert (line.count, line.counts_by_year) == (9, (1, 3, 9))


def test_a_ladder_costs_less_than_holding_for_the_horizon_and_renting_the_rest() -> None:
    """At the same price, held for all three years: 1, 2 or 3 of them and the rest by the hour."""
    whole = rented(Purchase.RESERVED, 2.0)
    before = planned([workload(growth=2.0)], [whole, HOURLY])
    after = planned([workload(growth=2.0)], [whole, ONE_YEAR, HOURLY])
    assert before.usd == pytest.approx((3.0 * 2.0 + (2.0 + 8.0) * 3.0) * HOUR)
    assert after.usd == pytest.approx(13.0 * 2.0 * HOUR)
    assert 1.0 - after.usd / before.usd > 0.125


def test_a_long_term_for_what_stays_and_short_ones_for_what_comes() -> None:
    answer = planned([workload(growth=1.0)], [ONE_YEAR, THREE_YEARS, HOURLY])
    assert held(answer, THREE_YEARS.id) == [1, 1, 1]
    assert held(answer, ONE_YEAR.id) == [0, 1, 3]
    assert answer.usd == pytest.approx((3.0 * 1.5 + 4.0 * 2.0) * HOUR)


def test_a_second_server_is_bought_when_it_is_needed() -> None:
    answer = planned([workload(growth=1.0)], [server()], years=2)
    assert held(answer, "buy") == [1, 2]
    both = cohorts_of(server(), YEARS[:2])
    assert answer.usd == pytest.approx(both[0].usd + both[1].usd)
    assert answer.capex_usd == 24_000.0


def test_rent_bridges_the_lead_time() -> None:
    answer = planned([workload()], [server(lead_months=3), HOURLY])
    assert held(answer, "buy") == [0, 1, 1, 1]
    assert held(answer, HOURLY.id) == [1, 0, 0, 0]


def test_a_workload_that_comes_and_goes_is_rented_for_its_months() -> None:
    hourly = rented(Purchase.ON_DEMAND, 2.0)
    answer = planned([workload(from_month=6, until_month=30)], [hourly, THREE_YEARS])
    assert answer.usd == pytest.approx(2.0 * 2.0 * HOUR)
    assert held(answer, hourly.id) == [0, 1, 1, 1, 0]


@pytest.mark.parametrize(("sell_usd", "left"), [(100.0, 1), (70_000.0, 0)])
def test_what_stands_is_kept_or_sold_by_what_it_fetches(sell_usd: float, left: int) -> None:
    """Kept it costs 3,000 in three years, rented 39,420 at 1.5 USD; what a sale frees decides."""
    standing = server(replace(HARDWARE, sell_usd=sell_usd), count=1)
    answer = planned([workload()], [standing, THREE_YEARS])
    at_once, *_, kept = cohorts_of(standing, YEARS)
    rent = 3.0 * 1.5 * HOUR
    assert held(answer, "owned") == [left] * 3
    assert answer.usd == pytest.approx(kept.usd if left else rent + at_once.usd)
    assert answer.found.solution.cost == pytest.approx(answer.usd)
    assert (answer.found.solution.bound or 0.0) <= answer.usd + 1e-6


def test_servers_that_nothing_needs_are_sold_and_shown() -> None:
    standing = server(count=4)
    answer = planned([workload()], [standing, HOURLY])
    (line,) = answer.lines
    assert (line.most, [(c.until, n) for c, n in line.cohorts]) == (1, [(0, 3), (36, 1)])


def test_no_work_and_no_hour_costs_less_because_servers_are_sold() -> None:
    standing = server(count=4)
    answer = planned([workload(units=5.0)], [standing, HOURLY])
    (line,) = answer.lines
    used = 3.0 * 1_000.0
    assert line.freed_usd < -used
    assert line.usd == pytest.approx(used + line.freed_usd)
    assert usd_by_workload(answer.lines) == {"chat": pytest.approx(used)}
    assert idle_usd(answer) == pytest.approx(used / 2.0)
    (row,) = mix_lines(answer, AGEING)
    assert row.usd_per_gpu_hour == pytest.approx(1_000.0 / HOUR)
    work, sold = by_class(answer.lines, answer.months)
    assert (work.work, work.share) == ("real time", pytest.approx(1.0))
    assert (sold.work, sold.gpu_hours_per_month) == ("sold", 0.0)
    both_usd = work.usd_per_month + sold.usd_per_month
    assert both_usd == pytest.approx(answer.usd / answer.months)


def test_what_is_owed_is_no_price_of_an_hour_and_no_cost_of_the_first_year() -> None:
    running = replace(ONE_YEAR, id="running", count=2, most=2, until_month=30)
    answer = planned([workload()], [running], years=1)
    assert answer.owed_usd == pytest.approx(1.5 * 4.0 * HOUR)
    assert first_year_usd(answer) == pytest.approx(4.0 * HOUR)
    assert mix_lines(answer, AGEING)[0].usd_per_gpu_hour == pytest.approx(2.0)
    assert idle_usd(answer) == pytest.approx(2.0 * HOUR)


def test_what_has_no_price_stays() -> None:
    answer = planned([workload()], [server(None, count=2)])
    assert held(answer, "owned") == [2, 2, 2]
    assert answer.usd == pytest.approx(2.0 * 3_000.0)


def test_one_year_costs_as_before_years_had_starts() -> None:
    """All commitments cover a horizon of one year from its start: rent, a purchase, a resale."""
    answer = planned([workload(units=20.0)], [ONE_YEAR, replace(server(), most=1)], 1, RATE)
    bills = (1_000.0 + 2.0 * HOUR) / 12.0 * months_worth(RATE, 0, 12)
    assert answer.usd == pytest.approx(11_500.0 - 8_000.0 / 1.1 + bills)


def test_parts_by_year_add_up_to_the_cash() -> None:
    answer = planned([workload(growth=2.0)], [ONE_YEAR, THREE_YEARS, server(lead_months=5), HOURLY])
    parts = cost_parts(answer)
    assert math.fsum(usd for p in parts for usd in p.usd_by_year) == pytest.approx(answer.usd)
    assert answer.owed_usd == pytest.approx(
        math.fsum(math.fsum(p.usd_by_year) for p in parts if p.name == OWED)
    )


def test_a_cheaper_long_term_does_not_push_out_a_short_one() -> None:
    chosen = choice([workload()], [ONE_YEAR, THREE_YEARS, rented(Purchase.RESERVED, 1.4, months=6)])
    assert [s.id for s in worthwhile(chosen)] == ["reserved6"]
    chosen = choice([workload()], [ONE_YEAR, THREE_YEARS])
    assert len(worthwhile(chosen)) == 2


def test_a_commitment_that_runs_already_ends_and_is_paid_until_then() -> None:
    running = replace(THREE_YEARS, count=2, most=2, until_month=18)
    answer = planned([workload()], [running, HOURLY])
    assert held(answer, THREE_YEARS.id) == [2, 2, 0, 0]
    assert answer.usd == pytest.approx(2.0 * 1.5 * 1.5 * HOUR + 1.5 * 3.0 * HOUR)


def test_a_shortlist_keeps_what_stands() -> None:
    chosen = choice([workload()], [server(count=2), ONE_YEAR, THREE_YEARS, HOURLY])
    found = search(chosen, cycle(chosen), replace(NORMAL.plan, largest=0))
    assert "owned" in {s.id for s in found.choice.supplies}
