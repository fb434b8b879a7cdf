"""Answers as data frames of pandas or polars: one row a line of the mix, a GPU, a question.

Columns are named as the fields of the records, so `gpumix explain NAME` says what one is. An
estimate has four: its value, `_low` and `_high` of its 80 % interval, `_basis` for its evidence.
What has no place in a cell (series, the parts behind a speed) is in `to_dict()`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from enum import StrEnum
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from gpumix.domain.comparison import ComparedGpu, Comparison, PriceUsed
from gpumix.domain.evidence import Estimate
from gpumix.domain.plan import Plan
from gpumix.domain.predictions import Predictions
from gpumix.errors import InputError, Problem, UnknownName

LIBRARIES: Final = ("pandas", "polars")
"""What makes a frame; the first that is installed, where none is named."""
Row = dict[str, Any]
_CELL = str | int | float | date | None


def frame(record: Plan | Comparison | Predictions, table: str, library: str | None) -> Any:
    """A record's table as a data frame; `table` is one of a plan's, else empty.

    Raises: UnknownName for a table or library of another name; InputError where none is installed.
    """
    columns = _columns_of(record, table)
    made = import_module(_library(library))
    strict = {"strict": False} if made.__name__ == "polars" else {}
    return made.DataFrame(columns, **strict)


def _library(asked: str | None) -> str:
    if asked is not None and asked not in LIBRARIES:
        raise UnknownName("library", "library of data frames", asked, LIBRARIES)
    for name in [asked] if asked else LIBRARIES:
        if find_spec(name):
            return name
    ways = " or ".join(
        f"pip install 'gpumix[{name}]'" for name in ([asked] if asked else LIBRARIES)
    )
    missing = asked or " or ".join(LIBRARIES)
    raise InputError(Problem("to_frame", f"needs {missing}, which is not installed", ways))


def _columns_of(record: Plan | Comparison | Predictions, table: str) -> Mapping[str, list[Any]]:
    if isinstance(record, Predictions):
        return {name: list(column) for name, column in record.items()}
    if isinstance(record, Comparison):
        return _columns(_compared(row, record.utilisations) for row in record.rows)
    if table not in TABLES:
        raise UnknownName("table", "table of a plan", table, TABLES)
    return _columns(TABLES[table](record))


def _promises(plan: Plan) -> Iterable[Row]:
    for workload in plan.workloads:
        for check in workload.slo:
            yield {"workload": workload.id, **_row(check)}


TABLES: Final[Mapping[str, Callable[[Plan], Iterable[Row]]]] = {
    "mix": lambda plan: map(_row, plan.mix),
    "workloads": lambda plan: map(_row, plan.workloads),
    "promises": _promises,
}
"""The tables of a plan by name."""


def _compared(row: ComparedGpu, utilisations: tuple[float, ...]) -> Row:
    found = _row(row)
    for name in ("usd_per_mtok", "usd_per_sample"):
        costs = getattr(row, name)
        if costs:
            shares = (f"{name}_at_{share:.0%}".rstrip("%") for share in utilisations)
            found |= dict(zip(shares, costs, strict=True))
    return found


def _row(record: Any) -> Row:
    """A record's fields that have a place in a cell."""
    found: Row = {}
    for one in dataclasses.fields(record):
        value = getattr(record, one.name)
        if isinstance(value, StrEnum):
            found[one.name] = value.value
        elif isinstance(value, _CELL):
            found[one.name] = value
        elif isinstance(value, Estimate):
            found |= {
                one.name: value.value,
                f"{one.name}_low": value.low,
                f"{one.name}_high": value.high,
                f"{one.name}_basis": value.basis.value,
            }
        elif isinstance(value, PriceUsed):
            found |= {f"{one.name}_{name}": cell for name, cell in _row(value).items()}
        elif isinstance(value, tuple) and value and all(isinstance(part, str) for part in value):
            found[one.name] = ", ".join(value)
    return found


def _columns(rows: Iterable[Row]) -> dict[str, list[Any]]:
    """Rows as columns, None where a row has none; columns that no row fills are left out."""
    every = list(rows)
    names = dict.fromkeys(n for row in every for n, cell in row.items() if cell is not None)
    return {name: [row.get(name) for row in every] for name in names}
