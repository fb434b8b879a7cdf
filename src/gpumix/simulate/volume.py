"""Work that may wait on a plan's replicas: whether each day's volume is done inside its hours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

from gpumix.domain.proof import PlannedHours, PlannedReplicas
from gpumix.domain.workload import Demand, Workload
from gpumix.options.option import Option
from gpumix.options.sustained import flat_out, flat_rated
from gpumix.serving.kept import REQUESTS, Reached
from gpumix.units import HOURS_PER_WEEK, SECONDS_PER_HOUR

_WEEK = int(HOURS_PER_WEEK)


def factors(
    options: Mapping[PlannedReplicas, Option],
    own: Mapping[PlannedReplicas, Option],
    workload: Workload,
    demand: Demand,
    requests: int | None,
    seed: int,
) -> dict[PlannedReplicas, tuple[float, float]]:
    """What each kind of replica delivers over what it is planned at, and the standard error of
    that: of text simulated, of other work as predicted.

    Args:
        options: as slow as they are to be run.
        own: as the plan has them.
        workload: what may wait.
        demand: of it.
        requests: of each run; None for 20,000.
        seed: of the first kind's requests.
    """
    found, ran = {}, dict[int, Reached]()
    for planned, option in options.items():
        rate, error = option.units_per_hour, 0.0
        if option.replica is not None:
            if id(option) not in ran:
                ran[id(option)] = flat_out(option, demand, requests or REQUESTS, seed + len(ran))
            gap = ran[id(option)]
            rate = SECONDS_PER_HOUR / gap.seconds
            error = gap.standard_error_s / gap.seconds
        share = rate / flat_rated(workload, own[planned]).units_per_hour
        found[planned] = share, share * error
    return found


def slowest(
    capacity: Sequence[float],
    volume: float,
    nights: Sequence[Sequence[int]],
    asked: Sequence[Sequence[int]],
) -> tuple[int, float, float]:
    """The day's volume that takes the largest part of its time: the hour in which it is there, when
    it is done after that [h], and how long it may take [h].

    Args:
        capacity: units that each of the week's 168 hours can do.
        volume: units of a week, of which each night has an equal part.
        nights: hours of the week in which each may be done; none where the week's counts alone.
        asked: those of the nights that count.
    """
    week = math.fsum(capacity)
    if not nights:
        return 0, HOURS_PER_WEEK * volume / week if week > 0.0 else math.inf, HOURS_PER_WEEK
    part, begins = volume / len(nights), sorted(night[0] for night in nights)
    limits = {night[0]: (night[-1] - night[0]) % _WEEK + 1 for night in nights}
    waiting, done, arrived = 0.0, [0.0], []
    for hour in range(3 * _WEEK):  # the first week shows what the second begins with
        if hour % _WEEK in limits:
            waiting += part
            arrived.append(hour)
        did = min(waiting, capacity[hour % _WEEK])
        waiting -= did
        done.append(did)
    total = list(accumulate(done))
    found = []
    for count, opened in enumerate(arrived[len(begins) : 2 * len(begins)], len(begins) + 1):
        ended = _reached(total, count * part, capacity)
        begin = opened % _WEEK
        if any(night[0] == begin for night in asked):
            found.append((begin, ended - opened, float(limits[begin])))
    return max(found, key=lambda one: one[1] / one[2])


def _reached(total: Sequence[float], units: float, capacity: Sequence[float]) -> float:
    """When so many units are done [h]; `total` are those done by the beginning of each hour."""
    for hour in range(1, len(total)):
        if total[hour] >= units * (1.0 - 1e-9):
            able = capacity[(hour - 1) % _WEEK]
            return hour - 1 + ((units - total[hour - 1]) / able if able > 0.0 else 0.0)
    return math.inf


def capacity_of(
    hours: Sequence[PlannedHours], factor: Mapping[PlannedReplicas, float]
) -> tuple[float, ...]:
    """Units that the replicas can do in each of the week's 168 hours."""
    capacity = [0.0] * _WEEK
    for one in hours:
        able = math.fsum(r.replicas * r.units_per_hour * factor.get(r, 0.0) for r in one.running)
        for hour in one.hours:
            capacity[hour] = able
    return tuple(capacity)
