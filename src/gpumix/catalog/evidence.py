"""What the predictions rest on: packaged measured rows and the constants fitted to the full set."""

from __future__ import annotations

import json
import re
from dataclasses import fields
from pathlib import Path

from gpumix.catalog.tables import packaged
from gpumix.domain.coefficients import Coefficients
from gpumix.domain.measurement import Shrinkage
from gpumix.errors import DataError, InputError, Problem
from gpumix.files import read_columns

MEASUREMENTS = "measurements.csv"
"""Name of the table of a team's own measured rows, in the project's folder."""

MEMORY_WORKS = ("inference", "training", "optimizer")
"""Works of memory_terms.csv."""

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


def load_evidence(kind: str, folder: Path | None = None) -> dict[str, list[str]]:
    """Columns of the packaged measured rows of `kind` inference or training, as text."""
    return read_columns(packaged(f"evidence_{kind}.csv", folder))


def is_day(text: str) -> bool:
    """Whether a row's date is a day; many sources state a month, or a release.

    >>> is_day("2026-04-03"), is_day("2025-11..2026")
    (True, False)
    """
    return _DAY.fullmatch(text) is not None


def load_coefficients(folder: Path | None = None) -> Coefficients:
    """Constants written by tools/fit.py. Raises: DataError where the file is missing or broken."""
    try:
        with packaged("coefficients.json", folder).open(encoding="utf-8") as handle:
            tables = json.load(handle)
    except (OSError, ValueError) as error:
        raise DataError(f"coefficients.json cannot be read: {error}") from None
    memory = load_memory_terms(folder)
    return Coefficients(
        inference=tables.get("inference", {}) | {"memory": memory["inference"]},
        training=tables.get("training", {})
        | {"memory": memory["training"], "optimizer": memory["optimizer"]},
        media=tables.get("media", {}),
        power=tables.get("power", {}),
        fitted_on=tables.get("fitted_on", ""),
    )


def load_memory_terms(folder: Path | None = None) -> dict[str, dict[str, dict[str, float]]]:
    """Terms of memory by work (inference, training, optimizer) and key: term -> value.

    A row may hold for several keys, separated by `;`.
    """
    table = read_columns(packaged("memory_terms.csv", folder))
    found: dict[str, dict[str, dict[str, float]]] = {w: {} for w in MEMORY_WORKS}
    rows = zip(table["work"], table["key"], table["term"], table["value"], strict=True)
    for work, keys, term, value in rows:
        for key in keys.split(";"):
            found[work].setdefault(key.strip(), {})[term] = float(value)
    return found


def load_shrinkage(work: str, folder: Path | None = None) -> Shrinkage:
    """How a team's own rows of `work` inference or training are weighed against predictions.

    Raises: DataError where the packaged table lacks a figure.
    """
    table = read_columns(packaged("calibration.csv", folder))
    named = {
        name: float(value)
        for kind, name, value in zip(table["work"], table["name"], table["value"], strict=True)
        if kind == work
    }
    wanted = {f.name for f in fields(Shrinkage)}
    if wanted != set(named):
        raise DataError(f"calibration.csv: {work} needs exactly {', '.join(sorted(wanted))}")
    return Shrinkage(**named)


def load_nearness(work: str, folder: Path | None = None) -> dict[str, float]:
    """How much each difference between two runs of `work` counts, by its name.

    A weight is of a word that differs, or of the log of the ratio of two figures.
    """
    table = read_columns(packaged("nearness.csv", folder))
    rows = zip(table["work"], table["name"], table["value"], strict=True)
    return {name: float(value) for kind, name, value in rows if kind == work}


def load_measured(folder: Path | None) -> dict[str, list[str]]:
    """Columns of a project's own measured rows, as text; empty without a folder or a table in it.

    Raises: InputError where the table cannot be read or lacks what every measurement has.
    """
    if folder is None or not (path := folder / MEASUREMENTS).exists():
        return {}
    columns = read_columns(path)
    missing = [n for n in ("id", "gpu", "model", "metric", "value") if n not in columns]
    if missing:
        fix = "`gpumix calibrate` writes this file; delete it to start again"
        raise InputError([Problem(str(path), f"column {n!r} is missing", fix) for n in missing])
    return columns
