"""Demand profiles derived from real traces, as tools/build_profiles.py packages them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

from gpumix.catalog.tables import packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.traffic import Lengths, Profile
from gpumix.errors import DataError
from gpumix.units import HOURS_PER_WEEK

_TOLERANCE: Final = 1e-9


def load_profiles(folder: Path | None = None) -> dict[str, Profile]:
    """Profile id -> profile. Raises: DataError where one breaks its rules."""
    with packaged("profiles.json", folder).open(encoding="utf-8") as handle:
        return {entry["id"]: profile_record(entry) for entry in json.load(handle)["profiles"]}


def profile_record(entry: dict[str, Any]) -> Profile:
    """One profile; its week has 168 factors of at most 1, the largest exactly 1."""
    week = tuple(float(factor) for factor in entry["hour_of_week"])
    if len(week) != HOURS_PER_WEEK or abs(max(week) - 1.0) > _TOLERANCE or min(week) < 0.0:
        raise DataError(f"profiles.json {entry['id']}: the week needs 168 factors, the largest 1")
    return Profile(
        id=entry["id"],
        input=_lengths(entry, "input"),
        output=_lengths(entry, "output"),
        arrival_cv=float(entry["arrival_cv"]),
        length_correlation=float(entry["length_correlation"]),
        prefix_share=None if entry["prefix_share"] is None else float(entry["prefix_share"]),
        client_cv=None if entry["client_cv"] is None else tuple(map(float, entry["client_cv"])),
        hour_of_week=week,
        shape_basis=Basis(entry["shape_basis"]),
        source=entry["source"],
        note=entry["note"],
    )


def _lengths(entry: dict[str, Any], side: str) -> Lengths:
    lengths = entry[side]
    quantiles = tuple((float(p), float(tokens)) for p, tokens in lengths["quantiles"])
    if list(quantiles) != sorted(quantiles) or [q for _, q in quantiles] != sorted(
        q for _, q in quantiles
    ):
        raise DataError(f"profiles.json {entry['id']}: {side} quantiles must rise")
    return Lengths(float(lengths["mean"]), float(lengths["cv"]), quantiles)
