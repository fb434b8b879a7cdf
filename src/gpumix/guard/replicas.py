"""Which replicas follow their queue, between the plan's median and its peak; and which do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gpumix.domain.guard import LeftOut
from gpumix.domain.launch import Launch
from gpumix.guard import tables
from gpumix.guard.holding import Holding, Owner

_HOURS_PER_DAY = 24
_MOST_SPANS = 14
"""Spans of a week that a file may name; a plan with more follows its queue alone."""
_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Scaled:
    """Replicas that follow `metric`, the requests waiting at them; `idle_hours` of the week the
    plan runs none."""

    owner: Owner
    launch: Launch
    metric: str
    idle_hours: int

    @property
    def least(self) -> int:
        """The plan's median, and one at the least: a server that does not run has no queue."""
        return max(1, self.launch.median_replicas)

    @property
    def most(self) -> int:
        """The plan's peak."""
        return self.launch.peak_replicas


def scaled(held: Holding, target: str) -> tuple[list[Scaled], list[LeftOut]]:
    """The launches that are scaled, and why others are not."""
    found, left_out = [], []
    for owner in held.owners:
        for launch in owner.launches:
            why = _why_not(owner, launch)
            if why:
                left_out.append(LeftOut(target, launch.name, why))
            else:
                metric = tables.engine_metrics()[owner.engine]["waiting"]
                found.append(Scaled(owner, launch, metric, launch.by_hour.count(0)))
    return found, left_out


def _why_not(owner: Owner, launch: Launch) -> str:
    if launch.is_job:
        return "jobs end by themselves: they are queued, not scaled"
    if not owner.engine:
        what = "media and custom work" if not owner.workloads[0].is_text else launch.engine
        return f"no metric of requests that wait is known of {what}"
    if not any(launch.by_hour):
        return "does not run in the first year of the plan"
    if launch.peak_replicas <= max(1, launch.median_replicas):
        return f"the plan never runs more than {launch.peak_replicas}: nothing to scale"
    return ""


@dataclass(frozen=True, slots=True)
class Span:
    """Hours in which at least `replicas` run: start and end as five fields of cron."""

    start: str
    end: str
    replicas: int


def spans(by_hour: Sequence[int]) -> tuple[Span, ...]:
    """When replicas run, hour 0 being Monday 00:00; a span that is the same on every day stands
    once. Empty where the hours are too many spans, or all or none of them.

    >>> night = ([2] * 6 + [0] * 16 + [3] * 2) * 7
    >>> [(s.start, s.end, s.replicas) for s in spans(night)]
    [('0 22 * * *', '0 6 * * *', 2)]
    """
    count = len(by_hour)
    if not any(by_hour) or all(by_hour):
        return ()
    days = [by_hour[at : at + _HOURS_PER_DAY] for at in range(0, count, _HOURS_PER_DAY)]
    if all([bool(n) for n in day] == [bool(n) for n in days[0]] for day in days):
        least = [min(day[hour] for day in days) for hour in range(_HOURS_PER_DAY)]
        found = _spans(least, weekly=False)
    else:
        found = _spans(by_hour, weekly=True)
    return tuple(found) if len(found) <= _MOST_SPANS else ()


def _spans(hours: Sequence[int], weekly: bool) -> list[Span]:
    """Runs of hours above 0 on a ring."""
    count = len(hours)
    found = []
    for start in range(count):
        if not hours[start] or hours[start - 1]:
            continue
        end = start
        while hours[end % count]:
            end += 1
        least = min(hours[hour % count] for hour in range(start, end))
        found.append(Span(_cron(start, weekly), _cron(end % count, weekly), least))
    return found


def _cron(hour: int, weekly: bool) -> str:
    day, of_day = divmod(hour, _HOURS_PER_DAY)
    return f"0 {of_day} * * {_DAYS[day] if weekly else '*'}"
