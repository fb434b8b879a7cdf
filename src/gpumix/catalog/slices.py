"""Into which slices the hardware of a GPU can be cut (MIG)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.gpu import Slice

_COMPUTE, _MEMORY = 7, 8
"""Slices of a whole GPU: of its multiprocessors, of its memory."""


def load_mig_profiles(folder: Path | None = None) -> Mapping[str, tuple[Slice, ...]]:
    """GPU id -> its profiles, from the packaged table or a folder's. Raises: DataError naming every
    bad row."""
    found: dict[str, tuple[Slice, ...]] = {}
    for one in read_packaged("mig_profiles.csv", _profile, folder):
        found[one.gpu] = (*found.get(one.gpu, ()), one)
    return found


def _profile(row: Row) -> Slice:
    memory = row.whole("memory_slices") or 0
    places = tuple(int(place) for place in row.required_text("places").split())
    if row.whole("most_per_gpu") != len(places):
        row.wrong(f"most_per_gpu is not the number of its places ({len(places)})")
    if any(place + memory > _MEMORY for place in places):
        row.wrong("lies beyond the end of the memory", f"a GPU has {_MEMORY} memory slices")
    return Slice(
        row.required_text("gpu"),
        row.required_text("profile"),
        row.positive("compute_slices", _COMPUTE) / _COMPUTE,
        memory / _MEMORY,
        row.positive("mem_gib"),
        memory,
        places,
    )
