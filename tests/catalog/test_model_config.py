"""Configs of public models against the shapes of the catalogue."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix.catalog import load
from gpumix.catalog.model_config import model_of, own_name, read_config
from gpumix.compare.serving import Question, compare_gpus
from gpumix.errors import InputError

CATALOG = load()
CONFIGS: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parents[1] / "cases" / "names" / "configs.json").read_text("utf-8")
)
LLAMA = CONFIGS["meta-llama/Llama-3.1-8B-Instruct"]
COUNTED = ("params_total_b", "params_active_b")
SAME = ("layers", "hidden", "heads", "kv_heads", "vocab", "experts", "top_k", "context",
        "full_context_layers", "kv_bytes_per_token_16bit", "mla_kv_lora_rank")  # fmt: skip


@pytest.mark.parametrize("id", CONFIGS)
def test_a_config_is_the_shape_that_the_catalogue_has(id: str) -> None:
    found, known = model_of(CONFIGS[id], "config.json", id), CATALOG.models[id]
    for name in SAME:
        assert getattr(found, name) == getattr(known, name), name
    assert found.params_total_b == pytest.approx(known.params_total_b, rel=0.016)
    assert found.params_active_b == pytest.approx(known.params_active_b, rel=0.13)
    assert (found.kind, found.precision) == (known.kind, known.precision)


def test_a_vision_encoder_is_counted_and_its_tokens_told() -> None:
    found = model_of(CONFIGS["google/gemma-3-27b-it"], "config.json", "gemma")
    assert found.note == "vision encoder of 0.41B, 256 tokens an image"


@pytest.mark.parametrize("key", ["hidden_size", "num_hidden_layers", "vocab_size"])
def test_a_missing_key_is_named(key: str) -> None:
    cells = {name: value for name, value in LLAMA.items() if name != key}
    with pytest.raises(InputError, match=key):
        model_of(cells, "config.json", "x")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"hidden_size": "4096"}, "hidden_size or n_embd or d_model is no whole number"),
        ({"num_hidden_layers": -1}, "is no whole number"),
        ({"num_hidden_layers": 0}, "num_hidden_layers"),
        ({"layer_types": ["hyena"] * 32}, "layer_types holds hyena"),
        ({"quantization_config": {"quant_method": "aqlm"}}, "unknown precision 'aqlm'"),
        ({"num_local_experts": 8}, "num_experts_per_tok"),
        ({"kv_lora_rank": 512}, "qk_nope_head_dim"),
    ],
)
def test_what_is_not_understood_is_said(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        model_of({**LLAMA, **changed}, "config.json", "x")


@pytest.mark.parametrize(
    ("stated", "precision"),
    [
        ({"quant_method": "awq", "bits": 4}, "int4"),
        ({"quant_method": "gptq", "bits": 8}, "w8a16"),
        ({"quant_method": "fp8"}, "fp8"),
        ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, "fp4"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "int4"),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {
            "weights": {"num_bits": 8, "type": "int"}, "input_activations": {"num_bits": 8}}}},
         "int8"),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {
            "weights": {"num_bits": 8, "type": "float"}, "input_activations": {"num_bits": 8}}}},
         "fp8"),
        ({"quant_method": "compressed-tensors", "config_groups": {"group_0": {
            "weights": {"num_bits": 4, "type": "int"}}}}, "int4"),
    ],
)  # fmt: skip
def test_a_quantised_config_states_its_precision(stated: dict[str, Any], precision: str) -> None:
    cells = {**LLAMA, "quantization_config": stated}
    assert model_of(cells, "config.json", "x").precision == precision


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 10**7), st.floats(allow_nan=False),
    st.text(max_size=5), st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)  # fmt: skip


@given(st.sampled_from(sorted(CONFIGS)), st.data())
def test_any_value_is_a_shape_or_is_refused(id: str, data: st.DataObject) -> None:
    keys = sorted(CONFIGS[id])
    cells = {**CONFIGS[id], data.draw(st.sampled_from(keys)): data.draw(_VALUES)}
    try:
        assert model_of(cells, "config.json", id).params_total_b > 0.0
    except InputError as refused:
        assert refused.problems  # noqa: PT017


def test_a_config_is_compared_like_a_model_of_the_catalogue(tmp_path: Path) -> None:
    path = tmp_path / "mine" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(LLAMA), encoding="utf-8")
    assert own_name(path) == "mine"
    assert read_config(path, "mine").id == "mine"
    asked = Question("mine", 1000.0, 200.0, gpus=("l40s",))
    mine = compare_gpus(asked, load(configs={"mine": path}), date(2026, 11, 30))
    known = Question("meta-llama/Llama-3.1-8B-Instruct", 1000.0, 200.0, gpus=("l40s",))
    theirs = compare_gpus(known, CATALOG, date(2026, 11, 30))
    assert mine.rows[0].requests_per_s == pytest.approx(theirs.rows[0].requests_per_s, rel=0.01)
