"""What one deployment serves under each kind of load: rates and latencies."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from gpumix.perf.inference import latency
from gpumix.perf.inference.crossing import LEAST_BATCH, batch_at
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import memory
from gpumix.perf.inference.steps import (
    StepKernels,
    binding_limit,
    decode_step_s,
    mixed_step_s,
    prefill_s,
    step_kernels,
)
from gpumix.values import FloatArray, Values

_FULLEST = 0.98
"""Load of a queue of prompts beyond which no steady state is told."""

_SHORTEST = 1e-3
"""Prompt that counts as none [tokens]."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates and mean times of whole deployments (all copies); `batch` of one replica."""

    batch: FloatArray
    output_tokens_per_s: FloatArray
    tpot_s: FloatArray
    itl_p50_s: FloatArray
    itl_p95_s: FloatArray
    ttft_s: FloatArray
    e2e_s: FloatArray
    limit: npt.NDArray[np.object_]


def offline(dep: Deployment) -> Deployment:
    """The same deployments without a server before the engine: requests handed over in-process.

    Host work per sequence, prompt token and request shrinks to the share that is not HTTP,
    tokenising and streaming, and no server takes requests one after another.

    Args:
        dep: deployments as served.

    Source: fitted; MLPerf Offline and `vllm bench throughput` beside `vllm bench serve`.
    """
    share = dep.offline_host
    return replace(
        dep,
        sequence_s=dep.sequence_s * share,
        prompt_token_s=dep.prompt_token_s * share,
        request_s=dep.request_s * share,
        front_s=np.zeros_like(dep.front_s),
    )


def closed_loop(
    dep: Deployment,
    input_len: Values,
    output_len: Values,
    concurrency: Values,
    *,
    prefix_hit: Values = 0.0,
) -> Rates:
    """A fixed number of requests kept in flight under continuous batching.

    In `output_len` iterations each of b sequences is replaced once, so an iteration absorbs
    n = b input / output prompt tokens in chunks of c; a share phi = n / c of iterations is mixed.
    TPOT and TTFT are those of `latency`. Requests above the batch that fits in memory wait.

    Args:
        dep: deployments.
        input_len: prompt [tokens].
        output_len: answer [tokens].
        concurrency: requests in flight over all copies [count].
        prefix_hit: share of the prompt found in the prefix cache [0-1].

    Source: docs/inference.md; Orca (OSDI 2022); Little's law.
    """
    asked = concurrency / dep.copies
    fits = memory(dep, input_len, output_len)
    batch = np.minimum(asked, fits.batch_max / dep.copies)
    return _steady(dep, input_len, output_len, batch, asked, prefix_hit, dep.first_wave)


def _steady(
    dep: Deployment,
    input_len: Values,
    output_len: Values,
    batch: Values,
    asked: Values,
    prefix_hit: Values,
    first_wave: Values = 0.0,
) -> Rates:
    """Continuous batching at a batch per replica, with `asked` requests in flight."""
    batch = np.asarray(batch, dtype=np.float64)
    wanted = np.where(asked > batch * (1.0 + 1e-9), asked, 0.0)
    flow = _flow(dep, input_len, output_len, batch, prefix_hit)
    turn = _turn(dep, flow, output_len, prefill_s(dep, flow.fresh, flow.span))
    batch, mixed_share = flow.batch, flow.mixed_share
    per_token = latency.tpot(turn.decode_s, turn.interference_s, dep.lockstep)
    first = latency.ttft(
        dep.first_token_s, turn.own_s, turn.others_s, per_token, batch, dep.together, first_wave,
        dep.lockstep,
    )  # fmt: skip
    with np.errstate(divide="ignore", invalid="ignore"):
        waiting = np.where(asked > batch, (asked / batch - 1.0) * turn.busy_s, 0.0)
    heavy = mixed_share > 0.5
    return Rates(
        batch=batch,
        output_tokens_per_s=turn.tokens_per_s * dep.copies,
        tpot_s=np.asarray(per_token),
        itl_p50_s=np.asarray(np.where(heavy, turn.mixed_s, turn.decode_s)),
        itl_p95_s=np.where(mixed_share > 0.05, turn.mixed_s * dep.itl_tail, turn.decode_s),
        ttft_s=first + waiting,
        e2e_s=first + per_token * (output_len - 1.0) + waiting,
        limit=binding_limit(
            dep, batch, wanted, flow.prompts * mixed_share, flow.context, flow.span
        ),
    )


@dataclass(frozen=True, slots=True)
class _Turn:
    """One request's turn in a steady batch, at `tokens_per_s` of a replica; times in seconds.

    A step that only decodes lasts `decode_s`, one that also reads prompts `mixed_s`; the prompts of
    others add `interference_s` to a mean step and `others_s` to the whole turn, its own prompt
    takes `own_s`: it holds its place for `busy_s`.
    """

    decode_s: FloatArray
    mixed_s: FloatArray
    interference_s: Values
    own_s: Values
    others_s: Values
    busy_s: Values
    tokens_per_s: FloatArray


def _turn(dep: Deployment, flow: _Flow, output_len: Values, own_s: Values) -> _Turn:
    """What a request meets that is one of `flow.batch`; `own_s`: its prompt, read alone [s]."""
    batch = flow.batch
    decode = decode_step_s(dep, batch, flow.context)
    mixed = mixed_step_s(dep, batch, flow.prompts, flow.context, flow.span)
    # Of all prompts that pass a sequence while it decodes, one in b is its own.
    interference = (1.0 - 1.0 / np.maximum(batch, 1.0)) * flow.mixed_share * (mixed - decode)
    others = interference * output_len
    busy = decode * np.maximum(output_len - 1.0, 0.0) + own_s + others
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(batch > 0.0, batch * output_len / busy, 0.0)
    return _Turn(decode, mixed, interference, own_s, others, busy, rate)


@dataclass(frozen=True, slots=True)
class _Flow:
    """What passes through an iteration of continuous batching: `batch` decoding sequences of
    `context` tokens; a share `mixed_share` of iterations also takes `prompts` tokens of prompts.

    `fresh` tokens of a prompt are not in the prefix cache; `span` is what they attend to, twice.
    """

    batch: FloatArray
    fresh: Values
    context: Values
    span: Values
    prompts: Values
    mixed_share: Values


def _flow(
    dep: Deployment, input_len: Values, output_len: Values, batch: Values, prefix_hit: Values
) -> _Flow:
    fresh = np.maximum(input_len * (1.0 - prefix_hit), _SHORTEST)
    # Beyond this batch every iteration is a full chunk of prompts: more sequences only wait.
    budget = dep.chunk_tokens * dep.pp * dep.ranks
    filled = np.maximum(budget, fresh) * output_len / fresh
    batch = np.minimum(batch, np.maximum(filled, 1.0))
    arriving = batch * fresh / output_len
    chunk = np.minimum(budget, np.maximum(fresh, arriving))
    return _Flow(
        batch=batch,
        fresh=fresh,
        context=input_len + 0.5 * output_len,
        span=input_len * (1.0 + prefix_hit),
        prompts=np.minimum(np.maximum(chunk, arriving), budget),
        mixed_share=np.minimum(1.0, arriving / chunk),
    )


def mean_step(
    dep: Deployment,
    input_len: Values,
    output_len: Values,
    batch: Values,
    *,
    prefix_hit: Values = 0.0,
) -> StepKernels:
    """Kernels of the mean iteration of continuous batching, and the host's work not hidden.

    t = (1 - phi) decode + phi mixed, kernel by kernel; phi as in `closed_loop`. A replica's
    tokens/s are about batch / sum of t: what is missing are first and last tokens of answers.

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        batch: decoding sequences of one replica [count].
        prefix_hit: share of the prompt found in the prefix cache [0-1].

    Source: as `closed_loop`.
    """
    flow = _flow(dep, input_len, output_len, np.asarray(batch, dtype=np.float64), prefix_hit)
    decode = step_kernels(dep, flow.batch, flow.context, 0.0, 1.0)
    mixed = step_kernels(dep, flow.batch, flow.context, flow.prompts, flow.span)
    phi = flow.mixed_share
    names = [f.name for f in fields(StepKernels) if f.name not in ("host_s", "overlap")]
    mean = {n: (1.0 - phi) * getattr(decode, n) + phi * getattr(mixed, n) for n in names}
    visible = (1.0 - phi) * decode.visible_host_s + phi * mixed.visible_host_s
    return StepKernels(**mean, host_s=visible, overlap=np.zeros_like(visible))


def max_throughput(
    dep: Deployment, input_len: Values, output_len: Values, *, prefix_hit: Values = 0.0
) -> Rates:
    """Everything queued at once: the largest batch that memory and the engine allow.

    X = X_closed(b) / (1 + r b / N) with N requests in the run: it ends in a ramp-down.

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        prefix_hit: share of the prompt found in the prefix cache [0-1].

    Source: TensorRT-LLM performance pages (N by length); docs/inference.md.
    """
    dep = offline(dep)
    fits = memory(dep, input_len, output_len)
    batch = np.minimum(fits.batch_max / dep.copies, dep.max_sequences * dep.ranks)
    # More sequences than this and every iteration is full of prompts.
    rates = _steady(dep, input_len, output_len, batch, batch, prefix_hit)
    total = np.asarray(input_len + output_len, dtype=np.float64)
    requests = np.select(
        [np.asarray(input_len) >= 20_000, total >= 4096, total <= 256], [1000.0, 1500.0, 30_000.0],
        3000.0,
    )  # fmt: skip
    finite = 1.0 / (1.0 + dep.ramp_down * batch / requests)
    return _scaled(rates, finite)


def _scaled(rates: Rates, factor: Values) -> Rates:
    return Rates(
        rates.batch, rates.output_tokens_per_s * factor, rates.tpot_s, rates.itl_p50_s,
        rates.itl_p95_s, rates.ttft_s, rates.e2e_s, rates.limit,
    )  # fmt: skip


def static_batch(dep: Deployment, input_len: Values, output_len: Values, batch: Values) -> Rates:
    """One batch that starts and ends together; in waves if it does not fit at once.

    X = b output / (prefill(b input) + (output - 1) decode(b, input + output / 2))

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        batch: sequences over all copies [count].

    Source: docs/inference.md.
    """
    dep = offline(dep)
    asked = np.asarray(batch / dep.copies, dtype=np.float64)
    fits = memory(dep, input_len, output_len).batch_max / dep.copies
    waves = np.where(fits >= 1.0, np.ceil(asked / np.maximum(np.floor(fits), 1.0)), np.inf)
    running = asked / np.where(np.isfinite(waves), np.maximum(waves, 1.0), 1.0)
    prefill = prefill_s(dep, running * input_len, input_len)
    decode = decode_step_s(dep, running, input_len + 0.5 * output_len)
    wave_s = prefill + np.maximum(output_len - 1.0, 0.0) * decode
    rate = np.where(np.isfinite(waves), asked * output_len / (wave_s * np.maximum(waves, 1.0)), 0.0)
    ttft = prefill + 0.5 * (np.where(np.isfinite(waves), waves, 1.0) - 1.0) * wave_s
    return Rates(
        batch=running,
        output_tokens_per_s=rate * dep.copies,
        tpot_s=decode,
        itl_p50_s=decode,
        itl_p95_s=decode,
        ttft_s=ttft,
        e2e_s=wave_s * np.where(np.isfinite(waves), waves, 1.0),
        limit=binding_limit(dep, running, asked, 0.0, input_len + 0.5 * output_len, input_len),
    )


def single_stream(dep: Deployment, input_len: Values, output_len: Values) -> Rates:
    """One request at a time: a served loop of one user."""
    return closed_loop(dep, input_len, output_len, dep.copies)


def burst(
    dep: Deployment,
    input_len: Values,
    output_len: Values,
    prompts: Values,
    *,
    spread: Values = 0.0,
    longest: Values = np.nan,
) -> Rates:
    """Prompts sent at once and run to the end, ramp-down inside.

    T = fill + (N - b) / X + drain: the first b prompts fill the batch in mixed steps, the others
    take the slots that come free, and the last run out while the batch empties:
    drain = output (decode(b) + (L - 1) decode(1)). The server in front takes the prompts one after
    another: the last is through after N front. Where the longest answer is not known it is
    output decode(b) (1 + tail spread).

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        prompts: sent at once, over all copies [count].
        spread: 1 where answers vary as in chats, 0 where all are equally long [0-1].
        longest: longest answer L over the mean one, NaN where not known [1].

    Source: docs/inference.md.
    """
    sent = np.asarray(prompts / dep.copies, dtype=np.float64)
    tail = dep.burst_tail * spread
    fits = memory(dep, input_len, output_len)
    batch = np.minimum(fits.batch_max / dep.copies, np.minimum(sent, dep.max_sequences * dep.ranks))
    steady = _steady(dep, input_len, output_len, batch, batch, 0.0)
    chunk = np.minimum(dep.chunk_tokens * dep.pp * dep.ranks, sent * input_len)
    context = input_len + 0.5 * output_len
    mixed_steps = batch * input_len / chunk
    decoding = 0.5 * batch * np.minimum(1.0, output_len / np.maximum(mixed_steps, 1.0))
    mixed = mixed_step_s(dep, decoding, chunk, context, input_len)
    decode = decode_step_s(dep, batch, context)
    fill = mixed_steps * mixed
    alone = decode_step_s(dep, 1.0, input_len + 0.5 * output_len * np.fmax(longest, 1.0))
    later = np.where(np.isnan(longest), tail * decode, (longest - 1.0) * alone)
    drain = np.maximum(output_len - 1.0, 0.0) * (decode + later)
    with np.errstate(divide="ignore", invalid="ignore"):
        flow = steady.output_tokens_per_s / dep.copies / output_len
        first_wave = np.where(tail > 0.0, 0.0, output_len * steady.tpot_s)
        taken = fill + np.maximum(sent - batch, 0.0) / flow
        lasts = np.maximum(taken, sent * dep.front_s) + drain
        slot = np.maximum(0.5 * sent - batch, 0.0) / flow
        ttft = np.where(0.5 * sent <= batch, 0.5 * sent / batch * fill, fill + first_wave + slot)
    ttft = np.maximum(ttft, 0.5 * sent * dep.front_s)
    ttft = dep.first_token_s + np.maximum(ttft, prefill_s(dep, input_len, input_len))
    reading = np.minimum(0.5 * mixed_steps, output_len)
    at_once = (reading * mixed + (output_len - reading) * decode) / np.maximum(output_len, 1.0)
    tpot = np.where(sent <= batch, at_once, steady.tpot_s)
    return Rates(
        batch=batch,
        output_tokens_per_s=sent * output_len / lasts * dep.copies,
        tpot_s=tpot,
        itl_p50_s=steady.itl_p50_s,
        itl_p95_s=steady.itl_p95_s,
        ttft_s=ttft,
        e2e_s=ttft + tpot * np.maximum(output_len - 1.0, 0.0),
        limit=steady.limit,
    )


def request_rate(
    dep: Deployment, input_len: Values, output_len: Values, requests_per_s: Values
) -> Rates:
    """Open arrivals below saturation: the batch b = rate x time in the system, by Little's law.

    TTFT is that of `open_service`, with the mean waits for other prompts and for the server before
    the engine, which takes one request after another (M/D/1).

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        requests_per_s: over all copies [1/s].

    Source: Little (1961); a rate beyond the maximum is served at the maximum.
    """
    offered = np.asarray(requests_per_s / dep.copies, dtype=np.float64)
    each = np.minimum(offered, 1.0 / np.maximum(dep.front_s, 1e-12))
    top = memory(dep, input_len, output_len).batch_max / dep.copies
    top = np.minimum(top, dep.max_sequences * dep.ranks)
    own = prefill_s(dep, np.maximum(input_len, _SHORTEST), np.asarray(input_len))

    def strain(batch: Values) -> Values:
        flow = _flow(dep, input_len, output_len, np.asarray(batch), 0.0)
        return _turn(dep, flow, output_len, own).tokens_per_s / output_len / each

    batch = batch_at(strain, np.maximum(top, LEAST_BATCH))
    rates = _open(dep, input_len, output_len, batch)
    front_load = np.minimum(offered * dep.front_s, _FULLEST)
    wait = 0.5 * dep.front_s * front_load / (1.0 - front_load)
    rates = replace(rates, ttft_s=rates.ttft_s + wait, e2e_s=rates.e2e_s + wait)
    top_rate = np.maximum(rates.output_tokens_per_s, 1e-12)
    served = np.minimum(each * dep.copies, top_rate / output_len)
    return _scaled(rates, np.where(batch < 1.0, served * output_len / top_rate, 1.0))


def _open(dep: Deployment, input_len: Values, output_len: Values, batch: Values) -> Rates:
    """Open arrivals at a mean batch: no request begins or ends in step with others."""
    full = np.maximum(batch, 1.0)
    rates = _steady(dep, input_len, output_len, full, full, 0.0)
    one = open_service(dep, input_len, output_len, batch)
    arrivals_per_s = rates.output_tokens_per_s / dep.copies / output_len * np.minimum(batch, 1.0)
    load = np.minimum(arrivals_per_s * one.adds_s, _FULLEST)
    first = one.ttft_s + load * one.adds_s / (2.0 * (1.0 - load))
    return replace(rates, ttft_s=first, e2e_s=first + rates.tpot_s * (output_len - 1.0))


@dataclass(frozen=True, slots=True)
class OpenService:
    """A request of an open loop at a replica: `ttft_s` without a wait for other prompts, of which
    its own prompt's steps last `prompt_s` and `adds_s` longer than if they only decoded [s]."""

    ttft_s: FloatArray
    prompt_s: FloatArray
    adds_s: FloatArray


def open_service(
    dep: Deployment,
    input_len: Values,
    output_len: Values,
    batch: Values,
    *,
    prefix_hit: Values = 0.0,
) -> OpenService:
    """What a request meets that arrives at a replica at any time, while b sequences decode.

    TTFT = first token + busy decode / 2 + S, busy = 1 - exp(-b): where anything decodes it
    arrives in the middle of a step; S are the steps that take its prompt beside what decodes.

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        batch: mean decoding sequences of one replica [count].
        prefix_hit: share of the prompt found in the prefix cache [0-1].

    Source: docs/inference.md, "Loads"; Poisson arrivals see time averages (Wolff 1982).
    """
    busy = 1.0 - np.exp(-np.asarray(batch, dtype=np.float64))
    context = input_len + 0.5 * output_len
    fresh, span = input_len * (1.0 - prefix_hit), input_len * (1.0 + prefix_hit)
    beside = batch * busy
    decode = busy * decode_step_s(dep, np.maximum(batch, 1.0), context)
    prompt = prefill_s(dep, fresh, span, beside=beside, context=context)
    steps = np.maximum(fresh / dep.chunk_tokens, 1.0)
    adds = np.maximum(prompt - steps * decode, 0.0)
    return OpenService(dep.first_token_s + 0.5 * decode + prompt, prompt, adds)


def highest_rate(
    dep: Deployment,
    input_len: Values,
    output_len: Values,
    *,
    tpot_s: Values = np.inf,
    ttft_s: Values = np.inf,
) -> Rates:
    """The highest load whose tail latencies stay within the limits.

    Args:
        dep: deployments.
        input_len, output_len: per request [tokens].
        tpot_s: limit of the 99th percentile of TPOT [s].
        ttft_s: limit of the 99th percentile of TTFT [s].

    Source: docs/inference.md.
    """
    dep = offline(dep)
    top = memory(dep, input_len, output_len).batch_max / dep.copies
    top = np.minimum(top, dep.max_sequences * dep.ranks)

    def strain(batch: Values) -> Values:
        rates = _open(dep, input_len, output_len, batch)
        return np.maximum(
            rates.tpot_s * dep.slo_headroom / tpot_s, rates.ttft_s * dep.ttft_tail / ttft_s
        )

    rates = _open(dep, input_len, output_len, batch_at(strain, top))
    return _scaled(rates, dep.slo_share)
