"""A fleet on a terminal: what was observed, and whose its hours and its bill are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gpumix.domain.fleet import Attribution, FleetSummary, Note
from gpumix.errors import printable
from gpumix.report.terminal_table import show_table
from gpumix.report.views import fleet as view

_MOST_NOTES: Final = 12


def show_fleet(found: FleetSummary, console: Console) -> None:
    """Print what a fleet's folder holds, and the next step."""
    console.print(Text(printable(found.folder), style="bold"))
    span = f"{found.start} to {found.end}" if found.start else "no samples"
    console.print(
        f"  {found.nodes:,} nodes, {found.gpus:,} GPUs, {found.samples:,} samples, "
        f"{found.jobs:,} jobs from {found.sources:,} sources; {span}, "
        f"every {found.resolution_s} s"
    )
    _show_notes(found.notes, console)
    console.print()
    step = f"gpumix attribute {printable(found.folder)} --bill FOCUS.csv"
    console.print(Text.assemble(("Next: ", "bold"), step), soft_wrap=True)


def show_attribution(found: Attribution, console: Console, folder: str) -> None:
    """Print whose the hours are, where they were, what is outside, and what to know of it."""
    about = f"  {found.start} to {found.end}, by {found.basis}, measured"
    console.print(Text.assemble((printable(folder), "bold"), (about, "dim")))
    console.print()
    console.print(Text(view.headline(found), style="bold"))
    for table in view.tables(found):
        show_table(table, console)
    _show_notes(found.notes, console)
    console.print()
    totals = found.totals
    console.print(
        f"{view.amount(totals.attributed_usd_micro, found.currency)} given + "
        f"{view.amount(totals.bill_usd_micro - totals.attributed_usd_micro, found.currency)} "
        f"outside = {view.amount(totals.bill_usd_micro, found.currency)} of EffectiveCost; "
        f"the invoice (BilledCost) is {view.amount(totals.billed_usd_micro, found.currency)}."
    )
    step = f"gpumix audit {printable(folder)}"
    console.print(Text.assemble(("Next: ", "bold"), step), soft_wrap=True)


def _show_notes(notes: Sequence[Note], console: Console) -> None:
    for note in notes[:_MOST_NOTES]:
        where = f"{note.node}: " if note.node else ""
        words = printable(f"{where}{note.detail} [{note.code}]")
        console.print(Padding(Text(words, style="yellow"), (0, 0, 0, 2), expand=False))
    if len(notes) > _MOST_NOTES:
        console.print(f"  and {len(notes) - _MOST_NOTES:,} notes more: --json")
