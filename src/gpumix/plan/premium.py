"""What premium classes of requests cost: the plan against one that treats them as standard ones."""

from __future__ import annotations

from dataclasses import replace

from gpumix.domain.workload import Inventory
from gpumix.options.classes import as_standard
from gpumix.plan.infeasible.again import Again
from gpumix.plan.interpret import usd_of
from gpumix.plan.search import Found


def premium_usd(inventory: Inventory, best: Found, again: Again) -> dict[str, float]:
    """By workload, what its premium classes add to the cheapest mix over the horizon [USD]; none
    for those without, and where no other mix is found. Neither mix is made simpler."""
    usd: dict[str, float] = {}
    for workload in inventory.workloads:
        plain = as_standard(workload)
        if plain is None:
            continue
        workloads = tuple(plain if w.id == workload.id else w for w in inventory.workloads)
        other = again.found(replace(inventory, workloads=workloads))
        if other is not None:
            usd[workload.id] = max(usd_of(best) - usd_of(other), 0.0)
    return usd
