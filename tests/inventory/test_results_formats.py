"""Every format of tests/cases/bench: what is read, and what is refused when the file is spoilt."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from result_files import aiperf, guidellm, inference_perf, vllm

from gpumix.catalog import Catalog, load
from gpumix.errors import InputError
from gpumix.inventory.results import Measured, Stated, read_results

BENCH = Path(__file__).resolve().parents[1] / "cases" / "bench"
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
H100 = Stated(gpu="h100-sxm-80gb", model=LLAMA)
SIZED = replace(H100, input_len=1000.0, output_len=200.0, concurrency=16.0)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


CASES: list[tuple[str, str, Stated, dict[str, str], dict[str, float]]] = [
    (
        "sglang_bench_serving.jsonl", "sglang bench_serving", H100,
        {"engine": "sglang", "load": "request_rate", "load_value": "4", "input_len": "1000"},
        {"output_tok_s_total": 388.46, "ttft_ms_p99": 180.0, "e2e_ms_mean": 2100.0},
    ),
    (
        "genai_perf.json", "GenAI-Perf", replace(H100, model=""),
        {"model": LLAMA, "load": "concurrency", "load_value": "8", "engine": "vllm"},
        {"output_tok_s_total": 384.81, "tpot_ms_mean": 20.0, "ttft_ms_p95": 120.0},
    ),
    (
        "trtllm_bench_report.json", "trtllm-bench", Stated(gpu="h100-sxm-80gb"),
        {"model": LLAMA, "tp": "2", "n_gpus": "2", "engine": "tensorrt-llm",
         "weight_precision": "fp8", "load": "concurrency", "load_value": "63"},
        {"output_tok_s_total": 6030.0, "tpot_ms_p99": 13.0, "ttft_ms_mean": 100.0},
    ),
    *(
        (
            f"llama_bench.{ending}", "llama-bench", Stated(model=LLAMA),
            {"gpu": "l40s-48gb", "engine": "llama.cpp", "weight_precision": "q4_k_m",
             "load": "single_stream"},
            {"prefill_tok_s": 6400.0, "output_tok_s_total": 110.0, "tpot_ms_mean": 9.0909},
        )
        for ending in ("json", "jsonl", "csv")
    ),
    (
        "vllm_throughput.json", "vllm bench throughput", replace(SIZED, concurrency=None),
        {"load": "burst", "load_value": "1000", "output_len": "200"},
        {"output_tok_s_total": 5000.0, "total_tok_s_total": 30000.0, "requests_s": 25.0},
    ),
    (
        "vllm_latency.json", "vllm bench latency", SIZED,
        {"load": "static_batch", "load_value": "16", "input_len": "1000"},
        {"e2e_ms_mean": 1500.0, "e2e_ms_p99": 1509.8},
    ),
    (
        "inferencemax.json", "InferenceMAX", Stated(gpu="h200-sxm-141gb"),
        {"tp": "2", "n_gpus": "2", "load_value": "32", "weight_precision": "fp8"},
        {"output_tok_s_total": 3100.0, "ttft_ms_mean": 200.0, "tpot_ms_p50": 9.9},
    ),
    (
        "mlperf_log_summary.txt", "MLPerf LoadGen", replace(H100, input_len=1000.0),
        {"load": "request_rate", "load_value": "10.1", "output_len": "294"},
        {"output_tok_s_total": 2940.0, "ttft_ms_p99": 1200.0, "tpot_ms_mean": 20.0},
    ),
    (
        "mlperf_log_detail.txt", "MLPerf LoadGen", replace(H100, input_len=1000.0),
        {"load": "max_throughput", "output_len": "294"},
        {"output_tok_s_total": 3528.0, "requests_s": 12.0},
    ),
]  # fmt: skip
NAMES = [case[0] for case in CASES]


def read(catalog: Catalog, path: Path, stated: Stated) -> Measured:
    return read_results([path], stated, catalog).files[0]


@pytest.mark.parametrize(("name", "tool", "stated", "cells", "values"), CASES, ids=NAMES)
def test_what_is_read(
    catalog: Catalog,
    name: str,
    tool: str,
    stated: Stated,
    cells: dict[str, str],
    values: dict[str, float],
) -> None:
    found = read(catalog, BENCH / name, stated)
    assert (found.tool, found.doubts) == (tool, ())
    assert {key: found.rows[0][key] for key in cells} == cells
    first: dict[str, float] = {}
    for row in found.rows:
        first.setdefault(row["metric"], float(row["value"]))
    for metric, value in values.items():
        assert first[metric] == pytest.approx(value, rel=1e-4)


def change(path: str, to: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """A spoiler: the value at a dotted path replaced; `...` deletes it."""

    def spoil(data: Any) -> Any:
        here, *keys = data, *path.split(".")
        for key in keys[:-1]:
            here = here[int(key) if isinstance(here, list) else key]
        last = int(keys[-1]) if isinstance(here, list) else keys[-1]
        new = to(here.get(last) if isinstance(here, dict) else here[last])
        if new is ...:
            del here[last]
        else:
            here[last] = new
        return data

    return spoil


# format -> (a figure that must be there, a latency, a rate that others must agree with)
FIGURES = {
    "sglang_bench_serving.jsonl": ("completed", "mean_ttft_ms", "output_throughput"),
    "genai_perf.json": ("request_throughput", "time_to_first_token.avg",
                        "output_token_throughput.avg"),
    "trtllm_bench_report.json": ("request_info.avg_input_length", "streaming_metrics.avg_ttft_ms",
                                 "performance.system_output_throughput_tok_s"),
    "llama_bench.json": ("0.n_prompt", "0.avg_ns", "0.avg_ts"),
    "vllm_throughput.json": ("elapsed_time", "elapsed_time", "tokens_per_second"),
    "vllm_latency.json": ("avg_latency", "latencies.0", "avg_latency"),
    "inferencemax.json": ("0.tp", "0.mean_ttft", "0.output_tput_per_gpu"),
}  # fmt: skip
OLD = {
    "vllm_bench_serve": (vllm, ("completed", "mean_ttft_ms", "output_throughput")),
    "guidellm": (guidellm, (
        "benchmarks.0.metrics.request_latency.successful.mean",
        "benchmarks.0.metrics.time_to_first_token_ms.successful.mean",
        "benchmarks.0.metrics.output_tokens_per_second.successful.mean",
    )),
    "aiperf": (aiperf, ("request_count", "time_to_first_token.avg",
                        "output_token_throughput.avg")),
    "inference_perf": (inference_perf, (
        "successes.count", "successes.latency.time_to_first_token.mean",
        "successes.throughput.output_tokens_per_sec",
    )),
}  # fmt: skip


def spoilers(needed: str, latency: str, rate: str) -> dict[str, Callable[[Any], Any]]:
    return {
        "missing": change(needed, lambda _: ...),
        "wrong type": change(needed, lambda _: "many"),
        "a list": change(latency, lambda _: [1]),
        "another unit": change(latency, lambda v: v * 1000),
        "negative": change(rate, lambda v: -v),
        "contradicts": change(rate, lambda v: v * 1.5),
        "nan": change(rate, lambda _: float("nan")),
        "true": change(rate, lambda _: True),
    }


SPOILT = [
    (name, kind) for name in (*FIGURES, *OLD) for kind in spoilers("a", "a", "a")
]  # fmt: skip


def content(name: str) -> tuple[Any, tuple[str, str, str], Stated]:
    """A file's data, its figures and what must be stated with it."""
    if name in OLD:
        make, figures = OLD[name]
        return make(), figures, H100
    stated = next(case[2] for case in CASES if case[0] == name)
    text = (BENCH / name).read_text()
    return json.loads(text.split("\n")[0] if name.endswith("l") else text), FIGURES[name], stated


@pytest.mark.parametrize(("name", "kind"), SPOILT)
def test_a_spoilt_file_is_refused_with_its_reason(
    catalog: Catalog, tmp_path: Path, name: str, kind: str
) -> None:
    data, figures, stated = content(name)
    path = tmp_path / "spoilt.json"
    path.write_text(json.dumps(spoilers(*figures)[kind](data)), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read(catalog, path, stated)
    assert "spoilt.json" in str(caught.value)
    assert len(str(caught.value)) < 3_000


@pytest.mark.parametrize("name", [*NAMES])
@pytest.mark.parametrize("kind", ["empty", "truncated", "control", "binary"])
def test_a_broken_text_is_refused(catalog: Catalog, tmp_path: Path, name: str, kind: str) -> None:
    text = (BENCH / name).read_text()
    path = tmp_path / name
    broken = {
        "empty": "",
        "truncated": text[: len(text) // 3] if name.endswith(("txt", "csv")) else text[:-20],
        "control": text[:-3] + "\x1b[31m" + text[-3:],
        "binary": "\x00" + text,
    }
    path.write_text(broken[kind], encoding="utf-8")
    with pytest.raises(InputError):
        read(catalog, path, next(case[2] for case in CASES if case[0] == name))


@pytest.mark.parametrize("line", ["Scenario", "Result is", "Completed samples per second"])
def test_a_log_without_a_line_is_refused(catalog: Catalog, tmp_path: Path, line: str) -> None:
    text = (BENCH / "mlperf_log_summary.txt").read_text().split("\n")
    path = tmp_path / "mlperf_log_summary.txt"
    path.write_text("\n".join(row for row in text if not row.startswith(line)))
    with pytest.raises(InputError, match="mlperf_log_summary"):
        read(catalog, path, replace(H100, input_len=1000.0))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Result is : VALID", "Result is : INVALID", "INVALID"),
        ("PerformanceOnly", "AccuracyOnly", "accuracy run"),
        ("Server", "MultiStream", "not understood"),
        ("(ns)               : 300000000", "(ns)               : 300000000000", "the first token"),
        ("tokens per second: 2940.00", "tokens per second: -2940", "at least 0"),
        ("target_qps : 10.1", "target_qps : 1", "were offered"),
    ],
)
def test_a_spoilt_log_is_refused(
    catalog: Catalog, tmp_path: Path, old: str, new: str, said: str
) -> None:
    path = tmp_path / "log.txt"
    text = (BENCH / "mlperf_log_summary.txt").read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InputError, match=said):
        read(catalog, path, replace(H100, input_len=1000.0))


def test_two_runs_in_one_file_are_two_runs(catalog: Catalog) -> None:
    for name in ("sglang_bench_serving.jsonl", "inferencemax.json"):
        stated = next(case[2] for case in CASES if case[0] == name)
        found = read(catalog, BENCH / name, stated)
        assert len({row["load_value"] for row in found.rows}) == 2


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (replace(SIZED, input_len=None), "--input-len"),
        (replace(SIZED, output_len=None), "--output-len"),
        (replace(SIZED, output_len=500.0), "contradicts"),
        (replace(SIZED, output_len=1e9), "--output-len: must be"),
    ],
)
def test_lengths_that_a_file_lacks_must_be_stated(
    catalog: Catalog, stated: Stated, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        read(catalog, BENCH / "vllm_throughput.json", stated)


MAPPED = Stated(
    columns={"value": "tok_s", "gpu": "card", "model": "llm", "load_value": "users"},
    metric="output_tok_s_total", input_len=1000.0, output_len=200.0,
)  # fmt: skip


def test_any_table_by_its_columns(catalog: Catalog) -> None:
    first, second = read(catalog, BENCH / "own_table.csv", MAPPED).rows
    assert (first["gpu"], first["n_gpus"], first["value"]) == ("l40s-48gb", "2", "3000")
    assert (second["gpu"], second["n_gpus"], second["load"]) == ("l40s-48gb", "", "concurrency")
    assert (second["input_len"], second["metric"]) == ("1000", "output_tok_s_total")


@pytest.mark.parametrize(
    ("stated", "said"),
    [
        (replace(MAPPED, columns={"value": "tokens"}), "has no value=tokens; it has|has no value"),
        (replace(MAPPED, metric=""), "column 'metric' is missing"),
        (replace(MAPPED, gpu="h100-sxm-80gb"), "--gpu says"),
    ],
)
def test_a_map_that_does_not_fit(catalog: Catalog, stated: Stated, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read(catalog, BENCH / "own_table.csv", stated)


def test_rows_of_split_deployments(catalog: Catalog, tmp_path: Path) -> None:
    (row, _) = json.loads((BENCH / "inferencemax.json").read_text())
    stated, path = Stated(gpu="h200-sxm-141gb"), tmp_path / "row.json"
    path.write_text(json.dumps(row | {"dp_attention": "true"}))
    assert "data-parallel" in read(catalog, path, stated).doubts[0]
    path.write_text(json.dumps(row | {"disagg": True}))
    with pytest.raises(InputError, match="prefill and decode on GPUs of their own"):
        read(catalog, path, stated)
