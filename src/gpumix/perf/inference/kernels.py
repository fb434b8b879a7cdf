"""Time of each kernel of one engine step; pure formulas on floats or arrays.

Every time is of one model replica's step: all layers, in seconds. `tokens` counts every token
of the step: decoding sequences plus prompt tokens.
"""

from __future__ import annotations

import numpy as np

from gpumix.values import Values


def smooth_max(x: Values, y: Values) -> Values:
    """Time of two resources used at once, none of which is perfectly hidden behind the other.

    t = sqrt(x^2 + y^2): never below max(x, y), at most 1.41 times it.

    Args:
        x: time on the first resource [s].
        y: time on the second [s].

    Source: the norm exponent fitted to measured decode steps sits at 2, docs/inference.md.

    >>> float(smooth_max(3.0, 4.0))
    5.0
    """
    return np.sqrt(x * x + y * y)


def linear(
    tokens: Values,
    params: Values,
    bytes_per_weight: Values,
    flops: Values,
    bandwidth: Values,
    half_tokens: Values,
) -> Values:
    """Matrix products of attention and MLP against all dense weights.

    t = smooth_max(2 params (tokens + half) / flops, params bytes / bandwidth)

    Args:
        tokens: tokens in the step [tokens].
        params: dense weights on one GPU [count].
        bytes_per_weight: as stored [byte].
        flops: peak times the efficiency of large products [FLOP/s].
        bandwidth: peak times the share reached when streaming weights [byte/s].
        half_tokens: tokens at which half that efficiency is reached [tokens].

    Source: roofline (Williams 2009); saturation fitted to NVIDIA's GEMM tables
    (aiconfigurator 0.12.0), docs/inference.md.

    >>> round(float(linear(1.0, 8e9, 2.0, 8e14, 3e12, 0.0)) * 1e3, 2)
    5.33
    """
    return smooth_max(
        2.0 * params * (tokens + half_tokens) / flops, params * bytes_per_weight / bandwidth
    )


def experts_touched(tokens: Values, experts: Values, top_k: Values) -> Values:
    """Distinct experts that a batch of tokens wakes in one layer.

    E' = E (1 - (1 - k/E)^tokens)

    Args:
        tokens: tokens in the step [tokens].
        experts: experts of a layer [count].
        top_k: experts per token [count].

    Source: coupon counting with uniform routing; GenZ, arXiv 2406.01698.

    >>> round(float(experts_touched(16.0, 8.0, 2.0)), 2)
    7.92
    """
    return -experts * np.expm1(tokens * np.log1p(-np.minimum(top_k / experts, 1.0 - 1e-9)))


def experts(
    tokens: Values,
    expert_params: Values,
    experts_per_layer: Values,
    top_k: Values,
    ways: Values,
    bytes_per_weight: Values,
    flops: Values,
    bandwidth: Values,
    half_tokens: Values,
    spread: Values = 1.0,
) -> Values:
    """Routed experts: weights of those touched, and each expert's small matrix product.

    t = smooth_max(2 params E' (m + half) / (ways flops), E' params bytes / (ways bandwidth)),
    m = tokens k / E'

    Args:
        tokens: tokens in the step [tokens].
        expert_params: one expert, all layers [count]; 0 for a dense model.
        experts_per_layer: routed experts of a layer [count].
        top_k: experts per token [count].
        ways: GPUs the experts are spread over [count].
        bytes_per_weight: as stored [byte].
        flops: peak times efficiency [FLOP/s].
        bandwidth: peak times share reached [byte/s].
        half_tokens: tokens an expert needs for half that efficiency [tokens].
        spread: independent draws a token is worth; below 1 where routing is skewed [0-1].

    Source: docs/inference.md; grouped GEMM tables of aiconfigurator 0.12.0.
    """
    touched = experts_touched(tokens * spread, experts_per_layer, top_k)
    products = tokens * top_k + touched * half_tokens
    return smooth_max(
        2.0 * expert_params * products / (ways * flops),
        touched * expert_params * bytes_per_weight / (ways * bandwidth),
    )


def head(
    sequences: Values, params: Values, ways: Values, flops: Values, bandwidth: Values
) -> Values:
    """Logits of the sequences that get a token in this step; 16-bit weights.

    Args:
        sequences: rows of the product [count].
        params: vocabulary times width [count].
        ways: tensor-parallel GPUs [count].
        flops: 16-bit peak times efficiency [FLOP/s].
        bandwidth: peak times share reached [byte/s].

    Source: as `linear`.
    """
    return smooth_max(2.0 * sequences * params / (ways * flops), 2.0 * params / (ways * bandwidth))


def attended_bytes(
    context: Values,
    full_bytes: Values,
    window_bytes: Values,
    window: Values,
    sparse_top: Values,
    sparse_share: float,
) -> Values:
    """KV-cache bytes one decoding sequence reads in one step, on one GPU holding everything.

    Args:
        context: tokens cached so far [tokens].
        full_bytes: KV bytes per token of the layers that see everything [byte].
        window_bytes: same, of the layers with a window [byte].
        window: its length [tokens].
        sparse_top: tokens a sparse indexer selects [tokens]; infinite without one.
        sparse_share: its own bytes as a share of the cache's [0-1].

    Source: model cards; DeepSeek-V3.2 report section 2.

    >>> float(attended_bytes(4096.0, 100.0, 50.0, 1024.0, float("inf"), 0.15))
    460800.0
    """
    sparse = np.minimum(sparse_top + sparse_share * context, context)
    return full_bytes * sparse + window_bytes * np.minimum(context, window)


def repeated_reads(group: Values, repeat: Values) -> Values:
    """How much longer a cache shared by groups of query heads takes to read, than if read once.

    1 + repeat (group - 1): kernels that give each query head a thread block of its own
    read its keys and values again, from the second-level cache.

    Args:
        group: query heads that share one head of keys and values [count].
        repeat: time of another read over that of the first [1]; 0 where groups are packed.

    Source: PagedAttention V1 and V2 (vllm csrc/attention: one block for each query head); packed
    groups: Flash-Decoding, FlashInfer. Share fitted, docs/inference.md.

    >>> repeated_reads(4.0, 0.1)
    1.3
    """
    return 1.0 + repeat * (group - 1.0)


def attention_decode(
    sequences: Values,
    bytes_per_sequence: Values,
    bandwidth: Values,
    latent_flops_per_sequence: Values,
    flops: Values,
    layers: Values,
    launch_s: Values,
) -> Values:
    """Attention of decoding sequences: the KV cache is read once per step.

    t = smooth_max(sequences bytes / bandwidth, sequences flop / flops) + layers launch

    Args:
        sequences: decoding on one GPU [count].
        bytes_per_sequence: cache a sequence reads there [byte].
        bandwidth: peak times share reached by attention [byte/s].
        latent_flops_per_sequence: FLOP of latent attention (MLA); 0 otherwise [FLOP].
        flops: 16-bit peak times efficiency [FLOP/s].
        layers: attention layers [count].
        launch_s: floor of one call [s].

    Source: decode-attention tables of aiconfigurator 0.12.0 (floor 11-20 us a call).
    """
    return (
        smooth_max(
            sequences * bytes_per_sequence / bandwidth,
            sequences * latent_flops_per_sequence / flops,
        )
        + np.minimum(sequences, 1.0) * layers * launch_s
    )


def attention_prefill(
    prompt_tokens: Values,
    full_span: Values,
    window_span: Values,
    heads: Values,
    head_dim: Values,
    full_layers: Values,
    window_layers: Values,
    flops: Values,
    half_span: Values = 0.0,
) -> Values:
    """Causal attention of prompt tokens against what precedes them.

    t = 4 tokens h d ((span_full + half) layers_full + (span_window + half) layers_window) / flops

    Args:
        prompt_tokens: in this step [tokens].
        full_span: mean tokens each of them attends to in full layers [tokens].
        window_span: same in windowed layers [tokens].
        heads: query heads on one GPU [count].
        head_dim: their width [count].
        full_layers: layers that see everything [count].
        window_layers: layers with a window [count].
        flops: 16-bit peak times the efficiency of long prompts [FLOP/s].
        half_span: span at which half of it is reached [tokens].

    Source: FlashAttention-2, arXiv 2307.08691 section 4.1.
    """
    spans = (full_span + half_span) * full_layers + (window_span + half_span) * window_layers
    return 4.0 * prompt_tokens * heads * head_dim * spans / flops


def activations(
    tokens: Values, hidden: Values, layers: Values, passes: Values, bandwidth: Values
) -> Values:
    """Norms, residuals, rotary embedding and other elementwise work; not split by TP.

    t = tokens h 2 passes layers / bandwidth

    Args:
        tokens: in the step [tokens].
        hidden: width [count].
        layers: [count].
        passes: times a 16-bit activation is read or written per layer [count].
        bandwidth: [byte/s].

    Source: docs/inference.md.
    """
    return tokens * hidden * 2.0 * passes * layers / bandwidth


def all_reduce(
    tokens: Values,
    hidden: Values,
    layers: Values,
    tp: Values,
    latency_s: Values,
    bus: Values,
    growth: Values = 0.5,
) -> Values:
    """Two all-reduces a layer under tensor parallelism; 0 on one GPU.

    t = 2 layers (latency (1 + growth log2(tp/2)) + 4 (tp-1)/tp tokens h / bus)

    Args:
        tokens: in the step [tokens].
        hidden: width [count].
        layers: [count].
        tp: tensor-parallel GPUs [count].
        latency_s: of a small message between two [s].
        bus: bus bandwidth reached [byte/s].
        growth: of the latency with each doubling of the group [1].

    Source: NCCL-tests PERFORMANCE.md (bus bandwidth of a ring); growth: fit_priors.BY_HAND.
    """
    messages = latency_s * (1.0 + growth * np.log2(np.maximum(tp, 2.0) / 2.0))
    volume = 4.0 * (tp - 1.0) / tp * tokens * hidden / bus
    return np.where(tp > 1.0, 2.0 * layers * (messages + volume), 0.0)


def copies_sent(top_k: Values, ranks: Values, nodes: Values) -> Values:
    """Copies of a token that cross the link which limits the exchange.

    min(k, ranks) (ranks-1)/ranks inside one node: one to each other GPU that has an expert of it.
    Between nodes (nodes-1) (1 - (1-1/nodes)^k): one to each other node that has any, which hands it
    on over its own links.

    Args:
        top_k: experts a token visits [count].
        ranks: attention-parallel ranks [count].
        nodes: domains of fast links that the ranks lie in [count].

    Source: DeepEP README (normal kernels forward from the network to NVLink); expected number of
    nodes for experts drawn alike.

    >>> float(copies_sent(8.0, 8.0, 1.0)), float(copies_sent(8.0, 16.0, 2.0))
    (7.0, 0.99609375)
    """
    inside = np.minimum(top_k, ranks) * (ranks - 1.0) / ranks
    between = (nodes - 1.0) * (1.0 - (1.0 - 1.0 / nodes) ** top_k)
    return np.where(np.asarray(nodes) > 1.0, between, inside)


def all_to_all(
    tokens: Values,
    hidden: Values,
    layers: Values,
    copies: Values,
    ranks: Values,
    latency_s: Values,
    bus: Values,
) -> Values:
    """Dispatch and combine of expert tokens between attention-parallel ranks.

    t = 2 layers (latency + 2 tokens/ranks h copies / bus)

    Args:
        tokens: in the step, all ranks [tokens].
        hidden: width [count].
        layers: [count].
        copies: of a token that leave its GPU, `copies_sent` [count].
        ranks: attention-parallel ranks [count]; 0 time for 1.
        latency_s: of a small message [s].
        bus: bandwidth of one GPU's link reached [byte/s].

    Source: DeepEP normal dispatch and combine; docs/inference.md.
    """
    volume = 2.0 * tokens / ranks * hidden * copies / bus
    return np.where(ranks > 1.0, 2.0 * layers * (latency_s + volume), 0.0)
