"""Inventories of many workloads, made up by a rule: what a large team's plan costs in time."""

from __future__ import annotations

import json
from itertools import cycle, islice

KINDS: tuple[dict[str, object], ...] = (
    {
        "kind": "chat",
        "model": "meta-llama/Llama-3.1-8B-Instruct",
        "tier": "premium",
        "traffic": {"profile": "azure-conv", "peak_requests_per_s": 60},
        "slo": {"ttft_p95": "800 ms", "tpot_p95": "50 ms"},
    },
    {
        "kind": "chat",
        "model": "Qwen/Qwen2.5-32B-Instruct",
        "traffic": {"profile": "servegen-chat", "peak_requests_per_s": 20},
        "slo": {"ttft_p95": "2 s", "tpot_p95": "80 ms"},
    },
    {
        "kind": "batch",
        "model": "meta-llama/Llama-3.1-70B-Instruct",
        "tokens_per_day": {"input": 1_000_000_000, "output": 80_000_000},
        "window": "22:00-06:00",
    },
    {"kind": "embedding", "model": "BAAI/bge-m3", "tokens_per_day": 3_000_000_000},
    {
        "kind": "finetune",
        "method": "lora",
        "model": "Qwen/Qwen2.5-7B-Instruct",
        "tokens": "200M",
        "runs_per_month": 8,
        "finish_within": "12 h",
    },
)

SIZES = ("traffic", "tokens_per_day", "runs_per_month")
"""Keys that say how much there is to do."""


def inventory(workloads: int, years: int = 1) -> str:
    """The text of an inventory (JSON, hence YAML) of so many workloads, no two alike.

    The n-th round of the kinds asks for 10 % more than the one before.
    """
    named = {
        f"work-{n + 1}": _grown(kind, 1.0 + 0.1 * (n // len(KINDS)))
        for n, kind in enumerate(islice(cycle(KINDS), workloads))
    }
    return json.dumps(
        {
            "name": f"{workloads} workloads",
            "horizon": {"start": "2027-01", "years": years},
            "as_of": "2026-11-24",
            "workloads": named,
            "supply": {
                "cloud": {
                    "providers": "any",
                    "regions": "any",
                    "purchase": ["on_demand", "spot", "reserved"],
                }
            },
        },
        indent=1,
    )


def _grown(kind: dict[str, object], factor: float) -> dict[str, object]:
    """A kind of workload with more traffic, more tokens or more runs."""
    return {key: _more(value, factor) if key in SIZES else value for key, value in kind.items()}


def _more(value: object, factor: float) -> object:
    """A number times a factor; in a table every number."""
    if isinstance(value, dict):
        return {key: _more(part, factor) for key, part in value.items()}
    return round(value * factor, 1) if isinstance(value, int) else value
