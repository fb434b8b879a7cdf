"""Work that may wait on a plan's replicas: whether each day's volume is done inside its hours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import accumulate

import numpy as np

from gpumix.domain.proof import PlannedHours, PlannedReplicas
from gpumix.domain.workload import Demand
from gpumix.options.option import Option
from gpumix.options.sustained import table_of
from gpumix.serving.kept import BATCHES, REQUESTS, Reached
from gpumix.serving.simulator.simulation import Settings, simulate
from gpumix.serving.traffic import draw
from gpumix.units import HOURS_PER_WEEK, SECONDS_PER_HOUR
from gpumix.values import FloatArray

_WEEK = int(HOURS_PER_WEEK)
_AT_ONCE_PER_S = 1e9
"""Rate of requests that are all there when the run begins."""

_FILLING = 0.1
"""Share of a run's requests, at either end, that do not count: the batch fills and empties."""


def flat_out(option: Option, demand: Demand, requests: int, seed: int) -> Reached:
    """The mean time from one finished request to the next of a replica that never waits for work.

    Args:
        option: what serves text.
        demand: lengths of its requests.
        requests: of the run [count].
        seed: of what is drawn.
    """
    stream = draw(
        requests,
        _AT_ONCE_PER_S,
        demand.input,
        demand.output,
        correlation=demand.length_correlation,
        prefix_share=demand.prefix_share,
        seed=seed,
    )
    ran = simulate(stream, table_of(option, demand), Settings())
    finished = np.sort(ran.finish_s[ran.served])
    edges = np.linspace(_FILLING, 1.0 - _FILLING, BATCHES + 1) * (len(finished) - 1)
    index = edges.astype(np.int64)
    gaps: FloatArray = np.diff(finished[index]) / np.diff(index).astype(np.float64)
    error_s = float(np.std(gaps, ddof=1)) / math.sqrt(BATCHES)
    return Reached(float(gaps.mean()), error_s, requests)


def factors(
    options: Mapping[PlannedReplicas, Option],
    own: Mapping[PlannedReplicas, Option],
    demand: Demand,
    requests: int | None,
    seed: int,
) -> dict[PlannedReplicas, tuple[float, float]]:
    """What each kind of replica delivers over what it is planned at, and the standard error of
    that: of text simulated, of other work as predicted.

    Args:
        options: as slow as they are to be run.
        own: as the plan has them.
        demand: of the workload.
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
        share = rate / own[planned].units_per_hour
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
