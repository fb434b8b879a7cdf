"""The memo: one A4 page, however much there is to say."""

from __future__ import annotations

import dataclasses
import subprocess
from pathlib import Path

import money_fixture
import plan_fixture
import pytest
from pypdf import PdfReader
from test_report_html import CHROMIUM, Page

from gpumix.domain.plan import Plan
from gpumix.report.memo import memo, memo_html, memo_markdown

A4_PT = (595, 842)
LONG = "a promise that takes many words to say because somebody wrote a name without end " * 20


def longest() -> Plan:
    """Every list longer than the page holds, every name longer than a line."""
    plan = money_fixture.plan()
    workloads = tuple(
        dataclasses.replace(w, id=f"{i} {LONG}") for w in plan.workloads for i in range(4)
    )
    regret = tuple(
        dataclasses.replace(o, name=f"{LONG} {o.name}", breaks=(LONG,)) for o in plan.regret
    )
    line = dataclasses.replace(plan.mix[0], provider=LONG, gpu=LONG)
    found = money_fixture.money()
    flips = tuple(dataclasses.replace(flip, name=LONG, against=LONG) for flip in found.flips)
    return dataclasses.replace(
        plan, name=LONG, workloads=workloads, regret=regret, mix=(line, *plan.mix[1:]),
        money=dataclasses.replace(found, flips=flips),
    )  # fmt: skip


def test_it_says_what_is_signed() -> None:
    own = memo(money_fixture.plan())
    assert len(own.alternatives.rows) == 3
    assert len(own.flips) == 2
    assert own.cash.rows
    assert own.promises
    assert own.quotes
    assert own.expires


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
@pytest.mark.parametrize("plan", [money_fixture.plan(), plan_fixture.plan(), longest()])
def test_it_prints_on_one_page(tmp_path: Path, plan: Plan) -> None:
    page, printed = tmp_path / "memo.html", tmp_path / "memo.pdf"
    page.write_text(memo_html(plan), encoding="utf-8")
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"),
        *(f"--user-data-dir={tmp_path / 'profile'}", f"--print-to-pdf={printed}", page.as_uri()),
    ]
    try:
        subprocess.run(command, capture_output=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("Chromium does not start here")
    if not printed.exists():
        pytest.skip("Chromium does not print here")
    [only] = PdfReader(printed).pages
    assert (round(only.mediabox.width), round(only.mediabox.height)) == A4_PT


def test_markup_of_users_is_text() -> None:
    page = Page(memo_html(plan_fixture.hostile_plan()))
    assert "script" not in page.tags
    assert "img" not in page.tags
    assert "<script>" not in memo_markdown(plan_fixture.hostile_plan())


def test_markdown_has_the_same_parts() -> None:
    text = memo_markdown(money_fixture.plan())
    heads = [line[3:] for line in text.splitlines() if line.startswith("## ")]
    assert heads == [
        "Decision",
        "Cash by year, in USD",
        "Alternatives: present cost, in USD",
        "What would flip it",
        "How sure each promise is",
        "Quotations to request",
        "Expires",
    ]
