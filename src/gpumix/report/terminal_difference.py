"""Two plans side by side, a plan made anew, and many at once, on a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from gpumix.domain.plan_difference import PlanDifference
from gpumix.domain.replanned import Replanned
from gpumix.domain.sweep import Sweep
from gpumix.errors import printable
from gpumix.report.terminal_table import show_table
from gpumix.report.views import difference as view
from gpumix.report.views import replan as replan_view
from gpumix.report.views import sweep as sweep_view


def show_difference(found: PlanDifference, met: tuple[str, ...], console: Console) -> None:
    """Print a difference: the headline, its tables, and which conditions failed."""
    console.print(Text(printable(view.headline(found)), style="bold"))
    for words in view.sides_words(found):
        console.print(Text(printable(words), style="dim"))
    for table in view.tables(found):
        show_table(table, console, minor=("gpus_per_instance",))
    for words in view.notes(found):
        console.print(Text(printable(words)))
    for condition in met:
        console.print(Text(f"Fails: {printable(condition)}", style="bold red"))


def show_replan(found: Replanned, console: Console, saved: str | None) -> None:
    """Print a plan made anew: what to do, by when, what it costs."""
    console.print(Text(printable(replan_view.headline(found)), style="bold"))
    for words in replan_view.words(found):
        console.print(Text(printable(words), style="dim"))
    for table in replan_view.tables(found):
        show_table(table, console, minor=("how", "note"))
    console.print()
    console.print(Text(replan_view.not_counted(found), style="dim"))
    step = f"open {saved}/report.html" if saved else "the same with --out DIR"
    console.print()
    console.print(Text.assemble(("Next: ", "bold"), step), soft_wrap=True)


def show_sweep(found: Sweep, console: Console, folder: str) -> None:
    """Print many plans in one table, and why some are missing."""
    show_table(sweep_view.sweep_table(found), console)
    for words in sweep_view.reasons(found):
        console.print(Text(printable(words), style="yellow"))
    console.print()
    step = f"open {printable(folder)}/NAME/report.html"
    console.print(Text.assemble(("Next: ", "bold"), step), soft_wrap=True)
