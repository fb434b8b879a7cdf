"""`vllm bench serve`: one flat JSON object a run. Latencies in ms, duration in s, rates per s."""

from __future__ import annotations

from gpumix.inventory.results.run import STATISTICS, Cells, Run
from gpumix.units import MS

TOOL = "vllm bench serve"
ENGINES = ("vllm", "sglang", "tensorrt-llm", "lmdeploy")
"""Back ends of the tool that name the engine itself; `openai` may be any."""

_LATENCIES = {"ttft": "ttft", "tpot": "tpot", "itl": "itl", "e2e": "e2el"}


def is_this(data: object) -> bool:
    """Whether a parsed file is one of this tool's."""
    marks = {"output_throughput", "total_input_tokens", "total_output_tokens", "num_prompts"}
    return isinstance(data, dict) and len(marks & set(data)) >= 2


def read(cells: Cells) -> list[Run]:
    """The run in a file; what is wrong is left in `cells.problems`."""
    completed = cells.number("completed")
    prompts = cells.number("num_prompts")
    failed = cells.optional("failed")
    latency_s = {
        name: {
            statistic: value * MS
            for statistic in STATISTICS
            if (value := cells.optional(f"{statistic}_{key}_ms")) is not None
        }
        for name, key in _LATENCIES.items()
    }
    if not any(latency_s.values()):
        cells.wrong((), "has no latencies (mean_ttft_ms, mean_tpot_ms...)")
    load, value = load_of(cells, prompts)
    backend = cells.text("backend").lower()
    return [
        Run(
            tool=TOOL,
            place=cells.place,
            requested=prompts,
            completed=completed,
            failed=max(prompts - completed, 0.0) if failed is None else failed,
            duration_s=cells.number("duration"),
            input_len=cells.number("total_input_tokens") / max(completed, 1.0),
            output_len=cells.number("total_output_tokens") / max(completed, 1.0),
            requests_per_s=cells.number("request_throughput"),
            output_tokens_per_s=cells.number("output_throughput"),
            total_tokens_per_s=cells.optional("total_token_throughput"),
            latency_s={name: found for name, found in latency_s.items() if found},
            load=load,
            load_value=value,
            model=cells.text("model_id"),
            engine=backend if backend in ENGINES else "",
        )
    ]


def load_of(cells: Cells, prompts: float) -> tuple[str, float | None]:
    """Closed loop where the concurrency is capped and binds, else the rate, else all at once."""
    capped = cells.optional("max_concurrency")
    rate = cells.at("request_rate")
    endless = rate is None or (isinstance(rate, str) and rate.lower() in ("inf", "infinity"))
    offered = None if endless else cells.optional("request_rate")
    if not endless and offered is None:
        return "", None
    achieved = cells.optional("request_throughput") or 0.0
    if offered is not None and (capped is None or achieved >= 0.9 * offered):
        return "request_rate", offered
    if capped is None or prompts <= capped:
        return "burst", prompts
    return "concurrency", capped
