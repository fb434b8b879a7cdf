"""When a promise is kept: the one rule of plan, replay and report.

A promise is kept in an hour where its simulated percentile is within the limit, and known well
enough: its standard error is under `SURE` of the limit, or the limit is further away than
`BEYOND_DOUBT` standard errors. What stays in doubt is not kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.domain.workload import Slo
from gpumix.serving.simulated_capacity import attainment, settled_times
from gpumix.serving.simulator.simulation import Outcome
from gpumix.values import FloatArray

REQUESTS = 20_000
MOST_REQUESTS = 160_000
"""Requests of the first run, and of the last where the answer stays in doubt (each doubles)."""

SURE = 0.02
"""Share of the limit below which a percentile's standard error must be."""

BEYOND_DOUBT = 3.0
"""Standard errors between percentile and limit that leave no doubt which is greater."""

BATCHES = 20
"""Parts of one run, in time, whose percentiles tell its uncertainty: neighbours in a queue fare
alike, so single requests do not count."""

Run = tuple[Outcome, float]
"""A simulated run, and the units that it stands for."""


@dataclass(frozen=True, slots=True)
class Reached:
    """What a promise's percentile came to [s], its standard error [s], and of how many requests."""

    seconds: float
    standard_error_s: float
    requests: int

    def is_sure(self, limit_s: float) -> bool:
        """Whether it is known well enough to be compared with the limit."""
        return self.standard_error_s < SURE * limit_s or self._is_far_from(limit_s)

    def is_kept(self, limit_s: float) -> bool:
        """Whether the promise is kept: within the limit, and known well enough."""
        return self.seconds <= limit_s and self.is_sure(limit_s)

    def is_clear(self, limit_s: float) -> bool:
        """Whether it is kept beyond doubt, as a plan is made: other traffic of the same kind would
        hardly break it."""
        return self.seconds <= limit_s and self._is_far_from(limit_s)

    def _is_far_from(self, limit_s: float) -> bool:
        if math.isinf(self.seconds):
            return True
        return abs(limit_s - self.seconds) >= BEYOND_DOUBT * self.standard_error_s


def reached(runs: Sequence[Run], slo: Slo) -> Reached:
    """A promise's percentile over runs that serve one stream together.

    standard error = standard deviation of the percentiles of `BATCHES` parts / sqrt(`BATCHES`)

    Args:
        runs: of each kind of replica, with the units it stands for.
        slo: the promise.

    Source: batch means, Law (2015) section 9.5.
    """
    return reached_in(_times(runs, slo), [weight for _, weight in runs], slo.quantile)


def reached_in(times: Sequence[FloatArray], weights: Sequence[float], quantile: float) -> Reached:
    """A quantile of samples of times, as `reached` knows it.

    Args:
        times: samples in order of arrival [s].
        weights: what each sample stands for, all its members together.
        quantile: 0-1.

    Source: batch means, Law (2015) section 9.5.
    """
    whole = percentile_s(times, weights, quantile)
    split = [np.array_split(own, BATCHES) for own in times]
    parts = [percentile_s([own[i] for own in split], weights, quantile) for i in range(BATCHES)]
    known = bool(np.isfinite(parts).all())
    error_s = float(np.std(parts, ddof=1)) / math.sqrt(BATCHES) if known else math.inf
    return Reached(whole, error_s, sum(len(own) for own in times))


def percentile_of(runs: Sequence[Run], slo: Slo) -> float:
    """A promise's percentile over runs [s].

    Args:
        runs: with the units each stands for.
        slo: the promise.

    Source: definition.
    """
    return percentile_s(_times(runs, slo), [weight for _, weight in runs], slo.quantile)


def attained(runs: Sequence[Run], slos: Sequence[Slo]) -> float:
    """Share of requests within the limits of all promises [0-1].

    Args:
        runs: with the units each stands for.
        slos: promises; their quantiles do not matter here.

    Source: definition; goodput of DistServe, arXiv 2401.09670.
    """
    total = math.fsum(weight for _, weight in runs)
    if total <= 0.0:
        return 1.0
    return math.fsum(attainment(run, slos) * weight for run, weight in runs) / total


def _times(runs: Sequence[Run], slo: Slo) -> list[FloatArray]:
    return [settled_times(outcome, slo) for outcome, _ in runs]


def percentile_s(times: Sequence[FloatArray], weights: Sequence[float], quantile: float) -> float:
    """A quantile over several weighted samples; 0 without any [s].

    Args:
        times: samples; NaN does not count [s].
        weights: what each sample stands for, all its members together.
        quantile: 0-1.

    Source: definition.

    >>> percentile_s([np.full(10, 2.0), np.full(1000, 1.0)], [3.0, 2.0], 0.5)
    2.0
    """
    known = [own[~np.isnan(own)] for own in times]
    if len(known) == 1 and len(known[0]):  # all of one weight: no need to sort
        count = len(known[0])
        at = min(max(math.ceil(quantile * count * (1.0 - 1e-12)), 1), count) - 1
        return float(np.partition(known[0], at)[at])
    shares = [
        np.full(len(own), w / max(len(own), 1)) for own, w in zip(known, weights, strict=True)
    ]
    every, share = np.concatenate([np.zeros(0), *known]), np.concatenate([np.zeros(0), *shares])
    if not len(every):
        return 0.0
    order = np.argsort(every)
    at = np.searchsorted(np.cumsum(share[order]), quantile * share.sum() * (1.0 - 1e-12))
    return float(every[order][min(at, len(every) - 1)])
