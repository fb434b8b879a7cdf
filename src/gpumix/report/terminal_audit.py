"""An audit on a terminal: what is wasted, where, what to do first."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gpumix.domain.fleet import AuditAnswer
from gpumix.report.terminal_table import show_table
from gpumix.report.views import audit as view


def show_audit(found: AuditAnswer, console: Console, fleet: str, page: str | None = None) -> None:
    """Print an audit: the headline, the classes, the first steps, the findings, the notes."""
    console.print(Text(view.headline(found), style="bold"))
    table = view.classes_table(found)
    if table.rows:
        show_table(table, console, minor=("at_stake_usd_micro",))
    steps = view.steps(found)
    if steps:
        console.print()
        console.print(Text("Do first", style="bold"))
    for number, step in enumerate(steps, start=1):
        console.print(Padding(Text(f"{number}. {step}"), (0, 0, 0, 2), expand=False))
    if found.findings:
        every = view.findings_table(found, view.MOST_FINDINGS)
        show_table(every, console, minor=("id", "action", "gpu", "at_stake_usd_micro"))
    if found.dismissed:
        show_table(view.dismissed_table(found), console, minor=("when", "who"))
    console.print()
    for words in view.looked_words(found):
        console.print(Text(words, style="dim"))
    for note in found.notes:
        about = f"{note.code.replace('_', ' ')}: {note.node or 'fleet'}: {note.detail}"
        console.print(Text(about, style="yellow" if note.code == "no_bill" else "dim"))
    next_step = f"open {page}" if page else f"gpumix audit {fleet} --html audit.html"
    console.print()
    console.print(Text.assemble(("Next: ", "bold"), next_step), soft_wrap=True)
