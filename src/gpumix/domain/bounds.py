"""What can be true of hardware, traffic, prices and measurements, each with the reason.

A figure beyond these is a slip (a unit, a digit too many), and no engine is asked about it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

Range = tuple[float, float]
"""Smallest and largest value, both allowed."""

COUNT: Final[Range] = (1, 100_000)
"""GPUs of one job or deployment, and its tp, pp, cp, dp, ep, vp: the largest clusters that train
one model hold about 100,000 (xAI Colossus, 2024)."""
RANK: Final[Range] = (0, 100_000)
"""Of an adapter; 0 is none."""
TOKENS: Final[Range] = (0, 10_000_000)
"""Of one request, answer (none where a model only reads) or sequence: ten times the longest
context of the catalogue."""
REQUESTS: Final[Range] = (0, 1e8)
"""In flight, in a batch, of a burst or a second, and sequences of a training step."""
NETWORK_GBPS: Final[Range] = (0, 1e6)
"""Of one server: a hundred times today's 8 x 800 Gb/s and more."""
REQUESTS_PER_S: Final[Range] = (1e-5, 1e6)
"""Of one workload: from one a day to what all of a large search engine sees."""
LATENCY_S: Final[Range] = (1e-6, 30 * 86_400.0)
"""From a kernel's start to a month."""

_MS: Final[Range] = (1e3 * LATENCY_S[0], 1e3 * LATENCY_S[1])
_RATE: Final[Range] = (1e-9, 1e12)
_METRICS: Final[dict[str, Range]] = {
    "avg_power_w": (0.1, 1e9),
    "joules_per_output_token": (1e-9, 1e9),
    "step_time_s": LATENCY_S,
    "tflops_per_gpu": (1e-6, 1e5),
    "mem_gib_per_gpu": (1e-3, 1e4),
}

RUN_REQUESTS: Final[Range] = (0, 100_000)
"""Of a run that is simulated to answer a question; 0 asks for the closed form."""

COUNTS: Final = (
    "n_gpus", "gpus_per_node", "tp", "pp", "cp", "ep", "dp", "vp", "lora_rank",
    "requests", "context", "chunk_tokens", "overlapped_batches",
)  # fmt: skip
"""Columns of points that hold whole numbers."""
POINTS: Final[dict[str, Range]] = dict.fromkeys(COUNTS, COUNT) | {
    "lora_rank": RANK,
    "input_len": (1, TOKENS[1]),
    "output_len": TOKENS,
    "seq_len": (1, TOKENS[1]),
    "load_value": REQUESTS,
    "requests": RUN_REQUESTS,
    "context": (1, TOKENS[1]),
    "chunk_tokens": (1, TOKENS[1]),
    "overlapped_batches": (1, 2),
    "global_batch": (1, REQUESTS[1]),
    "micro_batch": (1, REQUESTS[1]),
    "inter_gbps_per_node": NETWORK_GBPS,
}
"""Numbers of a row of points; what is not stated is an empty cell, never 0."""

FIRST_PRICE: Final = date(2015, 1, 1)
"""Before it nobody rented a GPU of the catalogue (the oldest, P100 and V100, are of 2016-17)."""
YEARS: Final = (FIRST_PRICE.year, 2100)
"""Of any date that a team writes."""
AHEAD: Final = timedelta(days=366)
"""How far beyond today, and beyond the newest packaged price, a price may be dated."""


def metric_range(metric: str) -> Range:
    """The values that a measured metric of the points contracts can have, in its own unit.

    >>> metric_range("ttft_ms_p99")
    (0.001, 2592000000.0)
    """
    return _MS if "_ms_" in metric else _METRICS.get(metric, _RATE)


def point_fault(column: str, text: str, value: float) -> str:
    """What is wrong with a number in a column of points, or ''.

    >>> point_fault("tp", "0.01", 0.01)
    "tp must be a whole number from 1 to 100,000: '0.01'"
    >>> point_fault("seq_len", "2048", 2048.0)
    ''
    """
    low, high = POINTS[column]
    whole = column in COUNTS
    if low <= value <= high and (not whole or value == int(value)):
        return ""
    kind = "a whole number" if whole else "a number"
    return f"{column} must be {kind} from {low:,.0f} to {high:,.0f}: {text[:40]!r}"


def is_within(value: float, bounds: Range) -> bool:
    """Whether a value lies within bounds; NaN does not."""
    return bounds[0] <= value <= bounds[1]
