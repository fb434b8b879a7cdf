"""Tables of text to typed records, with every bad cell reported at once and by line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TypeVar

from gpumix.errors import DataError, InputError, Problem, unknown_name
from gpumix.files import read_columns

T = TypeVar("T")
Columns = Mapping[str, Sequence[str]]


def packaged(name: str, folder: Path | None = None) -> Path:
    """Path of a table: in `folder` where it holds one of that name, else in `gpumix/data/`."""
    if folder is not None and (folder / name).exists():
        return folder / name
    return Path(str(resources.files("gpumix").joinpath("data", name)))


class Row:
    """One line of a table: typed cells by column; what is wrong is kept in `problems`.

    An accessor that finds a bad cell notes the problem and returns a neutral value, so that one
    pass over a table finds every problem; whoever reads the table raises afterwards.
    """

    __slots__ = ("cells", "place", "problems")

    def __init__(self, cells: Mapping[str, str], place: str, problems: list[Problem]) -> None:
        self.cells = cells
        self.place = place
        self.problems = problems

    def wrong(self, message: str, fix: str = "") -> None:
        """Note one problem of this line."""
        self.problems.append(Problem(self.place, message, fix))

    def text(self, column: str, default: str = "") -> str:
        """The cell, stripped; `default` where it is empty or the column is absent."""
        return self.cells.get(column, "").strip() or default

    def required_text(self, column: str) -> str:
        """The cell, stripped; a problem where it is empty."""
        value = self.text(column)
        if not value:
            self.wrong(f"{column} is empty")
        return value

    def number(self, column: str) -> float | None:
        """The cell as a finite number of at least 0; None where it is empty."""
        text = self.text(column)
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value) and value >= 0.0:
            return value
        self.wrong(f"{column} is {text!r}", "write a number of at least 0, without unit")
        return None

    def positive(self, column: str, at_most: float = math.inf) -> float:
        """The cell as a number above 0 and at most `at_most`; a problem where it is not."""
        known = len(self.problems)
        value = self.number(column)
        if value is None:
            if len(self.problems) == known:
                self.wrong(f"{column} is empty", "write a number above 0")
            return 1.0
        if not 0.0 < value <= at_most:
            limit = "" if math.isinf(at_most) else f" and at most {at_most:g}"
            self.wrong(f"{column} is {value:g}", f"write a number above 0{limit}")
        return value

    def whole(self, column: str) -> int | None:
        """The cell as a whole number of at least 0; None where it is empty."""
        value = self.number(column)
        if value is None or value == int(value):
            return None if value is None else int(value)
        self.wrong(f"{column} is {value:g}", "write a whole number")
        return None

    def day(self, column: str) -> date:
        """The cell as an ISO date; a problem where it is none."""
        text = self.text(column)
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.wrong(f"{column} is {text!r}", "write a date as 2026-08-31")
            return date.min

    def choice(self, column: str, known: Sequence[str]) -> str:
        """The cell as one of `known`; a problem where it is none of them."""
        text = self.text(column)
        if text not in known:
            self.wrong(f"{column} is {text!r}", f"one of {', '.join(known)}")
            return known[0]
        return text


def rows(columns: Columns, place: str, problems: list[Problem]) -> Iterator[Row]:
    """The lines of a table read by `files.read_columns`; the header is line 1."""
    names = list(columns)
    for number, cells in enumerate(zip(*columns.values(), strict=True), start=2):
        yield Row(dict(zip(names, cells, strict=True)), f"{place} line {number}", problems)


def read_packaged(
    name: str, record: Callable[[Row], T], folder: Path | None = None
) -> tuple[T, ...]:
    """All records of a packaged table, or of the one in `folder` that stands in its place.

    Raises: DataError listing every bad row.
    """
    problems: list[Problem] = []
    try:
        columns = read_columns(packaged(name, folder))
        records = tuple(record(row) for row in rows(columns, name, problems))
    except InputError as error:
        problems = list(error.problems)
    refuse_data(problems)
    return records


def read_sheet(
    path: Path, required: Sequence[str], allowed: Sequence[str], record: Callable[[Row], T]
) -> tuple[tuple[T, Row], ...]:
    """All records of a user's sheet with their lines; the caller checks them further.

    Raises: InputError where a `required` column is missing or one that is not in `allowed` is
    met; bad cells are left in each row's `problems`.
    """
    columns = read_columns(path)
    problems = [
        Problem(f"{path} line 1", f"column {name!r} is missing")
        for name in required
        if name not in columns
    ]
    problems += [
        unknown_name(f"{path} line 1", "column", name, allowed)
        for name in columns
        if name and name not in allowed
    ]
    if problems:
        raise InputError(problems)
    return tuple((record(row), row) for row in rows(columns, str(path), problems))


def header(name: str) -> list[str]:
    """Column names of a packaged table: those that a user's sheet of its kind may have."""
    return list(read_columns(packaged(name)))


def refuse_data(problems: Sequence[Problem]) -> None:
    """Raise DataError with all problems of packaged data, if there are any."""
    if problems:
        raise DataError("\n".join(str(problem) for problem in problems))


def refuse_input(problems: Sequence[Problem]) -> None:
    """Raise InputError with all problems of a user's sheet, if there are any."""
    if problems:
        raise InputError(problems)
