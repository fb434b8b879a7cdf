"""A fleet held to its plan, on a terminal: what drifted, since when, what it costs."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gpumix.domain.drift import DriftAnswer
from gpumix.report.terminal_table import show_table
from gpumix.report.views import drift as view


def show_drift(found: DriftAnswer, console: Console, next_step: str) -> None:
    """Print the headline, what drifted, every check, and what was not looked at."""
    console.print(Text(view.headline(found), style="bold"))
    for number, finding in enumerate(found.findings, start=1):
        console.print(Padding(Text(f"{number}. {view.sentence(finding)}"), (0, 0, 0, 2)))
    console.print()
    show_table(view.checks_table(found), console, minor=("tolerated", "days"))
    console.print()
    for words in view.looked_words(found):
        console.print(Text(words, style="dim"))
    for note in found.notes:
        about = f"{note.code.replace('_', ' ')}: {note.node or 'fleet'}: {note.detail}"
        console.print(Text(about, style="dim"))
    console.print()
    console.print(Text.assemble(("Next: ", "bold"), next_step), soft_wrap=True)
