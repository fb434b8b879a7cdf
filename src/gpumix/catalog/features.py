"""What GPUs have beside what computes: video engines, RT cores, display outputs, vGPU, ECC."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.gpu import GpuFeatures

COLUMNS: Final = ("nvenc", "nvdec", "rt_cores", "display", "vgpu", "ecc")
"""Columns of features: of the packaged table, and of a team's own sheet of GPUs."""


def load_features(folder: Path | None = None) -> Mapping[str, GpuFeatures]:
    """GPU id -> its features, from the packaged table or a folder's. Raises: DataError naming every
    bad row."""
    table = read_packaged("gpu_features.csv", lambda row: (row.text("gpu"), features(row)), folder)
    return dict(table)


def states_features(row: Row) -> bool:
    """Whether a row of a sheet fills any column of features."""
    return any(row.text(column) for column in COLUMNS)


def features(row: Row) -> GpuFeatures:
    """The features in a row; an empty cell is not known."""
    return GpuFeatures(
        nvenc=row.whole("nvenc"),
        nvdec=row.whole("nvdec"),
        rt_cores=_known(row, "rt_cores"),
        display=_known(row, "display"),
        vgpu=_known(row, "vgpu"),
        ecc=_known(row, "ecc"),
        verified=row.text("verified"),
        source=row.text("source"),
        as_of=row.text("as_of"),
    )


def _known(row: Row, column: str) -> bool | None:
    return row.yes(column) if row.text(column) else None
