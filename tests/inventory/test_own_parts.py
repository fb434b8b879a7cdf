"""GPUs and models of the team's own: sheets and configs that an inventory names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.workload import Inventory
from gpumix.inventory.recheck import problems_of

GPUS = """id,architecture,mem_gb,mem_bw_gbs,tdp_w,bf16_tflops
acme-64gb,Ada,64,1200,300,300
"""
MODELS = """hf_id,kind,params_total_b,layers,hidden,heads,kv_heads,head_dim
acme/own-13b,llm-dense,13,40,5120,40,40,128
"""
CONFIG: dict[str, Any] = {
    "_name_or_path": "acme/tiny-7b", "model_type": "llama", "num_hidden_layers": 32,
    "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8,
    "intermediate_size": 11008, "vocab_size": 64000, "max_position_embeddings": 32768,
}  # fmt: skip
TEXT = """
horizon: {start: 2027-01, years: 1}
models: models.csv
gpus: gpus.csv
prices: rates.csv
workloads:
  ours: {kind: batch, model: {config: ours/config.json}, tokens_per_day: {input: 5M, output: 1M}}
  sheet: {kind: batch, model: acme/own-13b, tokens_per_day: {input: 5M, output: 1M}}
supply: {cloud: {gpus: [acme-64gb]}}
"""
RATES = """provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour
acme,acme-64gb,1,on_demand,0.5
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "gpus.csv").write_text(GPUS, encoding="utf-8")
    (tmp_path / "models.csv").write_text(MODELS, encoding="utf-8")
    (tmp_path / "rates.csv").write_text(RATES, encoding="utf-8")
    (tmp_path / "ours").mkdir()
    (tmp_path / "ours" / "config.json").write_text(json.dumps(CONFIG), encoding="utf-8")
    return tmp_path


@pytest.fixture
def found(home: Path, read: Callable[[str], Inventory]) -> Inventory:
    return read(TEXT)


def test_the_records_are_those_of_the_files_alone(found: Inventory) -> None:
    assert [(gpu.id, gpu.mem_gib) for gpu in found.own_gpus] == [("acme-64gb", 64.0)]
    assert {one.id: one.layers for one in found.own_models} == {
        "acme/own-13b": 40,
        "acme/tiny-7b": 32,
    }
    assert [work.model for work in found.workloads] == ["acme/tiny-7b", "acme/own-13b"]
    assert found.rates[0].gpu == "acme-64gb"


def test_what_a_config_states_is_said(found: Inventory) -> None:
    assert any("acme/tiny-7b" in n and "of 6.19B parameters" in n for n in found.notes)


def test_a_name_of_its_own_goes_before_the_configs(
    home: Path, read: Callable[[str], Inventory]
) -> None:
    found = read(TEXT.replace("config.json}", "config.json, name: bank/one}"))
    assert found.workloads[0].model == "bank/one"


def test_a_row_that_is_the_catalogues_own_is_none_of_the_teams(
    home: Path, read: Callable[[str], Inventory], catalog: Catalog
) -> None:
    known = catalog.gpus["l4-24gb"]
    row = f"\n{known.id},{known.architecture},48,300,72,121"
    (home / "gpus.csv").write_text(GPUS.strip() + row, encoding="utf-8")
    assert {gpu.id: gpu.mem_gib for gpu in read(TEXT).own_gpus}["l4-24gb"] == 48.0
    assert catalog.gpus["l4-24gb"] is known


@pytest.mark.parametrize(
    ("change", "place", "said"),
    [
        ({"gpus.csv": GPUS.replace(",64,", ",none,")}, "gpus (line 4)", "mem_gb is 'none'"),
        ({"gpus.csv": GPUS.replace("bf16_tflops", "flops")}, "gpus (line 4)", "flops"),
        (
            {"models.csv": MODELS.replace(",40,5120,", ",,5120,")},
            "models (line 3)",
            "layers is empty",
        ),
        ({"models.csv": ""}, "models (line 3)", "is empty"),
        ({"ours/config.json": "{}"}, "workloads.ours.model (line 7)", "hidden_size"),
        ({"ours/config.json": "["}, "workloads.ours.model (line 7)", "config.json"),
    ],
)
def test_a_bad_file_is_named_with_its_place(
    home: Path, refused: Callable[[str], str], change: dict[str, str], place: str, said: str
) -> None:
    for name, text in change.items():
        (home / name).write_text(text, encoding="utf-8")
    told = refused(TEXT)
    assert any(place in line and said in line for line in told.splitlines()), told


def test_a_file_that_is_missing_or_a_key_that_is_wrong(
    home: Path, refused: Callable[[str], str]
) -> None:
    assert "none.csv" in refused(TEXT.replace("gpus: gpus.csv", "gpus: none.csv"))
    assert "unknown key 'file'" in refused(TEXT.replace("config: ours", "file: ours"))


def test_two_configs_of_one_name_need_another(home: Path, refused: Callable[[str], str]) -> None:
    other = CONFIG | {"num_hidden_layers": 16}
    (home / "other.json").write_text(json.dumps(other), encoding="utf-8")
    told = refused(TEXT.replace("model: acme/own-13b", "model: {config: other.json}"))
    assert "another config calls its model 'acme/tiny-7b' too" in told
    assert "add name: to one of them" in told


def test_the_record_of_a_plan_is_checked_again(found: Inventory, catalog: Catalog) -> None:
    assert problems_of(found, catalog, "plan") == []
    gpu, model = found.own_gpus[0], found.own_models[0]
    wrong = replace(
        found,
        own_gpus=(replace(gpu, mem_gib=0.0), replace(gpu, bf16_tflops=None)),
        own_models=(replace(model, layers=None, precision="fp3"), found.own_models[1]),
    )
    told = " ".join(map(str, problems_of(wrong, catalog, "plan")))
    for said in (
        "plan.own_gpus[0].mem_gib", "plan.own_gpus[1]: has no 16-bit peak", "two have one id",
        "needs its shape", "unknown precision 'fp3'",
    ):  # fmt: skip
        assert said in told, told
