"""Work that replicas do one unit at a time, all behind one queue: images, videos, embeddings.

What a replica is planned at is its part of what a pool sustains that is just large enough for the
busiest hour of the first year.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gpumix.domain.evidence import Estimate
from gpumix.domain.plan import SloCheck
from gpumix.domain.workload import Demand, Workload
from gpumix.serving.capacity import queue_rate
from gpumix.serving.queueing import wait_quantile_s
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray

POOLS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64)
"""Sizes of pools of which the closed form knows the rate; larger ones have that of the largest."""

QUANTILES = 512
"""Equally likely lengths that stand for a distribution of them."""


def is_queued(workload: Workload) -> bool:
    """Whether a workload promises latencies of work that is done one unit at a time."""
    demand = workload.demand
    return (
        demand is not None
        and not workload.is_deferrable
        and workload.run is None
        and demand.output.mean < 1.0
    )


def closed_form(
    workload: Workload, demand: Demand, times_s: FloatArray
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """Units per second of a replica, and how many replicas the busiest hour needs, in closed form.

    Args:
        workload: what promises latencies.
        demand: its demand.
        times_s: equally likely planned times of a unit [s], shape (times, options).
    """
    mean = times_s.mean(axis=0)
    cv = times_s.std(axis=0) / mean
    peak_per_s = max(demand.units_per_hour) / SECONDS_PER_HOUR
    rates = np.array([queue_rate(mean, workload.slos, demand.arrival_cv, cv, n) for n in POOLS])
    for slo in workload.slos:
        rates = np.where(np.quantile(times_s, slo.quantile, axis=0) > slo.limit_s, 0.0, rates)
    sizes = np.array(POOLS)[:, np.newaxis]
    enough = rates * sizes >= peak_per_s
    at = np.where(enough.any(axis=0), enough.argmax(axis=0), len(POOLS) - 1)
    rate = np.take_along_axis(rates, at[np.newaxis], axis=0)[0]
    needed = np.ceil(peak_per_s / np.maximum(rate, 1e-12))
    return rate, np.where(rate > 0.0, needed, 0.0).astype(np.int64)


def promised(
    workload: Workload, demand: Demand, units_per_s: float, replicas: int, time_s: Estimate
) -> tuple[SloCheck, ...]:
    """The promises at the planned load: a unit's own time [s] after its wait.

    Args:
        workload: what promises latencies.
        demand: its demand.
        units_per_s: what a replica is planned at [1/s].
        replicas: how many share the queue [count].
        time_s: predicted mean time of a unit.
    """
    if workload.is_deferrable:
        return ()
    load, spread = units_per_s * time_s.value, demand.input.cv**2
    waits = [
        float(
            wait_quantile_s(
                load, time_s.value, demand.arrival_cv**2, spread, slo.quantile, max(replicas, 1)
            )
        )
        for slo in workload.slos
    ]
    return tuple(
        SloCheck(
            slo.name,
            slo.limit_s,
            time_s.scaled(1.0 + wait / time_s.value),
            time_s.value + wait <= slo.limit_s * (1.0 + 1e-3),
        )
        for slo, wait in zip(workload.slos, waits, strict=True)
    )
