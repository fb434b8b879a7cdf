"""docs/asked.md prints what gpumix answers: its commands are run, its errors are counted again."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from gpumix.cli import app
from gpumix.files import read_columns

DOCS = Path(__file__).resolve().parents[2] / "docs"
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?")
SAME = 0.05
"""Answers may move by so much before the page must say otherwise."""
POINT = 1.0
"""Per cent by which an error on the page may be rounded, of figures that are rounded too."""


@dataclass(frozen=True)
class Asked:
    """One line of the page's tables."""

    question: str
    reported: str
    command: str
    answer: str
    error: str


def asked() -> list[Asked]:
    lines = (DOCS / "asked.md").read_text(encoding="utf-8").splitlines()
    cells = [[c.strip() for c in line.split(" | ")] for line in lines if "](http" in line]
    return [
        Asked(c[0].lstrip("| "), c[2], c[3], c[4], c[5].rstrip(" |")) for c in cells if len(c) >= 6
    ]


ALL = asked()
COMMANDS = [one for one in ALL if one.command.startswith("`gpumix")]
ROWS = [one for one in ALL if one.command.startswith("row")]


def figure(text: str) -> float:
    found = NUMBER.search(text)
    return float(found[0].replace(",", "")) if found else float("nan")


def run(words: list[str]) -> str:
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.fixture(scope="module")
def predicted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Row of a point file -> its value; empty where there is none."""
    out = tmp_path_factory.mktemp("asked") / "answers.csv"
    found: dict[str, str] = {}
    for kind, points in (("inference", "asked.csv"), ("training", "asked-training.csv")):
        run(["predict", kind, "--points", str(DOCS / points), "--out", str(out)])
        table = read_columns(out)
        found |= dict(zip(table["id"], table["value"], strict=True))
    return found


def test_the_page_has_its_questions() -> None:
    assert len(ALL) >= 40
    assert len(COMMANDS) + len(ROWS) == len(ALL)


@pytest.mark.parametrize("one", ROWS, ids=lambda one: one.command)
def test_a_point_is_answered_as_the_page_says(one: Asked, predicted: dict[str, str]) -> None:
    value = predicted[one.command.removeprefix("row ").strip("`")]
    if "does not fit" in one.answer:
        assert value == ""
    else:
        assert float(value) == pytest.approx(figure(one.answer), rel=SAME)


@pytest.mark.parametrize("one", COMMANDS, ids=lambda one: one.question[:50])
def test_a_command_answers_as_the_page_says(one: Asked) -> None:
    words = one.command.strip("`").split()[1:]
    found: dict[str, Any] = json.loads(run([*words, "--json"]))
    if words[0] == "prices":
        prices = [offer["usd_per_gpu_hour"] for offer in found["offers"]]
        limit = figure(one.answer if one.answer[0].isdigit() else one.reported)
        assert min(prices) <= limit <= max(prices)
        return
    row = found["rows"][0]
    assert one.answer.startswith(f"{row['state']},")
    value = row["total_gib"] if "--train" in words else row["room"]["cache_tokens"]
    assert value["value"] == pytest.approx(figure(one.answer), rel=SAME)


@pytest.mark.parametrize("one", ALL, ids=lambda one: one.question[:50])
def test_the_error_on_the_page_is_that_of_its_figures(one: Asked) -> None:
    if one.error.endswith("%"):
        reported = NUMBER.findall(one.reported)
        truth = sum(map(figure, reported)) / len(reported)
        if one.reported.endswith("GB"):
            truth /= 1.073741824
        percent = 100.0 * (figure(one.answer) / truth - 1.0)
        stated = float(one.error.removeprefix("right, ").removesuffix("%"))
        assert percent == pytest.approx(stated, abs=POINT)
    else:
        is_right = ("does not fit" in one.reported) == ("does not fit" in one.answer)
        assert one.error == ("right" if is_right else "wrong")
