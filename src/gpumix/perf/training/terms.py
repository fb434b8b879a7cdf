"""The terms of a training step, one formula each, on floats or arrays.

Times are seconds of one GPU for one micro-batch of `tokens` tokens unless the name says
otherwise. `training.step` adds them up; nothing here knows of models, GPUs or tables.
"""

from __future__ import annotations

import numpy as np

from gpumix.values import Values

BYTES_16BIT = 2.0


def passes(full_weights: Values, recompute: Values, reference: Values) -> Values:
    """Forward-equivalent passes over the matrices per token.

    k = 2 + full_weights + recompute + reference: forward, gradient of the activations, gradient
    of the weights (absent for frozen ones), a second forward under full recomputation, the
    forward of a reference model.

    full_weights: 1 where the matrices are trained, 0 for LoRA [-]; recompute: share of the
    forward done again [-]; reference: 1 for preference tuning with a reference model [-].
    Source: Kaplan et al. 2020 (arXiv 2001.08361) section 2.1; Hu et al. 2021 (LoRA).

    >>> passes(1.0, 1.0, 0.0), passes(0.0, 0.0, 0.0)
    (4.0, 2.0)
    """
    return 2.0 + full_weights + recompute + reference


def attention_flops(
    tokens: Values, seq_len: Values, width: Values, causal: Values, k: Values
) -> Values:
    """FLOPs of the two attention products, forward and backward.

    F = tokens x 4 x seq_len x width x causal x (k + 0.5); the backward of a fused kernel costs
    2.5 forwards (it recomputes the scores), whatever is trained, so k counts as for full weights.

    tokens [token]; seq_len [token]; width: query width summed over layers [element];
    causal: 0.5 where a token sees only what is before it, else 1 [-]; k: passes [-].
    Source: Dao 2023 (FlashAttention-2, arXiv 2307.08691) section 4.1.

    >>> attention_flops(1.0, 2048.0, 4096.0 * 32, 0.5, 1.0 - 0.5)
    536870912.0
    """
    return tokens * 4.0 * seq_len * width * causal * (k + 0.5)


def matmul_time(
    flops: Values,
    peak: Values,
    efficiency: Values,
    bandwidth: Values,
    inverse_sizes: Values,
    roofline: Values,
    element_bytes: Values,
) -> Values:
    """Time of the matrix products, with the bytes small or narrow ones cannot hide.

    t = F / (P e) x (1 + c (P / B) (b / 2) (1/m + 1/k + 1/n)): a product of m x k by k x n moves
    b (1/m + 1/k + 1/n) bytes per 2 FLOPs.

    flops [FLOP]; peak P, dense [FLOP/s]; efficiency e, the fraction large products reach [-];
    bandwidth B of device memory [byte/s]; inverse_sizes 1/m + 1/k + 1/n with m tokens and k, n
    the widths on one GPU [1/element]; roofline c, the share of those bytes that is not overlapped
    [-]; element_bytes b.

    Source: roofline model, Williams et al. 2009; e from the measured
    maximum achievable matmul rate (ml-engineering, compute/accelerator).

    >>> round(matmul_time(1e15, 989e12, 0.8, 3.35e12, 3e-9, 1.0, 2.0), 3)
    1.264
    """
    spill = roofline * (peak / bandwidth) * (element_bytes / 2.0) * inverse_sizes
    return flops / (peak * efficiency) * (1.0 + spill)


def power_share(watts_per_tflop: Values, reference: Values, exponent: Values) -> Values:
    """Share of the matmul rate a card keeps whose power limit is low for its peak.

    f = min(w / r, 1)^e: clocks fall when the limit does not feed all tensor cores.

    watts_per_tflop w, power limit over dense 16-bit peak [W s/TFLOP]; reference r, that of the
    architecture's full-power part; exponent e [-].

    Source: exponent fitted on rows of 500 W H100
    and PCIe cards against SXM.

    >>> float(power_share(1.0, 0.7, 0.2))
    1.0
    """
    return np.minimum(watts_per_tflop / reference, 1.0) ** exponent


def elementwise_time(
    touches: Values, width: Values, tokens: Values, k: Values, bandwidth: Values
) -> Values:
    """Time of norms, activations, residuals, casts and losses: bytes over memory bandwidth.

    t = touches x 2 B x width x tokens x (k / 3) / B.

    touches: reads and writes of every kept activation over a step [-]; width: activations of one
    token on this GPU [element]; tokens [token]; k passes [-]; bandwidth [byte/s].
    Source: shape of the term from Korthikanti et al. 2022 (arXiv 2205.05198) eq. 1; `touches`
    fitted per stack.
    """
    return touches * BYTES_16BIT * width * tokens * (k / 3.0) / bandwidth


def dequantise_time(
    bytes_per_param: Values, params: Values, k: Values, bandwidth: Values
) -> Values:
    """Time to expand 4-bit weights to 16 bits in every pass: t = bytes x params x k / B.

    bytes_per_param read and written per weight and pass [byte]; params on this GPU [-]; k [-];
    bandwidth [byte/s].

    Source: Dettmers et al. 2023 (QLoRA, arXiv 2305.14314) section 3.
    """
    return bytes_per_param * params * k / bandwidth


def tensor_parallel_time(
    tokens: Values,
    hidden: Values,
    layers: Values,
    tp: Values,
    collectives: Values,
    bandwidth: Values,
) -> Values:
    """Time of the all-reduces (or their sequence-parallel halves) inside tensor parallelism.

    t = collectives x 2 (tp - 1) / tp x 2 B x tokens x hidden x layers / B.

    tokens [token]; hidden [element]; layers on this GPU [-]; tp ways [-]; collectives: all-reduces
    a layer, 4 for forward and backward [-]; bandwidth of the link, one direction [byte/s].
    Source: Shoeybi et al. 2019 (Megatron-LM, arXiv 1909.08053) figure 4.

    >>> tensor_parallel_time(1.0, 4096.0, 32.0, 1.0, 4.0, 1e9)
    0.0
    """
    ring = 2.0 * (tp - 1.0) / tp
    return collectives * ring * BYTES_16BIT * tokens * hidden * layers / bandwidth


def stage_transfer_time(tokens: Values, hidden: Values, tp: Values, bandwidth: Values) -> Values:
    """Time to pass a micro-batch to the next pipeline stage and its gradients back.

    t = 2 x 2 B x tokens x hidden / tp / B: tensor-parallel ranks send a part each.

    tokens [token]; hidden [element]; tp ways [-]; bandwidth of one GPU to the next stage [byte/s].
    Source: Narayanan et al. 2021 (arXiv 2104.04473) section 3.2 and, for the split, section 4.1.

    >>> stage_transfer_time(1000.0, 1000.0, 4.0, 1e6)
    1.0
    """
    return 2.0 * BYTES_16BIT * tokens * hidden / tp / bandwidth


def shard_time(
    volumes: Values, bytes_per_volume: Values, ranks: Values, bandwidth: Values
) -> Values:
    """Time to gather or reduce sharded weights: t = volumes x bytes x (r - 1) / r / B.

    volumes: gathers and scatters (3 for ZeRO-3 a micro-batch, 2 for an all-reduce) [-];
    bytes_per_volume [byte]; ranks r of the group [-]; bandwidth of the group's ring [byte/s].
    Source: Rajbhandari et al. 2020 (ZeRO, arXiv 1910.02054) section 7.
    """
    return volumes * bytes_per_volume * (ranks - 1.0) / ranks / bandwidth


def group_bandwidth(
    ranks: Values, stride: Values, gpus_per_node: Values, intra: Values, inter_per_node: Values
) -> Values:
    """Ring bandwidth of a group of ranks: a node's network cards serve all of its members.

    B = intra where the group fits a node, else min(intra, inter x members / GPUs of the node).

    ranks in the group [-]; stride: GPUs between neighbours (tensor-parallel ways between
    replicas) [-]; gpus_per_node [-]; intra, one direction [byte/s]; inter_per_node [byte/s].
    Source: NCCL ring algorithm; one ring a network card.

    >>> float(group_bandwidth(16.0, 1.0, 8.0, 450e9, 400e9) / 1e9)
    400.0
    >>> float(group_bandwidth(2.0, 8.0, 8.0, 450e9, 400e9) / 1e9)
    50.0
    """
    members = np.clip(gpus_per_node / stride, 1.0, gpus_per_node)
    across = np.minimum(intra, inter_per_node * members / gpus_per_node)
    return np.where(ranks * stride <= gpus_per_node, intra, across)[()]


def expert_parallel_time(
    tokens: Values,
    width: Values,
    top_k: Values,
    ep: Values,
    node_ranks: Values,
    once_a_node: Values,
    exchanges: Values,
    intra: Values,
    inter: Values,
) -> Values:
    """Time of the all-to-alls that carry tokens to their experts and back.

    t = exchanges x 2 B x tokens x width x (k in / intra + out / inter): of k = top_k copies the
    share in = (g - 1) / g or (g - 1) / ep stays inside the node, and out copies leave it:
    k (ep - g) / ep, or at most one for each of the other nodes, (N - 1) (1 - (1 - 1/N)^k), where
    a token is sent once a node and copied there.

    tokens on this GPU [token]; width in which they are sent, summed over layers [element]; top_k
    [-]; ep ways [-]; node_ranks g [-]; N = ep / g nodes; once_a_node, a flag; exchanges: 2 forward
    + 2 backward [-]; intra, inter: one GPU's link and network [byte/s].

    Source: Lepikhin et al. 2020 (GShard, arXiv 2006.16668) section 3.2; DeepEP's README for one
    copy a node.

    >>> round(float(expert_parallel_time(1.0, 1.0, 8.0, 64.0, 8.0, 1.0, 4.0, 1e30, 1.0)), 1)
    36.8
    """
    g = np.minimum(node_ranks, ep)
    nodes = ep / g
    inside = top_k * np.where(once_a_node, (g - 1.0) / g, (g - 1.0) / ep)
    apart = (nodes - 1.0) * (1.0 - (1.0 - 1.0 / nodes) ** top_k)
    outside = np.where(once_a_node, apart, top_k * (ep - g) / ep)
    sent = exchanges * BYTES_16BIT * tokens * width
    return sent * (inside / intra + outside / inter)


def bubble_share(pp: Values, micro_batches: Values, vp: Values) -> Values:
    """Idle share a pipeline adds to the work: (pp - 1) / (m v) (1F1B, interleaved v ways).

    pp stages [-]; micro_batches m per replica and step [-]; vp virtual stages v [-].
    Source: Narayanan et al. 2021 (arXiv 2104.04473) section 2.2.

    >>> bubble_share(8.0, 32.0, 1.0)
    0.21875
    """
    return (pp - 1.0) / (micro_batches * vp)


def stage_imbalance(layer_params: Values, head_params: Values, pp: Values, share: Values) -> Values:
    """Slow-down of a pipeline by its last stage, which also holds the output head.

    f = 1 + share x ((L / p + H) / ((L + H) / p) - 1), L parameters in layers, H in the head.

    layer_params L, head_params H [-]; pp stages p [-]; share of it that layers moved between
    stages do not even out [-].

    Source: derived; the BLOOM chronicles tell of the same.

    >>> stage_imbalance(96.0, 2.0, 1.0, 1.0)
    1.0
    """
    return 1.0 + share * (
        (layer_params / pp + head_params) * pp / (layer_params + head_params) - 1.0
    )


def optimizer_time(
    bytes_per_param: Values, params: Values, shards: Values, bandwidth: Values
) -> Values:
    """Time of the optimizer step: states, gradients and weights read and written once.

    t = bytes x params / shards / B. bytes_per_param [byte]; params on this GPU before sharding
    [-]; shards [-]; bandwidth [byte/s].

    Source: Adam in mixed precision, ZeRO section 3.1.
    """
    return bytes_per_param * params / shards / bandwidth


def overlapped(work: Values, hidden: Values, power: Values) -> Values:
    """Time of two things done at once: (a^p + b^p)^(1/p); p = 1 is one after the other.

    work, hidden [s]; power p >= 1 [-].

    Source: p-norm between sum and maximum; p fitted.

    >>> round(overlapped(3.0, 4.0, 2.0), 9)
    5.0
    """
    return (work**power + hidden**power) ** (1.0 / power)


def exposed(work: Values, exchange: Values, share: Values) -> Values:
    """Time that an exchange adds to the work it runs beside.

    t = share x min(exchange, work) + max(exchange - work, 0).

    work, exchange [s]; share of what could hide behind the work that does not, 1 where nothing
    overlaps [-]. Source: derived; prefetching after PyTorch FSDP (arXiv 2304.11277) section 3.3;
    share fitted per stack.

    >>> float(exposed(10.0, 4.0, 0.5)), float(exposed(10.0, 14.0, 0.5))
    (2.0, 9.0)
    """
    return share * np.minimum(exchange, work) + np.maximum(exchange - work, 0.0)


def straggler(per_doubling: Values, n_gpus: Values, node: Values) -> Values:
    """Slow-down by the slowest of many: 1 + c log2(n / node), 1 within a node.

    per_doubling c [-]; n_gpus [-]; node: GPUs of one node [-].

    Source: form from the weak-scaling
    series of dgxc-benchmarking (2 to 12 % from 64 to 2,048 GPUs); c fitted.
    """
    return 1.0 + per_doubling * np.log2(np.maximum(n_gpus / node, 1.0))
