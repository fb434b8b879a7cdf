"""Tables of text to typed records, with every bad cell reported at once and by line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from importlib import resources
from pathlib import Path
from typing import TypeVar

from gpumix.domain.cells import number_in
from gpumix.errors import DataError, InputError, Problem, unknown_name
from gpumix.files import read_columns, read_numbered_columns

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

    __slots__ = ("cells", "line", "place", "problems")

    def __init__(
        self, cells: Mapping[str, str], table: str, line: int, problems: list[Problem]
    ) -> None:
        self.cells = cells
        self.line = line
        self.place = f"{table} line {line}"
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
        value = number_in(text)
        if value >= 0.0:
            return value
        fix = "write a number of at least 0, without unit"
        if "," in text:
            fix = "write digits and a decimal point, as 1234.5; no commas"
        self.wrong(f"{column} is {text!r}", fix)
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

    def yes(self, column: str) -> bool:
        """Whether the cell says yes; a problem where it says neither yes nor no, nor nothing."""
        text = self.text(column, "no")
        if text not in ("yes", "no"):
            self.wrong(f"{column} is {text!r}", "write yes or no")
        return text == "yes"

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


def rows(
    columns: Columns, lines: Sequence[int], table: str, problems: list[Problem]
) -> Iterator[Row]:
    """The rows of a table read by `files.read_numbered_columns`."""
    names = list(columns)
    for number, cells in zip(lines, zip(*columns.values(), strict=True), strict=True):
        yield Row(dict(zip(names, cells, strict=True)), table, number, problems)


def read_packaged(
    name: str, record: Callable[[Row], T], folder: Path | None = None
) -> tuple[T, ...]:
    """All records of a packaged table, or of the one in `folder` that stands in its place.

    Raises: DataError listing every bad row.
    """
    problems: list[Problem] = []
    try:
        columns, lines = read_numbered_columns(packaged(name, folder))
        records = tuple(record(row) for row in rows(columns, lines, name, problems))
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
    columns, lines = read_numbered_columns(path)
    problems = column_problems(path, list(columns), required, allowed)
    problems += [
        Problem(f"{path} line {number}", f"{name} holds a line break", "write it on one line")
        for name, cells in columns.items()
        for number, cell in zip(lines, cells, strict=True)
        if "\n" in cell or "\r" in cell
    ]
    if problems:
        raise InputError(problems)
    return tuple((record(row), row) for row in rows(columns, lines, str(path), problems))


def column_problems(
    path: Path, names: Sequence[str], required: Sequence[str], allowed: Sequence[str]
) -> list[Problem]:
    """What is wrong with a sheet's header: columns that are missing, and ones that are unknown."""
    if len(names) == 1 and any(mark in names[0] for mark in ";\t"):
        return [Problem(f"{path} line 1", "has one column", "separate the cells by commas")]
    needed = f"needed: {', '.join(required)}"
    missing = [
        Problem(f"{path} line 1", f"column {name!r} is missing", needed)
        for name in required
        if name not in names
    ]
    unknown = [name for name in names if name and name not in allowed]
    return missing + [unknown_name(f"{path} line 1", "column", name, allowed) for name in unknown]


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
