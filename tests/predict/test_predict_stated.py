"""What a point states of its model by its name, and how long it may be."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from gpumix.files import read_columns
from gpumix.predict.inference import predict_inference

KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known" / "p06-beyond-context"


def asked(**cells: str) -> dict[str, list[str]]:
    """One point of an 8B model on an H100."""
    point = {
        "gpu": "h100-sxm-80gb", "model": "Qwen/Qwen3-8B", "metric": "output_tok_s_total",
        "load": "concurrency", "load_value": "8", "input_len": "1000", "output_len": "200",
        "engine": "vllm",
    }  # fmt: skip
    return {name: [cell] for name, cell in (point | cells).items()}


def test_no_answer_far_beyond_the_context() -> None:
    """Case p06: 100k tokens on a model of 4,096."""
    found = predict_inference(read_columns(KNOWN / "points.csv"))
    assert math.isnan(found["value"][0])
    assert "101,000 tokens are longer than the model's context, 4,096" in found["note"][0]


@pytest.mark.parametrize(
    ("tokens", "context", "answers", "told"),
    [("40000", "", True, False), ("100000", "", True, True), ("100000", "131072", True, False),
     ("200000", "", False, True), ("200000", "262144", True, False)],
)  # fmt: skip
def test_a_context_may_be_extended_by_four_or_as_stated(
    tokens: str, context: str, answers: bool, told: bool
) -> None:
    found = predict_inference(asked(input_len=tokens, load_value="1", context=context))
    assert math.isfinite(found["value"][0]) is answers
    assert ("longer than the model's context" in found["note"][0]) is told


def test_the_name_of_a_point_states_its_precision() -> None:
    named = predict_inference(asked(model="Qwen/Qwen3-8B-AWQ"))
    stated = predict_inference(asked(weight_precision="awq"))
    plain = predict_inference(asked(weight_precision="bf16"))
    assert named["value"][0] == stated["value"][0] != plain["value"][0]
    assert "precision int4, stated by the name (awq)" in named["note"][0]
    over = predict_inference(asked(model="Qwen/Qwen3-8B-AWQ", weight_precision="bf16"))
    assert over["value"][0] == plain["value"][0]
    assert "the name says awq" in over["note"][0]


def test_an_unstated_precision_is_the_published_one_and_told() -> None:
    oss = asked(model="openai/gpt-oss-20b")
    assert "precision mxfp4, as published" in predict_inference(oss)["note"][0]


def test_a_format_of_another_engine_is_told() -> None:
    found = predict_inference(asked(weight_precision="Q4_K_M"))
    assert "q4_k_m is a format of llama.cpp: vllm may lack it" in found["note"][0]


def spread_experts(**cells: str) -> float:
    """Tokens/s of a prefill of DeepSeek-V3 over 32 H100."""
    point = {
        "model": "deepseek-ai/DeepSeek-V3", "engine": "sglang", "tp": "1", "dp": "32", "ep": "32",
        "load": "static_batch", "load_value": "262", "input_len": "2000", "output_len": "1",
        "metric": "total_tok_s_total",
    }  # fmt: skip
    return float(predict_inference(asked(**(point | cells)))["value"][0])


def test_a_stated_step_is_each_ranks_and_unstated_it_is_the_engines() -> None:
    assert spread_experts(chunk_tokens="16384") > 1.1 * spread_experts()
    assert spread_experts(chunk_tokens="16384") == spread_experts(chunk_tokens="65536")
    assert spread_experts(overlapped_batches="1") == spread_experts(overlapped_batches="")
    assert "chunk_tokens" in predict_inference(asked(chunk_tokens="0"))["note"][0]
    assert "overlapped_batches" in predict_inference(asked(overlapped_batches="3"))["note"][0]


def test_two_batches_hide_the_exchange_and_nothing_else() -> None:
    large = spread_experts(chunk_tokens="16384")
    both = spread_experts(chunk_tokens="16384", overlapped_batches="2")
    assert 1.5 * large < both < 2.0 * large
    dense = asked(load="static_batch", load_value="64")
    one = predict_inference(dense)["value"][0]
    two = predict_inference(dense | {"overlapped_batches": ["2"]})["value"][0]
    assert two < one, "a dense model has nothing to hide and reads its weights twice"
