"""GPUs, models, providers or countries side by side, and where their figures come from."""

from __future__ import annotations

from gpumix.domain.specification import Specification, SpecRow
from gpumix.fields import ABSENT
from gpumix.report.tables import Cell, Column, Table

_WHOLE_FROM = 100.0
"""Figures from here on are shown without decimals."""


def table(found: Specification) -> Table:
    """A column for each name, a row for each attribute; peaks of GPUs are dense."""
    first = Column("attribute", found.kind, False, "What is compared, with its unit.")
    columns = (first, *(Column(name, name, True, "") for name in found.names))
    rows = tuple(
        (
            Cell(f"{row.label} [{row.unit}]" if row.unit else row.label),
            *(Cell(_words(row, at)) for at in range(len(row.cells))),
        )
        for row in found.rows
        if any(cell.value is not None for cell in row.cells)
    )
    return Table("", columns, rows)


def sources(found: Specification) -> list[str]:
    """Where the figures of each name come from, the most used source first."""
    told = []
    for at, name in enumerate(found.names):
        named = dict.fromkeys(row.cells[at].source for row in found.rows if row.cells[at].source)
        told.append(f"{name}: {'; '.join(named)}")
    return told


def _words(row: SpecRow, at: int) -> str:
    value = row.cells[at].value
    if value is None or value == "":
        return ABSENT
    if isinstance(value, str):
        return value
    if row.attribute == "year":
        return f"{value:.0f}"
    return f"{value:,.0f}" if value >= _WHOLE_FROM or value == int(value) else f"{value:.4g}"
