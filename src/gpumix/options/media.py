"""What could make each image or video: all GPUs of a replica work on one sample together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.workload import Demand, Workload
from gpumix.errors import NoEstimate
from gpumix.options.option import Option, Row, grid, option_of
from gpumix.options.queued import closed_form, promised
from gpumix.perf.interval import Z80, slowdown_at
from gpumix.perf.media import Denoiser, Picture, denoiser, samples_per_s
from gpumix.serving.capacity import Server
from gpumix.units import GIB, GIGA, SECONDS_PER_HOUR

ENGINE = "xdit"
BYTES_PER_WEIGHT = 2.0
MEMORY_SHARE = 0.85
"""Of a card's memory weights may take this much; the rest is activations, text encoders in turn."""


def picture_options(
    workload: Workload,
    model: Model,
    gpus: Sequence[Gpu],
    largest: Mapping[str, int],
    coefficients: Coefficients,
    unmeasured: float = 1.0,
) -> list[Option]:
    """Options of an image or video workload; `unmeasured` widens what is known of the like alone.

    Raises: NoEstimate where the work of one sample is not known.
    """
    if workload.demand is None:
        raise NoEstimate(f"{workload.id}: states no demand")
    width, height = (int(x) for x in (workload.resolution or "0x0").split("x"))
    picture = Picture(
        float(width * height), float(workload.frames or 0), float(workload.steps or 0)
    )
    work = denoiser(model, picture)
    tried = [
        _timed(workload, model, work, row, coefficients, unmeasured)
        for row in grid(gpus, workload.precisions, largest)
    ]
    timed = [one for one in tried if isinstance(one, _Timed)]
    planned_s = np.array([[one.planned_s for one in timed]])
    rates, pools = closed_form(workload, workload.demand, planned_s)
    served = {
        id(one): _option(workload, workload.demand, one, float(rate), int(pool))
        for one, rate, pool in zip(timed, rates, pools, strict=True)
    }
    return [served[id(one)] if isinstance(one, _Timed) else one for one in tried]


@dataclass(frozen=True, slots=True)
class _Timed:
    """A combination that can do the work: time of a sample as predicted, and with half of 80 % of
    its error either way, as planned [s]."""

    blank: Option
    service_s: float
    spread: float
    planned_s: float
    basis: Basis


def _timed(
    workload: Workload,
    model: Model,
    work: Denoiser,
    row: Row,
    coefficients: Coefficients,
    unmeasured: float,
) -> Option | _Timed:
    """How long a sample takes; the option that cannot do it, with the reason."""
    blank = option_of(workload, row)
    need_gib = model.params_total_b * BYTES_PER_WEIGHT * GIGA / GIB
    if need_gib > MEMORY_SHARE * row.gpu.mem_gib:
        reason = f"does not fit: {need_gib:.0f} GiB of weights on {row.gpu.mem_gib:g} GiB"
        return replace(blank, reason=reason)
    try:
        per_s = samples_per_s(
            work, row.gpu, model, gpus=float(row.tp), batch=1.0, precision=row.precision,
            engine=ENGINE, coefficients=coefficients, copies=False,
        )  # fmt: skip
    except NoEstimate as error:
        return replace(blank, reason=str(error))
    service_s = 1.0 / float(per_s)
    measured = unmeasured <= 1.0 and row.gpu.architecture in coefficients.media["architecture"]
    sigma = _sigma(coefficients, row.gpu.architecture) + float(np.log(unmeasured)) / Z80
    spread = float(np.exp(Z80 * sigma))
    planned_s = service_s * float(slowdown_at(sigma, workload.confidence))
    basis = Basis.CALIBRATED if measured else Basis.MODELLED
    return _Timed(blank, service_s, spread, planned_s, basis)


def _option(
    workload: Workload, demand: Demand, timed: _Timed, served_per_s: float, replicas: int
) -> Option:
    """The option of one that is served at a rate, by so many replicas in the busiest hour."""
    service_s, spread, basis = timed.service_s, timed.spread, timed.basis
    planned_s = timed.planned_s
    server = Server(np.array([planned_s]), workload.slos, demand.arrival_cv, planned_s / service_s)
    estimate = Estimate(service_s, service_s / spread, service_s * spread, basis, "perf.media")
    checks = promised(workload, demand, served_per_s, replicas, estimate)
    rate = Estimate(1.0 / service_s, 1.0 / service_s / spread, spread / service_s, basis)
    return replace(
        timed.blank,
        units_per_hour=served_per_s * SECONDS_PER_HOUR,
        rate=rate.scaled(SECONDS_PER_HOUR),
        slos=checks,
        server=None if workload.is_deferrable else server,
        peak_replicas=None if workload.is_deferrable else replicas,
        shortfall=max((planned_s / s.limit_s for s in workload.slos), default=0.0),
        reason=""
        if served_per_s > 0.0
        else f"one sample takes {planned_s:,.1f} s at the confidence of {workload.confidence:g}, "
        "longer than promised",
    )


def _sigma(coefficients: Coefficients, architecture: str) -> float:
    """Standard deviation of log(predicted / true), wider where no measurement covers the
    architecture."""
    table = coefficients.inference["sigma"]
    known = architecture in coefficients.media["architecture"]
    return table["quantity"]["media"] * (1.0 if known else table["architecture"]["any"])
