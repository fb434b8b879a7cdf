"""GenAI-Perf: profile_export JSON, aiperf's older form: metrics with units, counts may lack.

Source: genai-perf of triton-inference-server/perf_analyzer (docs and export of 0.0.10 to 0.0.16).
"""

from __future__ import annotations

import math

from gpumix.inventory.results.aiperf import latency_of, plain
from gpumix.inventory.results.run import Cells, Run

TOOL = "GenAI-Perf"

ENGINES = {"vllm": "vllm", "tensorrtllm": "tensorrt-llm", "sglang": "sglang"}
"""Back ends that its input_config may name."""

_LATENCIES = {
    "ttft": "time_to_first_token",
    "tpot": "inter_token_latency",
    "e2e": "request_latency",
}


def is_this(data: object) -> bool:
    """Whether a parsed file is one of this tool's: an input_config of Perf Analyzer's."""
    if not isinstance(data, dict) or "aiperf_version" in data:
        return False
    config = data.get("input_config")
    own = isinstance(config, dict) and {"perf_analyzer", "stimulus"} & set(config)
    return bool(own) and {"request_latency", "request_throughput"} <= set(data)


def read(cells: Cells) -> list[Run]:
    """The run in a file; what is wrong is left in `cells.problems`."""
    completed = plain(cells, "request_count") if cells.at("request_count") else math.nan
    load, value = _load(cells)
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            completed=completed,
            failed=cells.optional("error_request_count", "avg") or 0.0,
            duration_s=None,
            input_len=plain(cells, "input_sequence_length"),
            output_len=plain(cells, "output_sequence_length"),
            requests_per_s=plain(cells, "request_throughput"),
            output_tokens_per_s=plain(cells, "output_token_throughput"),
            latency_s={
                name: latency_of(cells, metric)
                for name, metric in _LATENCIES.items()
                if name == "e2e" or cells.at(metric) is not None  # else not streamed
            },
            load=load,
            load_value=value,
            model=_model(cells),
            engine=ENGINES.get(cells.text("input_config", "backend").lower(), ""),
            same_length=not (cells.optional("input_sequence_length", "std") or 0.0),
        )
    ]


def _load(cells: Cells) -> tuple[str, float | None]:
    """What Perf Analyzer was told to send."""
    for at in (("input_config", "perf_analyzer", "stimulus"), ("input_config", "stimulus")):
        for key, load in (("concurrency", "concurrency"), ("request_rate", "request_rate")):
            if isinstance(cells.at(*at), dict) and (value := cells.optional(*at, key)) is not None:
                return load, value
    return "", None


def _model(cells: Cells) -> str:
    named = cells.at("input_config", "model")
    if isinstance(named, str):
        return cells.text("input_config", "model")
    names = "model" if named is not None else "model_names"
    return cells.text("input_config", names, 0)
