"""Encoders of models that read images or sound beside text."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.encoder import Encoder


def load_encoders(folder: Path | None = None) -> Mapping[str, Encoder]:
    """Model id -> its encoder, from the packaged table or a folder's. Raises: DataError naming
    every bad row."""
    return {one.model: one for one in read_packaged("encoders.csv", _encoder, folder)}


def _encoder(row: Row) -> Encoder:
    return Encoder(
        model=row.required_text("model"),
        tokens_per_image=row.number("tokens_per_image"),
        tokens_per_audio_s=row.number("tokens_per_audio_s"),
        params_b=row.positive("params_b"),
        positions_per_token=row.positive("positions_per_token"),
        verified=row.text("verified"),
        source=row.text("source"),
        note=row.text("note"),
    )
