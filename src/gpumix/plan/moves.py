"""The way from today's fleet to the plan: what to stop, keep, start and let expire, and when.

Every line of today's fleet and of the plan's first year is in exactly one move, or split among
several by count, so that the moves together save what the plan saves in its first year.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import date

from gpumix.domain.today_plan import Action, Move
from gpumix.plan.accounts import Line
from gpumix.plan.interpret import Answer
from gpumix.supply.supply import Supply
from gpumix.units import MONTHS_PER_YEAR

_ORDER = (Action.STOP, Action.START, Action.KEEP, Action.EXPIRE)


def usd_in_year(lines: Iterable[Line], year: int) -> float:
    """What lines cost in a year of the horizon (0 = first, -1 = last) [USD]."""
    return math.fsum(parts[year] for line in lines for parts in line.usd_parts.values())


def moves_between(today: Answer, plan: Answer) -> tuple[Move, ...]:
    """The moves in order of their days; on one day what saves most first, starts after stops."""
    start = plan.choice.inventory.start
    left = [_Left(line) for line in plan.lines]
    found: list[Move] = []
    for line in sorted(today.lines, key=lambda one: one.supply.usd_per_gpu_hour):
        same = next((one for one in left if one.count and _is_same(line.supply, one.supply)), None)
        found += _of_line(line, same, plan, start)
    found += [one.start(start) for one in left if one.count and one.usd]
    return tuple(sorted(found, key=lambda m: (m.date, _ORDER.index(m.action), -m.usd, m.resource)))


class _Left:
    """What of a plan's line is not yet accounted for: instances, and USD of the first year."""

    def __init__(self, line: Line) -> None:
        self.supply, self.count, self.usd = line.supply, line.most, usd_in_year([line], 0)

    def take(self, count: int) -> float:
        """Give so many instances away, and what they cost in the first year [USD]."""
        usd = self.usd * count / self.count
        self.count, self.usd = self.count - count, self.usd - usd
        return usd

    def start(self, day: date) -> Move:
        """Start what is left."""
        return _move(day, Action.START, self.supply, self.count, -self.usd)


def _of_line(line: Line, same: _Left | None, plan: Answer, start: date) -> Iterable[Move]:
    """What becomes of a line of today's fleet, and what that saves in the first year."""
    supply, count, usd = line.supply, line.most, usd_in_year([line], 0)
    kept = min(count, same.count) if same else 0
    plan_usd = same.take(kept) if same and kept else 0.0
    if supply.until is not None:
        ends = supply.until < _last_day(plan)
        action = Action.EXPIRE if ends else Action.KEEP
        yield _move(supply.until if ends else start, action, supply, count, usd - plan_usd)
        return
    if kept:
        yield _move(start, Action.KEEP, supply, kept, usd * kept / count - plan_usd)
    if count > kept:
        yield _move(start, Action.STOP, supply, count - kept, usd * (count - kept) / count)


def _last_day(plan: Answer) -> date:
    start = plan.choice.inventory.start
    return date(start.year + plan.choice.inventory.years, start.month, 1)


def _move(day: date, action: Action, supply: Supply, count: int, usd: float) -> Move:
    return Move(
        date=day,
        action=action,
        resource=supply.id,
        count=count,
        usd=usd / MONTHS_PER_YEAR,
        gpu=supply.gpu,
        gpus=count * supply.gpus_per_instance,
        provider=supply.site or supply.provider,
        purchase=supply.purchase.value,
    )


def _is_same(today: Supply, planned: Supply) -> bool:
    """Whether a line of the plan is what runs today: it may stay as it is."""
    if today.site is not None or today.until is not None or today.id == planned.id:
        return today.id == planned.id
    return _kind(today) == _kind(planned) and planned.region in (today.region, "")


def _kind(supply: Supply) -> Sequence[object]:
    return supply.provider, supply.gpu, supply.gpus_per_instance, supply.purchase
