"""An answer with all that its four renderers need: page, JSON, CSV, Markdown."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gpumix.domain.plan import SCHEMA_VERSION
from gpumix.fields import ABSENT
from gpumix.files import plain_cell
from gpumix.report import export
from gpumix.report.cfo import Chart
from gpumix.report.markdown import drawn, escaped
from gpumix.report.tables import Table

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a page says, and its data in the shape that the verb's `--json` prints.

    `sorts` are the columns of the first table that can be sorted by, with the words of the URL;
    `csv` and `markdown` are texts that the command line prints too, in place of those made of the
    tables; `more` is for the page's own template.
    """

    title: str
    headline: str
    data: Answer
    eyebrow: str = ""
    steps: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    charts: tuple[Chart, ...] = ()
    chart_first: bool = False
    tables: tuple[Table, ...] = ()
    folded: tuple[Table, ...] = ()
    sorts: Mapping[str, str] = field(default_factory=dict)
    csv: str = ""
    markdown: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> str:
        """The data as one document."""
        return export.to_json(versioned(self.data))

    def as_csv(self) -> str:
        """The first table, a line a row, cells that a spreadsheet would obey made text."""
        return plain_csv(self.csv) if self.csv else table_csv(self.tables)

    def as_markdown(self) -> str:
        """Headline and tables."""
        if self.markdown:
            return self.markdown
        parts = [
            f"# {escaped(self.title)}",
            f"**{escaped(self.headline)}**" if self.headline else "",
            *(f"{n}. {escaped(step)}" for n, step in enumerate(self.steps, start=1)),
            *map(escaped, self.lead),
            *(f"> {escaped(one)}" for one in self.warnings),
            *(drawn(one) for one in (*self.tables, *self.folded) if one.rows),
        ]
        return "\n\n".join(part for part in parts if part) + "\n"


def versioned(data: Answer) -> Answer:
    """The data with the version of its schema, first where a verb does not print one."""
    return data if "schema_version" in data else {"schema_version": SCHEMA_VERSION, **data}


def plain_csv(text: str) -> str:
    """A CSV text in which no cell starts like a formula.

    >>> plain_csv("a,b\\n=cmd(),-1.5\\n")
    "a,b\\n'=cmd(),-1.5\\n"
    """
    return _written(list(csv.reader(io.StringIO(text))))


def table_csv(tables: Sequence[Table]) -> str:
    """The first of some tables that has rows, as CSV."""
    shown = [one for one in tables if one.rows]
    if not shown:
        return ""
    first = shown[0]
    rows = [[column.label for column in first.columns]]
    rows += [["" if cell.text == ABSENT else cell.text for cell in row] for row in first.rows]
    return _written(rows)


def _written(rows: Sequence[Sequence[str]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([[*map(plain_cell, row)] for row in rows])
    return out.getvalue()
