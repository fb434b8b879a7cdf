"""What the names of public checkpoints, quantised copies and fine-tunes mean."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix import formats
from gpumix.catalog import load
from gpumix.domain.llm import too_long
from gpumix.errors import UnknownName

CATALOG = load()
TABLE = Path(__file__).resolve().parents[1] / "cases" / "names" / "models.csv"
CASES = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
IDS = sorted(id for id, model in CATALOG.models.items() if model.kind.startswith("llm-"))
BASES = [id for id in IDS if "(" not in id and formats.stated_in(id) is None]


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_public_name_means_a_shape_and_a_precision(case: dict[str, str]) -> None:
    if not case["model"]:
        with pytest.raises(UnknownName, match=r"did you mean .+, .+, .+"):
            CATALOG.named_model(case["name"])
        return
    found = CATALOG.named_model(case["name"])
    assert (found.model.id, found.precision) == (case["model"], case["precision"])


@pytest.mark.parametrize("id", IDS)
def test_every_id_means_itself_in_any_case(id: str) -> None:
    for name in (id, id.upper(), f" {id.lower()} "):
        assert CATALOG.named_model(name).model.id == id


@given(
    st.sampled_from(BASES),
    st.sampled_from(sorted(formats.words())),
    st.sampled_from(["", "someone/"]),
    st.sampled_from("-_."),
)
def test_a_word_of_a_format_changes_the_precision_alone(
    id: str, word: str, publisher: str, joint: str
) -> None:
    said = formats.words()[word]
    base = CATALOG.named_model(id)
    found = CATALOG.named_model(f"{publisher}{id.rpartition('/')[2]}{joint}{said.word.upper()}")
    same = CATALOG.named_model(publisher + id.rpartition("/")[2])
    assert found.model == same.model
    assert found.precision == said.precision or (said.word == "gguf" and found.stated == "")
    assert (base.model.layers, base.model.hidden) == (found.model.layers, found.model.hidden)


@given(st.text(max_size=120))
def test_any_text_is_a_model_or_is_refused_with_three_models(text: str) -> None:
    error: UnknownName | None = None
    try:
        found = CATALOG.named_model(text, "MODEL")
    except UnknownName as refused:
        error = refused
    if error is None:
        assert found.model.id in CATALOG.models
    else:
        assert str(error.problems[0].fix).count(",") >= 2
        assert len(str(error)) < 700


def test_a_fine_tune_is_told_and_a_spelling_is_not() -> None:
    (note,) = CATALOG.named_model("NousResearch/Hermes-3-Llama-3.1-8B").notes
    assert "counts as meta-llama/Llama-3.1-8B-Instruct" in note
    assert CATALOG.named_model("Qwen/Qwen3-32B-AWQ").notes == ()


def test_what_is_asked_for_wins_over_the_name_and_is_told() -> None:
    named = CATALOG.named_model("Qwen/Qwen3-32B-AWQ")
    assert named.precisions(()) == (("int4",), "precision int4, stated by the name (awq)")
    assert named.precisions(("int4",)) == (("int4",), "")
    assert named.precisions(("bf16",)) == (
        ("bf16",),
        "precision bf16 as asked for; the name says awq",
    )
    plain = CATALOG.named_model("deepseek-ai/DeepSeek-V3")
    assert plain.precisions(()) == (("fp8",), "precision fp8, as published")
    assert plain.precisions(("bf16",)) == (("bf16",), "")


def test_a_checkpoint_has_its_own_context() -> None:
    short = CATALOG.named_model("microsoft/Phi-3-mini-4k-instruct")
    assert too_long(short.model, 4000, 200, short.context)
    assert not too_long(short.model, 4000, 200)
    assert CATALOG.named_model("Qwen/Qwen3-30B-A3B-Instruct-2507").longest == 262_144


@pytest.mark.parametrize(
    ("word", "precision"),
    [("AWQ", "int4"), ("q4-k-m", "q4_k_m"), ("w8a8", "int8"), ("NVFP4", "fp4"), ("fp12", None)],
)
def test_a_precision_is_known_by_any_of_its_words(word: str, precision: str | None) -> None:
    assert formats.canonical(word) == precision


def test_every_precision_has_bits_that_its_width_allows() -> None:
    for name, one in formats.precisions().items():
        assert formats.canonical(name) == name
        assert 2.0 < one.weight_bits <= 16.0
        assert one.source
        assert one.width in (4, 8, 16)
