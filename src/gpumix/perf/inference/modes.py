"""Serving modes beside plain batching: speculation, adapters and encoders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gpumix.domain.workload import Adapters
from gpumix.perf.calibrate import faster
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.steps import decode_step_s, mixed_step_s, prefill_s
from gpumix.values import FloatArray, Values


def accepted_tokens(acceptance: Values, depth: Values) -> Values:
    """Tokens one verification yields: those accepted and one of the target's own.

    m = (1 - a^(g+1)) / (1 - a)

    Args:
        acceptance: chance that a drafted token is accepted [0-1).
        depth: drafted tokens per verification [tokens].

    Source: Leviathan et al., arXiv 2211.17192 equation 1.

    >>> round(float(accepted_tokens(0.8, 4.0)), 2)
    3.36
    """
    a = np.minimum(acceptance, 1.0 - 1e-9)
    return (1.0 - a ** (depth + 1.0)) / (1.0 - a)


@dataclass(frozen=True, slots=True)
class Speculation:
    """Time per output token with speculation [s], and its gain over plain decoding."""

    tpot_s: FloatArray
    speedup: FloatArray


def speculative_decoding(
    dep: Deployment,
    draft: Deployment,
    batch: Values,
    context: Values,
    acceptance: Values,
    depth: Values,
) -> Speculation:
    """Decoding with a draft model: verification is one step over depth + 1 tokens a sequence.

    TPOT = (verify(batch (g+1)) + g draft(batch)) / m. The cache is read once per verification.

    Args:
        dep: the target.
        draft: the draft model on the same GPUs.
        batch: sequences of one replica [count].
        context: per sequence [tokens].
        acceptance: [0-1).
        depth: drafted tokens g [tokens].

    Source: arXiv 2211.17192; at large batches the verification is bound by compute and the gain
    falls below 1.
    """
    plain = decode_step_s(dep, batch, context)
    verify = mixed_step_s(dep, batch, batch * depth, context, np.maximum(depth, 1.0))
    drafted = depth * decode_step_s(draft, batch, context)
    tpot = (verify + drafted) / accepted_tokens(acceptance, depth)
    return Speculation(np.asarray(tpot), np.asarray(plain / tpot))


ADAPTER_STEP = 2693.62 / 1787.78
"""Time of a step with adapters over one without.

Source: vllm pull request 11267 (2024-12-17), Llama-2-7B on one A100, rank 8, ShareGPT: 2,693.62
output tokens/s without, 1,787.78 with one adapter and 1,791.53 with four.
"""
ADAPTER_BYTES = 2.0
"""Bytes of an adapter's weight: engines keep them at 16 bits."""


def adapter_params(dep: Deployment, rank: Values) -> Values:
    """Weights of one LoRA adapter on every linear layer of a model, experts apart [count].

    n = r layers (2 (h + a) + 2 (h + k) + 3 (h + f)); a, k, f the widths of queries, keys and MLP

    Args:
        dep: deployments.
        rank: r of the adapter [count].

    Source: LoRA, arXiv 2106.09685 section 4.1: r (inputs + outputs) weights a matrix.
    """
    queries, keys = dep.heads * dep.head_dim, dep.kv_heads * dep.head_dim
    attention = 2.0 * dep.layers * dep.hidden * (queries + keys)
    mlp = np.maximum(dep.dense_params - attention, 0.0) / (3.0 * dep.hidden * dep.layers)
    width = 2.0 * (dep.hidden + queries) + 2.0 * (dep.hidden + keys) + 3.0 * (dep.hidden + mlp)
    return rank * dep.layers * width


def with_adapters(dep: Deployment, adapters: Adapters | None) -> Deployment:
    """The same deployments with LoRA adapters on their base model; None = without.

    Adapters stand in memory beside the weights, are read with them in every step and loaded with
    them at a start; every part of a step takes `ADAPTER_STEP` times as long, however many they are.

    Args:
        dep: deployments.
        adapters: kept on the GPUs: count and rank [count].

    Source: LoRA, arXiv 2106.09685 section 4.1; `ADAPTER_STEP` for the time.
    """
    if adapters is None:
        return dep
    held = adapters.count * ADAPTER_BYTES * adapter_params(dep, float(adapters.rank))
    per_weight = dep.dense_bytes + held / dep.dense_params
    slowed = np.full(dep.rows, 1.0 / ADAPTER_STEP)
    return faster(replace(dep, dense_bytes=per_weight), slowed)


def encode(dep: Deployment, input_len: Values, batch: Values) -> Values:
    """Texts per second of an embedding model or reranker: prefill only, nothing cached.

    X = batch / prefill(batch input), without the host's work for answers that stream

    Args:
        dep: deployments, all copies.
        input_len: tokens of one text (of query and document for a reranker) [tokens].
        batch: texts per call over all copies [count].

    Source: as `steps.prefill_s`.
    """
    each = np.maximum(batch / dep.copies, 1.0)
    nothing = np.zeros_like(dep.request_s)
    bare = replace(dep, request_s=nothing, prompt_token_s=nothing)
    return dep.copies * each / prefill_s(bare, each * input_len, input_len)
