"""A run held against itself: what a broken, partial or mixed-up file cannot get past."""

from __future__ import annotations

import math
from collections.abc import Iterator

from gpumix.domain.bounds import LATENCY_S, REQUESTS, TOKENS, is_within
from gpumix.errors import Problem
from gpumix.inventory.results.run import Run

TOLERANCE = 0.05
"""Share by which figures of one run may differ (rounding, ends of the measured window)."""

LATENCY_TOLERANCE = 0.15
"""The same for sums of means: the mean of ratios is not the ratio of means."""

IDLE_SHARE = 0.3
"""A closed loop has at least this share of its concurrency in flight on average."""


Fault = tuple[str, str]
"""What is wrong, and what to do about it."""


def problems_of(run: Run) -> list[Problem]:
    """Everything in a run that cannot be true, or makes it no measurement."""
    return [Problem(run.place, message, fix) for message, fix in _faults(run)]


def _faults(run: Run) -> Iterator[Fault]:
    if run.failed > 0.0:
        total = run.completed + run.failed
        yield f"{run.failed:g} of {total:g} requests failed", "measure a run without failures"
    if run.completed == 0.0:
        yield "no request was completed", ""
        return
    if run.requested and run.failed == 0.0 and run.completed < run.requested:
        missing = f"{run.completed:g} of {run.requested:g} requests were completed"
        yield missing, "measure a run that is not cut off"
    if run.duration_s == 0.0:
        yield "the duration is 0", ""
    for name, value in (
        ("input tokens per request", run.input_len),
        ("requests/s", run.requests_per_s),
        ("output tokens/s", run.output_tokens_per_s),
    ):
        if value == 0.0:
            yield f"{name} is 0", ""
    if run.load and run.load_value == 0.0:
        yield f"load {run.load} of 0", ""
    yield from _bound_faults(run)
    yield from _rate_faults(run)
    yield from _latency_faults(run)
    yield from _little_faults(run)


def _bound_faults(run: Run) -> Iterator[Fault]:
    """Figures that no server and no clock can give."""
    for name, values in run.latency_s.items():
        for statistic, seconds in values.items():
            if seconds > 0.0 and not is_within(seconds, LATENCY_S):
                yield (
                    f"{statistic} {name} of {seconds:.3g} s is not a latency",
                    "which unit is it in?",
                )
    for name, value, bounds in (
        ("input tokens per request", run.input_len, TOKENS),
        ("output tokens per request", run.output_len, TOKENS),
        ("requests/s", run.requests_per_s, REQUESTS),
        (f"load {run.load}", run.load_value or 0.0, REQUESTS),
    ):
        if value > 0.0 and not is_within(value, bounds):
            yield f"{name} of {value:.3g} is beyond {bounds[1]:,.0f}", "which unit is it in?"


def _rate_faults(run: Run) -> Iterator[Fault]:
    """Counts, duration and rates are three sides of one thing."""
    rate = run.requests_per_s
    if run.duration_s:
        counted = run.completed / run.duration_s
        if _differ(counted, rate, TOLERANCE):
            count = f"{run.completed:g} requests in {run.duration_s:.4g} s = {counted:.4g}"
            yield f"{rate:.4g} requests/s contradicts {count}", "is the duration in seconds?"
    tokens = rate * run.output_len
    if _differ(tokens, run.output_tokens_per_s, TOLERANCE):
        product = f"{rate:.4g} requests/s x {run.output_len:.4g} tokens = {tokens:.4g}"
        yield f"{run.output_tokens_per_s:.4g} output tokens/s contradicts {product}", ""
    total = rate * (run.input_len + run.output_len)
    if run.total_tokens_per_s is not None and _differ(total, run.total_tokens_per_s, TOLERANCE):
        parts = f"input and output of {rate:.4g} requests/s = {total:.4g}"
        yield f"{run.total_tokens_per_s:.4g} total tokens/s contradicts {parts}", ""
    if run.load == "request_rate" and run.load_value and rate > 1.5 * run.load_value:
        yield f"{rate:.4g} requests/s served where {run.load_value:g} were offered", ""


def _latency_faults(run: Run) -> Iterator[Fault]:
    """Percentiles rise; the first token and the steps after it make up the whole."""
    for name, values in run.latency_s.items():
        ordered = [values[s] for s in ("p50", "p95", "p99") if s in values]
        if ordered != sorted(ordered):
            yield f"percentiles of {name} do not rise", ""
        if values.get("mean") == 0.0:
            yield f"mean {name} is 0", "was the answer streamed?"
    mean = {name: values["mean"] for name, values in run.latency_s.items() if "mean" in values}
    ttft, tpot, e2e = (mean.get(name, math.nan) for name in ("ttft", "tpot", "e2e"))
    if ttft > e2e:
        order = f"the first token ({ttft:.4g} s) comes after the last ({e2e:.4g} s)"
        yield order, "are both in the same unit?"
        return
    parts = ttft + tpot * max(run.output_len - 1.0, 0.0)
    if _differ(parts, e2e, LATENCY_TOLERANCE):
        total = f"TTFT + TPOT x (tokens - 1) = {parts:.4g} s"
        yield f"{total} contradicts a latency of {e2e:.4g} s", "are all in the same unit?"


def _little_faults(run: Run) -> Iterator[Fault]:
    """Little's law: requests in flight = requests/s x latency, at most the concurrency.

    Source: J. D. C. Little, Operations Research 9 (1961).
    """
    latency = run.latency_s.get("e2e", {}).get("mean")
    if latency is None:
        return
    flying = run.requests_per_s * latency
    law = f"requests/s x latency = {flying:.3g} requests in flight (Little's law)"
    if run.load == "concurrency" and run.load_value:
        limit = run.load_value
        if flying > limit * (1.0 + TOLERANCE):
            yield f"{law}, but the concurrency is {limit:g}", ""
        elif flying < IDLE_SHARE * limit and run.completed >= 2.0 * limit:
            fix = "was the client the bottleneck, or is a latency in another unit?"
            yield f"{law}, far below the concurrency of {limit:g}", fix
    elif flying > run.completed * (1.0 + TOLERANCE):
        yield f"{law}, but only {run.completed:g} were sent", ""


def _differ(one: float, other: float, tolerance: float) -> bool:
    """Whether two figures contradict each other; NaN (already told) contradicts nothing."""
    return abs(one - other) > tolerance * max(abs(one), abs(other))
