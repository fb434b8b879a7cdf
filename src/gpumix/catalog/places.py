"""Where countries and providers' regions lie."""

from __future__ import annotations

from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.places import Place, Places


def load_places(folder: Path | None = None) -> Places:
    """The towns of `places.csv`, packaged or a folder's. Raises: DataError."""
    rows = read_packaged("places.csv", place_record, folder)
    return Places(
        {key: place for key, place in rows if key[0]},
        {place.country: place for key, place in rows if not key[0]},
    )


def place_record(row: Row) -> tuple[tuple[str, str], Place]:
    """One line of `places.csv`: a region's town, or a country's where none is named."""
    return (row.text("provider"), row.text("region")), Place(
        row.required_text("city"),
        row.required_text("country"),
        _degrees(row, "latitude", 90.0),
        _degrees(row, "longitude", 180.0),
        row.required_text("source"),
        row.required_text("as_of"),
    )


def _degrees(row: Row, column: str, most: float) -> float:
    text = row.required_text(column)
    try:
        value = float(text)
    except ValueError:
        value = most + 1.0
    if not -most <= value <= most:
        row.wrong(f"{column} must lie between -{most:g} and {most:g}, got {text!r}")
    return value
