"""A training job on every GPU by memory: its peak by component, on the fewest GPUs that hold it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.fit import Fits, TrainingFit, TrainingFitGpu
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.options.runs import TASKS
from gpumix.perf.training.constants import Lookup
from gpumix.perf.training.eager import is_eager
from gpumix.perf.training.job import TrainingJob, training_jobs
from gpumix.perf.training.memory import memory, parts_of
from gpumix.units import GIB

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

COUNTS = (1, 2, 4, 8)
NEAR = 0.95
"""Share of the usable memory above which a fit is tight: the allocator's spare is then used up."""


@dataclass(frozen=True, slots=True)
class TrainingFitQuestion:
    """What to train; `gpus_each` None = the fewest GPUs that hold it, up to a node of 8.

    Empty words are the stack's own: `optimizer`, `offload`, `base_precision`, `base_prepared`,
    `loss`, `library`; so is a `gradient_bytes` that is no number.
    """

    model: Model
    gpus: tuple[Gpu, ...]
    method: str
    seq_len: int
    micro_batch: int
    stack: str
    gpus_each: int | None = None
    optimizer: str = ""
    offload: str = ""
    base_precision: str = ""
    loss: str = ""
    activation_ckpt: str = "full"
    lora_rank: int = 16
    base_prepared: str = ""
    library: str = ""
    gradient_bytes: float = math.nan
    defaults: tuple[str, ...] = ()


def fit_training(asked: TrainingFitQuestion, catalog: Catalog) -> TrainingFit:
    """The memory of a job on every GPU, data-parallel with its states sharded.

    Raises: InputError for an unknown optimizer, offload, base precision or loss.
    """
    rows = tuple(_row(asked, gpu, catalog) for gpu in asked.gpus)
    return TrainingFit(
        asked.model.id, asked.method, asked.seq_len, asked.micro_batch, rows, asked.defaults
    )


def _jobs(asked: TrainingFitQuestion, gpu: Gpu, counts: tuple[int, ...]) -> TrainingJob:
    n = np.array(counts, dtype=float)
    return training_jobs(
        [asked.model], [gpu], n_gpus=n, stack=asked.stack, task=TASKS[asked.method],
        seq_len=asked.seq_len, micro_batch=asked.micro_batch, lora_rank=asked.lora_rank,
        sharding=np.where(n > 1.0, "zero3_fsdp", "none"),
        activation_ckpt=asked.activation_ckpt, optimizer=asked.optimizer, offload=asked.offload,
        base_precision=asked.base_precision, loss=asked.loss, library=asked.library,
        base_prepared=asked.base_prepared, gradient_bytes=asked.gradient_bytes,
    )  # fmt: skip


def _row(asked: TrainingFitQuestion, gpu: Gpu, catalog: Catalog) -> TrainingFitGpu:
    constants = catalog.coefficients.training
    counts = (asked.gpus_each,) if asked.gpus_each else COUNTS
    jobs = _jobs(asked, gpu, counts)
    need = memory(jobs, constants)
    at = int(np.argmax(need.fits)) if need.fits.any() else len(counts) - 1
    measured = bool(is_eager(jobs, Lookup(jobs, constants))[at])
    spread = {"low": 0.95, "high": 1.1} if measured else dict(constants["interval"]["memory"])
    total = float(need.total_bytes[at]) / GIB
    basis = Basis.CALIBRATED if measured else Basis.MODELLED
    near = need.total_bytes[at] > NEAR * need.usable_bytes[at]
    state = Fits.DOES_NOT_FIT if not need.fits[at] else Fits.TIGHT if near else Fits.FITS
    return TrainingFitGpu(
        gpu=gpu.id,
        gpus=counts[at],
        state=state,
        parts=parts_of(need, at),
        total_gib=Estimate(
            total, total * spread["low"], total * spread["high"], basis,
            "perf.training.memory.memory",
        ),
        usable_gib=float(need.usable_bytes[at]) / GIB,
        changes=() if state is Fits.FITS else _changes(asked, gpu, counts[at], state, catalog),
        note="",
    )  # fmt: skip


def _changes(
    asked: TrainingFitQuestion, gpu: Gpu, count: int, state: Fits, catalog: Catalog
) -> tuple[str, ...]:
    """Single changes with which the job fits, or a tight one fits with room, least first."""
    share = NEAR if state is Fits.TIGHT else 1.0
    tunes = asked.method in ("lora", "qlora")
    tried = [
        (f"micro-batch {asked.micro_batch // 2}",
         replace(asked, micro_batch=max(asked.micro_batch // 2, 1)), asked.micro_batch > 1),
        ("a fused linear cross-entropy", replace(asked, loss="linear"), asked.loss != "linear"),
        ("optimizer adamw_8bit", replace(asked, optimizer="adamw_8bit"), not tunes),
        ("optimizer states on the host", replace(asked, offload="optimizer"), not tunes),
        ("a base in 4 bits (qlora)", replace(asked, method="qlora"), asked.method == "lora"),
        ("adapters (lora)", replace(asked, method="lora"), not tunes),
        ("adapters on a base in 4 bits (qlora)", replace(asked, method="qlora"), not tunes),
    ]  # fmt: skip
    found = [
        words
        for words, other, sensible in tried
        if sensible and other != asked and _fits(other, gpu, count, share, catalog)
    ]
    wider = tuple(n for n in COUNTS if n > count) if asked.gpus_each else ()
    more = next((n for n in wider if _fits(asked, gpu, n, share, catalog)), 0)
    return (*found[:3], *([f"{more} GPUs"] if more else []))


def _fits(asked: TrainingFitQuestion, gpu: Gpu, count: int, share: float, catalog: Catalog) -> bool:
    """Whether a job fits in a share of the memory that it may take (0-1)."""
    need = memory(_jobs(asked, gpu, (count,)), catalog.coefficients.training)
    return bool(need.fits[0] and need.total_bytes[0] <= share * need.usable_bytes[0])
