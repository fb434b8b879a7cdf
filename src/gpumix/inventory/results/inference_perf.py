"""inference-perf lifecycle reports: JSON of one stage, or of the whole run. All times in s.

The files name neither the model nor the engine nor a closed loop's concurrency.
"""

from __future__ import annotations

from gpumix.inventory.results.run import STATISTICS, Cells, Run, by_server

TOOL = "inference-perf"

_LATENCIES = {
    "ttft": "time_to_first_token",
    "tpot": "time_per_output_token",
    "itl": "inter_token_latency",
    "e2e": "request_latency",
}


def is_this(data: object) -> bool:
    """Whether a parsed file is one of this tool's."""
    return isinstance(data, dict) and {"load_summary", "successes"} <= set(data)


def is_summary(run: Run) -> bool:
    """Whether a run is the mean over all stages."""
    return run.tool == TOOL and not run.load


def read(cells: Cells) -> list[Run]:
    """The run in a file; what is wrong is left in `cells.problems`."""
    done = ("successes",)
    completed = cells.number(*done, "count")
    latency_s = {}
    for name, metric in _LATENCIES.items():
        found = _latency(cells, metric)
        if found:
            latency_s[name] = found
    counted = cells.optional(*done, "output_len", "mean")
    server = cells.optional(*done, "output_tokens", "mean")
    if counted is None and server is None:
        counted = cells.number(*done, "output_len", "mean")
    output_len, latency_s, notes = by_server(
        counted if counted is not None else server or 0.0, server, latency_s
    )
    requests_per_s = cells.number(*done, "throughput", "requests_per_sec")
    stated = cells.number(*done, "throughput", "output_tokens_per_sec")
    rate = cells.optional("load_summary", "requested_rate")
    prompt = "prompt_tokens" if cells.at(*done, "prompt_tokens") is not None else "prompt_len"
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            requested=cells.optional("load_summary", "count"),
            completed=completed,
            failed=cells.optional("failures", "count") or 0.0,
            duration_s=cells.number("benchmark_time_seconds")
            if cells.at("benchmark_time_seconds") is not None
            else None,
            input_len=cells.number(*done, prompt, "mean"),
            output_len=output_len,
            requests_per_s=requests_per_s,
            output_tokens_per_s=requests_per_s * output_len if notes else stated,
            latency_s=latency_s,
            load="" if rate is None else "request_rate",
            load_value=rate,
            same_length=False,
            notes=notes,
        )
    ]


def _latency(cells: Cells, metric: str) -> dict[str, float]:
    path = ("successes", "latency", metric)
    if cells.at(*path) is None:
        if metric in ("time_to_first_token", "inter_token_latency", "time_per_output_token"):
            return {}  # not streamed
        cells.wrong(path, "is missing")
        return {}
    found = {"mean": cells.number(*path, "mean")}
    for statistic in STATISTICS[1:]:
        value = cells.optional(*path, "median" if statistic == "p50" else statistic)
        if value is not None:
            found[statistic] = value
    return found
