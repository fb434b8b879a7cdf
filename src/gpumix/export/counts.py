"""How many replicas a file starts, where a file has one number and the plan one for each hour."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

from gpumix.domain.launch import Launch

TIME_SHARES: Final = MappingProxyType({"1/2": 0.5, "1/4": 0.25, "1/8": 0.125})
"""Shares of a GPU's time that a replica takes turns for."""
_MIG_SLICES = 7
"""Compute slices of a GPU that is cut in hardware (NVIDIA Multi-Instance GPU User Guide)."""


def gpu_share(slice: str) -> float:
    """The part of a GPU that a slice takes (0-1); a MIG profile by its compute slices.

    >>> gpu_share(""), gpu_share("1/4"), round(gpu_share("3g.40gb"), 3)
    (1.0, 0.25, 0.429)
    """
    if slice in TIME_SHARES:
        return TIME_SHARES[slice]
    count = slice.partition("g.")[0]
    return int(count) / _MIG_SLICES if count.isdigit() else 1.0


def started(launches: Sequence[Launch]) -> Mapping[str, int]:
    """Launch -> the replicas that a file with one number starts.

    Promised work has what its own busiest hour of the first year takes, if all of it that shares
    a line fits there at once; else what runs in the fullest hour that the line holds. Work that
    may wait has its most, as far as the line holds it: it takes what promised work leaves.
    """
    found: dict[str, int] = {}
    for resource in dict.fromkeys(one.resource for one in launches):
        here = [one for one in launches if one.resource == resource]
        promised = [one for one in here if not one.waits and one.first_year_replicas]
        room = max(one.line_gpus for one in here)
        if _taken({one.name: one.first_year_replicas for one in promised}, promised) <= room:
            found |= {one.name: one.first_year_replicas for one in promised}
        else:
            found |= _in_fullest_hour(promised, room)
        for one in here:
            if one.waits:
                fits = math.floor(room / (one.gpus * gpu_share(one.slice)))
                found[one.name] = min(one.first_year_replicas, fits)
            found.setdefault(one.name, 0)
    return found


def _taken(counts: Mapping[str, int], launches: Sequence[Launch]) -> float:
    return math.fsum(counts[one.name] * one.gpus * gpu_share(one.slice) for one in launches)


def _in_fullest_hour(launches: Sequence[Launch], room: float) -> dict[str, int]:
    """The fullest of the hours that the line holds; of equally full ones those replicas that run
    together in the most. (An hour has the most of any part of the year: some hold too much.)"""
    sets = Counter(zip(*(one.by_hour for one in launches), strict=True))
    names = [one.name for one in launches]
    by_set = {counts: dict(zip(names, counts, strict=True)) for counts in sets}
    taken = {counts: _taken(by_set[counts], launches) for counts in sets}
    held = [counts for counts in sets if taken[counts] <= room] or [
        min(sets, key=taken.__getitem__)
    ]
    return by_set[max(held, key=lambda counts: (taken[counts], sets[counts], counts))]
