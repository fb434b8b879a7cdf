"""MLPerf inference logs of LoadGen: the summary text, and the `:::MLLOG` lines of the detail log.

Latencies are nanoseconds. A log names neither hardware nor model nor lengths; answers' lengths
follow from tokens and samples per second.

Source: loadgen/results.cc of mlcommons/inference, versions 4.1 to 5.1.
"""

from __future__ import annotations

import math
import re
from typing import Any

from gpumix.domain.cells import number_in
from gpumix.errors import InputError
from gpumix.inventory.results.run import Cells, Run
from gpumix.reading import parse_json

TOOL = "MLPerf LoadGen"

_LINE = re.compile(r"^\s*([A-Za-z0-9][^:]*?)\s*:\s*(.*?)\s*$")
_DETAIL = ":::MLLOG "
_NS = 1e-9
_SUMMARY = "MLPerf Results Summary"

_KEYS = {
    "scenario": ("Scenario", "effective_scenario"),
    "mode": ("Mode", "effective_test_mode"),
    "validity": ("Result is", "result_validity"),
    "samples": (
        "Samples per second", "Completed samples per second", "result_samples_per_second",
        "result_completed_samples_per_sec",
    ),
    "tokens": (
        "Tokens per second", "Completed tokens per second", "result_tokens_per_second",
        "result_completed_tokens_per_second",
    ),
    "offered": ("target_qps", "effective_target_qps"),
    "count": ("result_query_count", "min_query_count"),
}  # fmt: skip
_LATENCIES = {
    "ttft": ("First Token latency", "first_token"),
    "tpot": ("Time to Output Token", "time_per_output_token"),
    "e2e": ("latency", ""),
}
"""Words of the summary's and of the detail log's latencies."""


def is_this(text: str) -> bool:
    """Whether a text is one of LoadGen's logs."""
    return _SUMMARY in text[:2_000] or text.startswith(_DETAIL)


def data_of(text: str) -> dict[str, Any]:
    """The keys and values of a log; lines that hold none are passed over."""
    found: dict[str, Any] = {}
    for line in text.split("\n"):
        if line.startswith(_DETAIL):
            try:
                entry = parse_json(line.removeprefix(_DETAIL), "the log")
            except InputError:
                continue
            if isinstance(entry, dict) and isinstance(entry.get("key"), str):
                found[entry["key"]] = entry.get("value")
        elif match := _LINE.match(line):
            number = number_in(match[2])
            found[match[1]] = match[2] if math.isnan(number) else number
    return found


def read(cells: Cells) -> list[Run]:
    """The run in a log; what is wrong is left in `cells.problems`."""
    validity, scenario = _text(cells, "validity"), _text(cells, "scenario").lower()
    if validity.upper() != "VALID":
        cells.wrong((), f"the result is {validity or 'not stated'}", "measure a valid run")
    if "accuracy" in _text(cells, "mode").lower():
        cells.wrong((), "is an accuracy run: it measures no speed")
    if scenario not in ("offline", "server", "interactive"):
        cells.wrong((), f"scenario {scenario or 'not stated'} is not understood",
                    "Offline, Server or Interactive")  # fmt: skip
    samples, tokens = _number(cells, "samples"), _number(cells, "tokens")
    latency_s = {} if scenario == "offline" else {n: _latency(cells, n) for n in _LATENCIES}
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            completed=math.nan,
            failed=0.0,
            duration_s=None,
            input_len=math.nan,
            output_len=tokens / samples if samples > 0.0 else math.nan,
            requests_per_s=samples,
            output_tokens_per_s=tokens,
            latency_s={name: found for name, found in latency_s.items() if found},
            load="max_throughput" if scenario == "offline" else "request_rate",
            load_value=None if scenario == "offline" else _number(cells, "offered"),
            same_length=False,
        )
    ]


def _text(cells: Cells, name: str) -> str:
    return next((t for key in _KEYS[name] if (t := cells.text(key))), "")


def _number(cells: Cells, name: str) -> float:
    key = next((key for key in _KEYS[name] if cells.at(key) is not None), _KEYS[name][0])
    return cells.number(key)


def _latency(cells: Cells, name: str) -> dict[str, float]:
    """Seconds by statistic, from whichever of the two logs this is."""
    summary, detail = _LATENCIES[name]
    found = {}
    middle = f"{detail}_" if detail else ""
    for statistic, percent in (("mean", ""), ("p50", "50.00"), ("p95", "95.00"), ("p99", "99.00")):
        keys = [f"Mean {summary} (ns)", f"result_{middle}mean_latency_ns"]
        if percent:
            keys = [
                f"{percent} percentile {summary} (ns)",
                f"{percent} percentile {summary.lower()} (ns)",
                f"result_{middle}{percent}_percentile_latency_ns",
            ]
        value = next((v for key in keys if (v := cells.optional(key)) is not None), None)
        if value:
            found[statistic] = value * _NS
    return found
