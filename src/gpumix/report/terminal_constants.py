"""Constants of the fit on a terminal: one with the rows that moved it, or several side by side."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from gpumix.domain.explanation import Constant
from gpumix.report.terminal_table import show_table
from gpumix.report.views import constants as view


def show_constants(found: Sequence[Constant], console: Console) -> None:
    """Print constants: one in words with what moved it, several as a table."""
    if len(found) > 1:
        show_table(view.overview(found), console, minor=("moved", "unit"))
        console.print(Text(view.SIDE_BY_SIDE, style="dim"))
        console.print()
        console.print(Text.assemble(("Next: ", "bold"), f'gpumix explain "{found[0].path}"'))
        return
    (one,) = found
    console.print(Text.assemble((one.path, "bold"), (f"  [{one.unit}]", "dim")))
    for line in view.sentences(one):
        console.print(Text(line))
    if one.moved:
        console.print()
        show_table(view.moved(one), console)
        console.print(Text(view.HOW_MOVED, style="dim"))
