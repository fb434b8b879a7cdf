"""What the predictions rest on: packaged measured rows and the constants fitted to the full set."""

from __future__ import annotations

import json

from gpumix.catalog.tables import packaged
from gpumix.domain.coefficients import Coefficients
from gpumix.errors import DataError
from gpumix.files import read_columns


def load_evidence(kind: str) -> dict[str, list[str]]:
    """Columns of the packaged measured rows of `kind` inference or training, as text."""
    return read_columns(packaged(f"evidence_{kind}.csv"))


def load_coefficients() -> Coefficients:
    """Constants written by tools/fit.py. Raises: DataError where the file is missing or broken."""
    try:
        with packaged("coefficients.json").open(encoding="utf-8") as handle:
            tables = json.load(handle)
    except (OSError, ValueError) as error:
        raise DataError(f"coefficients.json cannot be read: {error}") from None
    return Coefficients(
        inference=tables.get("inference", {}),
        training=tables.get("training", {}),
        media=tables.get("media", {}),
        power=tables.get("power", {}),
        fitted_on=tables.get("fitted_on", ""),
    )
