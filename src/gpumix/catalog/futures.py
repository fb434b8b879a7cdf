"""Other growth and other prices that a plan is tried in."""

from __future__ import annotations

from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.futures import Future
from gpumix.errors import DataError

TABLE = "scenarios.csv"


def load_futures(folder: Path | None = None) -> tuple[Future, ...]:
    """The packaged table, or a folder's.

    Raises: DataError naming every bad row, and where none is the inventory's own future.
    """
    found = read_packaged(TABLE, future_record, folder)
    if not any(future.is_own for future in found):
        raise DataError(f"{TABLE}: no row has growth_factor 1 and price_factor_per_year 1")
    return found


def future_record(row: Row) -> Future:
    """A row of `scenarios.csv`."""
    return Future(
        growth_factor=row.number("growth_factor") or 0.0,
        price_change_per_year=round(row.positive("price_factor_per_year") - 1.0, 12),
        source=row.required_text("source"),
        as_of=row.day("as_of"),
        sourced=row.yes("sourced"),
    )
