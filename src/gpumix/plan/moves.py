"""The way from today's fleet to the plan: what to stop, keep, sell, start and let expire, and when.

Every line of today's fleet and of the plan's first year is in exactly one move, or split among
several by count, so that the moves together save what the plan saves in its first year.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from gpumix.cost.case.streams import cash_by_year
from gpumix.domain.offer import Purchase
from gpumix.domain.today_plan import Action, Move
from gpumix.plan.accounts import Line
from gpumix.plan.interpret import Answer, cost_of_year
from gpumix.plan.periods import months_of
from gpumix.plan.timeline import day
from gpumix.supply.supply import Supply
from gpumix.units import MONTHS_PER_YEAR

_ORDER = (Action.STOP, Action.SELL, Action.START, Action.KEEP, Action.EXPIRE)


def moves_between(today: Answer, plan: Answer) -> tuple[Move, ...]:
    """The moves in order of their days; on one day what saves most first, starts after stops."""
    left = [_Left(line, plan) for line in plan.lines]
    found: list[Move] = []
    for line in sorted(today.lines, key=lambda one: one.supply.usd_per_gpu_hour):
        same = next((one for one in left if one.is_open and _is_same(line.supply, one)), None)
        if line.supply.purchase is Purchase.OWNED:
            found += _of_own(line, same, plan)
        elif line.supply.until is not None:
            found += _of_commitment(line, same, plan)
        else:
            found += _of_rental(line, same, _start(plan))
    found += [one.start() for one in left if one.is_open and one.usd]
    return tuple(sorted(found, key=lambda m: (m.date, _ORDER.index(m.action), -m.usd, m.resource)))


class _Left:
    """What of a plan's line is not yet accounted for: instances and USD of the first year."""

    def __init__(self, line: Line, plan: Answer) -> None:
        cycle = plan.formulation.cycle
        at_work = [b for b in cycle.of_year(0) if line.at_once[b]]
        self.line, self.supply = line, line.supply
        self.count = max((line.at_once[b] for b in at_work), default=0)
        self.usd = cost_of_year([line], 0)
        first = min((cycle.blocks[b].period.start for b in at_work), default=0)
        self.begins = day(plan.choice.inventory, first)
        self.is_open = True

    def take(self, count: int) -> float:
        """Give so many instances away, and what they cost in the first year [USD]."""
        usd = self.usd if count >= self.count else self.usd * count / self.count
        self.count, self.usd = max(self.count - count, 0), self.usd - usd
        self.is_open = self.count > 0
        return usd

    def start(self) -> Move:
        """Start what is left."""
        return _move(self.begins, Action.START, self.supply, self.count, -self.usd)


def _of_rental(line: Line, same: _Left | None, start: date) -> Iterator[Move]:
    """Keep as many as the plan holds of it, stop the rest."""
    supply, count, usd = line.supply, line.most, cost_of_year([line], 0)
    kept = min(count, same.count) if same else 0
    if same and kept:
        yield _move(start, Action.KEEP, supply, kept, usd * kept / count - same.take(kept))
    if count > kept:
        yield _move(start, Action.STOP, supply, count - kept, usd * (count - kept) / count)


def _of_commitment(line: Line, same: _Left | None, plan: Answer) -> Iterator[Move]:
    """Keep it to its last day, and let it expire."""
    supply, count, usd = line.supply, line.most, cost_of_year([line], 0)
    until, start = supply.until or date.max, _start(plan)
    saves = usd - (same.take(count) if same else 0.0)
    ends = until < day(plan.choice.inventory, months_of(plan.choice.inventory))
    when, action = (until, Action.EXPIRE) if ends else (start, Action.KEEP)
    yield _move(when, action, supply, count, saves)


def _of_own(line: Line, same: _Left | None, plan: Answer) -> Iterator[Move]:
    """Keep what the plan keeps to its end; sell the rest when the plan does."""
    supply, count, usd = line.supply, line.most, cost_of_year([line], 0)
    horizon, saved = months_of(plan.choice.inventory), 0.0
    made = same.line.cohorts if same else ()
    total = usd - (same.take(count) if same else 0.0)
    sold = [(cohort, n) for cohort, n in made if cohort.until < horizon]
    kept = count - sum(n for _, n in sold)
    for i, (cohort, n) in enumerate(sold):
        own = float(cash_by_year(cohort.streams, horizon)[0])
        saves = n * (usd / count - own) if kept or i < len(sold) - 1 else total - saved
        saved += saves
        yield _move(day(plan.choice.inventory, cohort.until), Action.SELL, supply, n, saves)
    if kept:
        yield _move(_start(plan), Action.KEEP, supply, kept, total - saved)


def _start(plan: Answer) -> date:
    return plan.choice.inventory.start


def _move(when: date, action: Action, supply: Supply, count: int, usd: float) -> Move:
    return Move(
        date=when,
        action=action,
        resource=supply.id,
        count=count,
        usd=usd / MONTHS_PER_YEAR,
        gpu=supply.gpu,
        gpus=count * supply.gpus_per_instance,
        provider=supply.site or supply.provider,
        purchase=supply.purchase.value,
    )


def _is_same(today: Supply, left: _Left) -> bool:
    """Whether a line of the plan is what runs today: it may stay as it is."""
    planned = left.supply
    if today.site is not None or today.until is not None or today.id == planned.id:
        return today.id == planned.id
    return _kind(today) == _kind(planned) and planned.until is None


def _kind(supply: Supply) -> tuple[object, ...]:
    return (
        supply.provider,
        supply.region,
        supply.gpu,
        supply.gpus_per_instance,
        supply.purchase,
    )
