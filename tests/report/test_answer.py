"""The first screen of a plan: whole, short, and true to the plan."""

from __future__ import annotations

import re
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console
from tests.report import plan_fixture

from gpumix import fields
from gpumix.domain.plan import Plan
from gpumix.report.terminal_answer import show_answer
from gpumix.report.views.answer import MOST_LINES, answer, answer_table, answer_words

COLUMNS, LINES = 80, 30


def _screen(plan: Plan) -> str:
    out = StringIO()
    console = Console(file=out, width=COLUMNS, no_color=True)
    show_answer(plan, console, report="out/report.html", saved="out/plan.json")
    return out.getvalue()


def test_it_fits_one_screen() -> None:
    lines = _screen(plan_fixture.plan()).splitlines()
    assert len(lines) <= LINES
    assert max(map(len, lines)) <= COLUMNS


def test_lines_of_the_mix_sum_to_the_month() -> None:
    plan = plan_fixture.plan()
    many = tuple(
        replace(plan.mix[0], resource=f"r{i}", usd_per_month=plan.monthly_usd / 9, count=1)
        for i in range(9)
    )
    rows = answer_table(replace(plan, mix=many)).rows
    assert len(rows) == MOST_LINES + 1
    assert rows[-2][1].text == f"{9 - MOST_LINES + 1} smaller lines"
    shown = [float(re.sub(r"[^\d.]", "", row[-1].text)) for row in rows]
    assert sum(shown[:-1]) == pytest.approx(plan.monthly_usd, rel=1e-3)
    assert rows[-1][-1].text == fields.format_value("monthly_usd", plan.monthly_usd)


def test_a_broken_promise_is_in_the_first_sentence() -> None:
    plan = plan_fixture.plan()
    work = next(w for w in plan.workloads if w.slo)
    broken = replace(work, slo=(replace(work.slo[0], kept=False), *work.slo[1:]))
    plan = replace(plan, workloads=tuple(broken if w is work else w for w in plan.workloads))
    assert f"not {work.id} {work.slo[0].name}" in answer(plan)
    assert "all" not in answer(plan)


@pytest.mark.parametrize(
    ("replayed", "said"),
    [
        ((True, True), "all 2 promises are kept in a replay of the traffic."),
        ((True, False), "all 2 promises are kept, 1 of them in a replay of the traffic."),
        ((False, False), "all 2 promises are kept, as predicted."),
    ],
)
def test_only_what_was_replayed_is_said_to_be(replayed: tuple[bool, ...], said: str) -> None:
    plan = plan_fixture.plan()
    work = next(w for w in plan.workloads if w.slo)
    slo = tuple(replace(work.slo[0], kept=True, replayed=one) for one in replayed)
    assert said in answer(replace(plan, workloads=(replace(work, slo=slo),)))


def test_a_plan_that_may_be_too_dear_says_so() -> None:
    assert "not proven" in _screen(replace(plan_fixture.plan(), gap=0.2))
    assert "not proven" not in _screen(replace(plan_fixture.plan(), gap=0.0))


def test_dollars_that_nobody_confirmed_are_told_once_somebody_owns_any() -> None:
    plan = plan_fixture.plan()
    assert plan.rests_on is not None
    open_usd = fields.format_value("unconfirmed_usd", plan.rests_on.unconfirmed_usd)
    doubt = dict(answer_words(plan))["Doubt"]
    assert f"{open_usd} of the present cost rest on assumed prices that nobody" in doubt
    nobody = tuple(replace(a, owner="") for a in plan.assumptions)
    assert open_usd not in dict(answer_words(replace(plan, assumptions=nobody)))["Doubt"]
    closed = replace(plan.rests_on, unconfirmed_usd=0.0)
    assert "confirmed" not in dict(answer_words(replace(plan, rests_on=closed)))["Doubt"]


def test_the_first_step_is_the_earliest_and_a_signature_before_rent() -> None:
    plan = plan_fixture.plan()
    rent, later = plan.timeline[2], plan.timeline[3]
    assert "First      By 2027-01-01 rent" in _screen(replace(plan, timeline=(rent, later)))
    signed = plan.timeline[1]
    assert "First      By 2027-01-01 reserve" in _screen(replace(plan, timeline=(rent, signed)))
