"""Peak memory of a job whose stack was measured term by term: whole layers are recomputed.

Two moments can be the peak: the backward pass of one layer (or of the logits), and the
optimizer's step. Gradients are there at the first only where they gather over micro-batches; what
FSDP gathers is there at the first only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpumix.domain.training_words import LOSSES
from gpumix.perf.training.constants import Lookup
from gpumix.perf.training.job import FULL, QLORA, ZERO1, ZERO2, ZERO3, TrainingJob
from gpumix.perf.training.states import (
    base_bytes,
    reference_bytes,
    shards,
    trained_bytes,
    trained_tables,
)
from gpumix.perf.training.step import micro_batches
from gpumix.perf.training.terms import BYTES_16BIT
from gpumix.units import GIB
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class EagerPeak:
    """Bytes on one GPU at the peak, a row each; `spare` is the context and what is kept apart."""

    weights: FloatArray
    gradients: FloatArray
    optimizer: FloatArray
    activations: FloatArray
    logits: FloatArray
    spare: FloatArray


def is_eager(job: TrainingJob, look: Lookup) -> NDArray[np.bool_]:
    """Whether a job is of the kind measured: such a stack, checkpoints of whole layers."""
    measured: NDArray[np.bool_] = look.is_measured & (job.activation_ckpt == FULL)
    return measured


def eager_peak(
    job: TrainingJob, look: Lookup, params: FloatArray, adapter: FloatArray
) -> EagerPeak:
    """Peak of each job, by component.

    peak = weights + states + max(max(inputs + layer, 2 h L t + logits) + gathered, step); what
    comes and goes (all but weights and states) needs a share more than it holds.

    Args:
        job: the jobs; rows that are not `is_eager` have no meaning.
        look: their constants.
        params: weights on one GPU, unsharded [count].
        adapter: trained weights of an adapter on one GPU, unsharded [count].

    Source: fms-acceleration benchmark of 256 jobs (refs/a100_80gb.csv@876e2ed6fc);
    data/memory_terms.csv; docs/memory.md.
    """
    by = shards(job, params)
    share = {s: np.where(job.sharding >= s, 1.0 / by, 1.0) for s in (ZERO1, ZERO2, ZERO3)}
    tunes = job.trains_adapter
    frozen = np.where(tunes, base_bytes(job, look, params), reference_bytes(job, params))
    own = trained_bytes(
        job, look, *(look.measured(name) for name in ("weight", "gradient", "master"))
    )
    wide = trained_bytes(job, look, *(np.full(len(job), x) for x in (4.0, 4.0, 0.0)))
    trained = np.where(tunes, adapter, params)
    width = np.where(tunes, wide.weight, own.weight)
    weights = (frozen + trained * width) * share[ZERO3]
    gathered = _gathered(job, frozen, params)
    state = trained * np.where(tunes, wide.state, own.state) * share[ZERO1]
    gradients = trained * np.where(tunes, wide.gradient, own.gradient) * share[ZERO2]
    step = trained * np.where(tunes, wide.step, own.step) * share[ZERO1]
    state = state + trained_tables(job)
    activations, logits = _activations(job, look)
    gathers = ~tunes & (job.global_batch > 1.001 * job.micro_batch * job.dp)
    backward = activations + logits + np.where(gathers, gradients, 0.0)
    at_step = gradients + step > backward + gathered
    moving = np.where(at_step, 0.0, activations + logits)
    context = np.where(job.n_gpus > 1.0, look.measured("context_group"), look.measured("context"))
    return EagerPeak(
        weights=weights + np.where(at_step, 0.0, gathered),
        gradients=np.where(at_step | gathers, gradients, 0.0),
        optimizer=state + np.where(at_step, step, 0.0),
        activations=np.where(at_step, 0.0, activations),
        logits=np.where(at_step, 0.0, logits),
        spare=context * GIB
        + look.measured("spare") * np.where(at_step, step, moving + gathered)
        + np.where(_is_sharded(job), look.measured("spare_sharded"), 0.0) * moving,
    )


def _gathered(job: TrainingJob, frozen: FloatArray, params: FloatArray) -> FloatArray:
    """What FSDP gathers on every GPU: the embedding tables and one layer, as they are stored."""
    tables = job.shapes.embedding_params / (job.tp * job.pp) * BYTES_16BIT
    whole = np.where(job.trains_adapter, frozen, params * BYTES_16BIT)
    layer = np.maximum(whole - tables, 0.0) / np.maximum(job.shapes.layers / job.pp, 1.0)
    return np.where(_is_sharded(job), tables + layer, 0.0)


def _is_sharded(job: TrainingJob) -> NDArray[np.bool_]:
    sharded: NDArray[np.bool_] = (job.sharding == ZERO3) & (job.dp * job.cp > 1.0)
    return sharded


def _activations(job: TrainingJob, look: Lookup) -> tuple[FloatArray, FloatArray]:
    """Activations and logits at the higher of their two moments [byte].

    One expert is computed after the other: a token's experts count half of their width. Where a
    quantised base was prepared for training and is not sharded, layers work in 32 bits.
    """
    shape = job.shapes
    tokens = micro_batches(job)[0] * job.seq_len / job.cp * look.real_tokens
    kept = shape.hidden * shape.layers / job.pp * tokens
    apart = job.trains_adapter & _is_sharded(job)
    wide = (job.base_prepared > 0) & (job.task == QLORA) & ~apart
    first = kept * np.where(wide, look.measured("inputs_prepared"), look.measured("inputs"))
    inputs = np.where(apart, kept * look.measured("inputs_sharded_adapter"), first)
    ffn = np.maximum(shape.ffn, shape.top_k * shape.expert_ffn / 2.0)
    hidden = np.where(
        job.loss > 0, look.measured("layer_hidden_fused"), look.measured("layer_hidden")
    )
    hidden = np.where(wide, look.measured("layer_hidden_prepared"), hidden)
    layer = tokens * (look.measured("layer_ffn") * ffn + hidden * shape.hidden)
    width = np.select(
        [job.loss == LOSSES.index("linear"), job.loss == LOSSES.index("fused")],
        [np.zeros(len(job)), look.measured("logits_fused")],
        look.measured("logits"),
    )
    logits = width * shape.vocab * tokens * (1.0 - shape.encoder)
    later = first + logits > inputs + layer
    return np.where(later, first, inputs + layer), np.where(later, logits, 0.0)
