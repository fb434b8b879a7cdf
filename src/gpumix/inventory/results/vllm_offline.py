"""`vllm bench throughput` and `vllm bench latency`: JSON of a run without a server. Times in s.

Neither says how long prompts and answers were, nor the batch: the command line does.

Source: vllm/benchmarks/throughput.py and latency.py of vllm-project/vllm, versions 0.6 to 0.12.
"""

from __future__ import annotations

import math

from gpumix.inventory.results.run import Cells, Run

THROUGHPUT = "vllm bench throughput"
LATENCY = "vllm bench latency"


def is_throughput(data: object) -> bool:
    """Whether a parsed file is of `vllm bench throughput`."""
    return isinstance(data, dict) and {"elapsed_time", "tokens_per_second"} <= set(data)


def is_latency(data: object) -> bool:
    """Whether a parsed file is of `vllm bench latency`."""
    return isinstance(data, dict) and {"avg_latency", "latencies"} <= set(data)


def read_throughput(cells: Cells) -> list[Run]:
    """The run in a file: all requests at once, total tokens per second."""
    requests = cells.number("num_requests")
    seconds, tokens = cells.number("elapsed_time"), cells.number("total_num_tokens")
    stated = cells.number("tokens_per_second")
    if seconds > 0.0 and abs(stated - tokens / seconds) > 0.05 * stated:
        counted = f"{tokens:g} tokens in {seconds:.4g} s"
        cells.wrong(("tokens_per_second",), f"{stated:.4g} tokens/s contradicts {counted}")
    return [
        Run(
            tool=THROUGHPUT,
            place=cells.place,
            completed=requests,
            failed=0.0,
            duration_s=seconds,
            input_len=math.nan,
            output_len=math.nan,
            requests_per_s=cells.number("requests_per_second"),
            output_tokens_per_s=math.nan,
            total_tokens_per_s=stated,
            latency_s={},
            load="burst",
            load_value=requests,
            engine="vllm",
        )
    ]


def read_latency(cells: Cells) -> list[Run]:
    """The run in a file: one batch again and again, its latency from end to end."""
    mean = cells.number("avg_latency")
    times = cells.items("latencies")
    read = [cells.number("latencies", i) for i in range(len(times))]
    if not times:
        cells.wrong(("latencies",), "is empty: the run measured nothing")
    elif abs(sum(read) / len(read) - mean) > 0.01 * mean:
        cells.wrong(("avg_latency",), f"{mean:.4g} s is not the mean of {len(read)} latencies")
    found = {"mean": mean}
    for statistic, key in (("p50", "50"), ("p99", "99")):
        if (value := cells.optional("percentiles", key)) is not None:
            found[statistic] = value
    return [
        Run(
            tool=LATENCY,
            place=cells.place,
            completed=float(len(times)),
            failed=0.0,
            duration_s=None,
            input_len=math.nan,
            output_len=math.nan,
            requests_per_s=math.nan,
            output_tokens_per_s=math.nan,
            latency_s={"e2e": found},
            load="",
            engine="vllm",
            batch=True,
        )
    ]
