"""Workloads that may be served by the same replicas: planned as one, told apart at the end.

Requests that differ in nothing a replica knows of cannot be told apart by it: any of them keeps its
promise where all together keep it, and apart they would only round up more often and have smaller
queues (decision 0024).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

from gpumix.domain.workload import Inventory, Workload
from gpumix.options.option import Option

Groups = Mapping[str, tuple[Workload, ...]]
"""Workloads that share replicas, by the id of the first of them, which stands for all."""
T = TypeVar("T")


def together(inventory: Inventory) -> tuple[Inventory, Groups]:
    """The inventory with workloads that may share replicas as one, under the first one's id."""
    found: dict[object, list[Workload]] = {}
    for workload in inventory.workloads:
        found.setdefault(_alike(workload), []).append(workload)
    groups = {members[0].id: tuple(members) for members in found.values()}
    whole = tuple(summed(members) for members in groups.values())
    return replace(inventory, workloads=whole), groups


def apart(inventory: Inventory) -> Inventory:
    """The inventory with replicas of its own for every workload."""
    alone = tuple(replace(w, share_replicas=False) for w in inventory.workloads)
    return replace(inventory, workloads=alone)


def _alike(workload: Workload) -> object:
    """What must be the same for two workloads to share: every field but their names, how much they
    ask for in which hour, and where that is known from."""
    demand = workload.demand
    alone = not workload.share_replicas or workload.run is not None or workload.has_data
    if alone or demand is None:
        return workload.id
    asked = replace(demand, units_per_hour=(), profile="", evidence=(), demand_from=None)
    return replace(workload, id="", demand=asked)


def summed(members: Sequence[Workload]) -> Workload:
    """The first of some workloads with the demand of all."""
    first = members[0]
    if first.demand is None or len(members) == 1:
        return first
    hours = zip(*(m.demand.units_per_hour for m in members if m.demand), strict=True)
    demand = replace(first.demand, units_per_hour=tuple(map(math.fsum, hours)))
    return replace(first, demand=demand)


def members_of(workload: Workload, groups: Groups) -> tuple[Workload, ...]:
    """All that share its replicas, itself among them."""
    return next(members for members in groups.values() if workload.id in {m.id for m in members})


def shared_with(workload: Workload, groups: Groups) -> tuple[str, ...]:
    """The other workloads on its replicas."""
    return tuple(m.id for m in members_of(workload, groups) if m.id != workload.id)


def of_each(found: Mapping[str, T], groups: Groups) -> dict[str, T]:
    """What was found of each group, by the ids of its members."""
    return {m.id: found[name] for name, members in groups.items() if name in found for m in members}


def options_of_each(
    tried: Mapping[str, Sequence[Option]], groups: Groups
) -> dict[str, Sequence[Option]]:
    """The options of each group as those of its members."""
    return {
        m.id: tried[name] if m.id == name else [replace(o, workload=m.id) for o in tried[name]]
        for name, members in groups.items()
        for m in members
    }
