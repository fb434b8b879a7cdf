"""Columns of a table of points: any sequence in, codes and distinct values out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpumix.domain.bounds import point_fault
from gpumix.domain.cells import number_in
from gpumix.domain.quantities import shown as quoted
from gpumix.errors import InputError, Problem

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Column:
    """One column as codes into its distinct texts; an absent value is the empty text."""

    name: str
    codes: IntArray
    texts: tuple[str, ...]

    def numbers(self) -> tuple[npt.NDArray[np.float64], tuple[str, ...]]:
        """Per distinct text its number (NaN = not stated) and what is wrong with it (or '')."""
        parsed = [_stated(text, self.name) for text in self.texts]
        return np.array([value for value, _ in parsed]), tuple(note for _, note in parsed)


class _Codes(dict[object, int]):
    def __missing__(self, key: object) -> int:
        self[key] = code = len(self)
        return code


_MOST_CODES, _SPARSE = 2**40, 4
"""Combinations that a code may count; times its rows from where sorting beats a table of them."""

NEEDED = ("gpu", "model", "metric")
"""Columns that every table of points has."""


def refuse_missing(points: Mapping[str, Sequence[object]]) -> None:
    """Raise InputError for every needed column that is missing, with what the table has instead,
    and as `rows_of`."""
    rows_of(points)
    fix = _why_missing(list(points))
    missing = [
        Problem("points", f"no column {name!r}", fix) for name in NEEDED if name not in points
    ]
    if missing:
        raise InputError(missing)


def _why_missing(names: Sequence[str]) -> str:
    for sign, shown in ((";", ";"), ("\t", "tabs"), ("|", "|")):
        if len(names) == 1 and sign in names[0]:
            return f"is it separated by {shown}? write commas"
    if any(name.lower() in NEEDED and name not in NEEDED for name in names):
        return "write the names of columns in lower case"
    return f"it has {quoted(', '.join(names))}" if names else ""


def rows_of(points: Mapping[str, Sequence[object]]) -> int:
    """Number of rows. Raises: InputError where columns differ in length or there is none."""
    lengths = {name: len(column) for name, column in points.items()}
    if not lengths:
        raise InputError(Problem("points", "no columns", "gpu, model and metric are needed"))
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {n}" for name, n in sorted(lengths.items()))
        raise InputError(Problem("points", f"columns differ in length: {shown}"))
    return next(iter(lengths.values()))


def column(points: Mapping[str, Sequence[object]], name: str, rows: int) -> Column:
    """The column of this name; all empty where it is absent."""
    values = points.get(name)
    if values is None:
        return Column(name, np.zeros(rows, dtype=np.int64), ("",))
    if isinstance(values, np.ndarray):
        values = values.tolist()
    table = _Codes()
    codes = np.fromiter(map(table.__getitem__, values), dtype=np.int64, count=rows)
    return Column(name, codes, tuple(_text(v) for v in table))


def distinct(columns: Sequence[Column]) -> tuple[IntArray, IntArray]:
    """First row of every distinct combination, and each row's combination."""
    code, size = np.zeros(len(columns[0].codes), dtype=np.int64), 1
    for one in columns:
        if len(one.texts) == 1:
            continue
        if size * len(one.texts) > _MOST_CODES:
            code = np.unique(code, return_inverse=True)[1].astype(np.int64)
            size = int(code.max()) + 1
        code = code * len(one.texts) + one.codes
        size *= len(one.texts)
    if size > _SPARSE * len(code):
        _, first, index = np.unique(code, return_index=True, return_inverse=True)
        return first.astype(np.int64), index.astype(np.int64)
    present = np.zeros(size, dtype=bool)
    present[code] = True
    index = (np.cumsum(present) - 1)[code]
    first = np.zeros(int(present.sum()), dtype=np.int64)
    first[index[::-1]] = np.arange(len(code))[::-1]  # what is written last stays
    return first, index.astype(np.int64)


def _text(value: object) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _stated(text: str, name: str) -> tuple[float, str]:
    if not text:
        return math.nan, ""
    fault = point_fault(name, text, value := number_in(text))
    return (math.nan, fault) if fault else (value, "")
