"""Tables on a terminal: on a narrow page minor columns stand in lines below their row, and no
column and no digit is lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, Literal

from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table as RichTable
from rich.text import Text

from gpumix.report.tables import Cell, Table

_STYLES: Final = {
    "good": "green",
    "bad": "bold red",
    "muted": "dim",
    "total": "bold",
    "measured": "green",
    "calibrated": "cyan",
    "modelled": "yellow",
    "assumed": "magenta",
}
_GAP: Final = 2
_INDENT: Final = 4
_PROSE_WORD: Final = 20
_PROSE_LINE: Final = 16
_PROSE: Final = frozenset(
    {
        "action",
        "serves",
        "reason",
        "what",
        "quantity",
        "note",
        "provider",
        "placements",
        "source",
        "defaults",
        "fix",
        "layout",
        "deployment",
        "load",
        "differs",
        "formula",
        "as_of",
        "cheapest_in_cash",
        "best_with_time",
        "marks",
    }
)


def show_table(
    table: Table, console: Console, *, minor: Sequence[str] = (), ranged: Sequence[str] = ()
) -> None:
    """Print a table in the console's width; nothing where it has no rows.

    Columns named in `minor` go below their rows first; cells of `ranged` show their intervals
    where there is room.
    """
    if not table.rows:
        return
    fitted, moved = _fitted(table, console.width, minor, ranged)
    widths = _widths(fitted, console.width)
    console.print()
    if not moved.columns:
        console.print(_drawn(fitted, widths, range(len(fitted.rows))))
        return
    console.print(_drawn(fitted, widths, ()))
    alike = _alike(moved)
    for i, row in enumerate(moved.rows):
        console.print(_drawn(fitted, widths, [i], show_header=False))
        _below(moved, row, [c for c in range(len(row)) if c not in alike], console)
    _below(moved, moved.rows[0], alike, console, lead="Every row: ")


def _drawn(
    table: Table, widths: Sequence[int], rows: Iterable[int], *, show_header: bool = True
) -> RichTable:
    """Some rows of a table, drawn in columns of these widths."""
    drawn = RichTable(
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
        show_edge=False,
        show_header=show_header,
        header_style="dim",
        title=table.title if show_header else None,
        title_justify="left",
        title_style="bold",
    )
    for column, width in zip(table.columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.numeric else "left"
        drawn.add_column(column.label, justify=justify, overflow="fold", width=width)
    for i in rows:
        is_total = table.has_total and i == len(table.rows) - 1
        drawn.add_row(*map(_styled, table.rows[i]), style="bold" if is_total else None)
    return drawn


def _below(
    table: Table, row: Sequence[Cell], places: Iterable[int], console: Console, lead: str = ""
) -> None:
    """The cells of columns that do not fit, `label: value` each, in lines below their row."""
    words = [
        ": ".join(filter(None, (table.columns[i].label, row[i].text)))
        + (f" ({row[i].note})" if row[i].note else "")
        for i in places
        if row[i].text
    ]
    if words:
        console.print(Padding(Text(lead + "; ".join(words), style="dim"), (0, 0, 0, _INDENT)))


def _alike(table: Table) -> list[int]:
    """Places of columns that hold the same in each of several rows: said once, not row by row."""
    if len(table.rows) < 3:
        return []
    return [i for i in range(len(table.columns)) if len({row[i] for row in table.rows}) == 1]


def _fitted(
    table: Table, width: int, minor: Sequence[str], ranged: Sequence[str]
) -> tuple[Table, Table]:
    """What fits the width as columns, and the columns that go below: the minor ones in order, then
    the widest. Small print fills what is left."""
    best = _noted(table, ranged)
    moved: list[str] = []
    waiting = [name for name in minor if any(c.name == name for c in table.columns)]
    while not _fits(best, width) and len(best.columns) > 1:
        widest = max(range(1, len(best.columns)), key=lambda i: _least(best)[i])
        moved.append(waiting.pop(0) if waiting else best.columns[widest].name)
        best = best.without(moved[-1])
    for column in best.columns:
        noted = _noted(best, [column.name])
        if column.numeric and _fits(noted, width):
            best = noted
    kept = {column.name for column in best.columns}
    return best, table.without(*kept)


def _fits(table: Table, width: int) -> bool:
    return sum(_least(table)) + _GAP * (len(table.columns) - 1) <= width


def _noted(table: Table, columns: Sequence[str]) -> Table:
    """The same table with the small print of some columns beside their values."""
    rows = tuple(
        tuple(
            replace(cell, text=f"{cell.text} ({cell.note})", note="")
            if cell.note and column.name in columns
            else cell
            for column, cell in zip(table.columns, row, strict=True)
        )
        for row in table.rows
    )
    return replace(table, rows=rows)


def _least(table: Table) -> list[int]:
    """The narrowest each column may be: whole values, the words of prose."""
    widths = []
    for i, column in enumerate(table.columns):
        cells = [row[i].text for row in table.rows]
        if column.name in _PROSE:
            longest = max((len(cell) for cell in cells), default=0)
            cells = [word[:_PROSE_WORD] for cell in cells for word in cell.split()]
            cells.append("x" * min(longest, _PROSE_LINE))
        words = [*column.label.split(), *cells]
        widths.append(max((len(word) for word in words), default=1))
    return widths


def _widths(table: Table, width: int) -> list[int]:
    """Column widths on a page: the least, then room for whoever lacks least of its full width."""
    widths = _least(table)
    full = [
        max([len(column.label), *(len(row[i].text) for row in table.rows)])
        for i, column in enumerate(table.columns)
    ]
    spare = max(0, width - sum(widths) - _GAP * (len(widths) - 1))
    for place in sorted(range(len(widths)), key=lambda i: full[i] - widths[i]):
        granted = min(spare, full[place] - widths[place])
        widths[place] += granted
        spare -= granted
    return widths


def _styled(cell: Cell) -> Text:
    return Text(cell.text, style=_STYLES.get(cell.tone, ""))
