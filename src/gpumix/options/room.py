"""Room for the cache of an option's replica, as `gpumix fit` tells it."""

from __future__ import annotations

from gpumix.domain.fit import CacheRoom
from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.predict.room import cache_rooms


def room_of(option: Option, workload: Workload) -> CacheRoom | None:
    """What the cache of one replica holds in requests of the workload's mean length.

    None where the option serves no text with a cache.
    """
    if option.replica is None or workload.demand is None or not workload.demand.output.mean:
        return None
    tokens = workload.demand.input.mean + workload.demand.output.mean
    return cache_rooms(option.replica.dep.take([option.replica.row]), tokens)[0]
