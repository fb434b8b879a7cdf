"""A plan's first screen on a terminal: the answer in some 25 lines of 80 columns."""

from __future__ import annotations

from typing import Final

from rich.console import Console
from rich.text import Text

from gpumix.domain.plan import Plan
from gpumix.report.terminal_table import show_table
from gpumix.report.views.answer import answer, answer_table, answer_words
from gpumix.report.views.totals import span_words

_LABEL: Final = 11
"""Columns of the names beside the sentences."""


def show_answer(plan: Plan, console: Console, *, report: str, saved: str) -> None:
    """Print what to sign, what it costs, how sure that is, and where the rest stands.

    `report` and `saved` are the files of the report and of the plan.
    """
    about = f"  from {plan.start:%Y-%m}, {span_words(plan)}, prices as of {plan.as_of}"
    console.print(Text.assemble((plan.name, "bold"), (about, "dim")))
    console.print()
    console.print(Text(answer(plan), style="bold"))
    show_table(answer_table(plan), console)
    console.print()
    for name, told in answer_words(plan):
        lines = Text(told).wrap(console, console.width - _LABEL)
        for i, line in enumerate(lines):
            line.rstrip()
            console.print(Text.assemble((f"{'' if i else name:<{_LABEL}}", "bold"), line))
    dearest_first = sorted(plan.workloads, key=lambda workload: -workload.usd_per_month)
    steps = [f"open {report}  (or again with --details, to read it all here)"]
    steps += [f"gpumix explain {saved} {workload.id}" for workload in dearest_first[:1]]
    console.print()
    for i, step in enumerate(steps):
        console.print(Text.assemble(("      " if i else "Next: ", "bold"), step), soft_wrap=True)
