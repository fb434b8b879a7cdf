"""Engines and stacks by the names that people write answer as by those of the tables."""

from __future__ import annotations

import pytest

from gpumix.catalog import load
from gpumix.domain.engines import ALIASES as ENGINES
from gpumix.domain.engines import NEWEST
from gpumix.perf.training.constants import ALIASES as STACKS
from gpumix.predict.inference import predict_inference
from gpumix.predict.software import unknown_name
from gpumix.predict.training import predict_training

ASKED = {
    "gpu": ["rtx4090"], "model": ["Qwen/Qwen3-8B"], "weight_precision": ["int4"],
    "input_len": [128], "output_len": [128], "load": ["single_stream"], "metric": ["tpot_ms_mean"],
}  # fmt: skip
JOB = {
    "gpu": ["h100"], "n_gpus": [8], "model": ["meta-llama/Llama-2-7b-hf"], "seq_len": [4096],
    "metric": ["tok_s_per_gpu"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("said", "meant"),
    [("trtllm", "tensorrt-llm"), ("Ollama", "llama.cpp"), ("llama_server", "llama.cpp")],
)
def test_an_engine_by_another_name_is_the_same(said: str, meant: str) -> None:
    one, other = (predict_inference({**ASKED, "engine": [name]}) for name in (said, meant))
    assert one["value"][0] == other["value"][0]
    assert one["basis"][0] == other["basis"][0]
    assert unknown_name("engine", said, NEWEST) == []


@pytest.mark.parametrize(("said", "meant"), [("megatron-lm", "megatron"), ("PyTorch_FSDP", "fsdp")])
def test_a_stack_by_another_name_is_the_same(said: str, meant: str) -> None:
    one, other = (predict_training({**JOB, "stack": [name]}) for name in (said, meant))
    assert one["value"][0] == other["value"][0]
    assert "a typical one" not in one["note"][0]


def test_other_names_mean_what_the_tables_have() -> None:
    assert set(ENGINES.values()) <= set(NEWEST)
    assert set(STACKS.values()) <= set(load().coefficients.training["stack"])


def test_an_unknown_name_is_told_still() -> None:
    assert "typical" in unknown_name("engine", "vlm", NEWEST)[0]
