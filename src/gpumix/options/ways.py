"""Ways to do work on rented capacity: the cheapest, and those that follow where it is limited."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from typing import NamedTuple

from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.supply.supply import Supply


class Way(NamedTuple):
    """To do work: an option on a supply, what a unit costs there [USD] and units per hour."""

    usd: float
    supply: Supply
    option: Option
    rate: float

    @property
    def replicas(self) -> float:
        """The most replicas that the supply has room for; infinite without a limit."""
        room, size = self.supply.room, self.supply.gpus_per_instance
        if room is None:
            return math.inf
        return room * (size // self.option.gpus) or room * size // self.option.gpus


def cheapest_ways(ways: Iterable[Way], workload: Workload, work: float, hours: float) -> list[Way]:
    """The cheapest way, and where there is a limit on it the next ones; one a supply.

    Enough of them for so much work in so many hours, whatever else counts against the quotas of
    some. A way is left out where a cheaper one counts against no other quotas and does as much
    with an instance, or where its supply has no room for a replica and another's has.
    """

    def speed(way: Way) -> float:
        return way.rate / instances(way.option, way.supply, workload)

    def order(way: Way) -> tuple[float, float, str]:  # under a quota a fast instance goes first
        return (way.usd, -speed(way) if way.supply.quotas else 0.0, way.supply.id)

    kept: list[Way] = []
    for way in sorted(_one_a_supply(ways), key=order):
        if not any(_replaces(k, way) and speed(k) >= speed(way) for k in kept):
            kept.append(way)
            work -= 0.0 if way.supply.quotas else way.replicas * way.rate * hours
        if kept and work <= 0.0:
            break
    return kept


def _one_a_supply(ways: Iterable[Way]) -> Collection[Way]:
    ways = list(ways)
    best: dict[str, Way] = {}
    for way in [w for w in ways if w.replicas >= 1.0] or ways:
        known = best.get(way.supply.id)
        if known is None or way.usd < known.usd:
            best[way.supply.id] = way
    return best.values()


def _replaces(other: Way, way: Way) -> bool:
    """Whether no limit leaves less of the other way's instances."""
    return other.supply.most is None and set(other.supply.quotas) <= set(way.supply.quotas)


def instances(option: Option, supply: Supply, workload: Workload) -> float:
    """Instances one replica takes: a part of one where others like it can fill the rest."""
    share = option.gpu_share / supply.gpus_per_instance
    return math.ceil(share) if workload.run is not None else share
