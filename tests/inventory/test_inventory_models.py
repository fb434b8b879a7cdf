"""What a workload states of its model: name, precision, context."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory

TEXT = """
horizon: {start: 2027-01, years: 1}
workloads:
  nights:
    kind: KIND
    model: MODEL
    KEYS
supply: {cloud: {gpus: [h100]}}
"""
BATCH = "tokens_per_day: {input: 50M, output: 5M}"


def read(folder: Path, model: str, keys: str = "", kind: str = "batch") -> Inventory:
    work = BATCH if kind == "batch" else "tokens: 10M"
    lines = "\n    ".join([work, *keys.split("; ")] if keys else [work])
    text = TEXT.replace("KIND", kind).replace("MODEL", model).replace("KEYS", lines)
    path = folder / "team.yaml"
    path.write_text(text, encoding="utf-8")
    return read_inventory(path, load(), date(2026, 11, 30))


@pytest.mark.parametrize(
    ("model", "keys", "precisions", "told"),
    [
        ("Qwen/Qwen3-32B-AWQ", "", ("int4",), "precision int4, stated by the name (awq)"),
        ("deepseek-ai/DeepSeek-V3", "", ("fp8",), "precision fp8, as published"),
        ("Qwen/Qwen3-32B", "precision: [awq, Q8_0]", ("int4", "q8_0"), ""),
        ("Qwen/Qwen3-32B-AWQ", "precision: fp8", ("fp8",), "the name says awq"),
    ],
)
def test_a_workload_runs_at_the_bits_it_names(
    tmp_path: Path, model: str, keys: str, precisions: tuple[str, ...], told: str
) -> None:
    found = read(tmp_path, model, keys)
    assert found.workloads[0].precisions == precisions
    assert any(told in note for note in found.notes)
    assert ("precision" in " ".join(found.notes)) is bool(told)


def test_training_is_at_16_bits_whatever_is_published(tmp_path: Path) -> None:
    found = read(tmp_path, "deepseek-ai/DeepSeek-V3", kind="finetune")
    assert found.workloads[0].precisions == ("bf16",)


def test_a_fine_tune_and_a_gpu_are_told(tmp_path: Path) -> None:
    notes = " ".join(read(tmp_path, "NousResearch/Hermes-3-Llama-3.1-8B").notes)
    assert "counts as meta-llama/Llama-3.1-8B-Instruct" in notes
    assert "'h100' counts as h100-sxm-80gb" in notes


def test_a_context_is_held_and_may_be_stated(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 7\).*40,960 tokens"):
        read(tmp_path, "Qwen/Qwen3-8B", "input_tokens: 60000")
    wide = read(tmp_path, "Qwen/Qwen3-8B", "input_tokens: 60000; context: 131072")
    assert wide.workloads[0].model == "Qwen/Qwen3-8B"


def test_unknown_words_name_the_nearest_and_the_list(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"precision\.0 .*unknown precision 'awk' .*all words"):
        read(tmp_path, "Qwen/Qwen3-8B", "precision: awk")
    with pytest.raises(InputError, match=r"model \(line 6\): unknown model.*did you mean"):
        read(tmp_path, "nobody/knows-7b")
