"""docs/proof.md is what the tool writes from the committed inputs, each of which is traceable."""

from __future__ import annotations

import math
import sys
from datetime import date
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import prove  # noqa: E402
from gpumix.files import read_rows  # noqa: E402

DEPLOYMENTS = read_rows(prove.PROOF / "deployments.csv")
QUESTIONS = read_rows(prove.PROOF / "questions.csv")


@pytest.fixture(scope="module")
def proofs() -> list[prove.Proof]:
    return prove.proofs()


def test_the_page_is_what_the_tool_writes(proofs: list[prove.Proof]) -> None:
    assert prove.PAGE.read_text(encoding="utf-8") == prove.page(proofs)


@pytest.mark.parametrize("row", DEPLOYMENTS, ids=lambda row: row["id"])
def test_an_input_has_source_date_and_questions(row: dict[str, str]) -> None:
    assert row["source"].startswith("https://")
    assert date(2020, 1, 1) < date.fromisoformat(row["date"])
    assert all(row.values())
    assert any(question["deployment"] == row["id"] for question in QUESTIONS)


def test_every_question_is_answered_and_belongs_to_a_deployment(
    proofs: list[prove.Proof],
) -> None:
    parts = [part for proof in proofs for part in proof.parts]
    assert sorted(p.question["id"] for p in parts) == sorted(q["id"] for q in QUESTIONS)
    assert all(0.0 < p.low <= p.rate <= p.high < math.inf for p in parts)


def test_the_worst_comes_first(proofs: list[prove.Proof]) -> None:
    factors = [max(p.needed / p.published, p.published / p.needed) for p in proofs]
    assert factors == sorted(factors, reverse=True)


@pytest.mark.parametrize(("waves", "batch"), [(1.0, 64.0), (4.0, 16.0)])
def test_waves_decode_one_after_another(waves: float, batch: float) -> None:
    prefill_ms, tpot_ms = 500.0, 20.0
    wave_ms = prefill_ms + 99.0 * tpot_ms
    ttft_ms = prefill_ms + 0.5 * (waves - 1.0) * wave_ms
    question = {"output_len": "100", "load_value": "64"}
    found = prove.together(question, tpot_ms, ttft_ms, waves * wave_ms)
    assert found == pytest.approx(batch)
