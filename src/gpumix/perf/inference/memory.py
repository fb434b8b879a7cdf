"""What fits: weights, KV cache, activations and the engine's own share of GPU memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.kernels import attended_bytes
from gpumix.perf.shapes import SPARSE_INDEX_SHARE
from gpumix.values import FloatArray, Values

BLOCK_TOKENS = 16.0
"""KV cache is handed out in blocks of this many tokens. Source: vLLM, arXiv 2309.06180."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on the fullest GPU of one replica; `batch_max` sequences of the whole replica."""

    weights_bytes: FloatArray
    kv_bytes_per_token: FloatArray
    activation_bytes: FloatArray
    reserve_bytes: FloatArray
    usable_bytes: FloatArray
    kv_tokens: FloatArray
    batch_max: FloatArray
    fits: FloatArray


def weights_bytes(dep: Deployment) -> Values:
    """Weights on one GPU [byte]; embeddings at 16 bits, experts and dense parts as stored.

    w = (dense b_d + experts pe b_e) / (ways pp) + 2 embeddings / (ways pp)

    Source: docs/inference.md.
    """
    stored = dep.dense_params * dep.dense_bytes + dep.experts * dep.expert_params * dep.expert_bytes
    return (stored + 2.0 * dep.embedding_params) / (dep.ways * dep.pp)


def kv_ways(dep: Deployment) -> Values:
    """GPUs one sequence's cache is split over in a pipeline stage: max(1, min(tp, KV heads)).

    Args:
        dep: deployments.

    Returns: ways the cache is split [count].

    Source: Megatron-LM tensor parallelism, arXiv 1909.08053; KV heads are copied beyond that.
    """
    return np.maximum(1.0, np.minimum(dep.tp, dep.kv_heads))


def kv_bytes_of_sequence(dep: Deployment, tokens: Values) -> Values:
    """Cache one sequence holds on one GPU, in whole blocks [byte], recurrent state included.

    Args:
        dep: deployments.
        tokens: cached tokens of the sequence [tokens].

    Source: PagedAttention, arXiv 2309.06180; windowed layers keep only their window.
    """
    blocks = tokens + BLOCK_TOKENS / 2.0
    held = attended_bytes(
        blocks, dep.full_kv_bytes, dep.window_kv_bytes, dep.window, np.inf, SPARSE_INDEX_SHARE
    )
    return held / (kv_ways(dep) * dep.pp) + dep.state_bytes / (dep.tp * dep.pp)


def memory(dep: Deployment, input_len: Values, output_len: Values) -> Memory:
    """What fits beside the weights, and the batch that really runs.

    usable = share (memory) - weights - activations - reserve; batch = usable / cache a sequence

    A running sequence counts with its prompt and a share of its answer: all of it where the
    engine reserves room in advance (TensorRT-LLM), about three quarters where it admits by what
    is free now. TensorRT-LLM takes its share of what is left after the weights, others of the
    whole memory.

    Args:
        dep: deployments.
        input_len: prompt [tokens].
        output_len: answer [tokens].

    Source: vLLM gpu_memory_utilization, TensorRT-LLM free_gpu_memory_fraction; docs/inference.md.
    """
    weights = weights_bytes(dep)
    activations = dep.activation_share * 2.0 * dep.chunk_tokens * dep.hidden * 6.0 / dep.tp
    reserve = dep.reserve_bytes + np.where(dep.ways > 1.0, dep.group_reserve_bytes, 0.0)
    whole = dep.memory_share * dep.memory_bytes - weights - activations - reserve
    after = dep.memory_share * (dep.memory_bytes - weights - activations - reserve)
    usable = np.where(dep.weights_first > 0.0, after, whole)
    tokens = np.asarray(input_len + dep.output_share * output_len, dtype=np.float64)
    per_sequence = kv_bytes_of_sequence(dep, tokens)
    room = np.maximum(usable, 0.0) / np.maximum(per_sequence, 1.0)
    batch = np.where(room >= 1.0, room * dep.ranks * dep.copies, 0.0)
    per_token = (dep.full_kv_bytes + dep.window_kv_bytes) / (kv_ways(dep) * dep.pp)
    return Memory(
        weights_bytes=np.asarray(weights),
        kv_bytes_per_token=np.asarray(per_token),
        activation_bytes=np.asarray(activations),
        reserve_bytes=np.asarray(reserve),
        usable_bytes=np.asarray(usable),
        kv_tokens=np.asarray(room * tokens * dep.ranks * dep.copies),
        batch_max=np.asarray(batch),
        fits=np.asarray(batch >= 1.0),
    )
