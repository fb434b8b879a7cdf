"""The same rows predicted by others: a plain roofline at 100 % of the peaks.

`roofline(dep, questions)` knows what gpumix knows of model, GPU, layout, precision and memory, and
nothing of efficiency, launches, hosts or links: what a careful spreadsheet would say.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.kernels import attended_bytes, experts_touched
from gpumix.perf.inference.memory import kv_ways, memory
from gpumix.perf.inference.questions import Questions
from gpumix.perf.shapes import SPARSE_INDEX_SHARE

Floats = npt.NDArray[np.float64]

MOST_SEQUENCES = 2048.0
"""Sequences run at once where everything is queued and memory would hold more."""


def step_s(dep: Deployment, batch: Floats, context: Floats) -> Floats:
    """Decode step: FLOPs over peak or bytes over bandwidth, whichever is longer [s]."""
    flops, _ = _work(dep, batch)
    touched = experts_touched(batch, dep.experts, dep.top_k)
    weights = dep.dense_params * dep.dense_bytes + touched * dep.expert_params * dep.expert_bytes
    cache = attended_bytes(
        context, dep.full_kv_bytes, dep.window_kv_bytes, dep.window, dep.sparse_top,
        SPARSE_INDEX_SHARE,
    )  # fmt: skip
    moved = weights / dep.ways + batch / dep.ranks * cache / kv_ways(dep)
    return np.asarray(np.maximum(flops, moved / dep.bandwidth))


def prefill_s(dep: Deployment, tokens: Floats, length: Floats) -> Floats:
    """Prompt tokens of prompts of some length: FLOPs over peak [s]."""
    linear, _ = _work(dep, tokens)
    attention = 2.0 * tokens * length * dep.heads * dep.head_dim * dep.attention_layers
    return np.asarray(linear + attention / (dep.tp * dep.ranks * dep.flops_16bit))


def _work(dep: Deployment, tokens: Floats) -> tuple[Floats, Floats]:
    active = dep.dense_params + dep.expert_params * dep.top_k * (dep.expert_params > 0.0)
    return 2.0 * active * tokens / (dep.ways * dep.flops_peak), active


def roofline(dep: Deployment, asked: Questions) -> Floats:
    """Value of each question's metric; NaN where a roofline has no answer (powers, limits).

    X = b output / (output step(b) + prefill(b input)); TPOT = step + prefill of b / output.
    """
    given, answered = asked.input_len, np.maximum(asked.output_len, 1.0)
    fits = memory(dep, given, answered).batch_max / dep.copies
    each = np.where(np.isfinite(asked.load_value), asked.load_value / dep.copies, MOST_SEQUENCES)
    single = asked.load == "single_stream"
    batch = np.minimum(np.where(single, 1.0, each), np.minimum(fits, MOST_SEQUENCES))
    decode = step_s(dep, batch / dep.pp, given + 0.5 * answered)
    alone = prefill_s(dep, given, given) / dep.pp
    batched = asked.load == "static_batch"
    first = np.where(batched, batch * alone, alone)
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = dep.copies * batch * answered / (answered * decode + batch * alone)
    tpot = np.where(batched | single, decode, decode + batch * alone / answered)
    value = np.full(dep.rows, np.nan)
    choices = {
        "output_tok_s_total": rate, "total_tok_s_total": rate * (given + answered) / answered,
        "requests_s": rate / answered, "prefill_tok_s": dep.copies * given / alone,
        "ttft": first * 1e3, "tpot": tpot * 1e3, "itl": decode * 1e3,
        "e2e": (first + tpot * answered) * 1e3,
    }  # fmt: skip
    for name, number in choices.items():
        here = np.char.startswith(asked.metric, name)
        value[here] = number[here]
    limited = np.isfinite(asked.tpot_limit_s) | np.isfinite(asked.ttft_limit_s)
    return np.where(limited | (value <= 0.0), np.nan, value)
