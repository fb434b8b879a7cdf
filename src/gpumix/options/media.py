"""What could make each image or video: all GPUs of a replica work on one sample together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

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
    return [
        _option(workload, workload.demand, model, work, row, coefficients, unmeasured)
        for row in grid(gpus, workload.precisions, largest)
    ]


def _option(
    workload: Workload,
    demand: Demand,
    model: Model,
    work: Denoiser,
    row: Row,
    coefficients: Coefficients,
    unmeasured: float,
) -> Option:
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
    slowdown = float(slowdown_at(sigma, workload.confidence))
    planned_s = service_s * slowdown
    server = Server(np.array([planned_s]), workload.slos, demand.arrival_cv, slowdown)
    rates, pools = closed_form(workload, demand, server.times_s[:, np.newaxis])
    served_per_s, replicas = float(rates[0]), int(pools[0])
    basis = Basis.CALIBRATED if measured else Basis.MODELLED
    estimate = Estimate(service_s, service_s / spread, service_s * spread, basis, "perf.media")
    checks = promised(workload, demand, served_per_s, replicas, estimate)
    rate = Estimate(1.0 / service_s, 1.0 / service_s / spread, spread / service_s, basis)
    return replace(
        blank,
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
