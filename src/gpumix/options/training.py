"""What could run each training job: GPU x count with its best layout, as options of the plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.cost.jobs import Finish, value_of_wait_usd
from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.evidence import Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.plan import SloCheck
from gpumix.domain.workload import Tier, Workload
from gpumix.errors import NoEstimate, Problem
from gpumix.options.option import Option
from gpumix.options.runs import Job, Run, in_words, predict_run
from gpumix.options.training_refusals import what_would_help
from gpumix.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

GPU_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
"""Sizes of a job that are tried where the inventory names none."""


def job_options(
    workload: Workload, gpus: Sequence[Gpu], largest: Mapping[str, int], catalog: Catalog
) -> list[Option]:
    """Options of a training job: every GPU, every count, its best layout.

    Only GPUs that the workload names, if it names any. Counts above an instance are gangs of whole
    instances of the largest size. Raises: NoEstimate where the workload is no job.
    """
    job = job_of(workload, catalog)
    counts = (job.run.gpus,) if job.run.gpus else GPU_COUNTS
    options: list[Option] = []
    for gpu in [g for g in gpus if not workload.gpus or g.id in workload.gpus]:
        size = largest.get(gpu.id, 1)
        for precision in workload.precisions:
            options += [
                _option(workload, job, gpu, count, size, precision)
                for count in counts
                if can_gang(count, size)
            ]
    return options


def hopeless_job(
    place: str, workload: Workload, gpus: Sequence[Gpu], tried: Sequence[Option], catalog: Catalog
) -> Problem:
    """Why nothing can run a job, told of the option that comes nearest, and what would help."""
    job = job_of(workload, catalog)
    if not tried:
        count = job.run.gpus or 1
        return Problem(
            f"{place}.n_gpus",
            f"{count} GPUs do not fill whole instances on offer",
            "set n_gpus to a multiple of 8, or leave it out",
        )
    nearest = min(tried, key=lambda o: (o.shortfall or math.inf, o.gpus, o.gpu))
    way = f"{nearest.gpus} x {nearest.gpu} at {nearest.precision}"
    late = 1.0 < nearest.shortfall < math.inf
    message = f"no GPU finishes in time; {way} comes nearest: " if late else "fits no GPU: "
    key = "finish_within" if late else "model"
    ways = what_would_help(job, gpus, workload.precisions, nearest.shortfall if late else None)
    return Problem(f"{place}.{key}", message + nearest.reason, "; or ".join(ways))


def can_gang(count: int, size: int) -> bool:
    """Whether so many GPUs are part of an instance, or whole 8-GPU (or larger) instances."""
    return count <= size or (size >= GPUS_PER_NODE and count % size == 0)


def job_of(workload: Workload, catalog: Catalog) -> Job:
    """The job of a training workload. Raises: NoEstimate where it is none."""
    if workload.run is None:
        raise NoEstimate(f"{workload.id}: is not a training job")
    return Job.of(workload.run, catalog.models[workload.model], catalog)


def _option(
    workload: Workload, job: Job, gpu: Gpu, count: int, size: int, precision: str
) -> Option:
    """The option of one gang. Paid time is start-up, checkpoints and setbacks included; the
    programme factor makes a run of the inventory that much more work than the final one."""
    blank = Option(workload.id, gpu.id, count, 1, precision)
    try:
        run = predict_run(job, gpu, count, min(size, GPUS_PER_NODE), precision)
    except NoEstimate as error:
        return replace(blank, reason=str(error))
    steady, spot = run.steady(job), run.spot(job)
    limit_h = job.run.finish_within_h or math.inf
    rate = 1.0 / (run.work_h * job.run.programme_factor)
    late = f"P90 finish {in_words(steady.p90_h)}, the limit {in_words(limit_h)}; {run.why()}"
    return replace(
        blank,
        tp=run.layout.tp,
        units_per_hour=runs_per_hour(workload, job, run, on_spot=False),
        spot_units_per_hour=None
        if spot.p90_h > limit_h
        else runs_per_hour(workload, job, run, on_spot=True),
        rate=Estimate(rate, rate * run.low, rate * run.high, run.basis, "perf.training"),
        tokens_per_s=run.tokens_per_s,
        slos=_deadline(job, run, steady),
        spot_slos=_deadline(job, run, spot),
        shortfall=steady.p90_h / limit_h,
        note=_note(job, run),
        run=run,
        wait_usd=value_of_wait_usd(job.run.calendar_usd_per_day, steady.expected_h),
        spot_wait_usd=value_of_wait_usd(job.run.calendar_usd_per_day, spot.expected_h),
        reason=late if steady.p90_h > limit_h else "",
    )


def runs_per_hour(workload: Workload, job: Job, run: Run, on_spot: bool) -> float:
    """Runs, programme included, that an hour of the gang is planned for."""
    return 1.0 / (held_h(workload, job, run, on_spot) * job.run.programme_factor)


def held_h(workload: Workload, job: Job, run: Run, on_spot: bool) -> float:
    """Hours that the gang is planned to be held for a run: at the pessimistic end of the speed
    for premium work."""
    slower = 1.0 / run.low if workload.tier is Tier.PREMIUM else run.caution
    return (run.spot(job, slower) if on_spot else run.steady(job, slower)).held_h


def _note(job: Job, run: Run) -> str:
    steady, spot = run.steady(job), run.spot(job)
    useful = run.work_h * run.caution / steady.held_h
    parts = [
        str(run.layout),
        run.why(),
        f"{in_words(run.work_h)} a run undisturbed on stack {job.run.stack}",
        f"done in {in_words(steady.expected_h)}, P90 {in_words(steady.p90_h)}, "
        f"goodput {useful:.1%}; on spot {in_words(spot.expected_h)}, "
        f"P90 {in_words(spot.p90_h)}",
    ]
    if job.run.programme_factor != 1.0:
        parts.append(f"a programme of {job.run.programme_factor:g} x the final run")
    return "; ".join([*parts, *([run.measured] if run.measured else [])])


def _deadline(job: Job, run: Run, done: Finish) -> tuple[SloCheck, ...]:
    """The P90 finish beside its limit. Its interval is the finish at the ends of the speed's."""
    if job.run.finish_within_h is None:
        return ()
    limit_s = job.run.finish_within_h * SECONDS_PER_HOUR
    p90_s = done.p90_h * SECONDS_PER_HOUR
    predicted = Estimate(p90_s, p90_s / run.high, p90_s / run.low, run.basis, "cost.jobs.finish")
    return (SloCheck("finish_p90", limit_s, predicted, p90_s <= limit_s),)
