"""A case's answer as a page, and its entries as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from gpumix.domain.ledger import Entry, leaves_of
from gpumix.domain.tco import TcoAnswer
from gpumix.report.pages import CHART_PX, environment
from gpumix.report.views import charts
from gpumix.report.views import tco as view

COLUMNS = (
    "month", "option", "category", "item", "quantity", "unit", "price", "currency", "rate",
    "amount", "source", "basis", "as_of",
)  # fmt: skip
"""Of the entries' CSV, in the order of docs/tco-case.md."""


def entries_csv(entries: Iterable[Entry]) -> str:
    """The entries as CSV: one line each, amounts unrounded."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for entry in entries:
        cells = [getattr(entry, name) for name in COLUMNS]
        writer.writerow(["" if cell is None else _cell(cell) for cell in cells])
    return out.getvalue()


def _cell(cell: object) -> str:
    return repr(cell) if isinstance(cell, float) else str(cell)


def tco_html(found: TcoAnswer, entries: Mapping[str, Sequence[Entry]]) -> str:
    """The page of a case, a whole HTML document that needs no other file."""
    drawn = []
    if _cumulative(found):
        spec = charts.lines(
            _cumulative(found), "month", "amount", "option",
            titles=("Months after the start", f"Cash so far [{found.currency}]"),
        )  # fmt: skip
        drawn.append(("Cash so far", Markup(charts.as_svg(spec, CHART_PX))))
    trees = [
        view.tree_table(name, leaves_of(rows), found.currency) for name, rows in entries.items()
    ]
    return (
        environment()
        .get_template("tco.html.j2")
        .render(
            found=found,
            headline=view.headline(found),
            charts=drawn,
            tables=(*view.tables(found), *trees),
        )
    )


def _cumulative(found: TcoAnswer) -> list[dict[str, Any]]:
    rows = []
    for name, option in found.options.items():
        if option.kind == "flows":
            continue
        running = 0.0
        for month, amount in enumerate(option.cash.by_month):
            running += amount
            rows.append({"month": month, "amount": running, "option": name})
    return rows
