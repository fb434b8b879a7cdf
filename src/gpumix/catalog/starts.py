"""Kinds of work that `gpumix start` knows, with their defaults."""

from __future__ import annotations

from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.start import StartWork


def load_starts(folder: Path | None = None) -> dict[str, StartWork]:
    """Work -> its defaults, in the order in which they are offered. Raises: DataError."""
    return {one.work: one for one in read_packaged("start.csv", _start, folder)}


def _start(row: Row) -> StartWork:
    return StartWork(
        work=row.required_text("work"),
        says=row.required_text("says"),
        kind=row.required_text("kind"),
        model=row.required_text("model"),
        input_tokens=row.number("input_tokens"),
        output_tokens=row.number("output_tokens"),
        load=row.required_text("load"),
        unit=row.required_text("unit"),
    )
