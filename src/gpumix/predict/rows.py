"""Words and choices of a row of points: layouts, limits, kinds of figures, why nothing is said."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gpumix.domain.bounds import COUNT
from gpumix.domain.defaults import TENSOR_PARALLEL
from gpumix.domain.llm import Model
from gpumix.domain.promises import METRICS, QUANTILES, limits_in
from gpumix.domain.quantities import duration
from gpumix.errors import unknown_name
from gpumix.predict.columns import Column, IntArray
from gpumix.units import GIGA

ANY_TENSOR_PARALLEL = (*TENSOR_PARALLEL, 16, 32, 64, 72)
"""Tensor-parallel degrees of a stated number of GPUs, which may be a rack or several servers."""

_METRICS = (*METRICS, "itl")
_STATISTICS = ("", "mean", *QUANTILES)
"""Limits that rows of points may state; those without a quantile are of the mean."""

Layout = tuple[int, int, int, int]
"""tp, pp, dp, ep."""


def layouts_of(
    model: Model,
    n_gpus: int | None,
    tp: int | None,
    pp: int | None,
    dp: int | None,
    ep: int | None,
) -> list[Layout] | str:
    """The stated layout, or every layout that uses all GPUs; or why there is none.

    >>> from gpumix.catalog import load
    >>> llama = load().models["meta-llama/Llama-3.1-8B-Instruct"]
    >>> layouts_of(llama, 2, None, None, None, None)
    [(1, 1, 2, 1), (2, 1, 1, 1)]
    """
    if tp is not None or pp is not None or dp is not None:
        counts = (tp or 1, pp or 1, dp or 1)
        stated = counts[0] * counts[1] * counts[2]
        if n_gpus and stated != n_gpus:
            if dp is None and n_gpus % stated == 0:
                counts = (counts[0], counts[1], n_gpus // stated)
            else:
                return f"tp x pp x dp = {stated}, but n_gpus is {n_gpus}"
        if min(counts) < 1:
            return "tp, pp and dp must be at least 1"
        if stated > COUNT[1]:
            return f"tp x pp x dp = {stated:,}, more than {COUNT[1]:,} GPUs"
        return [(*counts, ep or 1)]
    n = n_gpus if n_gpus is not None else 1
    if n < 1:
        return "n_gpus must be at least 1"
    shared = ep or (n if model.is_moe else 1)
    found = [(t, 1, n // t, shared) for t in ANY_TENSOR_PARALLEL if t <= n and n % t == 0]
    return found if any(t == n for t, *_ in found) else [*found, (n, 1, 1, shared)]


_CUT = re.compile(r"cut at (\d+)")


def cut_at(dataset: str) -> float:
    """The longest answer that a dataset's text states, NaN where it states none.

    >>> cut_at("chats, answers cut at 512")
    512.0
    """
    found = _CUT.search(dataset)
    return float(found[1]) if found else math.nan


def parse_slo(text: str) -> tuple[float, float, str]:
    """Limits of TPOT and TTFT [s] in `ttft_p99_ms<=2000;tpot_p99_ms<=200`, and what is wrong.

    >>> parse_slo("ttft_p99_ms<=2000;tpot_p99_ms<=200")
    (0.2, 2.0, '')
    """
    limits = {"tpot": np.inf, "ttft": np.inf}
    for name, limit in limits_in(text):
        metric, _, statistic = name.partition("_")
        try:
            if metric not in _METRICS or statistic not in _STATISTICS:
                raise ValueError
            limits[metric] = min(limits.get(metric, np.inf), duration(limit))
        except ValueError:
            return np.inf, np.inf, f"limit not understood: {text!r}"
    return limits["tpot"], limits["ttft"], ""


def quantity_of(metric: str) -> str:
    """What kind of figure a metric is, for its interval: throughput, ttft, tpot, itl, e2e, power.

    >>> quantity_of("ttft_ms_p95"), quantity_of("requests_s")
    ('ttft', 'throughput')
    """
    head = metric.split("_", 1)[0]
    if head in ("ttft", "tpot", "itl", "e2e"):
        return head
    return "power" if metric in ("avg_power_w", "joules_per_output_token") else "throughput"


def figure_of(metric: str) -> str:
    """As `quantity_of`, with watts and joules told apart: measurements move each its own way.

    >>> figure_of("joules_per_output_token")
    'joules'
    """
    return "joules" if metric == "joules_per_output_token" else quantity_of(metric)


_ASKED = {
    ("static_batch", "tpot"): "decode step (static batch)",
    ("static_batch", "ttft"): "TTFT of a prefill (static batch)",
    ("concurrency", "tpot"): "TPOT and ITL, closed loop",
    ("concurrency", "itl"): "TPOT and ITL, closed loop",
    ("concurrency", "ttft"): "TTFT, closed loop",
    ("request_rate", "ttft"): "TTFT, open load",
    ("single_stream", "tpot"): "TPOT of a single stream",
    ("burst", "throughput"): "throughput of a burst",
}
"""What rows ask, by load and quantity, where errors differ by it: the lines of docs/accuracy.md."""


def asked_of(metric: str, load: str) -> str:
    """What a measured row asks: a quantity under a kind of load.

    >>> asked_of("ttft_ms_p50", "request_rate"), asked_of("output_tok_s_total", "concurrency")
    ('TTFT, open load', 'throughput')
    >>> asked_of("tpot_ms_mean", "burst")
    'tpot, burst'
    """
    quantity = quantity_of(metric)
    alone = quantity in ("throughput", "power") or not load
    words = quantity if alone else f"{quantity}, {load.replace('_', ' ')}"
    return _ASKED.get((load, quantity), words)


def errors(
    predicted: npt.NDArray[np.float64], measured: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """|predicted - measured| / measured, NaN where there is no prediction.

    >>> errors(np.array([110.0, 90.0]), np.array([100.0, 100.0])).round(3).tolist()
    [0.1, 0.1]
    """
    return np.abs(predicted - measured) / measured


def spread_of(
    datasets: Sequence[str], codes: IntArray, output_len: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """1 where answers vary as in chats, 0 where all are equally long.

    A page that names a dataset of chats or random prompts, and not which, ran the latter where the
    answer's length is round: means of chats are hardly ever a multiple of 100 or a power of two.

    >>> spread_of(["", "ShareGPT or random"], np.array([0, 1, 1]), np.array([9.0, 128.0, 197.3]))
    array([0., 0., 1.])
    """
    named = [text not in ("", "fixed") for text in datasets]
    if not any(named):
        return np.zeros(len(codes))
    varies = np.array(named)[codes]
    random = np.array(["random" in text.lower() for text in datasets])[codes]
    power = np.log2(np.maximum(output_len, 1.0)) % 1.0 == 0.0
    is_round = (output_len % 100.0 == 0.0) | power
    return np.asarray(varies & ~(random & is_round), dtype=np.float64)


NEEDS_NO_VALUE = ("max_throughput", "single_stream", "request_rate")


def reason_of(load: str, no_length: bool, no_value: bool, fits: bool, weights_bytes: float) -> str:
    """Why a question has no answer."""
    if no_length:
        return "input_len and output_len are needed"
    if no_value and load not in NEEDS_NO_VALUE:
        return f"load {load} needs load_value"
    if not fits:
        need = weights_bytes / GIGA
        return f"does not fit: {need:.0f} GB of weights a GPU and no room for a request"
    return "no load meets the limits, or this metric has no estimate here"


def best_of(
    value: npt.NDArray[np.float64],
    source: IntArray,
    count: IntArray,
    metric: npt.NDArray[np.str_],
) -> IntArray:
    """Of each question's layouts, the row with the best value (the least latency, most rate)."""
    starts = np.cumsum(count) - count
    if count.max() == 1:
        return starts
    lower_is_better = np.char.find(metric, "_ms_") > 0
    score = np.where(lower_is_better, -value, value)
    score = np.where(np.isfinite(score), score, -np.inf)
    best = np.maximum.reduceat(score, starts)
    order = np.flatnonzero(score == best[source])
    return order[np.unique(source[order], return_index=True)[1]].astype(np.int64)


def unknown(kind: str, text: str, known: set[str]) -> str:
    """What is wrong with a word that must be one of `known`; nothing if it is."""
    if text in known:
        return ""
    if not text:
        return f"{kind} is not stated"
    return str(unknown_name("", kind, text, known))


def append_notes(notes: npt.NDArray[Any], rows: IntArray, more: npt.NDArray[Any]) -> None:
    """Add to the notes of rows."""
    notes[rows] = [f"{a}; {b}" if a else b for a, b in zip(notes[rows], more, strict=True)]


def add_notes(notes: npt.NDArray[Any], one: Column, wrong: Sequence[str]) -> None:
    """Add to the notes of all rows that hold a wrong text what is wrong with it."""
    for code, note in enumerate(wrong):
        if note:
            rows = np.flatnonzero(one.codes == code)
            notes[rows] = [f"{old}; {note}" if old else note for old in notes[rows]]
