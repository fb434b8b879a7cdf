"""Which share of a workload's requests its mix serves, though sites go dark and clouds fail."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from gpumix.domain.workload import Workload
from gpumix.plan.accounts import Line, Use
from gpumix.supply.availability import up_share

MOST_PLACES = 12
"""Places whose every way to be up or down is counted; what further ones could stand in for is
left out."""


def availability(workload: Workload, uses: Sequence[tuple[Line, Use]]) -> float | None:
    """Expected share of the work that finds a replica that is up (0-1), places failing
    independently: sum over blocks of E[min(work, capacity up)] / sum of the work.

    None for work that may wait, and where it runs somewhere whose availability is unknown.
    """
    if workload.is_deferrable or not uses:
        return None
    blocks: dict[int, dict[tuple[str, str, str], tuple[float, float]]] = {}
    work: dict[int, float] = {}
    for line, use in uses:
        share = up_share(workload, line.supply)
        if share is None:
            return None
        if not use.load:
            continue
        supply = line.supply
        place = (supply.site or supply.provider, supply.region, supply.purchase.value)
        room = use.units / use.load * use.share
        places = blocks.setdefault(use.block, {})
        places[place] = (places.get(place, (0.0, share))[0] + room, share)
        work[use.block] = work.get(use.block, 0.0) + use.units
    served = math.fsum(
        expected_served(work[b], list(places.values())) for b, places in blocks.items()
    )
    return served / math.fsum(work.values())


def expected_served(work: float, places: Sequence[tuple[float, float]]) -> float:
    """Expected work done by places of (room, share of time up), in the unit of the work.

    E[min(work, room of the places that are up)], places being up independently of one another.
    """
    ranked = sorted(places, reverse=True)
    counted, rest = ranked[:MOST_PLACES], ranked[MOST_PLACES:]
    found = math.fsum(
        math.prod(share if up else 1.0 - share for up, (_, share) in zip(ups, counted, strict=True))
        * min(work, math.fsum(room for up, (room, _) in zip(ups, counted, strict=True) if up))
        for ups in product((True, False), repeat=len(counted))
    )
    return min(work, found + math.fsum(room * share for room, share in rest))
