"""How many GPUs of each type are there, against the plan's: nodes that went and nodes that came."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator

import numpy as np

from gpumix.domain.drift import DriftCheck, DriftScope
from gpumix.domain.offer import Purchase
from gpumix.loop.facts import (
    HOURS_A_DAY,
    LEAST_HOURS,
    Facts,
    FleetHours,
    IntArray,
    date_of,
    joined,
    moment,
)
from gpumix.loop.standing import gpus_of, months_between, standing
from gpumix.units import HOURS_PER_MONTH, HOURS_PER_WEEK
from gpumix.values import FloatArray


def find(facts: Facts) -> Iterator[DriftCheck]:
    """Every GPU type of the plan or the fleet.

    On a day the most GPUs of a type that are there at a time lie between what the plan runs at that
    day's busiest hour (all that is committed, and what is rented by the hour less a tolerance) and
    the most it runs in any. So many days in a row outside, up to the last, are drift.
    """
    hours = facts.hours
    planned = {line.gpu for line in facts.plan.mix if Purchase(line.purchase) is not Purchase.API}
    there = {gpu for gpu in hours.gpu.tolist() if gpu is not None}
    for gpu in sorted(planned | there):
        yield _check(facts, gpu)


def _check(facts: Facts, gpu: str) -> DriftCheck:
    days, seen = _most_by_day(facts, gpu)
    least, most = _bounds(facts, gpu, days)
    outside = np.where(seen < least, -1, np.where(seen > most, 1, 0))
    run = _run(outside)
    has_drifted = bool(run >= facts.rules.of("count", "least_days"))
    first = len(days) - run
    last = slice(first, None) if has_drifted else slice(-facts.rules.days("week_days"), None)
    observed = float(np.median(seen[last])) if len(days) else 0.0
    is_more = bool(has_drifted and outside[-1] > 0)
    expected = float(np.median((most if is_more else least)[last])) if len(days) else 0.0
    change = observed / expected - 1.0 if expected > 0.0 else None
    return DriftCheck(
        kind="count",
        scope=DriftScope(gpu=gpu),
        against="plan",
        unit="GPUs at the day's most",
        expected=expected,
        observed=observed,
        change_share=change,
        low=change,
        high=change,
        tolerated_low=None,
        tolerated_high=None,
        days=len(days),
        since=moment(int(days[first])) if has_drifted else None,
        names=_nodes(facts, gpu, int(days[first]), is_more) if has_drifted else {},
        usd_per_month_kept=_cost(facts, gpu, observed - expected) if has_drifted else None,
    )


def _run(outside: IntArray) -> int:
    """Days at the end that all lie outside on one side."""
    run = 0
    for side in reversed(outside.tolist()):
        if side == 0 or side != outside[-1]:
            break
        run += 1
    return run


def _most_by_day(facts: Facts, gpu: str) -> tuple[IntArray, FloatArray]:
    """Days of the span of which half was seen, and the most GPUs at a time on each."""
    start, end = facts.span
    places: set[tuple[int, str, int]] = set()
    for hours in filter(None, (facts.hours, facts.billed)):
        is_there = (hours.gpu == gpu) & ((hours.kind != "no_data") | (hours.usd_micro > 0))
        rows = np.flatnonzero(is_there & (hours.hour >= start) & (hours.hour < end))
        columns = (hours.hour[rows], hours.node[rows], hours.slot[rows])
        places |= set(zip(*(column.tolist() for column in columns), strict=True))
    count = np.zeros(max(end - start, 0))
    for hour, _, _ in places:
        count[hour - start] += 1.0
    day = np.arange(start, end) // HOURS_A_DAY
    days, sizes = np.unique(day, return_counts=True)
    most = np.array([count[day == one].max() for one in days.tolist()])
    whole = sizes >= LEAST_HOURS
    return days[whole].astype(np.int64), most[whole] if len(most) else most


def _bounds(facts: Facts, gpu: str, days: IntArray) -> tuple[FloatArray, FloatArray]:
    """The fewest and the most GPUs that the plan has on each day [days]."""
    lines = [line for line in facts.plan.mix if line.gpu == gpu]
    most = sum(line.count * line.gpus_per_instance for line in lines)
    hourly = {line.resource for line in lines if not Purchase(line.purchase).is_committed}
    committed = _committed(facts, gpu, days)
    week = np.zeros(int(HOURS_PER_WEEK))
    for launch in facts.launches:
        if launch.resource in hourly and launch.by_hour and not launch.slice:
            week += np.array(launch.by_hour) * launch.gpus
    week *= 1.0 - facts.rules.of("count", "tolerance")
    start, end = facts.span
    span = np.arange(start, end)
    busy = np.ceil(week[facts.hours_of_week(span)]) if len(span) else np.zeros(0)
    by_hour = [busy[span // HOURS_A_DAY == day].max() for day in days.tolist()]
    least = np.array(committed) + np.array(by_hour)
    return least, np.full(len(days), float(most))


def _committed(facts: Facts, gpu: str, days: IntArray) -> list[float]:
    """GPUs on each day of commitments that have begun and servers that are in service [days]."""
    plan, found = facts.plan, dict[int, float]()
    if plan.inventory is None:
        return [0.0] * len(days)
    told = []
    for day in map(date_of, days.tolist()):
        month = months_between(plan.start, day)
        if month not in found:
            stands = standing(plan, plan.inventory, max(day, plan.start))
            own = sum(one.gpus for one in stands.owned if one.gpu == gpu)
            found[month] = float(gpus_of(stands.committed).get(gpu, 0) + own)
        told.append(found[month])
    return told


def on_last_day(hours: FleetHours) -> dict[str | None, int]:
    """GPUs of each type that were seen on the last day of the telemetry."""
    there = hours.kind != "no_data"
    last = there & (hours.hour > hours.hour[there].max(initial=0) - HOURS_A_DAY)
    rows = np.flatnonzero(last)
    columns = (hours.gpu[rows], hours.node[rows], hours.slot[rows])
    places = set(zip(*(column.tolist() for column in columns), strict=True))
    return dict(Counter(gpu for gpu, _, _ in places))


def _nodes(facts: Facts, gpu: str, since: int, is_more: bool) -> dict[str, str]:
    """Nodes that went, or came, about the day from which on it is so."""
    hours = facts.hours
    own = (hours.gpu == gpu) & (hours.kind != "no_data")
    names = sorted({str(node) for node in hours.node[own].tolist()})
    first = {n: int(hours.hour[own & (hours.node == n)].min()) // HOURS_A_DAY for n in names}
    last = {n: int(hours.hour[own & (hours.node == n)].max()) // HOURS_A_DAY for n in names}
    if is_more:
        came = [name for name in names if first[name] >= since - 1]
        return {"came": joined(came)} if came else {}
    went = [name for name in names if last[name] <= since]
    return {"gone": joined(went)} if went else {}


def _cost(facts: Facts, gpu: str, more: float) -> float | None:
    """What so many more GPUs cost a month at the plan's prices; None where it has none of them."""
    lines = [line for line in facts.plan.mix if line.gpu == gpu]
    size = math.fsum(line.mean_count * line.gpus_per_instance for line in lines)
    if size <= 0.0:
        return None
    cost = math.fsum(
        line.usd_per_gpu_hour * line.mean_count * line.gpus_per_instance for line in lines
    )
    return more * cost / size * HOURS_PER_MONTH
