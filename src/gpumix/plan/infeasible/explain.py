"""Why an inventory has no plan, and what would give it one, in the keys it is written in."""

from __future__ import annotations

import math

from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible, WayOut
from gpumix.plan.formulate import Formulation
from gpumix.plan.infeasible.again import Again
from gpumix.plan.infeasible.conflict import conflict_of
from gpumix.plan.infeasible.ways_out import ways_out


def explain_infeasible(inventory: Inventory, formulation: Formulation, again: Again) -> Infeasible:
    """The error that names the conflict and the ways out, each solved again."""
    conflict = conflict_of(inventory, formulation, again)
    message, more = "no plan keeps all of these together:", []
    if conflict.homeless is not None:
        why = again.why_hopeless(inventory, conflict.homeless)
        message, more = f"{why.place}: {why.message}", [str(why.fix)] if why.fix else []
    elif not conflict.stated:
        message = "no plan was found in the work allowed; none is proven impossible"
    ways = sorted(ways_out(inventory, conflict, formulation, again), key=_order)
    return Infeasible(message, conflict.stated, [*ways, *(WayOut(says=one) for one in more)])


def _order(way: WayOut) -> tuple[bool, float]:
    return way.gives_up, math.inf if way.usd is None else way.usd
