"""What is told of GPUs, models, providers and countries, in which order, with label and unit."""

from __future__ import annotations

from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged


def load_specifications(folder: Path | None = None) -> dict[str, list[tuple[str, str, str]]]:
    """Kind of thing -> (attribute, label, unit) in order. Raises: DataError."""
    found: dict[str, list[tuple[str, str, str]]] = {}
    for kind, *told in read_packaged("specifications.csv", _row, folder):
        attribute, label, unit = told
        found.setdefault(kind, []).append((attribute, label, unit))
    return found


def _row(row: Row) -> tuple[str, str, str, str]:
    texts = (row.required_text(name) for name in ("kind", "attribute", "label"))
    kind, attribute, label = texts
    return kind, attribute, label, row.text("unit")
