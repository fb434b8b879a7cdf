"""Bytes that weights, gradients and optimizer take, by optimizer and precision."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpumix.domain.training_words import BASES, OFFLOADS
from gpumix.perf.training.constants import Lookup
from gpumix.perf.training.job import DPO, QLORA, TrainingJob
from gpumix.perf.training.terms import BYTES_16BIT
from gpumix.perf.training.weights import expert_replicas, experts_per_gpu
from gpumix.values import FloatArray

BYTES_ADAM = 8.0
"""Two 32-bit moments of a trained weight [byte]: what a stack's `optimizer_bytes` holds beside its
own copy of the weights. Source: arXiv 1910.02054 section 3."""

BYTES_TRAINED_TABLE = 12.0
"""An embedding weight trained beside an adapter: 16-bit copy and gradient, Adam in 32 bits [byte].
Source: PEFT's `modules_to_save`; the Qwen README's rows with and without differ by 11.5 to 12.1."""


@dataclass(frozen=True, slots=True)
class TrainedBytes:
    """Bytes of one trained weight: copies, gradient, states, and what the step needs besides."""

    weight: FloatArray
    gradient: FloatArray
    state: FloatArray
    step: FloatArray


def trained_bytes(
    job: TrainingJob, look: Lookup, weight: FloatArray, gradient: FloatArray, master: FloatArray
) -> TrainedBytes:
    """Bytes of one trained weight under each job's optimizer; what is kept in host memory is 0.

    Args:
        job: the jobs.
        look: their constants.
        weight, gradient: the stack's own widths [byte], which an optimizer in 16 bits overrides.
        master: the stack's second copy of the weights [byte].

    Source: data/memory_terms.csv, work optimizer.
    """
    narrow = look.optimizer("weight")
    width = np.where(narrow > 0.0, narrow, weight)
    stated = np.where(np.isnan(job.gradient_bytes), gradient, job.gradient_bytes)
    gradients = np.where(np.isnan(job.gradient_bytes) & (narrow > 0.0), narrow, stated)
    state = look.optimizer("state") + np.where(narrow > 0.0, 0.0, master)
    on_host = job.offload != OFFLOADS.index("")
    return TrainedBytes(
        weight=np.where(job.offload == OFFLOADS.index("all"), 0.0, width),
        gradient=gradients,
        state=np.where(on_host, 0.0, state),
        step=np.where(on_host, 0.0, look.optimizer("step") * width),
    )


def shards(job: TrainingJob, params: FloatArray) -> FloatArray:
    """Ways in which a stage's weights can be split over replicas, experts by their own [count].

    ways = params / (dense / (dp cp) + experts / replicas of experts).

    Args:
        job: the jobs.
        params: weights of the stage on one GPU [count].

    Source: arXiv 1910.02054 section 3; `expert_replicas`.
    """
    experts = np.minimum(experts_per_gpu(job), params)
    dense = (params - experts) / (job.dp * job.cp)
    return np.asarray(params / (dense + experts / expert_replicas(job)))


def base_bytes(job: TrainingJob, look: Lookup, params: FloatArray) -> FloatArray:
    """A frozen base as stored on one GPU, unsharded [byte]; embedding tables stay at 16 bits.

    Args:
        job: the jobs.
        look: their constants.
        params: weights of the base on one GPU [count].

    Source: QLoRA, arXiv 2305.14314 section 3; data/memory_terms.csv.
    """
    tables = job.shapes.embedding_params / (job.tp * job.pp)
    inner = np.maximum(params - tables, 0.0)
    unstated = np.where(job.task == QLORA, BASES.index("nf4"), BASES.index("bf16"))
    base = np.where(job.base_precision > 0, job.base_precision, unstated)
    width = np.select(
        [base == BASES.index(name) for name in ("int8", "nf4", "nf4_single")],
        [look.base("int8"), look.base("nf4"), look.base("nf4_single")],
        BYTES_16BIT,
    )
    return np.asarray(inner * width + tables * BYTES_16BIT)


def reference_bytes(job: TrainingJob, params: FloatArray) -> FloatArray:
    """The frozen reference of preference tuning at 16 bits [byte]. Source: arXiv 2305.18290."""
    return np.where(job.task == DPO, params * BYTES_16BIT, 0.0)


def trained_tables(job: TrainingJob) -> FloatArray:
    """Embedding tables trained beside an adapter, on one GPU, not sharded [byte].

    Source: as `BYTES_TRAINED_TABLE`.
    """
    tables = job.shapes.embedding_params / (job.tp * job.pp) * BYTES_TRAINED_TABLE
    return np.where(job.trains_adapter, job.lora_embeddings * tables, 0.0)
