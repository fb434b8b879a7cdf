"""With what probability a promise holds, over the interval of the speed that is predicted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from statistics import NormalDist

from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.options.promised import Runs
from gpumix.options.proof import Hour, Judged, at_slowdown, queued, slowdown_of
from gpumix.options.queued import is_queued
from gpumix.serving.kept import REQUESTS, percentile_of

SUREST = 0.99
"""Highest probability that is told, and 1 - it the lowest: how far the interval is known."""

TURNS = 3
"""How often the speeds between which a promise breaks are halved; then a line is drawn."""

Times = Callable[[float], float]
"""What a promise comes to [s] with replicas so many standard deviations slower than planned."""


def chances(
    runs: Runs, workload: Workload, every: Sequence[Judged], kept: Sequence[bool]
) -> list[float]:
    """The probability that each promise of a workload holds, in the hour that comes nearest to
    breaking it.

    Args:
        runs: of text.
        workload: with the promises.
        every: the hours that its proof simulated.
        kept: whether each promise is, as planned.
    """

    @cache
    def reached(worst: int, deviations: float) -> tuple[float, ...]:
        hour = _slower(every[worst].hour, deviations)
        if is_queued(workload) or workload.demand is None:
            return tuple(one.seconds for one in queued(hour, REQUESTS, REQUESTS).reached)
        ran = runs.of(workload.demand, hour.parts, REQUESTS)
        return tuple(percentile_of(ran, slo) for slo in workload.slos)

    found = []
    for i, (slo, is_kept) in enumerate(zip(workload.slos, kept, strict=True)):
        seconds = [one.reached[i].seconds for one in every]
        worst = seconds.index(max(seconds))
        planned = quantile_of(every[worst].hour)

        def times(deviations: float, worst: int = worst, i: int = i) -> float:
            return reached(worst, deviations)[i]

        found.append(probability_kept(planned, slo.limit_s, is_kept, times))
    return found


def quantile_of(hour: Hour) -> float:
    """How many standard deviations slower than predicted the replicas of an hour are planned: of
    several the least.

    z = ln(slowdown) / sigma

    Source: `gpumix.perf.interval.slowdown_at` [1].
    """
    return min(_quantile(part.option) for part in hour.parts)


def _quantile(option: Option) -> float:
    sigma = option.sigma
    return math.log(slowdown_of(option)) / sigma if sigma > 0.0 else math.inf


def probability_kept(planned: float, limit_s: float, is_kept: bool, times: Times) -> float:
    """The probability (0.01 to 0.99) that replicas are fast enough for a promise.

    Errors of all of them go together: with every replica d standard deviations slower than it is
    planned, p = Phi(z + d) at the d at which the promise just holds, found by halving and a line
    through the logs of the last times.

    Args:
        planned: the z that replicas are planned at [standard deviations]; inf where their speed has
            no interval.
        limit_s: of the promise [s].
        is_kept: whether it is kept as planned, which p then does not fall below.
        times: of the promise [s].

    Source: log-normal errors of speed, `gpumix.perf.interval.interval`; bisection.

    >>> round(probability_kept(0.0, 2.0, True, lambda d: 1.0 + d), 2)
    0.84
    """
    normal = NormalDist()
    surest = normal.inv_cdf(SUREST)
    if math.isinf(planned):
        return SUREST if is_kept else 1.0 - SUREST

    @cache
    def over(z: float) -> float:
        """Log of the time over its limit: above 0 where the promise is broken."""
        return math.log(max(times(z - planned), 1e-9) / limit_s)

    low, high = (planned, surest) if is_kept else (-surest, planned)
    if is_kept and over(high) <= 0.0:
        return SUREST
    if not is_kept and over(low) > 0.0:
        return 1.0 - SUREST
    for _ in range(TURNS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if over(middle) <= 0.0 else (low, middle)
    below, above = min(over(low), 0.0), over(high)
    part = -below / (above - below) if 0.0 < above < math.inf else 0.0
    return normal.cdf(low + part * (high - low))


def _slower(hour: Hour, deviations: float) -> Hour:
    """The hour with every replica so many standard deviations slower than planned."""
    made: dict[int, Option] = {}
    parts = []
    for part in hour.parts:
        option = part.option
        if id(option) not in made:
            slower = slowdown_of(option) * math.exp(deviations * option.sigma)
            made[id(option)] = at_slowdown(option, slower)
        parts.append(replace(part, option=made[id(option)]))
    return replace(hour, parts=tuple(parts))
