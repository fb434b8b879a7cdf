"""Every renderer's output, kept as a file: `make golden` rewrites them."""

from __future__ import annotations

import dataclasses
import io
import re
from collections.abc import Callable

import plan_fixture
import pytest
import training_fixture
from rich.console import Console

from golden_files import GOLDEN, kept
from gpumix import fields
from gpumix.report import export, html, markdown, terminal
from gpumix.report.views import plan as plan_view
from gpumix.verbs.explain import explain, explain_plan


def printed(show: Callable[[Console], None], width: int) -> str:
    out = io.StringIO()
    show(Console(file=out, width=width))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def plan_text(width: int) -> str:
    plan, report = plan_fixture.plan(), "gpumix-out/dhaka/report.html"
    saved = "gpumix-out/dhaka/plan.json"
    return printed(
        lambda c: terminal.show_plan(plan, c, inventory="dhaka.yaml", report=report, saved=saved),
        width,
    )


def plan_explained(width: int) -> str:
    found = explain_plan(plan_fixture.plan(), "support-chat")
    return printed(lambda c: terminal.show_plan_explanation(found, c), width)


def comparison_text(width: int) -> str:
    return printed(lambda c: terminal.show_comparison(plan_fixture.comparison(), c), width)


def training_text(width: int) -> str:
    return printed(lambda c: terminal.show_training(training_fixture.comparison(), c), width)


def plan_html() -> str:
    """The page less what depends on fonts and on the version of the chart library."""
    page = html.plan_html(plan_fixture.plan())
    page = re.sub(r"<svg.*?</svg>", "<svg/>", page, flags=re.DOTALL)
    return re.sub(r"<script>.*?</script>", "<script></script>", page, count=1, flags=re.DOTALL)


RENDERED: dict[str, Callable[[], str]] = {
    "plan-80.txt": lambda: plan_text(80),
    "plan-120.txt": lambda: plan_text(120),
    "plan.md": lambda: markdown.plan_markdown(plan_fixture.plan()),
    "plan.json": lambda: export.to_json(export.plan_to_dict(plan_fixture.plan())),
    "plan.html": plan_html,
    "comparison-80.txt": lambda: comparison_text(80),
    "comparison-120.txt": lambda: comparison_text(120),
    "comparison.md": lambda: markdown.comparison_markdown(plan_fixture.comparison()),
    "comparison.json": lambda: export.to_json(export.answer_to_dict(plan_fixture.comparison())),
    "explain-plan.txt": lambda: plan_explained(80),
    "training-80.txt": lambda: training_text(80),
    "training-120.txt": lambda: training_text(120),
    "training.md": lambda: markdown.training_markdown(training_fixture.comparison()),
    "training.json": lambda: export.to_json(export.answer_to_dict(training_fixture.comparison())),
    "explain-utilisation.txt": lambda: printed(
        lambda c: terminal.show_explanation(explain("utilisation"), c), 80
    ),
}


@pytest.mark.parametrize("name", RENDERED)
def test_golden(name: str) -> None:
    text = RENDERED[name]()
    assert text == kept(name, text)


PRINTED = [name for name in RENDERED if not name.endswith(".json")]
WITHOUT_WORDS = r"(?s)<(script|style|svg).*?</\1>|<[^>]*>"
NUMBER = r"(?<![\w.,$+-])\d[\d,]*(?:\.\d+)?(?![\w@-]|[.,]\d)"


def digits_of(number: str) -> tuple[int, int]:
    """Significant digits, and decimals, of a printed number."""
    whole, _, decimals = number.replace(",", "").partition(".")
    digits = whole + decimals if decimals else whole.rstrip("0")
    return len(digits.lstrip("0")), len(decimals)


@pytest.mark.parametrize("name", PRINTED)
def test_no_number_is_printed_to_more_digits_than_it_is_worth(name: str) -> None:
    text = re.sub(WITHOUT_WORDS, " ", (GOLDEN / name).read_text(encoding="utf-8"))
    numbers = re.findall(NUMBER, text)
    assert name.startswith("explain") or len(numbers) > 20
    assert [n for n in numbers if max(digits_of(n)) > 6] == []


def test_a_gap_that_is_noise_prints_as_less_than_the_least_share() -> None:
    exact = dataclasses.replace(plan_fixture.plan(), gap=1.3e-16)
    (gap,) = [tile for tile in plan_view.tiles(exact) if tile.label == fields.label("gap")]
    assert gap.text == "<0.01 %"
