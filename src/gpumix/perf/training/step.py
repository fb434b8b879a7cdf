"""Time of one training step: which layout, on which GPUs, with which software.

`step(job, constants)` adds the terms of `training_terms` for every row of a `TrainingJob`:
a micro-batch's compute with its tensor- and expert-parallel exchange, gathering of sharded
weights beside it, the pipeline's bubble, gradient reduction and the optimizer. `constants` is
the `training` section of data/coefficients.json (tables keyed by architecture, stack and link).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpumix.domain.training_words import GRAPHS
from gpumix.perf.training import terms as terms
from gpumix.perf.training.constants import Constants, Lookup
from gpumix.perf.training.job import (
    DPO,
    FP4,
    FP8,
    FULL,
    LINKS,
    QLORA,
    SELECTIVE,
    ZERO1,
    ZERO3,
    Codes,
    TrainingJob,
)
from gpumix.perf.training.weights import dense_per_gpu, expert_replicas, experts_per_gpu
from gpumix.units import GIGA, TERA
from gpumix.values import FloatArray

BITS_PER_BYTE = 8.0
PCIE_GEN4_BYTES_PER_S = 31.5 * GIGA
"""One direction of a Gen4 x16 slot; doubles with each generation. Source: PCIe 4.0 base spec."""

LIMITS = ("compute", "bandwidth", "interconnect", "pipeline", "host")


@dataclass(frozen=True, slots=True)
class StepTime:
    """One optimizer step, a row each. `components` sums to `step_s`; `limit` names what binds."""

    step_s: FloatArray
    tokens_per_s_per_gpu: FloatArray
    tflops_per_gpu: FloatArray
    components: dict[str, FloatArray]
    limit: NDArray[np.str_]


def step(job: TrainingJob, constants: Constants, speed: float | FloatArray = 1.0) -> StepTime:
    """Step time of every job; `speed` > 1 is a user's stack that much faster than fitted.

    step = (m ((compute + gathers) (1 + bubble) + transfer) + gradient reduction + optimizer)
    x straggler / factor, of gathers and reduction only what is not hidden; m micro-batches.

    Source: the terms' own (see `training_terms`); the sum is held against measurements in
    docs/training.md, "What it reaches".
    """
    look = Lookup(job, constants)
    links = _Links.of(job, look)
    k = _passes(job, look)
    micro_batch, m = micro_batches(job)
    tokens = micro_batch * job.seq_len / job.cp * look.real_tokens
    once = _micro_batch_seconds(job, look, links, tokens, k)
    share = look.stack("exposed")
    busy = _total(once)
    gather = _gather(job, links) / np.where(job.pp > 1, m, 1.0)
    once["fsdp"] = np.asarray(terms.exposed(busy, gather, share))
    bubble = (busy + once["fsdp"]) * terms.bubble_share(job.pp, m, job.vp)
    once["pipeline"] = bubble + _between_stages(job, tokens, links)
    sweep = busy + once["fsdp"]
    seconds = {name: value * m for name, value in once.items()}
    seconds["dp"] = np.asarray(terms.exposed(sweep, _reduce(job, links), share))
    seconds["optimizer"] = _optimizer(job, look)
    slow = terms.straggler(look.kernel("straggler"), job.n_gpus, job.gpus_per_node)
    slow = slow / (look.stack("factor") * speed)
    slow = slow / np.where(job.shapes.experts > 0, look.stack("moe_factor"), 1.0)
    seconds = {name: value * slow for name, value in seconds.items()}
    total = _total(seconds)
    return StepTime(
        step_s=total,
        tokens_per_s_per_gpu=job.tokens_per_step / (total * job.n_gpus),
        tflops_per_gpu=_executed_flops(job, tokens, k) * m / total / TERA,
        components=seconds,
        limit=_limit(seconds),
    )


def _total(seconds: Mapping[str, FloatArray]) -> FloatArray:
    total: FloatArray = np.sum(list(seconds.values()), axis=0)
    return total


def _micro_batch_seconds(
    job: TrainingJob, look: Lookup, links: _Links, tokens: FloatArray, k: FloatArray
) -> dict[str, FloatArray]:
    """One micro-batch on one GPU of the slowest stage, before anything between replicas."""
    shape = job.shapes
    collectives = np.where(job.activation_ckpt == FULL, 6.0, 4.0)
    seconds = _compute(job, look, tokens, k)
    seconds["tp"] = terms.tensor_parallel_time(
        tokens, shape.hidden, shape.layers / job.pp, job.tp, collectives, links.tensor
    ) + _collective_latency(job, look, k)
    seconds["cp"] = _context_parallel(job, tokens, links)
    seconds["ep"] = _expert_parallel(job, look, tokens, links)
    head = shape.vocab * shape.hidden
    uneven = terms.stage_imbalance(
        np.maximum(shape.matmul_params - head, 1.0), head, job.pp, look.stack("imbalance")
    )
    seconds = {name: value * uneven for name, value in seconds.items()}
    busy = _total(seconds)
    host = look.stack("host_s_per_layer") * shape.layers
    host = host + np.where(_waits(job), look.kernel("moe_host_s_per_layer"), 0.0) * shape.moe_layers
    host = host / job.pp * (k / 3.0)
    stalled = np.where(_waits(job), look.kernel("moe_stall"), 0.0) * busy
    seconds["host"] = terms.overlapped(busy, host, look.kernel("host_power")) - busy + stalled
    return seconds


def _waits(job: TrainingJob) -> NDArray[np.bool_]:
    """Whether each layer with experts waits for its routing: all but whole iterations captured
    as a CUDA graph."""
    waits: NDArray[np.bool_] = (job.shapes.experts > 0) & (
        job.cuda_graph != GRAPHS.index("full_iteration")
    )
    return waits


def micro_batches(job: TrainingJob) -> tuple[FloatArray, FloatArray]:
    """Sequences of one micro-batch [sequence], and micro-batches per replica and step [-].

    m = global_batch / (micro_batch x dp). A pipeline that would get fewer micro-batches than it
    has stages splits them into single sequences.

    Source: torchtitan's pipeline schedules, which split the batch of a data-parallel rank.
    """
    m = np.maximum(job.global_batch / (job.micro_batch * job.dp), 1.0)
    split = (job.pp > 1) & (m < job.pp) & (job.micro_batch > 1)
    return np.where(split, 1.0, job.micro_batch), np.where(split, m * job.micro_batch, m)


@dataclass(frozen=True, slots=True)
class _Links:
    """Bandwidth in byte/s of each kind of exchange."""

    tensor: FloatArray
    replicas: FloatArray
    experts: FloatArray
    own: FloatArray
    network: FloatArray

    @staticmethod
    def of(job: TrainingJob, look: Lookup) -> _Links:
        slot = PCIE_GEN4_BYTES_PER_S * 2.0 ** (job.parts.pcie_gen - 4.0)
        fast = job.link >= LINKS.index("nvlink")
        bridge = job.link == LINKS.index("nvlink-bridge")
        linked = (fast | (bridge & (job.tp <= 2))) & (job.parts.nvlink_bytes_per_s > 0.0)
        raw = np.where(linked, job.parts.nvlink_bytes_per_s, slot)
        beyond_pair = bridge & (job.tp * job.dp * job.cp > 2)
        node = np.where(
            job.link == LINKS.index("nvlink-nvl72"),
            np.maximum(job.parts.domain, 1.0),
            job.gpus_per_node,
        )
        inter_node = job.inter_gbps_per_node / BITS_PER_BYTE * GIGA / job.gpus_per_node * node
        inter_node = inter_node * look.kernel("network_efficiency")
        tensor = terms.group_bandwidth(job.tp, np.ones_like(job.tp), node, raw, inter_node)
        ring = np.where(beyond_pair, slot, raw) * look.link("ring")
        return _Links(
            tensor=tensor * look.link("tensor"),
            replicas=np.asarray(
                terms.group_bandwidth(job.dp * job.cp, job.tp, node, ring, inter_node)
            ),
            experts=np.asarray(
                terms.group_bandwidth(
                    expert_replicas(job), np.maximum(job.ep, job.tp), node, ring, inter_node
                )
            ),
            own=raw * look.link("exchange"),
            network=inter_node / node,
        )


def _passes(job: TrainingJob, look: Lookup) -> FloatArray:
    recompute = np.where(job.activation_ckpt == FULL, 1.0, 0.0)
    recompute = np.where(job.activation_ckpt == SELECTIVE, look.kernel("selective"), recompute)
    whole = np.where(job.trains_adapter, 0.0, 1.0)
    return np.asarray(terms.passes(whole, recompute, np.where(job.task == DPO, 1.0, 0.0)))


def peaks(job: TrainingJob) -> tuple[FloatArray, FloatArray, Codes]:
    """Dense peak [FLOP/s], bytes an element, and precision code that the job's matmuls run at.

    A format the GPU lacks runs at the next wider one it has. Recipes of hybrids in 4 bits keep
    attention and latent projections at 16 bits, and run at the speed of 8: 13 pairs of
    Nemotron 3 Super are 1.00 to 1.04 apart.

    Source: gpus.csv, dense peaks; Megatron-Bridge, perf_recipes/nemotronh/te_quant.cfg.
    """
    code = job.precision
    code = np.where((code == FP4) & (job.shapes.state_layers > 0), FP8, code)
    code = np.where((code == FP4) & (job.parts.flops_4bit <= 0), FP8, code)
    code = np.where((code == FP8) & (job.parts.flops_8bit <= 0), 0, code)
    peak = np.where(code == FP8, job.parts.flops_8bit, job.parts.flops_16bit)
    peak = np.where(code == FP4, job.parts.flops_4bit, peak)
    return peak, np.select([code == FP4, code == FP8], [0.5, 1.0], 2.0), code


def _compute(
    job: TrainingJob, look: Lookup, tokens: FloatArray, k: FloatArray
) -> dict[str, FloatArray]:
    shape, parts = job.shapes, job.parts
    peak, element_bytes, code = peaks(job)
    fraction = np.select(
        [code == FP4, code == FP8], [look.part("fp4"), look.part("fp8")], look.part("bf16")
    )
    power = terms.power_share(
        parts.watts / np.maximum(parts.flops_16bit, 1.0) * TERA,
        look.part("watts_per_tflop"),
        look.kernel("power_exponent"),
    )
    efficiency = fraction * power
    per_gpu = tokens / (job.tp * job.pp)
    dense = shape.matmul_params - shape.active_expert_params
    roofline = look.kernel("gemm_roofline")
    matmul = terms.matmul_time(
        k * 2.0 * dense * per_gpu, peak, efficiency, parts.bandwidth,
        1.0 / tokens + 1.0 / shape.hidden + job.tp / np.maximum(shape.ffn, shape.hidden),
        roofline, element_bytes,
    )  # fmt: skip
    is_moe = shape.experts > 0
    per_expert = tokens * shape.top_k * job.ep / np.maximum(shape.experts, 1.0)
    experts = terms.matmul_time(
        k * 2.0 * shape.active_expert_params * per_gpu, peak, efficiency,
        parts.bandwidth, 1.0 / np.maximum(per_expert, 1.0)
        + 1.0 / shape.expert_hidden + 1.0 / np.maximum(shape.expert_ffn, 1.0),
        look.kernel("grouped_roofline"), element_bytes,
    )  # fmt: skip
    flops = terms.attention_flops(
        tokens, job.seq_len, shape.attention_width, shape.causal, _attention_passes(job)
    ) / (job.tp * job.pp)
    attention = flops / (
        parts.flops_16bit * look.part("attention") * look.stack("attention") * power
    )
    adapter = np.where(job.trains_adapter, look.kernel("lora_touches"), 0.0)
    touches = look.kernel("touches") * look.stack("touches") * (1.0 + adapter)
    touches = touches * np.where(job.loss > 0, look.kernel("fused_touches"), 1.0)
    width = sharded_width(job, look)
    width = width + _more_width(job, look) / (job.tp * job.pp)
    elementwise = terms.elementwise_time(touches, width, tokens, k, parts.bandwidth)
    dequantise = np.where(
        job.task == QLORA,
        terms.dequantise_time(
            look.stack("dequantise_bytes"),
            shape.total_params / (job.tp * job.pp), k, parts.bandwidth,
        ),
        0.0,
    )  # fmt: skip
    return {
        "matmul": matmul + np.where(is_moe, experts, 0.0),
        "attention": attention,
        "elementwise": elementwise + dequantise,
    }


def _more_width(job: TrainingJob, look: Lookup) -> FloatArray:
    """Elements that a token's elementwise work reads and writes beside its kept activations.

    Logits; copies to and from experts where the dispatcher does not make them itself; the scan of
    Mamba-2 layers, which goes over its width more than once.
    """
    shape = job.shapes
    logits = look.kernel("logit_width") * shape.vocab * (1.0 - shape.encoder)
    copies = (
        np.where(look.sends_once, 0.0, look.kernel("copy_touches")) - 1.0
    ) * shape.copied_width
    state = (look.kernel("state_touches") - 1.0) * shape.state_width
    return np.asarray(logits + copies + state)


def sharded_width(job: TrainingJob, look: Lookup) -> FloatArray:
    """Activations of one token on one GPU [element].

    Norms and residuals are split only by sequence parallelism, the rest by tensor parallelism.
    Source: Korthikanti et al. 2022 (arXiv 2205.05198) section 4.2.
    """
    whole = job.shapes.norm_width
    split = np.where(look.stack("sequence_parallel") > 0, job.tp, 1.0)
    return (whole / split + (job.shapes.activation_width - whole) / job.tp) / job.pp


def _attention_passes(job: TrainingJob) -> FloatArray:
    again = np.where(job.activation_ckpt == FULL, 1.0, 0.0)
    return 3.0 + again + np.where(job.task == DPO, 1.0, 0.0)


def _executed_flops(job: TrainingJob, tokens: FloatArray, k: FloatArray) -> FloatArray:
    per_gpu = 1.0 / (job.tp * job.pp)
    attention = terms.attention_flops(
        tokens, job.seq_len, job.shapes.attention_width, job.shapes.causal,
        _attention_passes(job) - 0.5,
    )  # fmt: skip
    flops: FloatArray = (k * 2.0 * job.shapes.matmul_params * tokens + attention) * per_gpu
    return flops


def _collective_latency(job: TrainingJob, look: Lookup, k: FloatArray) -> FloatArray:
    """Start-up and waiting of the tensor-parallel collectives: 4 a layer, for k = 3 passes."""
    collectives = 4.0 * job.shapes.layers / job.pp * k / 3.0
    return look.stack("collective_s") * collectives * np.log2(job.tp)


def _context_parallel(job: TrainingJob, tokens: FloatArray, links: _Links) -> FloatArray:
    kv = 2.0 * job.shapes.kv_heads * job.shapes.head_dim / job.tp
    sent = terms.BYTES_16BIT * kv * tokens * (job.cp - 1.0) * job.shapes.layers / job.pp
    return 3.0 * sent / links.own


def _expert_parallel(
    job: TrainingJob, look: Lookup, tokens: FloatArray, links: _Links
) -> FloatArray:
    """Tokens to their experts and back; partly hidden behind another micro-batch where a pipeline
    interleaves."""
    shape = job.shapes
    in_node = np.where(job.link == LINKS.index("nvlink-nvl72"), job.parts.domain, job.gpus_per_node)
    once = look.sends_once
    exchanges = np.where(
        once, look.kernel("expert_exchanges_once"), look.kernel("expert_exchanges")
    )
    seconds = terms.expert_parallel_time(
        tokens / job.tp, shape.exchange_width / job.pp, shape.top_k, job.ep, in_node,
        once.astype(float),
        exchanges, links.own, links.network,
    )  # fmt: skip
    hides = (job.pp > 1) & (job.vp > 1)
    return seconds * np.where(hides, look.kernel("exchange_exposed"), 1.0)


def _between_stages(job: TrainingJob, tokens: FloatArray, links: _Links) -> FloatArray:
    """Activations to the next stage and gradients back, hidden where the schedule interleaves."""
    crosses_nodes = job.n_gpus / job.pp >= job.gpus_per_node
    link = np.where(crosses_nodes, np.minimum(links.network, links.own), links.own)
    seconds = terms.stage_transfer_time(tokens, job.shapes.hidden, job.tp, link)
    return np.where((job.pp > 1) & (job.vp <= 1), seconds, 0.0)


def _exchange(
    job: TrainingJob, links: _Links, volumes: FloatArray | float, width: FloatArray | float
) -> FloatArray:
    """Seconds to gather or reduce all weights between the GPUs that hold the same ones.

    Gradients of experts go round rings of their own, whose neighbours are ep GPUs apart.
    """
    dense = terms.shard_time(volumes, dense_per_gpu(job) * width, job.dp * job.cp, links.replicas)
    experts = terms.shard_time(
        volumes, experts_per_gpu(job) * width, expert_replicas(job), links.experts
    )
    return np.asarray(dense + experts)


def _gather(job: TrainingJob, links: _Links) -> FloatArray:
    """Weights gathered and gradients scattered, once; a pipeline keeps them for the whole step."""
    volumes = np.where(job.trains_adapter, 2.0, 3.0)
    seconds = _exchange(job, links, volumes, np.where(job.task == QLORA, 0.5, terms.BYTES_16BIT))
    return np.where(job.sharding == ZERO3, seconds, 0.0)


def _reduce(job: TrainingJob, links: _Links) -> FloatArray:
    seconds = _exchange(job, links, 2.0, terms.BYTES_16BIT)
    shared = (job.sharding != ZERO3) & ~job.trains_adapter
    return np.where(shared, seconds, 0.0)


def _optimizer(job: TrainingJob, look: Lookup) -> FloatArray:
    sharded = job.sharding >= ZERO1
    dense = dense_per_gpu(job) / np.where(sharded, job.dp * job.cp, 1.0)
    experts = experts_per_gpu(job) / np.where(sharded, expert_replicas(job), 1.0)
    params = np.where(job.trains_adapter, 0.0, dense + experts)
    written = look.kernel("optimizer_bytes")
    return np.asarray(terms.optimizer_time(written, params, 1.0, job.parts.bandwidth))


def _limit(seconds: Mapping[str, FloatArray]) -> NDArray[np.str_]:
    by_limit = np.stack(
        [
            seconds["matmul"] + seconds["attention"],
            seconds["elementwise"] + seconds["optimizer"],
            seconds["tp"] + seconds["cp"] + seconds["ep"] + seconds["fsdp"] + seconds["dp"],
            seconds["pipeline"],
            seconds["host"],
        ]
    )
    names: NDArray[np.str_] = np.array(LIMITS)[np.argmax(by_limit, axis=0)]
    return names
