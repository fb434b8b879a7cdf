"""Small result files of every tool that agree with themselves, for tests to break."""

from __future__ import annotations

from typing import Any

DISTRIBUTION = {"mean": 1.0, "p50": 0.95, "p95": 1.3, "p99": 1.5}


def vllm(**changes: Any) -> dict[str, Any]:
    """`vllm bench serve`: 40 requests of 1,000 + 101 tokens, 8 at a time; 0.1 + 100 x 0.02 s."""
    data: dict[str, Any] = {
        "backend": "vllm", "model_id": "meta-llama/Llama-3.1-8B-Instruct", "num_prompts": 40,
        "request_rate": "inf", "max_concurrency": 8, "duration": 10.5, "completed": 40,
        "failed": 0, "total_input_tokens": 40_000, "total_output_tokens": 4_040,
        "request_throughput": 3.80952, "output_throughput": 384.762,
        "total_token_throughput": 4194.29,
    }  # fmt: skip
    for name, mean in (("ttft", 100.0), ("tpot", 20.0), ("itl", 20.0), ("e2el", 2100.0)):
        data |= {f"{s}_{name}_ms": mean * share for s, share in DISTRIBUTION.items()}
    return data | changes


def aiperf(**changes: Any) -> dict[str, Any]:
    """aiperf's profile_export JSON of the same run."""

    def metric(unit: str, mean: float) -> dict[str, Any]:
        return {"unit": unit, "avg": mean, **{s: mean * x for s, x in DISTRIBUTION.items()}}

    data: dict[str, Any] = {
        "aiperf_version": "0.13.0",
        "request_throughput": {"unit": "requests/sec", "avg": 3.80952},
        "request_latency": metric("ms", 2100.0),
        "request_count": {"unit": "requests", "avg": 40.0},
        "time_to_first_token": metric("ms", 100.0),
        "inter_token_latency": metric("ms", 20.0),
        "output_token_throughput": {"unit": "tokens/sec", "avg": 384.762},
        "output_sequence_length": metric("tokens", 101.0),
        "input_sequence_length": metric("tokens", 1000.0),
        "benchmark_duration": {"unit": "sec", "avg": 10.5},
        "input_config": {
            "models": {"items": [{"name": "meta-llama/Llama-3.1-8B-Instruct"}]},
            "phases": [{"kind": "profiling", "type": "concurrency", "concurrency": 8}],
        },
        "was_cancelled": False,
        "error_summary": [],
    }
    return data | changes


def guidellm(**changes: Any) -> dict[str, Any]:
    """guidellm's JSON of the same run; `changes` go into its metrics."""

    def metric(mean: float) -> dict[str, Any]:
        shares = {s: mean * x for s, x in DISTRIBUTION.items()}
        return {"successful": {"mean": mean, "std_dev": 0.0, "percentiles": shares}}

    metrics = {
        "request_totals": {"successful": 40, "errored": 0, "incomplete": 0, "total": 40},
        "requests_per_second": metric(3.80952),
        "request_latency": metric(2.1),
        "prompt_token_count": metric(1000.0),
        "output_token_count": metric(101.0),
        "time_to_first_token_ms": metric(100.0),
        "inter_token_latency_ms": metric(20.0),
        "output_tokens_per_second": metric(384.762),
        "tokens_per_second": metric(4194.29),
    }
    benchmark = {
        "config": {
            "strategy": {"type_": "concurrent", "streams": 8},
            "backend": {"model": "meta-llama/Llama-3.1-8B-Instruct"},
        },
        "metrics": metrics | changes,
        "duration": 10.5,
    }
    return {"metadata": {"guidellm_version": "0.8.1"}, "benchmarks": [benchmark]}


def inference_perf(rate: float | None = 4.0, **changes: Any) -> dict[str, Any]:
    """inference-perf's report of the same run as a stage at `rate` requests/s; times in s."""

    def metric(mean: float) -> dict[str, Any]:
        return {"mean": mean, "median": 0.95 * mean, "p95": 1.3 * mean, "p99": 1.5 * mean}

    load = {"count": 40} | ({} if rate is None else {"requested_rate": rate})
    return {
        "benchmark_time_seconds": 10.5,
        "load_summary": load,
        "successes": {
            "count": 40,
            "latency": {
                "request_latency": metric(2.1),
                "time_per_output_token": metric(0.02),
                "time_to_first_token": metric(0.1),
                "inter_token_latency": metric(0.02),
            },
            "throughput": {"output_tokens_per_sec": 384.762, "requests_per_sec": 3.80952},
            "prompt_tokens": {"mean": 1000.0},
            "output_len": {"mean": 101.0},
            "output_tokens": {"mean": 101.0},
        },
        "failures": {"count": 0},
    } | changes
