"""Why an inventory has no plan, and what would give it one, in the keys it is written in."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible, WayOut
from gpumix.plan.formulate import Formulation
from gpumix.plan.infeasible.again import Again
from gpumix.plan.infeasible.conflict import conflict_of
from gpumix.plan.infeasible.ways_out import ways_out


def explain_infeasible(inventory: Inventory, formulation: Formulation, again: Again) -> Infeasible:
    """The error that names the conflict and the ways out, each solved again."""
    conflict = conflict_of(inventory, formulation, again)
    ways = sorted(ways_out(inventory, conflict, formulation, again), key=_order)
    message = "no plan keeps all of these together:"
    if conflict.homeless is not None:
        reasons = [
            again.why_hopeless(inventory, w)
            for w in inventory.workloads
            if w is conflict.homeless or not any(o.serves for o in again.options(inventory, w))
        ]
        message = "\n".join(f"{why.place}: {why.message}" for why in reasons)
        for why in reasons:
            ways += _others(str(why.fix), ways)
    elif not conflict.stated:
        message = "no plan was found in the work allowed; none is proven impossible"
    return Infeasible(message, conflict.stated, ways)


def _others(fix: str, ways: Sequence[WayOut]) -> list[WayOut]:
    """What would help beside keys that are changed already: told by the engine of one job alone."""
    told = {change.stated.path[-1] for way in ways for change in way.changes}
    parts = [one for one in fix.split("; or ") if one and one.partition(":")[0] not in told]
    return [WayOut(says="; or ".join(parts))] if parts else []


def _order(way: WayOut) -> tuple[bool, float]:
    return way.gives_up, math.inf if way.usd is None else way.usd
