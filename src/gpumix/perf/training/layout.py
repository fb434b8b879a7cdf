"""Every way to lay a training job over its GPUs, evaluated in one call and ranked.

Degrees of tensor, pipeline, context and expert parallelism, micro-batch, sharding and activation
checkpointing are enumerated; those that do not divide the model, or do not fit the memory, are
counted by reason; the rest are ranked by predicted step time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.fit import TrainingParts
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.perf.training.constants import UNKNOWN, Constants, stack_family
from gpumix.perf.training.job import (
    CHECKPOINTS,
    SHARDINGS,
    TrainingJob,
    training_jobs,
)
from gpumix.perf.training.memory import TrainingMemory, memory, parts_of
from gpumix.perf.training.step import StepTime, step
from gpumix.units import GIB

MICRO_BATCHES = (1, 2, 4, 8, 16, 32, 64, 128)
UNEVEN_STAGES = 1.1
"""A pipeline whose longest stage is this much longer than the mean is not tried."""

LONG_SEQUENCE = 16384
"""Context parallelism is tried from this length [token], or where the caller states it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay a job over its GPUs, with its predicted step and memory."""

    tp: int
    pp: int
    cp: int
    ep: int
    dp: int
    vp: int
    micro_batch: int
    sharding: str
    activation_ckpt: str
    step_s: float
    tokens_per_s_per_gpu: float
    tflops_per_gpu: float
    limit: str
    mem_gib: float
    usable_gib: float
    parts: TrainingParts

    def __str__(self) -> str:
        return (
            f"TP{self.tp} PP{self.pp} CP{self.cp} EP{self.ep} DP{self.dp} VP{self.vp} "
            f"micro-batch {self.micro_batch}, {self.sharding}, checkpointing {self.activation_ckpt}"
        )


@dataclass(frozen=True, slots=True)
class Layouts:
    """All layouts tried, fastest first; `rejected` counts the others by reason.

    `nearest` is the layout that would fit with the least more memory, where none does.
    """

    jobs: TrainingJob
    steps: StepTime
    memories: TrainingMemory
    rejected: Mapping[str, int]
    nearest: Layout | None

    def __len__(self) -> int:
        return len(self.jobs)

    def __getitem__(self, rank: int) -> Layout:
        return _layout(self.jobs, self.steps, self.memories, rank)

    @property
    def best(self) -> Layout | None:
        """The fastest, or None where nothing fits."""
        return self[0] if len(self) else None


def layouts(
    model: Model,
    gpu: Gpu,
    n_gpus: int,
    *,
    constants: Constants,
    task: str = "pretrain",
    precision: str = "bf16",
    seq_len: float = 4096,
    global_batch: float | None = None,
    stack: str = "megatron",
    gpus_per_node: int | None = None,
    link: str | None = None,
    inter_gbps_per_node: float | None = None,
    lora_rank: float = 16,
    lora_all_layers: bool = True,
    lora_embeddings: bool = False,
    fixed: Mapping[str, float | str] | None = None,
    memory_slack: float = 1.0,
    held: Mapping[str, float | str] | None = None,
) -> Layouts:
    """All feasible layouts of `model` on `n_gpus` of `gpu`, fastest first.

    `fixed` pins any of tp, pp, cp, ep, dp, vp, micro_batch, sharding, activation_ckpt; `held` says
    what memory holds: any of optimizer, offload, base_precision, base_prepared, loss, library,
    gradient_bytes.
    `global_batch` [sequence] None = micro_batch x dp. `memory_slack` > 1 admits what is predicted
    to need that much more than the card has (for jobs known to run).

    Raises: InputError for an unknown word.
    """
    pinned = dict(fixed or {})
    node = gpus_per_node or min(n_gpus, GPUS_PER_NODE)
    columns, rejected = _enumerate(
        model, gpu, n_gpus, node, task, seq_len, global_batch, _features(constants, stack), pinned
    )
    if not columns:
        return _none(model, gpu, rejected, constants)
    numbers = {k: np.array([c[i] for c in columns]) for i, k in enumerate(_COLUMNS)}
    jobs = training_jobs(
        [model], [gpu], n_gpus=n_gpus, stack=stack, task=task, precision=precision,
        seq_len=seq_len, gpus_per_node=node, link=link, inter_gbps_per_node=inter_gbps_per_node,
        lora_rank=lora_rank, lora_all_layers=lora_all_layers,
        lora_embeddings=lora_embeddings, **numbers, **(held or {}),
        global_batch=global_batch or numbers["micro_batch"] * numbers["dp"],
    )  # fmt: skip
    memories = memory(jobs, constants)
    fits = memories.total_bytes <= memories.usable_bytes * memory_slack
    if (~fits).any():
        rejected["memory"] = int((~fits).sum())
    if not fits.any():
        least = jobs.take([int(np.argmin(memories.total_bytes))])
        nearest = _layout(least, step(least, constants), memory(least, constants), 0)
        return _none(model, gpu, rejected, constants, nearest)
    steps = step(jobs.take(fits), constants)
    order = np.argsort(steps.step_s / jobs.take(fits).tokens_per_step, kind="stable")
    ranked = jobs.take(np.flatnonzero(fits)[order])
    return Layouts(ranked, step(ranked, constants), memory(ranked, constants), rejected, None)


def why_none(model: Model, gpu: Gpu, n_gpus: int, found: Layouts) -> str:
    """One sentence: why no layout of `model` on `n_gpus` works and what comes nearest."""
    start = f"no layout of {model.id} fits {n_gpus} x {gpu.id}"
    if found.nearest is None:
        reasons = ", ".join(f"{n} by {reason}" for reason, n in found.rejected.items())
        return f"{start}: {reasons or 'nothing to try'}"
    near = found.nearest
    return (
        f"{start}: the leanest ({near}) needs {near.mem_gib:.0f} GiB of {near.usable_gib:.0f} GiB "
        f"usable per GPU; more GPUs, a larger card, LoRA or QLoRA, or a shorter sequence would fit"
    )


_COLUMNS = (
    "tp", "pp", "cp", "ep", "dp", "vp", "micro_batch", "sharding", "activation_ckpt",
)  # fmt: skip

_Column = tuple[int, int, int, int, int, int, float, str, str]


def _features(constants: Constants, stack: str) -> Mapping[str, float]:
    return constants["stack"].get(stack_family(stack), constants["stack"][UNKNOWN])


def _enumerate(
    model: Model,
    gpu: Gpu,
    n_gpus: int,
    node: int,
    task: str,
    seq_len: float,
    global_batch: float | None,
    features: Mapping[str, float],
    pinned: Mapping[str, float | str],
) -> tuple[list[_Column], dict[str, int]]:
    """Layouts that divide model, GPUs and batch; and how many others did not, by reason."""
    layers, heads = model.layers or 1, model.heads or 1
    parallel = features["model_parallel"] > 0
    spread = parallel and model.is_moe
    domain = gpu.scale_up_domain if gpu.scale_up_domain > GPUS_PER_NODE else node
    divisors = [d for d in range(1, n_gpus + 1) if n_gpus % d == 0]
    tps = _choose(pinned, "tp", [t for t in (1, 2, 4, 8) if parallel and t <= domain] or [1])
    pps = _choose(pinned, "pp", [p for p in divisors if parallel and p <= layers] or [1])
    cps = _choose(pinned, "cp", [1, 2, 4, 8] if parallel and seq_len >= LONG_SEQUENCE else [1])
    eps = _choose(pinned, "ep", [e for e in divisors if e <= 64] if spread else [1])
    ckpts = _words(pinned, "activation_ckpt", _checkpointing(features))
    found: list[_Column] = []
    rejected: dict[str, int] = {}

    def reject(reason: str) -> None:
        rejected[reason] = rejected.get(reason, 0) + 1

    for tp, pp, cp in itertools.product(tps, pps, cps):
        if reason := _misfit(n_gpus, tp, pp, cp, layers, heads, pinned):
            reject(reason)
            continue
        dp = int(pinned.get("dp", n_gpus // (tp * pp * cp)))
        batches = _micro_batches(pinned, dp, pp, global_batch)
        if not batches:
            reject("global batch smaller than data-parallel replicas")
        vps = _choose(pinned, "vp", _virtual(layers, pp, features))
        shardings = _words(pinned, "sharding", _shardings(dp * cp, pp, task, features))
        for ep in eps:
            if ep > tp * cp * dp or (model.experts or 1) % ep:
                reject("experts")
                continue
            found += itertools.product(
                (tp,), (pp,), (cp,), (ep,), (dp,), vps, batches, shardings, ckpts
            )
    return found, rejected


def _misfit(
    n_gpus: int,
    tp: int,
    pp: int,
    cp: int,
    layers: int,
    heads: int,
    pinned: Mapping[str, float | str],
) -> str:
    if n_gpus % (tp * pp * cp):
        return "GPU count"
    if "tp" not in pinned and heads % tp:
        return "heads"
    longest = -(-layers // pp) * pp / layers
    return "layers" if "pp" not in pinned and longest > UNEVEN_STAGES else ""


def _choose(pinned: Mapping[str, float | str], name: str, options: Sequence[int]) -> Sequence[int]:
    return [int(float(pinned[name]))] if name in pinned else options


def _words(pinned: Mapping[str, float | str], name: str, options: Iterable[str]) -> tuple[str, ...]:
    return (str(pinned[name]),) if name in pinned else tuple(options)


def _virtual(layers: int, pp: int, features: Mapping[str, float]) -> list[int]:
    per_stage = layers // pp
    if pp == 1 or features["interleaves"] <= 0:
        return [1]
    return sorted({1, per_stage, *(v for v in (2, 4, 5) if per_stage % v == 0)})


def _micro_batches(
    pinned: Mapping[str, float | str], dp: int, pp: int, global_batch: float | None
) -> list[float]:
    """Sequences of a micro-step to try: whole parts of a replica's batch that fill the pipeline."""
    if "micro_batch" in pinned:
        return [float(pinned["micro_batch"])]
    if global_batch is None:
        return [float(b) for b in MICRO_BATCHES]
    replica = global_batch / dp
    if replica < 1.0:
        return []
    halves = {replica / 2**i for i in range(8)} | {float(b) for b in MICRO_BATCHES}
    whole = {b for b in halves if b >= 1.0 and b % 1 == 0 and replica % b == 0}
    return sorted({b for b in whole if replica / b >= pp} or {1.0 if pp > 1 else replica})


def _shardings(ranks: int, pp: int, task: str, features: Mapping[str, float]) -> tuple[str, ...]:
    if ranks == 1:
        return ("none",)
    if features["shards_weights"] > 0 and pp == 1:
        return ("zero3_fsdp",)
    both = features["shards_weights"] < 0
    return ("ddp", "zero3_fsdp") if both else ("zero1",)


def _checkpointing(features: Mapping[str, float]) -> tuple[str, ...]:
    """Activation checkpointing the stack offers: whole layers, or selectively as well."""
    return CHECKPOINTS if features["selective_ckpt"] > 0 else ("none", "full")


def _layout(jobs: TrainingJob, steps: StepTime, memories: TrainingMemory, at: int) -> Layout:
    return Layout(
        tp=int(jobs.tp[at]),
        pp=int(jobs.pp[at]),
        cp=int(jobs.cp[at]),
        ep=int(jobs.ep[at]),
        dp=int(jobs.dp[at]),
        vp=int(jobs.vp[at]),
        micro_batch=int(jobs.micro_batch[at]),
        sharding=SHARDINGS[jobs.sharding[at]],
        activation_ckpt=CHECKPOINTS[jobs.activation_ckpt[at]],
        step_s=float(steps.step_s[at]),
        tokens_per_s_per_gpu=float(steps.tokens_per_s_per_gpu[at]),
        tflops_per_gpu=float(steps.tflops_per_gpu[at]),
        limit=str(steps.limit[at]),
        mem_gib=float(memories.total_bytes[at] / GIB),
        usable_gib=float(memories.usable_bytes[at] / GIB),
        parts=parts_of(memories, at),
    )


def _none(
    model: Model,
    gpu: Gpu,
    rejected: dict[str, int],
    constants: Constants,
    nearest: Layout | None = None,
) -> Layouts:
    empty = training_jobs([model], [gpu]).take(np.array([], dtype=int))
    return Layouts(empty, step(empty, constants), memory(empty, constants), rejected, nearest)
