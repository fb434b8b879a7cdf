"""Serving modes beside plain batching: speculation, disaggregation, adapters, encoders."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import Rates, closed_loop
from gpumix.perf.inference.memory import memory
from gpumix.perf.inference.steps import decode_step_s, mixed_step_s, prefill_s
from gpumix.perf.values import FloatArray, Values


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


@dataclass(frozen=True, slots=True)
class Disaggregated:
    """Requests per second of a pair of pools, which one binds, and the added transfer time."""

    requests_per_s: FloatArray
    prefill_requests_per_s: FloatArray
    decode_requests_per_s: FloatArray
    transfer_s: FloatArray
    ttft_s: FloatArray
    tpot_s: FloatArray


def disaggregated(
    prefill: Deployment,
    decode: Deployment,
    input_len: Values,
    output_len: Values,
    prefill_replicas: Values,
    decode_replicas: Values,
    link_bytes_per_s: Values,
) -> Disaggregated:
    """Prompts on one pool, decoding on another; the cache travels between them.

    X = min(n_p / prefill, n_d b / (output step)); transfer = input KV bytes / link

    Args:
        prefill, decode: deployments of the two pools.
        input_len, output_len: per request [tokens].
        prefill_replicas, decode_replicas: [count].
        link_bytes_per_s: between the pools, one replica's share [byte/s].

    Source: DistServe, arXiv 2401.09670; Splitwise, arXiv 2311.18677.
    """
    context = input_len + 0.5 * output_len
    fits = memory(decode, input_len, output_len)
    batch = np.minimum(fits.batch_max, decode.max_sequences)
    prompt_s = prefill_s(prefill, input_len, input_len)
    step = decode_step_s(decode, batch, context)
    prompts = prefill_replicas / prompt_s
    answers = decode_replicas * batch / (output_len * step)
    cache = (prefill.full_kv_bytes + prefill.window_kv_bytes) * input_len
    transfer = cache / link_bytes_per_s
    return Disaggregated(
        requests_per_s=np.minimum(prompts, answers),
        prefill_requests_per_s=np.asarray(prompts),
        decode_requests_per_s=np.asarray(answers),
        transfer_s=np.asarray(transfer),
        ttft_s=np.asarray(prompt_s + transfer + prefill.first_token_s),
        tpot_s=np.asarray(step),
    )


def with_adapters(dep: Deployment, adapters: Values, rank: Values) -> Deployment:
    """The same deployment serving this many LoRA adapters on its base at once.

    Every linear layer gains r (inputs + outputs) weights per adapter, about
    4 r P / h in all for square layers; each adapter in the batch is read once a step.

    Args:
        dep: deployments of the base model.
        adapters: in use at once [count].
        rank: of each [count].

    Source: LoRA, arXiv 2106.09685 section 4.1; S-LoRA, arXiv 2311.03285.
    """
    each = 2.0 * rank * dep.dense_params / dep.hidden
    share = each * np.asarray(adapters) * 2.0 / dep.dense_bytes
    flops = 1.0 + each / dep.dense_params
    return replace(
        dep,
        dense_params=dep.dense_params + share,
        linear_rate=dep.linear_rate * (dep.dense_params + share) / (dep.dense_params * flops),
    )


def prefix_cached(
    dep: Deployment, input_len: Values, output_len: Values, concurrency: Values, hit: Values
) -> Rates:
    """Closed loop with a share of every prompt found in the prefix cache.

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        concurrency: requests in flight [count].
        hit: share of the prompt already cached [0-1].

    Source: SGLang RadixAttention, arXiv 2312.07104.
    """
    return closed_loop(dep, input_len, output_len, concurrency, prefix_hit=hit)


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


WHISPER_FRAMES = 1500.0
WHISPER_WINDOW_S = 30.0
"""Encoder positions of one window of speech, and its length [s]. Source: arXiv 2212.04356."""


def transcribe(dep: Deployment, tokens_per_window: Values, batch: Values) -> Values:
    """Seconds of speech transcribed per second by an encoder-decoder.

    A window of 30 s costs one encoder pass over 1,500 frames and one decoder step a token; the
    encoder holds half of the weights, and so does the decoder.

    Args:
        dep: deployments of the speech model.
        tokens_per_window: text tokens of 30 s of speech [tokens].
        batch: windows at once over all copies [count].

    Source: Whisper, arXiv 2212.04356 section 2.2.
    """
    half = replace(
        dep, dense_params=0.5 * dep.dense_params, layers=0.5 * dep.layers,
        attention_layers=0.5 * dep.attention_layers,
    )  # fmt: skip
    each = np.maximum(batch / dep.copies, 1.0)
    encoder = prefill_s(half, each * WHISPER_FRAMES, WHISPER_FRAMES)
    decoder = tokens_per_window * decode_step_s(half, each, WHISPER_FRAMES + tokens_per_window)
    return dep.copies * each * WHISPER_WINDOW_S / (encoder + decoder)
