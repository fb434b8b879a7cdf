"""Real result files of every tool, with the figures they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.errors import InputError
from gpumix.inventory.results import Stated, read_results
from gpumix.inventory.results.reader import Measured

SAMPLES = Path(__file__).resolve().parents[3] / "shared" / "data" / "bench_samples"
STATED = Stated(gpu="h100-sxm-80gb", model="meta-llama/Llama-3.1-8B-Instruct")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="the shared data is not beside the repository"),
]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def read(catalog: Catalog, *names: str) -> tuple[Measured, ...]:
    return read_results([SAMPLES / name for name in names], STATED, catalog).files


def figures(one: Measured) -> dict[str, float]:
    return {row["metric"]: float(row["value"]) for row in one.rows}


@pytest.mark.parametrize(
    ("name", "tool", "load", "load_value", "lengths", "expected"),
    [
        (
            "vllm_bench_serve_conc1.json", "vllm bench serve", "concurrency", 1, (256.344, 64),
            {"output_tok_s_total": 374.6, "requests_s": 5.853123, "ttft_ms_mean": 12.003,
             "tpot_ms_mean": 2.5107, "itl_ms_p99": 4.877, "e2e_ms_p50": 164.593},
        ),
        (
            "vllm_bench_serve_conc4.json", "vllm bench serve", "concurrency", 4, (256.344, 64),
            {"output_tok_s_total": 1080.695, "total_tok_s_total": 5409.28, "ttft_ms_p99": 29.947,
             "tpot_ms_p50": 3.5066, "itl_ms_p95": 5.2279, "e2e_ms_mean": 235.988},
        ),
        (
            "vllm_bench_serve_conc16.json", "vllm bench serve", "concurrency", 16, (256.344, 64),
            {"output_tok_s_total": 2023.92, "ttft_ms_mean": 67.372, "tpot_ms_mean": 6.8087},
        ),
        (
            "vllm_bench_serve_rps2.json", "vllm bench serve", "request_rate", 2, (128.35, 32),
            {"output_tok_s_total": 63.529, "ttft_ms_p95": 36.900, "tpot_ms_mean": 4.3055},
        ),
        (
            "vllm_bench_serve_rps8.json", "vllm bench serve", "request_rate", 8, (128.35, 32),
            {"output_tok_s_total": 251.4066, "requests_s": 7.85645, "ttft_ms_mean": 13.5817},
        ),
        (
            "guidellm_0.8.1.json", "guidellm", "concurrency", 4, (136, 32),
            {"output_tok_s_total": 370.541, "requests_s": 11.57941, "ttft_ms_mean": 51.085,
             "tpot_ms_mean": 8.99918, "e2e_ms_mean": 332.316},
        ),
        (
            "aiperf_0.13.0_profile_export_aiperf.json", "aiperf", "concurrency", 4, (128, 32),
            {"requests_s": 13.13232, "output_tok_s_total": 13.13232 * 32, "ttft_ms_mean": 45.6326,
             "ttft_ms_p99": 96.1258, "tpot_ms_mean": (289.3254 - 45.6326) / 31,
             "e2e_ms_p95": 481.976},
        ),
        (
            "aiperf_0.13.0_profile_export_aiperf.csv", "aiperf", "concurrency", 4, (128, 32),
            {"requests_s": 13.13, "output_tok_s_total": 13.13 * 32, "ttft_ms_mean": 45.63,
             "e2e_ms_p99": 483.81},
        ),
        (
            "inference_perf_0.7.0_stage_0_lifecycle_metrics.json", "inference-perf",
            "request_rate", 2, (127.167, 31.8),
            {"requests_s": 1.98464, "output_tok_s_total": 1.98464 * 31.8, "ttft_ms_mean": 17.5225,
             "ttft_ms_p50": 16.2659, "e2e_ms_mean": 115.830,
             "tpot_ms_mean": (115.830 - 17.5225) / 30.8},
        ),
        (
            "inference_perf_0.7.0_stage_1_lifecycle_metrics.json", "inference-perf",
            "request_rate", 6, (128.3, 32.7833),
            {"requests_s": 6.05144, "ttft_ms_mean": 15.6665, "e2e_ms_p95": 176.934},
        ),
        (
            "inference_perf_0.7.0_summary_lifecycle_metrics.json", "inference-perf",
            "request_rate", 3.17009429, (127.922, 32.4556),
            {"requests_s": 3.170094, "ttft_ms_p99": 29.1238, "e2e_ms_mean": 115.220},
        ),
    ],
)  # fmt: skip
def test_a_sample_holds_these_figures(  # type: ignore[no-untyped-def]
    catalog, name, tool, load, load_value, lengths, expected
):
    (one,) = read(catalog, name)
    assert one.tool == tool
    first = one.rows[0]
    assert first["load"] == load
    assert float(first["load_value"]) == pytest.approx(load_value)
    assert (float(first["input_len"]), float(first["output_len"])) == pytest.approx(lengths)
    found = figures(one)
    for metric, value in expected.items():
        assert found[metric] == pytest.approx(value, rel=2e-4), metric


def test_counts_of_the_server_win_over_the_client(catalog: Catalog) -> None:
    (one,) = read(catalog, "aiperf_0.13.0_profile_export_aiperf.json")
    assert "client counted 40.83" in one.note
    assert "tpot_ms_p95" not in figures(one)


def test_a_summary_beside_its_stages_is_not_counted_twice(catalog: Catalog) -> None:
    names = [f"inference_perf_0.7.0_{n}_lifecycle_metrics.json" for n in ("summary", "stage_0")]
    alone = read(catalog, *names)
    assert len(alone[0].rows) > 0
    both = read(catalog, *names, "inference_perf_0.7.0_stage_1_lifecycle_metrics.json")
    assert both[0].rows == ()
    assert "repeats the stages" in both[0].note


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("README.md", "not a result file"),
        ("aiperf_0.13.0_profile_export_head.jsonl", "single requests"),
        ("aiperf_0.13.0_server_metrics_export.json", "server's counters"),
        ("inference_perf_0.7.0_config.yaml", "not a result file"),
        ("vllm_0.32.0_metrics.prom", "Prometheus"),
        (".", "is a directory"),
    ],
)
def test_other_files_of_a_run_are_told_apart(catalog: Catalog, name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(catalog, name)
