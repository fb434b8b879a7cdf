"""The plan as dated steps: what is kept, sold, bought, reserved, rented and let go, and when."""

from __future__ import annotations

import calendar
import math
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from itertools import pairwise

from gpumix.domain.defaults import SERVER_LEAD_MONTHS
from gpumix.domain.offer import Purchase
from gpumix.domain.timeline import Action, Step
from gpumix.domain.workload import Inventory
from gpumix.plan.accounts import Line
from gpumix.plan.cohorts import Cohort
from gpumix.plan.cycle import Cycle
from gpumix.plan.interpret import Answer
from gpumix.plan.periods import Period, months_of
from gpumix.units import MONTHS_PER_YEAR

_BEGINS = {Purchase.BUY: Action.BUY, Purchase.OWNED: Action.KEEP}


def timeline(answer: Answer) -> tuple[Step, ...]:
    """All steps, the first first; of one day as `Action` orders them, the dearest first.

    Their costs are present costs; with staff, energy at work, data and credits they add up to the
    plan's.
    """
    inventory, cycle = answer.choice.inventory, answer.formulation.cycle
    steps = [
        step
        for line in answer.lines
        for step in (
            _held(line, inventory)
            if line.supply.purchase.is_committed
            else _by_the_hour(line, cycle, inventory)
        )
    ]
    order = list(Action)
    return tuple(
        sorted(steps, key=lambda s: (s.date, order.index(s.action), -abs(s.usd), s.resource))
    )


def _held(line: Line, inventory: Inventory) -> Iterator[Step]:
    """Commitments as they begin; their ends where no others follow, and sales."""
    for cohort, count in _merged(line.cohorts):
        yield from _made(line, cohort, count, inventory)
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for cohort, count in line.cohorts:
        starts[cohort.start] = starts.get(cohort.start, 0) + count
        ends[cohort.paid_until] = ends.get(cohort.paid_until, 0) + count
    if not line.supply.purchase.is_rental:
        return
    for month in sorted(m for m in ends if m < months_of(inventory)):
        gone = ends[month] - starts.get(month, 0)
        if gone > 0:
            yield Step(day(inventory, month), Action.END, line.supply.id, gone, 0.0)


def _merged(cohorts: Iterable[tuple[Cohort, int]]) -> list[tuple[Cohort, int]]:
    """Counts of each commitment together: what one workload holds alone is of the same kind."""
    counts: dict[str, tuple[Cohort, int]] = {}
    for cohort, count in cohorts:
        counts[cohort.id] = (cohort, counts.get(cohort.id, (cohort, 0))[1] + count)
    return list(counts.values())


def _made(line: Line, cohort: Cohort, count: int, inventory: Inventory) -> Iterator[Step]:
    supply, begins = line.supply, day(inventory, cohort.start)
    sold = supply.purchase is Purchase.OWNED and cohort.until < months_of(inventory)
    usd, cash_usd = count * cohort.usd, count * cohort.cash_usd
    if sold:
        sale = day(inventory, cohort.until)
        yield Step(sale, Action.SELL, supply.id, count, usd, cash_usd)
        return
    yield Step(
        date=_ordered(line, cohort, inventory),
        action=Action.KEEP
        if supply.until_month is not None
        else _BEGINS.get(supply.purchase, Action.RESERVE),
        resource=supply.id,
        count=count,
        usd=usd,
        cash_usd=cash_usd,
        in_service=begins if supply.purchase is Purchase.BUY else None,
        ends=day(inventory, cohort.paid_until) - timedelta(days=1)
        if supply.purchase.is_rental
        else None,
    )


def _ordered(line: Line, cohort: Cohort, inventory: Inventory) -> date:
    """When something is ordered that serves from a month on: servers take time to arrive.

    Never before the day of the plan, which is too late where the lead time is longer.
    """
    if line.supply.purchase is not Purchase.BUY:
        return day(inventory, cohort.start)
    site = next((s for s in inventory.sites if s.id == line.supply.site), None)
    stated = site.lead_months if site is not None else None
    lead = SERVER_LEAD_MONTHS if stated is None else stated
    return max(day(inventory, cohort.start - lead), min(inventory.as_of, inventory.start))


def _by_the_hour(line: Line, cycle: Cycle, inventory: Inventory) -> Iterator[Step]:
    """Rentals by the hour: a step wherever their greatest number changes."""
    most = [max(line.at_once[b] for b in cycle.of_period(period)) for period in cycle.periods]
    runs = [0, *(i for i, (a, b) in enumerate(pairwise(most), 1) if a != b), len(most)]
    for first, after in pairwise(runs):
        periods, count = cycle.periods[first:after], most[first]
        begins = day(inventory, periods[0].start)
        if count:
            yield Step(begins, Action.RENT, line.supply.id, count, _rent_usd(line, cycle, periods))
        elif first:
            yield Step(begins, Action.RELEASE, line.supply.id, most[first - 1], 0.0)


def _rent_usd(line: Line, cycle: Cycle, periods: Iterable[Period]) -> float:
    hours = math.fsum(
        line.running[b] * cycle.hours(b) * period.worth(line.rate_per_year)
        for period in periods
        for b in cycle.of_period(period)
    )
    return hours * line.supply.usd_per_instance_hour


def day(inventory: Inventory, month: int) -> date:
    """The day so many months after the plan's start, or before it."""
    start, year = inventory.start, int(MONTHS_PER_YEAR)
    months = start.year * year + start.month - 1 + month
    last = calendar.monthrange(months // year, months % year + 1)[1]
    return date(months // year, months % year + 1, min(start.day, last))


def late_orders(answer: Answer) -> tuple[str, ...]:
    """Servers that a plan needs sooner than they usually arrive, where no lead time is stated."""
    inventory = answer.choice.inventory
    late = {
        line.supply.site or "": day(inventory, cohort.start)
        for line in answer.lines
        if line.supply.purchase is Purchase.BUY
        for cohort, _ in line.cohorts
        if any(s.id == line.supply.site and s.lead_months is None for s in inventory.sites)
        and day(inventory, cohort.start - SERVER_LEAD_MONTHS) < inventory.as_of
    }
    return tuple(
        f"{site}: servers must stand on {needed}, and usually arrive {SERVER_LEAD_MONTHS} months "
        f"after the order; `lead_months` under supply.on_prem.{site} plans what bridges the wait"
        for site, needed in late.items()
    )
