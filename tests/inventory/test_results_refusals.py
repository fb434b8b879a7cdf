"""Result files that cannot be trusted, each refused with its reason; and what files leave out."""

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
from gpumix.inventory.results import Results, Stated, read_results

STATED = Stated(gpu="h100-sxm-80gb")
LLAMA = "meta-llama/Llama-3.1-8B-Instruct"
Read = Callable[..., Results]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def read(catalog: Catalog, tmp_path: Path) -> Read:
    """read(data or text, ..., stated=...) -> results of files that hold them."""

    def of(*contents: Any, stated: Stated = STATED, suffix: str = "json") -> Results:
        paths = []
        for i, content in enumerate(contents):
            path = tmp_path / f"run{i}.{suffix}"
            text = content if isinstance(content, str) else json.dumps(content)
            path.write_text(text, encoding="utf-8")
            paths.append(path)
        return read_results(paths, stated, catalog)

    return of


def value_of(results: Results, metric: str) -> float:
    return next(float(r["value"]) for r in results.files[0].rows if r["metric"] == metric)


@pytest.mark.parametrize("make", [vllm, aiperf, guidellm])
def test_one_run_is_the_same_by_every_tool(read: Read, make: Callable[..., Any]) -> None:
    found = read(make())
    row = found.files[0].rows[0]
    assert (row["model"], row["load"], row["load_value"]) == (LLAMA, "concurrency", "8")
    assert value_of(found, "output_tok_s_total") == pytest.approx(384.762)
    assert value_of(found, "ttft_ms_mean") == pytest.approx(100.0)
    assert value_of(found, "tpot_ms_p95") == pytest.approx(26.0)
    assert value_of(found, "e2e_ms_mean") == pytest.approx(2100.0)


def test_seconds_of_inference_perf_become_ms(read: Read) -> None:
    found = read(inference_perf(), stated=replace(STATED, model=LLAMA))
    assert value_of(found, "ttft_ms_mean") == pytest.approx(100.0)
    assert found.files[0].rows[0]["load"] == "request_rate"


def test_units_of_aiperf_are_read_not_guessed(read: Read) -> None:
    data = aiperf()
    data["time_to_first_token"] = {"unit": "s", "avg": 0.1, "p50": 0.1}
    assert value_of(read(data), "ttft_ms_mean") == pytest.approx(100.0)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (vllm(failed=3, completed=37), "3 of 40 requests failed"),
        (vllm(failed=0, completed=37), "37 of 40 requests were completed"),
        (vllm(completed=0), "no request was completed"),
        (vllm(duration=0), "duration is 0"),
        (vllm(duration=10500), "contradicts 40 requests in 1.05e"),
        (vllm(output_throughput=3847), "output tokens/s contradicts"),
        (vllm(total_token_throughput=400), "total tokens/s contradicts"),
        (vllm(max_concurrency=4), "Little's law"),
        (vllm(max_concurrency=32, num_prompts=400, completed=400, duration=105,
              total_input_tokens=400_000, total_output_tokens=40_400), "far below"),
        (vllm(mean_ttft_ms=0.1, mean_tpot_ms=0.02), "same unit"),
        (vllm(mean_ttft_ms=5000.0), "comes after the last"),
        (vllm(p50_ttft_ms=500.0), "percentiles of ttft do not rise"),
        (vllm(duration="10.5"), "duration: must be a number, not '10.5'"),
        (vllm(output_throughput=-3), "at least 0"),
        (vllm(output_throughput=float("nan")), "holds NaN"),
        (vllm(request_rate=1.0, max_concurrency=None), "were offered"),
        (aiperf(was_cancelled=True), "cancelled"),
        (aiperf(error_summary=[{"error_details": "timeout"}]), "requests failed: timeout"),
        (aiperf(time_to_first_token={"unit": "furlong", "avg": 1}), "not a unit of time"),
        (aiperf(input_config={}), "--concurrency"),
        (aiperf(output_token_throughput={"unit": "tokens/sec", "avg": 9}), "contradicts"),
        (guidellm(request_totals={"successful": 38, "errored": 2}), "2 of 40 requests failed"),
        (guidellm(time_to_first_token_ms={}), "time_to_first_token_ms.successful.mean"),
        ({"metadata": {"guidellm_version": "1"}, "benchmarks": []}, "measured nothing"),
        (inference_perf(failures={"count": 1}), "1 of 41 requests failed"),
        (inference_perf(successes={"count": 40}), "requests_per_sec: is missing"),
        ({"hello": "world"}, "not benchmark results"),
        ([1, 2], "not benchmark results"),
        ('{"output_throughput": 12', "cut off"),
        ('{"a": 1,}', "line 1, column"),
        ("", "is empty"),
        ("hello", "not a result file"),
    ],
)  # fmt: skip
def test_a_broken_file_is_refused_with_its_reason(read: Read, data: Any, said: str) -> None:
    with pytest.raises(InputError, match=r"run0\.json") as caught:
        read(data, stated=replace(STATED, model=LLAMA))
    assert said in str(caught.value)


def test_every_missing_figure_is_told_at_once(read: Read) -> None:
    data = vllm()
    for name in ("duration", "completed", "output_throughput"):
        del data[name]
    with pytest.raises(InputError) as caught:
        read(data, {"x": 1})
    text = str(caught.value)
    assert all(name in text for name in ("duration", "completed", "output_throughput", "run1.json"))


@pytest.mark.parametrize(
    ("data", "stated", "said"),
    [
        (vllm(), Stated(), "add --gpu"),
        (vllm(), Stated(gpu="h1000"), "did you mean"),
        (vllm(model_id="prod"), STATED, "--model says which"),
        (vllm(), replace(STATED, model="Qwen/Qwen2.5-7B-Instruct"), "--model says Qwen"),
        (vllm(backend="sglang"), replace(STATED, engine="vllm"), "--engine says vllm"),
        (vllm(), replace(STATED, concurrency=16.0), "--concurrency says 16"),
        (inference_perf(), STATED, "add --model"),
    ],
)
def test_what_is_stated_must_fill_and_not_contradict(
    read: Read, data: Any, stated: Stated, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(data, stated=stated)
    assert said in str(caught.value)


def test_stated_layout_and_names_go_into_every_row(read: Read) -> None:
    stated = replace(
        STATED, tp="2", dp="2", model=LLAMA, weight_precision="fp8", engine="sglang",
        engine_version="0.5.3",
    )  # fmt: skip
    (one,) = read(vllm(backend="openai", model_id="prod"), stated=stated).files
    for row in one.rows:
        assert row["n_gpus"] == "4"
        assert (row["tp"], row["engine"], row["engine_version"]) == ("2", "sglang", "0.5.3")
        assert (row["model"], row["weight_precision"]) == (LLAMA, "fp8")


def test_runs_appended_to_one_file_are_all_read(read: Read) -> None:
    lines = "\n".join(json.dumps(vllm(mean_itl_ms=m)) for m in (19.0, 21.0))
    (one,) = read(lines).files
    assert [r["value"] for r in one.rows if r["metric"] == "itl_ms_mean"] == ["19", "21"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("metric,gpu,model\ntpot_ms_mean,a,b\n", "column 'value' is missing"),
        ("metric,value,gpu,model\ntpot_ms_mean,,a,b\nttft_ms_mean,-3,a,b\n", "line 3"),
        ("metric,value,gpu,model\ntpot_ms_mean,fast,a,b\n", "'fast'"),
        ("metric,value,gpu,model,usable\ntpot_ms_mean,3,a,b,no\n", "no usable"),
        ("metric,value,gpu,model\ntpot_ms_mean,3,a\n", "3 cells"),
    ],
)
def test_points_without_a_measurement_are_refused(read: Read, text: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read(text, suffix="csv")
    assert said in str(caught.value)
