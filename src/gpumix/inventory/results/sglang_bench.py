"""SGLang's `bench_serving`: one flat JSON object a line, a run each. Latencies in ms.

It does not say how many requests were sent, and of the model only what the server tells.
Source: the Bench Serving Guide of sgl-project/sglang, and files of version 0.5.
"""

from __future__ import annotations

from gpumix.inventory.results.run import Cells, Run
from gpumix.inventory.results.vllm_bench import load_of
from gpumix.units import MS

TOOL = "sglang bench_serving"
ENGINES = {"sglang": "sglang", "sglang-oai": "sglang", "sglang-oai-chat": "sglang", "vllm": "vllm"}
"""Back ends of the tool that name the engine."""

_LATENCIES = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2e": "e2e_latency"}
_STATISTICS = {"mean": "mean", "p50": "median", "p95": "p95", "p99": "p99"}


def is_this(data: object) -> bool:
    """Whether a parsed file is one of this tool's."""
    marks = {"output_throughput", "total_output_tokens", "mean_e2e_latency_ms"}
    return isinstance(data, dict) and marks <= set(data)


def read(cells: Cells) -> list[Run]:
    """The run in a line; what is wrong is left in `cells.problems`."""
    completed = cells.number("completed")
    found = {
        name: {
            statistic: value * MS
            for statistic, word in _STATISTICS.items()
            if (value := cells.optional(f"{word}_{key}_ms")) is not None
        }
        for name, key in _LATENCIES.items()
    }
    load, value = load_of(cells, completed)
    info = cells.at("server_info")
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            completed=completed,
            failed=0.0,
            duration_s=cells.number("duration"),
            input_len=cells.number("total_input_tokens") / max(completed, 1.0),
            output_len=cells.number("total_output_tokens") / max(completed, 1.0),
            requests_per_s=cells.number("request_throughput"),
            output_tokens_per_s=cells.number("output_throughput"),
            total_tokens_per_s=cells.optional("total_throughput"),
            latency_s={name: times for name, times in found.items() if times},
            load=load,
            load_value=value,
            model=cells.text("server_info", "served_model_name") if info else "",
            engine=ENGINES.get(cells.text("backend").lower(), ""),
            same_length=cells.optional("random_range_ratio") == 1.0,
        )
    ]
