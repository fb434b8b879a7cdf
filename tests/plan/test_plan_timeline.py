"""The timeline says what the lines hold, and its costs are those of the plan."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest
from years_fixture import HARDWARE, HOUR, planned, rented, server, workload

from gpumix.catalog import load
from gpumix.domain.offer import Purchase
from gpumix.domain.timeline import Action, Step
from gpumix.plan.accounts import ENERGY
from gpumix.plan.interpret import Answer, cost_parts, first_year_usd, mix_lines
from gpumix.plan.timeline import late_orders, timeline

AGEING = load().ageing

ONE_YEAR = rented(Purchase.RESERVED_1Y, 2.0, upfront_share=0.5)
HOURLY = rented(Purchase.ON_DEMAND, 3.0)


def told(answer: Answer) -> list[tuple[date, Action, int]]:
    return [(s.date, s.action, s.count) for s in timeline(answer)]


def test_a_ladder_is_one_row_a_year() -> None:
    answer = planned([workload(growth=2.0, until_month=24)], [ONE_YEAR])
    assert told(answer) == [
        (date(2027, 1, 1), Action.RESERVE, 1),
        (date(2028, 1, 1), Action.RESERVE, 3),
        (date(2029, 1, 1), Action.END, 3),
    ]
    first, second, _ = timeline(answer)
    assert (first.usd, first.cash_usd) == pytest.approx((2.0 * HOUR, HOUR))
    assert second.ends == date(2028, 12, 31)
    assert first_year_usd(answer) == pytest.approx(2.0 * HOUR)


def test_only_what_no_other_term_follows_ends() -> None:
    answer = planned([workload(units=30.0), workload("b", units=20.0, until_month=12)], [ONE_YEAR])
    assert (date(2028, 1, 1), Action.END, 2) in told(answer)
    assert sum(s.count for s in timeline(answer) if s.action is Action.END) == 2


def test_a_term_ends_when_it_is_no_longer_paid() -> None:
    """A year from July serves until the work stops in March, and is paid until June."""
    work = workload("b", units=10.0, from_month=6, until_month=15)
    assert told(planned([work], [replace(ONE_YEAR, usd_per_instance_hour=0.1)])) == [
        (date(2027, 7, 1), Action.RESERVE, 1),
        (date(2028, 7, 1), Action.END, 1),
    ]


def test_rent_begins_changes_and_is_let_go() -> None:
    work = [workload(until_month=18), workload("b", units=20.0, from_month=6, until_month=18)]
    assert told(planned(work, [HOURLY])) == [
        (date(2027, 1, 1), Action.RENT, 1),
        (date(2027, 7, 1), Action.RENT, 3),
        (date(2028, 7, 1), Action.RELEASE, 3),
    ]


def test_servers_are_ordered_before_they_serve() -> None:
    answer = planned([workload(growth=1.0)], [server(), HOURLY])
    steps = [s for s in timeline(answer) if s.action is Action.BUY]
    assert [(s.date, s.in_service, s.count) for s in steps] == [
        (date(2026, 11, 1), date(2027, 1, 1), 1),  # the day of the plan: two months, not three
        (date(2027, 10, 1), date(2028, 1, 1), 1),
        (date(2028, 10, 1), date(2029, 1, 1), 2),
    ]
    assert [s.cash_usd for s in steps] == [12_000.0, 12_000.0, 24_000.0]


def test_a_server_that_is_needed_too_soon_is_told_unless_the_lead_time_is_stated() -> None:
    answer = planned([workload()], [server()])
    (warning,) = late_orders(answer)
    assert "room: servers must stand on 2027-01-01" in warning
    stated = replace(answer.choice.inventory.sites[0], lead_months=0)
    inventory = replace(answer.choice.inventory, sites=(stated,))
    found = replace(answer.found, choice=replace(answer.choice, inventory=inventory))
    assert late_orders(replace(answer, found=found)) == ()


def test_what_stands_is_told_whether_kept_or_sold() -> None:
    standing = server(replace(HARDWARE, sell_usd=5_000.0), count=3)
    answer = planned([workload(units=20.0), workload("b", until_month=12)], [standing, HOURLY])
    assert told(answer) == [
        (date(2027, 1, 1), Action.KEEP, 2),
        (date(2028, 1, 1), Action.SELL, 1),
    ]
    assert timeline(answer)[1].cash_usd < 0.0


def test_a_commitment_that_runs_already_is_kept_to_its_end() -> None:
    running = replace(ONE_YEAR, id="running", count=2, most=2, until_month=6)
    steps = [
        s for s in timeline(planned([workload()], [running, HOURLY])) if s.resource == "running"
    ]
    assert [(s.date, s.action, s.count, s.ends) for s in steps] == [
        (date(2027, 1, 1), Action.KEEP, 2, date(2027, 6, 30)),
        (date(2027, 7, 1), Action.END, 2, None),
    ]


def _held_by_steps(steps: list[Step], resource: str, day: date) -> int:
    """Instances that the steps leave held on a day."""
    own = [s for s in steps if s.resource == resource]
    count = sum(
        s.count
        for s in own
        if s.action in (Action.KEEP, Action.BUY, Action.RESERVE)
        and (s.in_service or s.date) <= day
        and (s.ends is None or day <= s.ends)
    )
    return count + sum(s.count for s in own if s.action is Action.SELL and day < s.date)


MIXED = [
    [workload(growth=2.0), workload("b", units=40.0, from_month=7, until_month=20)],
    [workload(units=50.0, growth=-0.4)],
    [workload(units=20.0, growth=0.5), workload("b", units=10.0, until_month=6)],
]


@pytest.mark.parametrize("work", MIXED)
def test_the_timeline_agrees_with_lines_and_cost(work: list) -> None:  # type: ignore[type-arg]
    supplies = [
        ONE_YEAR, rented(Purchase.RESERVED_3Y, 1.2), server(lead_months=4), HOURLY,
        server(replace(HARDWARE, sell_usd=4_000.0), count=2),
    ]  # fmt: skip
    answer = planned(work, supplies)
    steps = list(timeline(answer))
    parts = cost_parts(answer)
    on_top = math.fsum(math.fsum(p.usd_by_year) for p in parts if p.name == ENERGY)
    assert math.fsum(s.usd for s in steps) + on_top == pytest.approx(answer.usd)
    assert [s.date for s in steps] == sorted(s.date for s in steps)
    for line in mix_lines(answer, AGEING):
        if line.purchase == Purchase.ON_DEMAND:
            continue
        for year, most in enumerate(line.counts_by_year):
            days = [date(2027 + year, month, 1) for month in range(1, 13)]
            assert max(_held_by_steps(steps, line.resource, d) for d in days) == most
