"""What fits: weights, KV cache, activations and the engine's own share of GPU memory."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.kernels import attended_bytes
from gpumix.perf.shapes import SPARSE_INDEX_SHARE
from gpumix.units import GIB
from gpumix.values import FloatArray, Values

BLOCK_TOKENS = 16.0
"""KV cache is handed out in blocks of this many tokens. Source: vLLM, arXiv 2309.06180."""


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes on the fullest GPU of one replica; `batch_max` sequences of the whole replica.

    `activation_bytes` are the workspace of a step, `graph_bytes` those of CUDA graphs whether they
    count against the engine's share or not, `buffer_bytes` those of communication,
    `reserve_bytes` context, libraries, adapters and a draft model; `doubt_bytes` is how far the
    room for the cache may lie from `usable_bytes`, either way, in 80 % of cases.
    """

    weights_bytes: FloatArray
    kv_bytes_per_token: FloatArray
    activation_bytes: FloatArray
    reserve_bytes: FloatArray
    usable_bytes: FloatArray
    kv_tokens: FloatArray
    batch_max: FloatArray
    fits: FloatArray
    graph_bytes: FloatArray
    buffer_bytes: FloatArray
    doubt_bytes: FloatArray


PADDED_TO = 128.0
"""Width to which kernels pad experts of 4 bits. Source: measured, gpt-oss-120b (hidden 2,880) takes
64.4 to 66.0 GiB on an H100, by kernel; docs/memory.md."""


def _padded(width: Values) -> Values:
    """A width rounded up to whole blocks, over itself."""
    return np.asarray(np.ceil(width / PADDED_TO) * PADDED_TO / width)


def weights_bytes(dep: Deployment) -> Values:
    """Weights on one GPU [byte]; embeddings at 16 bits, experts and dense parts as stored.

    w = (dense b_d / tp + (experts pe b_e pad + 2 embeddings) / ways) / pp

    Ranks of parallel attention each hold all dense weights: attention, shared experts.

    Experts of 4 bits are padded to whole blocks of `PADDED_TO`; attention keeps `attention_bytes`
    where an engine generation's 8-bit checkpoints leave it wider.

    Source: docs/inference.md, docs/memory.md.
    """
    padded = _padded(dep.hidden) * _padded(np.maximum(dep.expert_ffn, 1.0))
    experts = dep.experts * dep.expert_params * dep.expert_bytes
    experts = experts * np.where(dep.expert_bytes < 1.0, padded, 1.0)
    attention = dep.attention_layers * dep.hidden * dep.head_dim * 2.0 * (dep.heads + dep.kv_heads)
    wider = np.where(dep.dense_bytes == 1.0, np.maximum(dep.attention_bytes - 1.0, 0.0), 0.0)
    dense = dep.dense_params * dep.dense_bytes + wider * np.minimum(attention, dep.dense_params)
    split = (experts + 2.0 * dep.embedding_params) / dep.ways
    return np.asarray((dense / dep.tp + split) / dep.pp)


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


def profiled_tokens(dep: Deployment, length: Values) -> Values:
    """Prompt tokens of the step that an engine sizes its workspace for [tokens].

    Engines that take prompts whole try the longest request they admit, at least 2,048 tokens; the
    others a step of `chunk_tokens`. A request's own length stands in for an unstated limit.

    Args:
        dep: deployments.
        length: prompt and answer of a request [tokens].

    Source: vLLM Worker.determine_num_available_blocks before and after 0.6; docs/memory.md.
    """
    longest = np.maximum(np.where(dep.max_length > 0.0, dep.max_length, length), 2048.0)
    return np.where(longest <= dep.whole_prompt_tokens, longest, dep.chunk_tokens)


def workspace_bytes(dep: Deployment, length: Values) -> Values:
    """Workspace of one step on one GPU [byte]: a dense layer or the sampler, and the experts'.

    max(2 t (copies_f ffn / tp + copies_h h), bytes sequences V)
    + copies_e 2 t top_k (max(2 f_e / tp, h) + f_e / tp)

    Args:
        dep: deployments.
        length: prompt and answer of a request [tokens].

    Source: data/memory_terms.csv, fitted to logs of public issues; docs/memory.md.
    """
    tokens = profiled_tokens(dep, length)
    width = dep.expert_ffn / dep.tp
    routed = dep.top_k * (np.maximum(2.0 * width, dep.hidden) + width) * (dep.expert_params > 0.0)
    layer = dep.ffn_copies * dep.ffn / dep.tp + dep.hidden_copies * dep.hidden
    sequences = np.minimum(dep.max_sequences, tokens)
    sampler = dep.sampler_bytes * sequences * dep.head_params / dep.hidden
    experts = 2.0 * tokens * dep.expert_copies * routed
    return np.maximum(2.0 * tokens * layer, sampler) + experts


def memory(dep: Deployment, input_len: Values, output_len: Values) -> Memory:
    """What fits beside the weights, and the batch that really runs.

    usable = share (memory) - weights - workspace - buffers - graphs - context;
    batch = usable / cache a sequence

    A running sequence counts with its prompt and a share of its answer: all of it where the
    engine reserves room in advance (TensorRT-LLM), about three quarters where it admits by what
    is free now; whole it must fit in any case. TensorRT-LLM takes its share of what is left after
    the weights, others of the whole memory.

    Args:
        dep: deployments.
        input_len: prompt [tokens].
        output_len: answer [tokens].

    Source: vLLM gpu_memory_utilization, TensorRT-LLM free_gpu_memory_fraction; docs/memory.md.
    """
    weights = weights_bytes(dep)
    activations = workspace_bytes(dep, input_len + output_len)
    buffers = np.where(dep.ways > 1.0, dep.group_gib * GIB, 0.0)
    graphs = dep.graph_gib * GIB
    reserve = dep.reserve_bytes + dep.context_gib * GIB
    beside = weights + activations + buffers + reserve + dep.graphs_inside * graphs
    whole = dep.memory_share * dep.memory_bytes - beside
    after = dep.memory_share * (dep.memory_bytes - beside)
    usable = np.where(dep.weights_first > 0.0, after, whole)
    tokens = np.asarray(input_len + dep.output_share * output_len, dtype=np.float64)
    per_sequence = kv_bytes_of_sequence(dep, tokens)
    room = np.maximum(usable, 0.0) / np.maximum(per_sequence, 1.0)
    is_whole = ~(kv_bytes_of_sequence(dep, input_len + output_len) > np.maximum(usable, 0.0))
    batch = np.where((room >= 1.0) & is_whole, room * dep.ranks * dep.copies, 0.0)
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
        graph_bytes=np.asarray(graphs),
        buffer_bytes=np.asarray(buffers),
        doubt_bytes=np.asarray(dep.doubt_share * dep.memory_bytes),
    )


def request_bytes(dep: Deployment, tokens: Values) -> FloatArray:
    """Cache that one whole request needs on one GPU [byte], prompt and answer together.

    Args:
        dep: deployments.
        tokens: prompt and answer [tokens].

    Source: `kv_bytes_of_sequence`.
    """
    return np.asarray(kv_bytes_of_sequence(dep, tokens) * np.ones(dep.rows))


def longest_request(dep: Deployment, cache_bytes: Values) -> FloatArray:
    """Tokens of the longest request that a cache holds alone, in whole blocks [tokens].

    t = (cache - state - window bytes_w) / bytes_full beyond the window, cache / (bytes_full +
    bytes_w) within it

    Args:
        dep: deployments.
        cache_bytes: room for the cache on one GPU [byte].

    Source: the inverse of `kv_bytes_of_sequence`.
    """
    ways = kv_ways(dep) * dep.pp
    room = np.maximum(cache_bytes - dep.state_bytes / (dep.tp * dep.pp), 0.0) * ways
    both = np.maximum(dep.full_kv_bytes + dep.window_kv_bytes, 1e-9)
    within = room / both
    window = np.where(np.isfinite(dep.window), dep.window, 0.0) * dep.window_kv_bytes
    beyond = (room - window) / np.maximum(dep.full_kv_bytes, 1e-9)
    tokens = np.where((within > dep.window) & (dep.full_kv_bytes > 0.0), beyond, within)
    return np.asarray(np.floor(np.maximum(tokens - BLOCK_TOKENS / 2.0, 0.0)))
