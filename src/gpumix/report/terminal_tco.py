"""A case's answer on a terminal: the headline, tables, what to do next."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gpumix.domain.tco import TcoAnswer
from gpumix.report.terminal_table import show_table
from gpumix.report.views import tco as view


def show_tco(found: TcoAnswer, console: Console, case: str, page: str | None = None) -> None:
    """Print a case: who costs least, cash, present cost, what would change it, what it rests on."""
    about = f"  {found.months} months, {found.cost_of_capital:.1%} a year, {found.currency}"
    console.print(Text.assemble((found.name, "bold"), (about, "dim")))
    console.print()
    console.print(Text(view.headline(found), style="bold"))
    console.print(Padding(Text(view.costs_words(found), style="dim"), (0, 0, 0, 2), expand=False))
    notes = [*found.warnings, *(f"not in the file, so not counted: {o}" for o in found.left_out)]
    for note in notes:
        console.print(Padding(Text(note, style="yellow"), (0, 0, 0, 2), expand=False))
    for table in view.tables(found):
        show_table(table, console)
    steps = [f"open {page}"] if page else [f"gpumix tco {case} --html tco.html --csv entries.csv"]
    console.print()
    console.print(Text.assemble(("Next: ", "bold"), steps[0]), soft_wrap=True)
