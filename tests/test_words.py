"""Texts that users read avoid words that readers stumbled over: a phrase once mended stays away."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpumix.verbs.explain import formulas

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "gpumix"

FORBIDDEN = {
    r"so many\b": "give the number, or 'this many'",
    r"so large a\b": "'of this size'",
    r"told\b": "reported, given, kept apart",
    r"held against": "compared with",
    r"anew\b": "again",
    r"one's own": "your, owned",
    r"of ours\b": "of gpumix",
    r"la(?:id|ys?) (?:\w+ ){0,3}over\b": "overrides",
    r"stands? (?:for|in|there|once|beside|behind|idle)\b": "is, represents, is used instead",
    r"akin\b": "related",
    r"nothing near\b": "no close measurement",
    r"(?:may not|to) be had\b": "unobtainable, available",
    r"can be had\b": "is available",
    r"taken (?:back|alike|as)\b": "interrupted, treated the same, counts as",
    r"at no load\b": "even when almost idle",
    r"is no (?:plan|file|number|table|object|text|unit|result)\b": "is not a",
    r"at random\b": "random",
    r"out of the question": "cannot",
    r"hours paid for": "paid hours",
    r"that very\b": "that",
}
"""Pattern of a habit -> what to write instead."""

PAGES = sorted(
    page
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md"))
    if page.name != "formulas.md"  # its parts that users read are checked one by one
)


def texts_of(module: Path) -> Iterator[tuple[str, str]]:
    """(place, text) of every string literal but docstrings; of the command line these too."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    bare = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    shown = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if module.parent.name == "cli"
        and isinstance(node, ast.FunctionDef)
        and not node.name.startswith("_")
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        said = isinstance(node, ast.Constant) and (id(node) not in bare or id(node) in shown)
        if said and isinstance(node.value, str):
            yield f"{module.relative_to(ROOT)}:{node.lineno}", node.value


def test_messages_help_and_reports() -> None:
    found = [
        (place, text[:60], f"write: {instead}")
        for module in sorted(PACKAGE.rglob("*.py"))
        for place, text in texts_of(module)
        for habit, instead in FORBIDDEN.items()
        if re.search(rf"(?i)\b{habit}", text)
    ]
    assert found == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages(page: Path) -> None:
    text = re.sub(r"\s+", " ", page.read_text(encoding="utf-8"))
    assert [h for h in FORBIDDEN if re.search(rf"(?i)\b{h}", text)] == []


@pytest.mark.parametrize("name", ["fields.csv", "starter.yaml"])
def test_packaged_texts(name: str) -> None:
    text = (PACKAGE / "data" / name).read_text(encoding="utf-8")
    assert [h for h in FORBIDDEN if re.search(rf"(?i)\b{h}", text)] == []


def test_first_lines_of_formulas() -> None:
    found = [
        (path, formula.summary)
        for path, formula in formulas().items()
        for habit in FORBIDDEN
        if re.search(rf"(?i)\b{habit}", formula.summary)
    ]
    assert found == []


def test_the_list_finds_what_it_forbids() -> None:
    for text in ("at most so many instances", "a default, told first", "your rates laid over"):
        assert any(re.search(rf"(?i)\b{habit}", text) for habit in FORBIDDEN)
