"""Questions about deployments, as arrays: which load, which lengths, which metric; and answers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from gpumix.domain.coefficients import Coefficients, Table
from gpumix.perf.inference import loads
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import Rates
from gpumix.perf.inference.modes import encode
from gpumix.perf.inference.steps import prefill_s
from gpumix.perf.power import serving_power_w
from gpumix.units import MS
from gpumix.values import FloatArray, repeated

LOADS = (
    "max_throughput", "static_batch", "concurrency", "burst", "request_rate", "single_stream",
)  # fmt: skip

RATE_METRICS = (
    "output_tok_s_total", "total_tok_s_total", "requests_s", "prefill_tok_s", "samples_s",
)  # fmt: skip
LATENCIES = ("ttft", "tpot", "itl", "e2e")
STATISTICS = ("mean", "p50", "p95", "p99")
POWER_METRICS = ("avg_power_w", "joules_per_output_token")
METRICS = (
    *RATE_METRICS,
    *(f"{name}_ms_{statistic}" for name in LATENCIES for statistic in STATISTICS),
    *POWER_METRICS,
)


@dataclass(frozen=True, slots=True)
class Questions:
    """One row a question; NaN where a number is not stated.

    `spread` is 1 where lengths vary from request to request (a dataset), 0 where all are equal;
    `longest` the longest answer over the mean one, NaN where it is not known.
    """

    input_len: FloatArray
    output_len: FloatArray
    load: npt.NDArray[np.str_]
    load_value: FloatArray
    metric: npt.NDArray[np.str_]
    tpot_limit_s: FloatArray
    ttft_limit_s: FloatArray
    spread: FloatArray
    longest: FloatArray

    def take(self, index: npt.ArrayLike) -> Questions:
        """The questions at these positions."""
        chosen = np.asarray(index)
        return replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


def words_in(words: npt.NDArray[np.str_]) -> set[str]:
    """The distinct words; equal ones that follow each other are looked at once.

    >>> sorted(words_in(np.array(["a", "a", "b", "a"])))
    ['a', 'b']
    """
    begins = np.ones(len(words), dtype=bool)
    begins[1:] = words[1:] != words[:-1]
    return set(words[begins].tolist())


def answer(
    dep: Deployment, questions: Questions, coefficients: Coefficients
) -> tuple[FloatArray, npt.NDArray[np.object_]]:
    """Value of each question's metric in its own unit, and what binds; NaN = no estimate.

    Args:
        dep: deployments, one row each.
        questions: parallel rows.
        coefficients: fitted constants of power; the others are in `dep` already.

    Source: docs/inference.md.
    """
    value = np.full(dep.rows, np.nan)
    limit = repeated("", dep.rows)
    encoded = questions.output_len <= 0.0
    if encoded.any():
        value[encoded] = _encoded(dep.take(encoded), questions.take(encoded))
        limit[encoded] = "compute"
    for load in words_in(questions.load):
        rows = np.flatnonzero((questions.load == load) & ~encoded)
        part, asked = dep, questions
        if len(rows) < dep.rows:
            part, asked = dep.take(rows), questions.take(rows)
        rates = rates_of(part, asked, load)
        value[rows] = metric_of(rates, part, asked, coefficients.power)
        limit[rows] = rates.limit
    return value, limit


def _encoded(dep: Deployment, asked: Questions) -> FloatArray:
    """Rates of texts that are read and not answered (embeddings, rerankers): output length 0."""
    batched = np.isfinite(asked.load_value) & np.isin(asked.load, ("static_batch", "concurrency"))
    filled = dep.copies * dep.chunk_tokens / np.maximum(asked.input_len, 1.0)
    batch = np.where(
        batched, asked.load_value, np.where(asked.load == "single_stream", 1.0, filled)
    )
    texts = encode(loads.offline(dep), asked.input_len, batch)
    tokens = np.isin(asked.metric, ("total_tok_s_total", "prefill_tok_s"))
    known = tokens | np.isin(asked.metric, ("requests_s", "samples_s"))
    return np.asarray(np.where(known, texts * np.where(tokens, asked.input_len, 1.0), np.nan))


def rates_of(dep: Deployment, asked: Questions, load: str) -> Rates:
    """Rates under one kind of load."""
    i, o, n = asked.input_len, asked.output_len, asked.load_value
    simple: dict[str, Callable[[], Rates]] = {
        "max_throughput": lambda: loads.max_throughput(dep, i, o),
        "static_batch": lambda: loads.static_batch(dep, i, o, n),
        "concurrency": lambda: loads.closed_loop(dep, i, o, n),
        "burst": lambda: loads.burst(dep, i, o, n, spread=asked.spread, longest=asked.longest),
        "single_stream": lambda: loads.single_stream(dep, i, o),
    }
    if load in simple:
        return simple[load]()
    given = np.isfinite(n)
    if given.all():
        return loads.request_rate(dep, i, o, n)
    limits = {"tpot_s": asked.tpot_limit_s, "ttft_s": asked.ttft_limit_s}
    if not given.any():
        return loads.highest_rate(dep, i, o, **limits)
    stated, highest = np.flatnonzero(given), np.flatnonzero(~given)
    halves = [rates_of(dep.take(own), asked.take(own), load) for own in (stated, highest)]
    back = np.argsort(np.concatenate([stated, highest]))
    return Rates(
        **{
            f.name: np.concatenate([getattr(half, f.name) for half in halves])[back]
            for f in fields(Rates)
        }
    )


def metric_of(
    rates: Rates, dep: Deployment, asked: Questions, power: Mapping[str, Table]
) -> FloatArray:
    """The metric asked for, in its own unit (ms for latencies)."""
    tokens = np.maximum(asked.output_len, 1e-9)
    rate = rates.output_tokens_per_s

    def watts() -> FloatArray:
        return np.asarray(serving_power_w(dep, rates, asked.input_len, asked.output_len, power))

    choices: dict[str, Callable[[], FloatArray]] = {
        "output_tok_s_total": lambda: rate,
        "total_tok_s_total": lambda: rate * (asked.input_len + tokens) / tokens,
        "requests_s": lambda: rate / tokens,
        "prefill_tok_s": lambda: (
            asked.input_len / prefill_s(dep, asked.input_len, asked.input_len) * dep.copies
        ),
        "avg_power_w": watts,
        "joules_per_output_token": lambda: watts() / np.where(rate > 0.0, rate, np.nan),
    }
    for name in LATENCIES:
        for statistic in STATISTICS:
            choices[f"{name}_ms_{statistic}"] = partial(_latency_ms, rates, dep, name, statistic)
    value = np.full(dep.rows, np.nan)
    for metric in choices.keys() & words_in(asked.metric):
        here = asked.metric == metric
        value[here] = choices[metric]()[here]
    return np.where(np.isfinite(value) & (value > 0.0), value, np.nan)


def _latency_ms(rates: Rates, dep: Deployment, name: str, statistic: str) -> FloatArray:
    """Mean, median or tail of one latency [ms]; tails of TTFT and TPOT are fixed shares of the
    mean."""
    if name == "itl":
        itl = {"mean": rates.tpot_s, "p50": rates.itl_p50_s}
        return np.asarray(itl.get(statistic, rates.itl_p95_s) / MS)
    base: FloatArray = {"ttft": rates.ttft_s, "tpot": rates.tpot_s, "e2e": rates.e2e_s}[name]
    if statistic in ("mean", "p50"):
        return np.asarray(base / MS)
    tail = dep.ttft_tail if name == "ttft" else dep.slo_headroom
    return np.asarray(base * (tail if statistic == "p99" else np.sqrt(tail)) / MS)
