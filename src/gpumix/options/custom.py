"""What could do work whose speed the team measured: rates with a spread, nothing predicted."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

from gpumix.domain.custom import MeasuredRate
from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.workload import Demand, Workload
from gpumix.errors import NoEstimate
from gpumix.options.option import Option
from gpumix.options.queued import QUANTILES, closed_form, promised
from gpumix.perf.interval import Z80, slowdown_at
from gpumix.serving.capacity import Server
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray

SOURCE = "rates of the inventory"


def custom_options(
    workload: Workload, gpus: Sequence[Gpu], largest: Mapping[str, int]
) -> list[Option]:
    """The option of each GPU: at the team's own rate, or with the reason why it has none.

    Args:
        workload: custom work.
        gpus: those on offer.
        largest: GPUs of the largest instance of each.

    Raises: NoEstimate where no demand is stated.
    """
    demand = workload.demand
    if demand is None:
        raise NoEstimate(f"{workload.id}: states no demand")
    rates = {rate.gpu: rate for rate in workload.rates}
    return [_of_gpu(workload, demand, gpu.id, rates.get(gpu.id), largest) for gpu in gpus]


def _of_gpu(
    workload: Workload,
    demand: Demand,
    gpu: str,
    rate: MeasuredRate | None,
    largest: Mapping[str, int],
) -> Option:
    if rate is None:
        return Option(workload.id, gpu, 1, 1, "", reason="`rates` of the workload has none of it")
    most = largest.get(gpu, 1)
    if rate.gpus > most:
        reason = f"its rate is that of {rate.gpus} GPUs together, an instance has {most} at most"
        return Option(workload.id, gpu, rate.gpus, rate.gpus, "", reason=reason)
    return _measured(workload, demand, rate)


def _measured(workload: Workload, demand: Demand, rate: MeasuredRate) -> Option:
    """A replica at the team's rate, planned as slow as the workload's confidence asks for."""
    sigma = math.sqrt(math.log1p(rate.cv**2))
    spread, slowdown = math.exp(Z80 * sigma), float(slowdown_at(sigma, workload.confidence))
    mean_s = SECONDS_PER_HOUR / rate.units_per_hour
    times_s = mean_s * slowdown * _times(demand.input.cv)
    [served_per_s], [replicas] = closed_form(workload, demand, times_s[:, np.newaxis])
    time = Estimate(mean_s, mean_s / spread, mean_s * spread, Basis.MEASURED, SOURCE)
    server = Server(times_s, workload.slos, demand.arrival_cv, slowdown)
    late = (float(np.quantile(times_s, slo.quantile)) / slo.limit_s for slo in workload.slos)
    return Option(
        workload.id,
        rate.gpu,
        rate.gpus,
        rate.gpus,
        "",
        units_per_hour=float(served_per_s) * SECONDS_PER_HOUR,
        rate=Estimate(
            rate.units_per_hour,
            rate.units_per_hour / spread,
            rate.units_per_hour * spread,
            Basis.MEASURED,
            SOURCE,
        ),
        slos=promised(workload, demand, float(served_per_s), int(replicas), time),
        server=None if workload.is_deferrable else server,
        peak_replicas=None if workload.is_deferrable else int(replicas),
        shortfall=max(late, default=0.0),
        reason=""
        if served_per_s > 0.0
        else f"one {workload.unit} takes {mean_s * slowdown:,.3g} s in the mean at the confidence "
        f"of {workload.confidence:g}, too long for what is promised",
    )


def _times(cv: float) -> FloatArray:
    """Equally likely times of a unit over their mean, log-normal; one where all are alike."""
    if cv == 0.0:
        return np.ones(1)
    sigma = math.sqrt(math.log1p(cv**2))
    at = (np.arange(QUANTILES) + 0.5) / QUANTILES
    times = np.exp(sigma * np.array([NormalDist().inv_cdf(float(p)) for p in at]))
    return np.asarray(times / times.mean())
