"""aiperf: profile_export JSON, where every metric carries its unit, and the CSV of the same run.

Its `inter_token_latency` is (end - first token) / (tokens - 1) of a request, TPOT here;
`inter_chunk_latency` is the gap between pieces of the stream and is passed over.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from gpumix.domain.cells import number_in
from gpumix.inventory.results.run import STATISTICS, Cells, Run, by_server
from gpumix.units import MS

TOOL = "aiperf"

SECONDS = {"ns": 1e-9, "us": 1e-6, "ms": MS, "s": 1.0, "sec": 1.0, "seconds": 1.0}
"""Units of time in its files [s]."""

_LATENCIES = {
    "ttft": "time_to_first_token",
    "tpot": "inter_token_latency",
    "e2e": "request_latency",
}
_PLAIN = ("requests", "requests/sec", "tokens", "tokens/sec", "count")
_TITLES = {  # names in the CSV -> names in the JSON
    "Request Latency": "request_latency",
    "Time to First Token": "time_to_first_token",
    "Inter Token Latency": "inter_token_latency",
    "Input Sequence Length": "input_sequence_length",
    "Output Sequence Length": "output_sequence_length",
    "Usage Completion Tokens": "usage_completion_tokens",
    "Request Count": "request_count",
    "Error Request Count": "error_request_count",
    "Completed Requests (Success + Error)": "total_request_count",
    "Request Throughput": "request_throughput",
    "Output Token Throughput": "output_token_throughput",
    "Total Token Throughput": "total_token_throughput",
    "Benchmark Duration": "benchmark_duration",
    "Effective Concurrency": "effective_concurrency",
}
_TITLE = re.compile(r"^(.*?)(?: \(([^()]*)\))?$")


def is_this(data: object) -> bool:
    """Whether a parsed JSON file is one of this tool's summaries."""
    marks = {"request_latency", "time_to_first_token", "output_token_throughput"}
    return isinstance(data, dict) and (
        ("aiperf_version" in data and "metrics" not in data) or len(marks & set(data)) >= 2
    )


def is_this_csv(lines: list[list[str]]) -> bool:
    """Whether the rows of a CSV file are this tool's."""
    return bool(lines) and lines[0][:2] == ["Metric", "avg"]


def data_of_csv(lines: list[list[str]]) -> dict[str, Any]:
    """The rows of its CSV in the form of its JSON: metric -> unit and statistics.

    The file holds two tables, of distributions and of single values, each under its own header.
    """
    data: dict[str, Any] = {}
    header: list[str] = []
    for line in lines:
        if not line or not line[0]:
            continue
        if line[0] == "Metric":
            header = ["avg" if name == "Value" else name for name in line[1:]]
            continue
        title, unit = _title(line[0])
        if title in _TITLES:
            values = zip(header, map(number_in, line[1:]), strict=False)
            known = {name: value for name, value in values if not math.isnan(value)}
            data[_TITLES[title]] = {"unit": unit, **known}
    return data


def read(cells: Cells) -> list[Run]:
    """The run in a file; what is wrong is left in `cells.problems`."""
    if cells.flag("was_cancelled") is True or cells.flag("is_complete") is False:
        cells.wrong((), "the run was cancelled before it was complete")
    for i, error in enumerate(cells.items("error_summary")):
        text = str(error.get("error_details", error) if isinstance(error, Mapping) else error)
        cells.wrong(("error_summary", i), f"requests failed: {text:.80}")
    completed = plain(cells, "request_count")
    latency_s = {name: latency_of(cells, metric) for name, metric in _LATENCIES.items()}
    counted = plain(cells, "output_sequence_length")
    server = cells.optional("usage_completion_tokens", "avg")
    output_len, latency_s, notes = by_server(counted, server, latency_s)
    requests_per_s = plain(cells, "request_throughput")
    stated = plain(cells, "output_token_throughput")
    _agree(cells, stated, requests_per_s * counted)
    load, value = _load(cells)
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            completed=completed,
            failed=_failed(cells, completed),
            duration_s=_duration(cells),
            input_len=plain(cells, "input_sequence_length"),
            output_len=output_len,
            requests_per_s=requests_per_s,
            output_tokens_per_s=requests_per_s * output_len if notes else stated,
            latency_s=latency_s,
            load=load,
            load_value=value,
            model=_model(cells),
            same_length=not (cells.optional("input_sequence_length", "std") or 0.0),
            notes=notes,
        )
    ]


def _title(cell: str) -> tuple[str, str]:
    if cell in _TITLES:
        return cell, ""
    found = _TITLE.match(cell)
    return (found[1], found[2] or "") if found else (cell, "")


def plain(cells: Cells, metric: str) -> float:
    """The mean of a count or rate, whose unit must be the expected one."""
    unit = cells.text(metric, "unit")
    if unit and unit not in _PLAIN:
        cells.wrong((metric, "unit"), f"{unit!r} is not understood", f"one of {', '.join(_PLAIN)}")
    return cells.number(metric, "avg")


def _seconds(cells: Cells, metric: str) -> float | None:
    unit = cells.text(metric, "unit")
    if unit in SECONDS:
        return SECONDS[unit]
    if cells.at(metric) is None:
        cells.wrong((metric,), "is missing")
    else:
        cells.wrong(
            (metric, "unit"), f"{unit!r} is not a unit of time", f"one of {', '.join(SECONDS)}"
        )
    return None


def latency_of(cells: Cells, metric: str) -> dict[str, float]:
    """The statistics of a time by the unit it carries [s]."""
    unit_s = _seconds(cells, metric)
    if unit_s is None:
        return {}
    found = {"mean": cells.number(metric, "avg") * unit_s}
    for statistic in STATISTICS[1:]:
        value = cells.optional(metric, statistic)
        if value is not None:
            found[statistic] = value * unit_s
    return found


def _duration(cells: Cells) -> float | None:
    unit_s = _seconds(cells, "benchmark_duration")
    return None if unit_s is None else cells.number("benchmark_duration", "avg") * unit_s


def _failed(cells: Cells, completed: float) -> float:
    failed = cells.optional("error_request_count", "avg")
    if failed is None:
        failed = (cells.optional("total_request_count", "avg") or completed) - completed
    return failed


def _agree(cells: Cells, stated: float, product: float) -> None:
    """Output tokens/s and requests/s times the client's own tokens per request are one figure."""
    if stated > 0.0 and product > 0.0 and abs(product / stated - 1.0) > 0.05:
        cells.wrong(
            ("output_token_throughput",),
            f"{stated:.4g} tokens/s contradicts requests/s x tokens a request = {product:.4g}",
        )


def _load(cells: Cells) -> tuple[str, float | None]:
    phases = cells.items("input_config", "phases")
    if phases:
        measured = [
            i for i in range(len(phases))
            if cells.text("input_config", "phases", i, "kind") in ("", "profiling")
        ]  # fmt: skip
        at: tuple[str | int, ...] = (
            "input_config",
            "phases",
            measured[-1] if measured else len(phases) - 1,
        )
    else:
        at = ("input_config", "loadgen")
    rate = cells.optional(*at, "rate") or cells.optional(*at, "request_rate")
    if rate is not None:
        return "request_rate", rate
    concurrency = cells.optional(*at, "concurrency")
    if concurrency is not None:
        return "concurrency", concurrency
    middle, most = (cells.optional("effective_concurrency", s) for s in ("p50", "max"))
    if middle and middle == most and middle == round(middle):
        return "concurrency", middle
    return "", None


def _model(cells: Cells) -> str:
    models = ("input_config", "models")
    if isinstance(cells.at(*models), list):
        return cells.text(*models, 0)
    named = cells.text(*models, "items", 0, "name")
    return named or cells.text("input_config", "endpoint", "model_names", 0)
