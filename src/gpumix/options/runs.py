"""One run of a training job on one gang of GPUs: layout, speed, checkpoints, when it is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from gpumix.cost.jobs import (
    Finish,
    checkpoint_stall_h,
    finish,
    goodput,
    mean_time_to_interruption_h,
)
from gpumix.domain.coefficients import Coefficients
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.site import Range
from gpumix.domain.workload import SpotTerms, TrainingRun
from gpumix.errors import NoEstimate
from gpumix.perf.calibrate import Places
from gpumix.perf.interval import Z80
from gpumix.perf.training.constants import stack_family
from gpumix.perf.training.job import LINKS
from gpumix.perf.training.layout import Layout, Layouts, layouts, why_none
from gpumix.perf.training.memory import adapter_params
from gpumix.perf.training.terms import BYTES_16BIT
from gpumix.predict.evidence import Asked, Evidence, stack_of, training_label
from gpumix.predict.training import training_evidence
from gpumix.units import GIGA, HOURS_PER_DAY, HOURS_PER_YEAR, SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

TASKS = {"full": "sft", "dpo": "dpo", "lora": "lora", "qlora": "qlora", "pretrain": "pretrain"}
"""Method of an inventory -> task of the engine."""

JOB_ASSUMPTIONS = (
    "interruptions_per_gpu_year",
    "checkpoint_bytes_per_param",
    "storage_gb_per_s_per_node",
    "checkpoint_pause",
    "job_startup",
)
"""Rows of planning.csv that every job rests on; `restart` and those of spot come on top."""


PCIE = "pcie"

SCALES_BELOW = 0.05
"""Share of a step up to which exchange between replicas does not hinder more of them."""


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often and for how long jobs stop [h], on capacity that stays and on spot, and how fast
    their state is saved. The last of `spot` are the terms of every GPU without its own."""

    interruptions_per_gpu_hour: float
    new_fleet_factor: float
    restart_h: float
    startup_h: float
    checkpoint_pause_h: float
    checkpoint_bytes_per_param: float
    storage_bytes_per_s_per_node: float
    spot: tuple[SpotTerms, ...]

    @classmethod
    def from_defaults(
        cls, defaults: Mapping[str, Range], stated: Sequence[SpotTerms] = ()
    ) -> Reliability:
        """Typical values of the table of planning parameters, under terms that are stated."""

        def typical(name: str) -> float:
            value = defaults[name].typical
            return value if value is not None else float("nan")

        return cls(
            interruptions_per_gpu_hour=typical("interruptions_per_gpu_year") / HOURS_PER_YEAR,
            new_fleet_factor=typical("new_fleet_factor"),
            restart_h=typical("restart"),
            startup_h=typical("job_startup"),
            checkpoint_pause_h=typical("checkpoint_pause"),
            checkpoint_bytes_per_param=typical("checkpoint_bytes_per_param"),
            storage_bytes_per_s_per_node=typical("storage_gb_per_s_per_node") * GIGA,
            spot=(
                *sorted(stated, key=lambda terms: terms.gpu is None),
                SpotTerms(None, typical("spot_mtti"), typical("spot_availability")),
            ),
        )

    def mtti_h(self, gpus: int, new_fleet: bool) -> float:
        """Mean time to interruption of a job on capacity that stays [h]."""
        factor = self.new_fleet_factor if new_fleet else 1.0
        return mean_time_to_interruption_h(self.interruptions_per_gpu_hour * factor, float(gpus))

    def spot_terms(self, gpu: str) -> SpotTerms:
        """How spot capacity of a GPU comes and goes."""
        return next(terms for terms in self.spot if terms.gpu in (gpu, None))

    def spot_useful_share(self, gpu: str) -> float:
        """Share of paid spot time left to work that is done piece by piece (batch inference,
        embeddings): it saves no state, so a loss costs the restart alone."""
        return goodput(0.0, self.restart_h, self.spot_terms(gpu).mtti_h)


@dataclass(frozen=True, slots=True)
class Job:
    """A run, and what it is predicted with.

    `measured_architectures` are those of GPUs that training was measured on; None = all.
    """

    run: TrainingRun
    model: Model
    coefficients: Coefficients
    reliability: Reliability
    evidence: Evidence | None = None
    measured_architectures: frozenset[str] | None = None

    @classmethod
    def of(cls, run: TrainingRun, model: Model, catalog: Catalog) -> Job:
        """A run with all that a catalogue knows of training."""
        rows = catalog.evidence_training["gpu"]
        return cls(
            run,
            model,
            catalog.coefficients,
            Reliability.from_defaults(catalog.defaults, run.spot),
            training_evidence(catalog),
            frozenset(catalog.gpus[name].architecture for name in rows if name in catalog.gpus),
        )

    def is_measured(self, gpu: Gpu) -> bool:
        """Whether training was measured on any GPU of this one's architecture."""
        known = self.measured_architectures
        return known is None or gpu.architecture in known


@dataclass(frozen=True, slots=True)
class StepShares:
    """Where the time of a step goes (0-1, sum 1): exchange `within` a replica (tensor, context,
    expert parallel), exchange `between` replicas (gradients, gathered weights), the pipeline's
    `bubble`, and `work`."""

    work: float
    within: float
    between: float
    bubble: float

    @property
    def exchange(self) -> float:
        """Share of a step in which GPUs wait for each other's data."""
        return self.within + self.between


@dataclass(frozen=True, slots=True)
class Run:
    """One run on one gang. `low` and `high` are the ends of the 80 % interval of speed over its
    middle; `terms_s` are the parts of a step; a checkpoint stops the job for `checkpoint_h`."""

    gpu: Gpu
    gpus: int
    precision: str
    layout: Layout
    terms_s: tuple[tuple[str, float], ...]
    shares: StepShares
    link: str
    tokens_per_s: float
    low: float
    high: float
    work_h: float
    checkpoint_bytes: float
    checkpoint_h: float
    result_bytes: float
    mtti_h: float
    measured: str
    basis: Basis

    @property
    def caution(self) -> float:
        """How much longer the work is planned to take: to the pessimistic end of the interval
        where no measurement covers the architecture."""
        return 1.0 / self.low if self.basis is Basis.MODELLED else 1.0

    @property
    def log_sd(self) -> float:
        """Standard deviation of the log of the predicted speed."""
        return float(np.log(self.high / self.low)) / (2.0 * Z80)

    def steady(self, job: Job, slower: float | None = None) -> Finish:
        """When the run is done on capacity that stays; `slower` stretches its work (else its
        caution does)."""
        rel, work_h = job.reliability, self.work_h * (slower or self.caution)
        return finish(
            work_h, self.checkpoint_h, rel.restart_h, self.mtti_h,
            startup_h=rel.startup_h, queue_h=job.run.queue_h, log_sd=self.log_sd,
        )  # fmt: skip

    def spot(self, job: Job, slower: float | None = None) -> Finish:
        """When the run is done on spot; a gang is lost with its zone, whatever its size."""
        rel, work_h = job.reliability, self.work_h * (slower or self.caution)
        terms = rel.spot_terms(self.gpu.id)
        return finish(
            work_h, self.checkpoint_h, rel.restart_h, terms.mtti_h, terms.availability,
            startup_h=rel.startup_h, queue_h=job.run.queue_h, log_sd=self.log_sd,
        )  # fmt: skip

    def why(self) -> str:
        """Which exchanges take how much of a step."""
        return (
            f"of a step {self.shares.within:.1%} all-reduce within a replica over {self.link}, "
            f"{self.shares.between:.1%} exchange between replicas, "
            f"{self.shares.bubble:.1%} pipeline bubble"
        )

    @property
    def is_on_pcie(self) -> bool:
        """Whether the GPUs of a node have no faster link than PCIe."""
        return self.link == PCIE

    def against(self, fast: Run) -> str:
        """`64 x l40s-48gb: 22% of h100-sxm-80gb's speed, ...`: what arithmetic and memory leave
        of the other's speed, and what the link takes."""
        speed = self.tokens_per_s / fast.tokens_per_s
        alone = speed * fast.shares.work / self.shares.work
        between = self.shares.between
        scales = " and scales" if between < SCALES_BELOW else ""
        return (
            f"{self.gpus} x {self.gpu.id}: {speed:.0%} of {fast.gpu.id}'s speed, {alone:.0%} by "
            f"arithmetic and memory alone; all-reduce within a replica over PCIe takes "
            f"{self.shares.within:.0%} of a step (there {fast.shares.within:.0%}), exchange "
            f"between replicas {between:.1%}{scales}"
        )


def lacks(gpu: Gpu, precision: str) -> str:
    """What keeps a GPU from training in a precision; empty where nothing does.

    16-bit floats of the other kind are no stand-in: fp16 overflows where bf16 does not.
    """
    return f"{gpu.id} has no bf16" if precision == "bf16" and not gpu.bf16_tflops else ""


def predict_run(job: Job, gpu: Gpu, count: int, node: int, precision: str) -> Run:
    """The run with its best layout on `count` GPUs in nodes of `node`.

    Raises: NoEstimate where the GPU lacks the precision, and, saying what comes nearest, where no
    layout fits.
    """
    run = job.run
    if lacking := lacks(gpu, precision):
        raise NoEstimate(lacking)
    found = _fastest(job, gpu, count, node, precision)
    if isinstance(found, str):
        raise NoEstimate(found)
    low, high = _spread(job)
    speed, width, said = _measured(job, gpu, count, precision, float(np.log(high / low)))
    tokens_per_s = found.layout.tokens_per_s_per_gpu * count * speed
    saved = found.trained_params * job.reliability.checkpoint_bytes_per_param
    nodes = max(count // node, 1)
    return Run(
        gpu=gpu,
        gpus=count,
        precision=precision,
        layout=found.layout,
        terms_s=found.terms_s,
        shares=found.shares,
        link=found.link,
        tokens_per_s=tokens_per_s,
        low=low**width,
        high=high**width,
        work_h=run.tokens / run.token_fill / tokens_per_s / SECONDS_PER_HOUR,
        checkpoint_bytes=saved,
        checkpoint_h=checkpoint_stall_h(
            saved,
            job.reliability.storage_bytes_per_s_per_node * nodes,
            job.reliability.checkpoint_pause_h,
            run.checkpoint == "async",
        ),
        result_bytes=found.trained_params * BYTES_16BIT,
        mtti_h=job.reliability.mtti_h(count, run.new_fleet),
        measured=said,
        basis=Basis.CALIBRATED if said or job.is_measured(gpu) else Basis.MODELLED,
    )


@dataclass(frozen=True, slots=True)
class _Fastest:
    """The best layout of a job and what is asked about it."""

    layout: Layout
    terms_s: tuple[tuple[str, float], ...]
    shares: StepShares
    link: str
    trained_params: float


def _fastest(job: Job, gpu: Gpu, count: int, node: int, precision: str) -> _Fastest | str:
    """The best layout, or why there is none; worked out once for all jobs that ask the same."""
    run, constants = job.run, job.coefficients.training
    asked = (run.method, run.seq_len, run.global_batch, run.stack, run.lora_rank)
    # What stands behind an id is held by the entry, so that no other object can take the id.
    held = (job.model, gpu, constants)
    key = (*map(id, held), count, node, precision, *asked, run.activation_ckpt, *run.held.values())
    if key not in _KNOWN:
        if len(_KNOWN) >= _MOST_KNOWN:
            _KNOWN.clear()
        found = layouts_of(job, gpu, count, node, precision)
        layout = found.best
        fastest = (
            why_none(job.model, gpu, count, found)
            if layout is None
            else _Fastest(
                layout,
                tuple((name, float(s[0])) for name, s in found.steps.components.items()),
                _shares(found),
                LINKS[int(found.jobs.link[0])],
                _trained_params(found),
            )
        )
        _KNOWN[key] = held, fastest
    return _KNOWN[key][1]


_KNOWN: dict[tuple[object, ...], tuple[object, _Fastest | str]] = {}
_MOST_KNOWN = 10_000


def layouts_of(job: Job, gpu: Gpu, count: int, node: int, precision: str) -> Layouts:
    """Every layout of the run on `count` GPUs, fastest first."""
    run = job.run
    return layouts(
        job.model,
        gpu,
        count,
        constants=job.coefficients.training,
        task=TASKS[run.method],
        precision=precision,
        seq_len=float(run.seq_len),
        global_batch=None if run.global_batch is None else float(run.global_batch),
        stack=run.stack,
        gpus_per_node=min(count, node),
        lora_rank=float(run.lora_rank),
        fixed={"activation_ckpt": run.activation_ckpt} if run.activation_ckpt else None,
        held=run.held,
    )


def in_words(hours: float) -> str:
    """A time as people say it: minutes, hours up to two days, then days.

    >>> in_words(0.125), in_words(30.0), in_words(240.0)
    ('7.5 min', '30.0 h', '10.0 d')
    """
    if hours < 1.0:
        return f"{60.0 * hours:.1f} min"
    if hours < 2.0 * HOURS_PER_DAY:
        return f"{hours:.1f} h"
    return f"{hours / HOURS_PER_DAY:,.1f} d"


def _trained_params(found: Layouts) -> float:
    """Parameters that are trained and saved: the adapter's where there is one, else all."""
    best = found.jobs.take([0])
    adapter = float(adapter_params(best)[0] * best.tp[0] * best.pp[0])
    return adapter or float(best.shapes.total_params[0])


def _shares(found: Layouts) -> StepShares:
    """Shares of the fastest layout's step."""
    part = {name: float(value[0]) for name, value in found.steps.components.items()}
    whole = sum(part.values())

    def share(*names: str) -> float:
        return sum(part.get(name, 0.0) for name in names) / whole

    within, between, bubble = share("tp", "cp", "ep"), share("fsdp", "dp"), share("pipeline")
    return StepShares(1.0 - within - between - bubble, within, between, bubble)


def _spread(job: Job) -> tuple[float, float]:
    """Ends of the 80 % interval of speed, over its middle."""
    tables = job.coefficients.training
    stack = stack_family(job.run.stack)
    tuned = tables["stack"].get(stack, tables["stack"]["unknown"])["tuned"] > 0.0
    adapter = job.run.method in ("lora", "qlora")
    plain_or_tuned = "plain" if not tuned else "adapter tuned" if adapter else "dense"
    row = tables["interval"]["moe" if job.model.is_moe else plain_or_tuned]
    return row["low"], row["high"]


def _measured(
    job: Job, gpu: Gpu, count: int, precision: str, log_width: float
) -> tuple[float, float, str]:
    """Factor of speed, of the interval's log width, and a note, from own measurements."""
    if job.evidence is None:
        return 1.0, 1.0, ""
    run = job.run
    task = TASKS[run.method]
    label = training_label(gpu.id, job.model.id, run.stack, task, precision, count)
    one = np.ones(1)
    places = Places(
        np.array([stack_of(run.stack, job.model, task)]), np.array([gpu.id]), np.array([label]),
        np.array(["speed"]),
        one * run.seq_len, one, one * (run.global_batch or 1.0),
    )  # fmt: skip
    sigma = 0.5 * log_width / Z80
    moved = job.evidence.move(Asked(places, np.array([label])), one * sigma)
    return float(moved.factor[0]), float(moved.sigma[0]) / sigma, str(moved.note[0] or "")
