"""Cells of foreign tables -> numbers, dates and terms, in the ways that people write them."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from gpumix.domain.cells import number_in
from gpumix.errors import InputError, Problem

NULLS: Final = frozenset({"", "nan", "none", "null", "na", "n/a", "-", "nat"})
YEAR_MONTHS: Final = 12
HEADER_WITHIN: Final = 30
"""Lines: metadata before a header is shorter."""
_MONEY = re.compile(r"[-+]?\d[\d.,'\u00a0 ]*")
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_OTHER_DAY = re.compile(r"(\d{1,2})([./-])(\d{1,2})[./-](\d{4})")
_TERM = re.compile(
    r"(\d+(?:[.,]\d+)?)[\s_-]*(years?|yrs?|y\b|months?|mo\b|mths?|m\b|jahre?|monate?)", re.I
)


@dataclass(frozen=True, slots=True)
class Line:
    """One row of a foreign table: its cells by lower-case column name, and where it is."""

    cells: Mapping[str, str]
    place: str

    def text(self, *columns: str) -> str:
        """The first of the columns that is filled, stripped; a null of any spelling is empty."""
        for column in columns:
            value = self.cells.get(column, "").strip()
            if value.lower() not in NULLS:
                return value
        return ""

    def number(self, *columns: str) -> float | None:
        """The first of the columns that is filled, as a number; None where it is none."""
        value = number_in(self.text(*columns))
        return None if math.isnan(value) else value


@dataclass(frozen=True, slots=True)
class Grid:
    """A foreign table: what its first lines say, its rows, and the rows of another width."""

    preamble: Mapping[str, str]
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    ragged: tuple[str, ...]


def is_header(row: Sequence[str], wanted: frozenset[str]) -> bool:
    """Whether a line names all of the wanted columns, in any case and order."""
    return wanted <= {cell.strip().lower() for cell in row}


def read_grid(text: str, name: str, wanted: frozenset[str]) -> Grid:
    """A CSV text whose header is the first line that names the wanted columns.

    Commas, semicolons or tabs separate cells. Raises: InputError where it is no CSV, or no line
    of the first names the columns.
    """
    rows = _rows(text, name, len(text))
    for i, (_, row) in enumerate(rows[:HEADER_WITHIN]):
        if is_header(row, wanted):
            return _grid(rows[:i], row, rows[i + 1 :], name)
    columns = ", ".join(sorted(wanted))
    raise InputError(Problem(name, f"has no line that names the columns {columns}"))


def head_rows(text: str, name: str) -> list[list[str]]:
    """The first lines of a CSV text, to look for a header in. Raises: InputError, no CSV."""
    return [row for _, row in _rows(text[:200_000], name, HEADER_WITHIN)]


def _rows(text: str, name: str, most: int) -> list[tuple[int, list[str]]]:
    sample = text[:20_000]
    delimiter = max(",;\t", key=sample.count)
    reader = csv.reader(io.StringIO(text, ""), delimiter=delimiter)
    rows: list[tuple[int, list[str]]] = []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((reader.line_num, row))
            if len(rows) >= most:
                break
    except csv.Error as error:
        raise InputError(Problem(name, f"is not valid CSV: {error}")) from None
    return rows


def _grid(
    before: Sequence[tuple[int, list[str]]],
    header: Sequence[str],
    body: Sequence[tuple[int, list[str]]],
    name: str,
) -> Grid:
    columns = tuple(cell.strip().lower() for cell in header)
    preamble = {row[0].strip().lower(): row[1].strip() for _, row in before if len(row) > 1}
    lines: list[Line] = []
    ragged: list[str] = []
    for number, row in body:
        place = f"{name} line {number}"
        if len(row) < len(columns) or any(cell.strip() for cell in row[len(columns) :]):
            ragged.append(place)
        else:
            lines.append(Line(dict(zip(columns, row, strict=False)), place))
    return Grid(preamble, columns, tuple(lines), tuple(ragged))


def number_of(value: Any) -> float | None:
    """A JSON or YAML value as a finite number; None where it is none."""
    if value is None or isinstance(value, bool):
        return None
    found = number_in(value)
    return None if math.isnan(found) else found


def amount_in(text: str) -> float | None:
    """The number in a price as people write it; None where there is none.

    >>> amount_in("$36,000"), amount_in("1.022,00"), amount_in("3,52 EUR"), amount_in("Contact us")
    (36000.0, 1022.0, 3.52, None)
    >>> amount_in("1,022.50"), amount_in("-250000"), amount_in("1.022")
    (1022.5, -250000.0, 1.022)
    """
    found = _MONEY.search(text)
    if found is None:
        return None
    digits = re.sub(r"['\u00a0 ]", "", found[0]).rstrip(".,")
    comma, point = digits.rfind(","), digits.rfind(".")
    if comma > point:
        whole = point < 0 and re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+", digits)
        digits = digits.replace(",", "") if whole else digits.replace(".", "").replace(",", ".")
    else:
        digits = digits.replace(",", "")
        if digits.count(".") > 1:
            digits = digits.replace(".", "")
    value = number_in(digits)
    return None if math.isnan(value) else value


def day_in(text: str, *, month_first: bool | None = None) -> date | None:
    """The day in a date or time as people and machines write it; None where there is none.

    With slashes or hyphens the order of day and month is the reader's to say where a date allows
    both; with points the day is first.

    >>> day_in("2026-10-10T12:33:53+00:00"), day_in("01.11.2026"), day_in("11/01/2026")
    (datetime.date(2026, 10, 10), datetime.date(2026, 11, 1), None)
    >>> day_in("31/12/2026"), day_in("02/30/2026"), day_in("soon")
    (datetime.date(2026, 12, 31), None, None)
    """
    try:
        if found := _ISO_DAY.match(text.strip()):
            return date(*(int(part) for part in found.groups()))
        if found := _OTHER_DAY.match(text.strip()):
            first, mark, second, year = found.groups()
            order = _day_first(int(first), int(second), mark, month_first)
            if order is None:
                return None
            day, month = (first, second) if order else (second, first)
            return date(int(year), int(month), int(day))
    except ValueError:
        return None
    return None


def _day_first(first: int, second: int, mark: str, month_first: bool | None) -> bool | None:
    if mark == "." or first > YEAR_MONTHS or first == second:
        return True
    if second > YEAR_MONTHS:
        return False
    return None if month_first is None else not month_first


def day_of_stamp(seconds: float) -> date | None:
    """The day of seconds since 1970; None where they are none."""
    try:
        return datetime.fromtimestamp(seconds, UTC).date()
    except (ValueError, OverflowError, OSError):
        return None


def months_in(text: str) -> int | None:
    """The length of a term [months]; None where none is stated.

    >>> months_in("3 year Compute Savings Plan"), months_in("36 months"), months_in("sp-3y")
    (36, 36, 36)
    >>> months_in("B300 node, 12-month"), months_in("1yr"), months_in("On demand")
    (12, 12, None)
    """
    found = _TERM.search(text)
    if found is None:
        return None
    length = float(found[1].replace(",", "."))
    in_years = found[2].lower().startswith(("y", "j"))
    months = length * YEAR_MONTHS if in_years else length
    return round(months) if 0 < months <= 120 else None
