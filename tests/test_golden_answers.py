"""Whole answers of `compare` and `simulate`, on the catalogue kept beside the golden plans.

What packaged prices and fits do never moves them; a formula, a choice or a wording does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from golden_files import GOLDEN, check_json
from gpumix import catalog
from gpumix.catalog import MEASUREMENTS, Catalog
from gpumix.compare.serving import Question, compare_gpus
from gpumix.compare.training import compare_train
from gpumix.domain.promises import slo_of
from gpumix.files import write_columns
from gpumix.predict.backtest import backtest
from gpumix.predict.calibrate import change
from gpumix.predict.inference import predict_inference
from gpumix.report.export import answer_to_dict, record_to_dict
from gpumix.simulate.question import SimulationQuestion
from gpumix.simulate.simulation import run_simulation
from gpumix.verbs.training_words import TrainWords, train_question

TODAY = date(2026, 11, 24)
LLAMA, QWEN_7B, QWEN_32B = (
    "meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-32B-Instruct",
)  # fmt: skip
OF_THE_RUN = ("wall_s",)


@lru_cache
def known() -> Catalog:
    """The frozen catalogue."""
    return catalog.load(folder=GOLDEN / "catalogue")


def compared(**asked: Any) -> dict[str, Any]:
    return answer_to_dict(compare_gpus(Question(**asked), known(), TODAY))


def trained(model: str, precisions: tuple[str, ...], **words: Any) -> dict[str, Any]:
    question = train_question(model, TrainWords(**words), precisions, None)
    return answer_to_dict(compare_train(question, known(), TODAY))


def simulated(**asked: Any) -> dict[str, Any]:
    question = SimulationQuestion(**{"requests": 600, "seed": 3} | asked)
    return record_to_dict(run_simulation(question, known(), TODAY))


MEASURED = {
    "id": ["m1", "m2", "m3", "m4"],
    "gpu": ["h100-sxm-80gb", "h100-sxm-80gb", "h100-sxm-80gb", "l40s-48gb"],
    "n_gpus": ["1"] * 4,
    "tp": ["1"] * 4,
    "model": [LLAMA, LLAMA, LLAMA, QWEN_7B],
    "weight_precision": ["bf16"] * 4,
    "engine": ["vllm"] * 4,
    "input_len": ["1024", "1024", "1024", "512"],
    "output_len": ["256", "256", "256", "128"],
    "load": ["concurrency"] * 4,
    "load_value": ["4", "64", "16", "32"],
    "metric": ["output_tok_s_total"] * 3 + ["tpot_ms_mean"],
    "value": ["700", "6100", "2600", "47"],
    "source": ["a.csv", "a.csv", "b.csv", "b.csv"],
}
"""Four measured rows; the last two are new."""


def calibrated(folder: Path) -> dict[str, Any]:
    """What the new rows change, and predictions at other loads with all four."""
    write_columns(folder / MEASUREMENTS, MEASURED)
    after = known().with_measured(folder)
    found = change(known(), after, {"m3", "m4"})
    asked = MEASURED | {"load_value": ["8", "128", "16", "8"]}
    moved = predict_inference(asked, catalog=after)
    predicted = {name: list(moved[name]) for name in ("value", "low", "high", "note")}
    return {**record_to_dict(found), "predicted": predicted}


def backtested() -> dict[str, Any]:
    return record_to_dict(backtest(None, known(), "frozen evidence"))


ANSWERS: dict[str, Callable[[], dict[str, Any]]] = {
    "backtest": backtested,
    "compare-chat": lambda: compared(model=LLAMA),
    "compare-chat-tight": lambda: compared(
        model=QWEN_32B,
        input_tokens=3000.0,
        output_tokens=500.0,
        slos=(slo_of("ttft_p99", "3 s"), slo_of("tpot_p90", "40 ms"), slo_of("e2e_p95", "30 s")),
        precisions=("bf16", "fp8", "int4"),
        engine="sglang",
    ),
    "compare-embedding": lambda: compared(model="BAAI/bge-m3", input_tokens=300.0),
    "compare-pretrain": lambda: trained(
        QWEN_7B, ("bf16", "fp8"), tokens="200B", counts="8,64", calendar_usd_per_day=2000.0,
        finish_within="60 d",
    ),
    "compare-lora": lambda: trained(
        QWEN_32B, ("bf16",), method="lora", tokens="50M", counts="1,2,8", seq_len=2048
    ),
    "compare-never": lambda: trained(QWEN_32B, ("bf16",), tokens="10T", finish_within="10 d"),
    "simulate-profile": lambda: simulated(model=LLAMA, gpu="l40s-48gb", profile="azure-conv"),
    "simulate-scaled": lambda: simulated(
        model=QWEN_32B, gpu="h100-sxm-80gb", profile="azure-conv", precision="fp8", replicas=1,
        max_replicas=3, scale_target=20.0, rate=6.0, timeout_s=30.0, cold_start_s=20.0,
        slos=(slo_of("ttft_p95", "2 s"),),
    ),
    "simulate-apart": lambda: simulated(
        model=LLAMA, gpu="a100-sxm-80gb", profile="azure-conv", replicas=3, prefill_replicas=1,
        rate=4.0,
    ),
    "simulate-static": lambda: simulated(
        model=LLAMA, gpu="h100-sxm-80gb", profile="azure-conv", batching="static", rate=2.0
    ),
}  # fmt: skip


def test_golden_calibration(tmp_path: Path) -> None:
    check_json("answers/calibrate.json", calibrated(tmp_path))


@pytest.mark.parametrize("name", ANSWERS)
def test_golden_answer(name: str) -> None:
    found = ANSWERS[name]()
    check_json(f"answers/{name}.json", {k: v for k, v in found.items() if k not in OF_THE_RUN})


def _intervals(data: Any, place: str = "") -> list[str]:
    """Places of estimates whose value lies outside their interval."""
    if isinstance(data, list):
        return [bad for i, one in enumerate(data) for bad in _intervals(one, f"{place}[{i}]")]
    if not isinstance(data, dict):
        return []
    found = [bad for key, one in data.items() for bad in _intervals(one, f"{place}.{key}")]
    if {"value", "low", "high"} <= data.keys() and data["value"] is not None:
        found += [place] if not data["low"] <= data["value"] <= data["high"] else []
    return found


@pytest.mark.parametrize("name", [name for name in ANSWERS if name.startswith("compare")])
def test_every_estimate_lies_within_its_interval(name: str) -> None:
    assert _intervals(ANSWERS[name]()) == []
