"""Tables of printed cells: the one shape that every renderer draws."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from gpumix import fields
from gpumix.domain.evidence import Basis, Estimate
from gpumix.fields import ABSENT, USD, Currency

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Cell:
    """One printed value.

    `note` is the small print: an interval, the second currency, the reason of an absent value.
    `tone` is `good`, `bad`, `muted`, `total` or the basis of a figure; `""` for plain text.
    """

    text: str
    note: str = ""
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Column:
    """A column's field name, label, alignment and definition, from the registry."""

    name: str
    label: str
    numeric: bool
    definition: str


@dataclass(frozen=True, slots=True)
class Table:
    """A title, columns and rows of cells; `has_total` marks the last row as a total."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    has_total: bool = False

    def without(self, *names: str) -> Table:
        """The same table less some columns, for narrow pages."""
        kept = [i for i, column in enumerate(self.columns) if column.name not in names]
        return Table(
            self.title,
            tuple(self.columns[i] for i in kept),
            tuple(tuple(row[i] for i in kept) for row in self.rows),
            self.has_total,
        )

    def without_absent(self) -> Table:
        """The same table less the columns in which no row has a value."""
        absent = [
            column.name
            for i, column in enumerate(self.columns)
            if self.rows and all(row[i].text in (ABSENT, "") for row in self.rows)
        ]
        return self.without(*absent)


def column(name: str, record: type | str = "", title: str = "") -> Column:
    """The column of a registered field; `title` refines its label (`$ / M tokens at 50 %`)."""
    own = fields.field(name, record)
    return Column(name, title or own.label, own.is_number, own.definition)


def table(
    title: str,
    record: type | str,
    records: Iterable[Record],
    *columns: tuple[str, Callable[[Record], Cell]],
    total: tuple[Cell, ...] = (),
) -> Table:
    """A table of `records`: each column is a field's name and the cell it makes of a record."""
    rows = [tuple(make(r) for _, make in columns) for r in records]
    return Table(
        title,
        tuple(column(name, record) for name, _ in columns),
        tuple([*rows, total] if total and rows else rows),
        bool(total and rows),
    )


def value(name: str, amount: object, reason: str = "", record: type | str = "") -> Cell:
    """A plain value; absent ones print as "-" with the reason."""
    text = fields.format_value(fields.field(name, record), amount)
    return Cell(text, reason, "muted") if text == ABSENT else Cell(text)


def money(name: str, usd: float | None, second: Currency = USD, reason: str = "") -> Cell:
    """An amount of USD, with the second currency as its note."""
    if usd is None:
        return value(name, None, reason)
    note = fields.format_value(name, usd, second) if second.code != USD.code else ""
    return Cell(fields.format_value(name, usd), note)


def estimate(name: str, predicted: Estimate | None, reason: str = "") -> Cell:
    """A predicted value with its 80 % interval as the note."""
    if predicted is None:
        return value(name, None, reason)
    shown, interval = fields.interval_parts(name, predicted.value, predicted.low, predicted.high)
    return Cell(shown, interval)


def basis(kind: Basis) -> Cell:
    """An evidence tag in its own tone."""
    return Cell(kind.value, tone=kind.value)


def text(words: object, tone: str = "", note: str = "") -> Cell:
    """Words as they are; "-" where there are none."""
    return Cell(str(words), note, tone) if words else Cell(ABSENT, note, "muted")


def remark(words: str) -> Cell:
    """Small print in a column of its own; nothing where there is nothing to say."""
    return Cell(words, tone="muted")
