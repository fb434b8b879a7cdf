"""The rooms of an inventory on a terminal: the answer, what racks hold, what that does."""

from __future__ import annotations

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from gpumix.domain.room import Rooms
from gpumix.report.terminal_table import show_table
from gpumix.report.views import room as view


def show_rooms(found: Rooms, console: Console, inventory: str) -> None:
    """Print every site: the densest servers, the racks, the work, other cooling, what is next."""
    console.print(Text.assemble((found.name, "bold"), (f"  {found.as_of}", "dim")))
    console.print()
    for line in view.answers(found):
        console.print(Text(line, style="bold"))
    for note in found.notes:
        console.print(Padding(Text(note, style="dim"), (0, 0, 0, 2), expand=False))
    for room in found.sites:
        console.print()
        console.print(Text(view.site_line(room)))
        for cooling in room.coolings:
            if cooling.is_present:
                show_table(view.held_table(room, cooling), console, minor=("facility_kw",))
        for workload in found.workloads:
            show_table(view.work_table(room, workload), console, minor=("reason", "precision"))
    show_table(view.density_table(found), console, minor=("retrofit_usd", "facility_kw"))
    console.print()
    console.print(Text.assemble(("Next: ", "bold"), f"gpumix plan {inventory}"), soft_wrap=True)
