"""TensorRT-LLM's `trtllm-bench` report: JSON with its own engine, GPU and layout. Latencies in ms.

Source: tensorrt_llm/bench/dataclasses/reporting.py of NVIDIA/TensorRT-LLM, versions 0.17 to 1.2.
"""

from __future__ import annotations

import math

from gpumix.inventory.results.deployed import read as read_deployed
from gpumix.inventory.results.run import Cells, Run
from gpumix.units import MS

TOOL = "trtllm-bench"

_PERCENTILES = {
    "ttft": ("streaming_metrics", "ttft_percentiles"),
    "tpot": ("streaming_metrics", "tpot_percentiles"),
    "e2e": ("performance", "request_latency_percentiles_ms"),
}
_MEANS = {
    "ttft": ("streaming_metrics", "avg_ttft_ms"),
    "tpot": ("streaming_metrics", "avg_tpot_ms"),
    "e2e": ("performance", "avg_request_latency_ms"),
}


def is_this(data: object) -> bool:
    """Whether a parsed file is one of this tool's."""
    return isinstance(data, dict) and {"world_info", "request_info", "performance"} <= set(data)


def read(cells: Cells) -> list[Run]:
    """The run in a report; what is wrong is left in `cells.problems`."""
    latency_s = {name: _latency(cells, name) for name in _MEANS}
    asked = cells.number("request_info", "num_requests")
    flying = cells.number("request_info", "avg_num_concurrent_requests")
    is_burst = flying > 0.9 * asked
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            completed=asked,
            failed=0.0,
            duration_s=cells.number("performance", "total_latency_ms") * MS,
            input_len=cells.number("request_info", "avg_input_length"),
            output_len=cells.number("request_info", "avg_output_length"),
            requests_per_s=cells.number("performance", "request_throughput_req_s"),
            output_tokens_per_s=cells.number("performance", "system_output_throughput_tok_s"),
            total_tokens_per_s=cells.optional("performance", "system_total_throughput_tok_s"),
            latency_s={name: found for name, found in latency_s.items() if found},
            load="burst" if is_burst else "concurrency",
            load_value=asked if is_burst else _at_once(flying),
            model=cells.text("engine", "model"),
            engine="tensorrt-llm",
            engine_version=cells.text("engine", "version"),
            same_length=False,
            deployed=read_deployed(cells, cells.text("machine", "name")),
        )
    ]


def _at_once(flying: float) -> float:
    """Requests in flight as a whole number; NaN where the file does not say."""
    return flying if math.isnan(flying) else float(max(round(flying), 1))


def _latency(cells: Cells, name: str) -> dict[str, float]:
    """Seconds by statistic; empty where the answers were not streamed."""
    if cells.at(_MEANS[name][0]) is None and name != "e2e":
        return {}
    found = {"mean": cells.number(*_MEANS[name]) * MS}
    for statistic in ("p50", "p95", "p99"):
        if (value := cells.optional(*_PERCENTILES[name], statistic)) is not None:
            found[statistic] = value * MS
    return found
