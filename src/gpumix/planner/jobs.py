"""What could run each training job: GPU x count with its best layout, and how long a run takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gpumix.cost.jobs import Finish, finish, mean_time_to_interruption_h
from gpumix.domain.coefficients import Coefficients
from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.plan import SloCheck
from gpumix.domain.site import Range
from gpumix.domain.workload import Tier, TrainingRun, Workload
from gpumix.errors import NoEstimate
from gpumix.perf.training_layout import Layout, layouts, why_none
from gpumix.planner.candidates import Option
from gpumix.units import HOURS_PER_YEAR, SECONDS_PER_HOUR

GPU_COUNTS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
"""Sizes of a job that are tried where the inventory names none."""
_TASKS = {"full": "sft", "lora": "lora", "qlora": "qlora", "pretrain": "pretrain"}


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often and for how long jobs are interrupted [h], on capacity that stays and on spot."""

    interruptions_per_gpu_hour: float
    checkpoint_h: float
    restart_h: float
    spot_mtti_h: float
    spot_availability: float

    @classmethod
    def from_defaults(cls, defaults: Mapping[str, Range]) -> Reliability:
        """Typical values of the table of planning parameters."""

        def typical(name: str) -> float:
            value = defaults[name].typical
            return value if value is not None else float("nan")

        return cls(
            typical("interruptions_per_gpu_year") / HOURS_PER_YEAR,
            typical("checkpoint_stall"),
            typical("restart"),
            typical("spot_mtti"),
            typical("spot_availability"),
        )

    def steady(self, work_h: float, gpus: int) -> Finish:
        """When a run is done on capacity that stays."""
        mtti = mean_time_to_interruption_h(self.interruptions_per_gpu_hour, float(gpus))
        return finish(work_h, self.checkpoint_h, self.restart_h, mtti)

    def spot(self, work_h: float) -> Finish:
        """When a run is done on spot; a gang is lost with its zone, whatever its size."""
        return finish(
            work_h, self.checkpoint_h, self.restart_h, self.spot_mtti_h, self.spot_availability
        )

    @property
    def spot_useful_share(self) -> float:
        """Share of paid spot time that is not lost to interruptions (1 h of work as example)."""
        done = self.spot(1.0)
        return 1.0 / (done.expected_h * self.spot_availability)


@dataclass(frozen=True, slots=True)
class _Job:
    """One workload's run and what its options are predicted with."""

    workload: Workload
    run: TrainingRun
    model: Model
    coefficients: Coefficients
    reliability: Reliability


def job_options(
    workload: Workload,
    model: Model,
    gpus: Sequence[Gpu],
    largest: Mapping[str, int],
    coefficients: Coefficients,
    reliability: Reliability,
) -> list[Option]:
    """Options of a training job: every GPU, every count, its best layout.

    Counts above an instance are gangs of whole instances of the largest size. Raises: NoEstimate
    where the workload is no job.
    """
    if workload.run is None:
        raise NoEstimate(f"{workload.id}: is not a training job")
    job = _Job(workload, workload.run, model, coefficients, reliability)
    counts = (job.run.gpus,) if job.run.gpus else GPU_COUNTS
    options: list[Option] = []
    for gpu in gpus:
        size = largest.get(gpu.id, 1)
        for precision in workload.precisions:
            tried: list[Option] = []
            for count in counts:
                if _is_enough(tried) or not _can_gang(count, size):
                    continue
                tried.append(_option(job, gpu, count, size, precision))
            options += tried
    return options


def _can_gang(count: int, size: int) -> bool:
    """Whether so many GPUs are part of an instance, or whole 8-GPU (or larger) instances."""
    return count <= size or (size >= 8 and count % size == 0)


def _is_enough(tried: Sequence[Option]) -> bool:
    """Whether more GPUs would only cost more: the last count serves at fewer runs per GPU-hour."""
    serving = [o for o in tried if o.serves]
    if len(serving) < 2 or not tried[-1].serves:
        return False
    return serving[-1].units_per_hour / serving[-1].gpus < max(
        o.units_per_hour / o.gpus for o in serving[:-1]
    )


def _option(job: _Job, gpu: Gpu, count: int, size: int, precision: str) -> Option:
    blank = Option(job.workload.id, gpu.id, count, 1, precision)
    try:
        layout = _best_layout(job, gpu, count, size, precision)
    except NoEstimate as error:
        return replace(blank, reason=str(error))
    tokens_per_s = layout.tokens_per_s_per_gpu * count
    work_h = job.run.tokens / tokens_per_s / SECONDS_PER_HOUR
    low, high = _spread(job)
    planned_h = work_h / (low if job.workload.tier is Tier.PREMIUM else 1.0)
    steady, spot = job.reliability.steady(planned_h, count), job.reliability.spot(planned_h)
    limit_h = job.run.finish_within_h or float("inf")
    late = steady.p90_h > limit_h
    return replace(
        blank,
        tp=layout.tp,
        units_per_hour=1.0 / steady.expected_h,
        spot_units_per_hour=None
        if spot.p90_h > limit_h
        else job.reliability.spot_useful_share / planned_h,
        rate=Estimate(1.0 / work_h, low / work_h, high / work_h, Basis.CALIBRATED, "perf.training"),
        tokens_per_s=tokens_per_s,
        slos=_deadline(job, count, work_h, low, high),
        shortfall=steady.p90_h / limit_h,
        note=f"{layout}; {work_h:.1f} h a run undisturbed on stack {job.run.stack}",
        reason=f"P90 finish {steady.p90_h:.1f} h, the limit {limit_h:g} h" if late else "",
    )


def _deadline(
    job: _Job, count: int, work_h: float, low: float, high: float
) -> tuple[SloCheck, ...]:
    if job.run.finish_within_h is None:
        return ()
    limit_s = job.run.finish_within_h * SECONDS_PER_HOUR
    p90_s = job.reliability.steady(work_h, count).p90_h * SECONDS_PER_HOUR
    predicted = Estimate(p90_s, p90_s / high, p90_s / low, Basis.CALIBRATED, "perf.training")
    return (SloCheck("finish_p90", limit_s, predicted, p90_s <= limit_s),)


def _best_layout(job: _Job, gpu: Gpu, count: int, size: int, precision: str) -> Layout:
    run = job.run
    found = layouts(
        job.model,
        gpu,
        count,
        constants=job.coefficients.training,
        task=_TASKS[run.method],
        precision=precision,
        seq_len=float(run.seq_len),
        global_batch=None if run.global_batch is None else float(run.global_batch),
        stack=run.stack,
        gpus_per_node=min(count, size),
        lora_rank=float(run.lora_rank),
    )
    if found.best is None:
        raise NoEstimate(why_none(job.model, gpu, count, found))
    return found.best


def _spread(job: _Job) -> tuple[float, float]:
    """Ends of the 80 % interval of speed, over its middle."""
    tables = job.coefficients.training
    tuned = tables["stack"].get(job.run.stack, tables["stack"]["unknown"])["tuned"] > 0.0
    adapter = job.run.method in ("lora", "qlora")
    plain_or_tuned = "plain" if not tuned else "adapter tuned" if adapter else "dense"
    row = tables["interval"]["moe" if job.model.is_moe else plain_or_tuned]
    return row["low"], row["high"]
