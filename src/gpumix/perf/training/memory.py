"""Memory of one GPU in a training job, by component.

States are sharded as the job's `sharding` says; activations are kept for every micro-batch in
flight in the pipeline's first stage, logits only in its last; the larger stage is the peak.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpumix.domain.fit import TrainingParts
from gpumix.perf.training.constants import Constants, Lookup
from gpumix.perf.training.eager import eager_peak, is_eager
from gpumix.perf.training.job import (
    FULL,
    QLORA,
    SELECTIVE,
    ZERO1,
    ZERO2,
    ZERO3,
    TrainingJob,
)
from gpumix.perf.training.states import (
    BYTES_ADAM,
    base_bytes,
    reference_bytes,
    shards,
    trained_bytes,
    trained_tables,
)
from gpumix.perf.training.step import micro_batches, sharded_width
from gpumix.perf.training.terms import BYTES_16BIT
from gpumix.perf.training.weights import weights_per_gpu
from gpumix.units import GIB
from gpumix.values import FloatArray

BYTES_SCORES = 5.0
"""An attention score kept without a fused kernel: softmax in and out, and the dropout mask [byte].
Source: Korthikanti et al. 2022 (arXiv 2205.05198) eq. 1."""


@dataclass(frozen=True, slots=True)
class TrainingMemory:
    """Peak memory per GPU [byte], a row each; `usable_bytes` is what a job may take."""

    weights: FloatArray
    gradients: FloatArray
    optimizer: FloatArray
    activations: FloatArray
    logits: FloatArray
    overhead: FloatArray
    total_bytes: FloatArray
    usable_bytes: FloatArray
    fits: NDArray[np.bool_]


def parts_of(need: TrainingMemory, row: int) -> TrainingParts:
    """One job's peak by component, for people."""
    names = ("weights", "gradients", "optimizer", "activations", "logits", "overhead")
    return TrainingParts(*(float(getattr(need, name)[row]) / GIB for name in names))


def memory(job: TrainingJob, constants: Constants) -> TrainingMemory:
    """Peak memory per GPU of every job.

    total = (weights + gradients + optimizer + max over stages(activations, logits)) x
    fragmentation + overhead; usable = card x usable share, and no more than a job sees of
    it. Stacks whose memory was measured term by
    term have `eager_peak` where whole layers are recomputed.

    Source: ZeRO (arXiv 1910.02054) section 3; Korthikanti et al. (arXiv 2205.05198) section 4;
    Megatron-LM theoretical_memory_usage.py; bytes per stack fitted.
    """
    look = Lookup(job, constants)
    params, adapter = _heaviest_stage(job), adapter_params(job)
    weights, gradients, optimizer = _states(job, look, params, adapter)
    first, last, logits = _activations(job, look)
    heavier_last = last + logits > first
    activations = np.where(heavier_last, last, first)
    logits = np.where(heavier_last | (job.pp == 1), logits, 0.0)
    held = weights + gradients + optimizer + activations + logits
    overhead = look.stack("base_bytes") + look.kernel("memory_fragmentation") * held
    eager, peak = is_eager(job, look), eager_peak(job, look, params, adapter)
    parts = {
        "weights": np.where(eager, peak.weights, weights),
        "gradients": np.where(eager, peak.gradients, gradients),
        "optimizer": np.where(eager, peak.optimizer, optimizer),
        "activations": np.where(eager, peak.activations, activations),
        "logits": np.where(eager, peak.logits, logits),
        "overhead": np.where(eager, peak.spare, overhead),
    }
    total = sum(parts.values(), start=np.zeros(len(job)))
    usable = np.minimum(job.parts.mem_bytes * look.kernel("memory_usable"), job.parts.visible_bytes)
    return TrainingMemory(**parts, total_bytes=total, usable_bytes=usable, fits=total <= usable)


def adapter_params(job: TrainingJob) -> FloatArray:
    """Trainable parameters of a LoRA adapter on one GPU [count]: rank x (in + out) of a matrix.

    Source: Hu et al. 2021 (LoRA, arXiv 2106.09685) section 4.1. Attention-only targets adapt
    about a third of the width.
    """
    width = job.shapes.lora_width * np.where(job.lora_all_layers > 0, 1.0, 1.0 / 3.0)
    return np.where(job.trains_adapter, job.lora_rank * width, 0.0) / (job.tp * job.pp)


def _states(
    job: TrainingJob, look: Lookup, params: FloatArray, adapter: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    shape = job.shapes
    by = {s: np.where(job.sharding >= s, shards(job, params), 1.0) for s in (ZERO1, ZERO2, ZERO3)}
    kept_whole = (job.sharding == ZERO3) & (job.pp > 1)
    layer = params / np.maximum(shape.layers / job.pp, 1.0)
    working = np.where(job.sharding == ZERO3, 2.0 * layer * BYTES_16BIT, 0.0)
    working = np.where(kept_whole, params * (BYTES_16BIT + look.stack("gradient_bytes")), working)
    tunes = job.trains_adapter
    own = look.stack("optimizer_bytes")
    trained = trained_bytes(
        job, look, look.stack("weight_bytes"), look.stack("gradient_bytes"),
        np.maximum(own - BYTES_ADAM, 0.0),
    )  # fmt: skip
    state = np.where((job.optimizer == 0) & (job.offload == 0), own, trained.state)
    policy = np.where(tunes, base_bytes(job, look, params), params * trained.weight)
    weights = (policy + reference_bytes(job, params)) / by[ZERO3] + working
    gradients = np.where(tunes, 0.0, params * trained.gradient) / by[ZERO2]
    optimizer = np.where(tunes, 0.0, params * state) / by[ZERO1]
    return (
        weights,
        gradients,
        optimizer + adapter * look.stack("adapter_bytes") + trained_tables(job),
    )


def _heaviest_stage(job: TrainingJob) -> FloatArray:
    """Parameters of the stage that also holds an embedding table, on one GPU."""
    table = job.shapes.vocab * job.shapes.hidden / job.tp
    return weights_per_gpu(job) + np.where(job.pp > 1, table * (1.0 - 1.0 / job.pp), 0.0)


def _activations(job: TrainingJob, look: Lookup) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Activations of the first and of the last stage, and the logits [byte]."""
    shape = job.shapes
    micro_batch, m = micro_batches(job)
    tokens = micro_batch * job.seq_len / job.cp * look.real_tokens
    kept = BYTES_16BIT * sharded_width(job, look) * tokens
    kept = kept * look.stack("activation_scale")
    inputs = BYTES_16BIT * shape.hidden * tokens * shape.layers / job.pp
    inputs = inputs / np.where(look.stack("sequence_parallel") > 0, job.tp, 1.0)
    unfused = 1.0 - look.stack("fused_attention")
    scores = unfused * BYTES_SCORES * shape.heads * job.seq_len * tokens / job.tp
    kept = kept + scores * shape.layers / job.pp
    layer = kept / np.maximum(shape.layers / job.pp, 1.0) * look.kernel("working_layers")
    per_micro = np.select(
        [job.activation_ckpt == FULL, job.activation_ckpt == SELECTIVE],
        [inputs, kept * look.kernel("selective_kept")],
        kept,
    )
    in_flight = np.minimum(m, job.pp)
    interleaved = 1.0 + (job.pp - 1.0) / job.pp * np.where(job.vp > 1, 1.0 / job.vp, 0.0)
    first = per_micro * in_flight * interleaved + layer
    logits = look.stack("logit_bytes") * shape.vocab * tokens / job.tp * (1.0 - shape.encoder)
    logits = logits * np.where(job.task == QLORA, look.kernel("qlora_logits"), 1.0)
    return first, per_micro + layer, logits
