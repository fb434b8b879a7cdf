"""Which commitments would pay if they could be had, and at what price: what to ask a quote for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix import mix
from gpumix.domain.scenarios import TermTarget
from gpumix.domain.workload import Inventory
from gpumix.plan.accounts import Line
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer, answer_of
from gpumix.plan.search import search
from gpumix.plan.worthwhile import worthwhile
from gpumix.supply.rentals import rentals
from gpumix.supply.round_trip import with_round_trips
from gpumix.supply.supply import Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

LEAST_SAVING = 0.005
"""Share of the plan's cost below which a saving is within what the search leaves open."""


def targets(
    answer: Answer, choice: Choice, cycle: Cycle, offered: Sequence[Supply], catalog: Catalog
) -> tuple[TermTarget, ...]:
    """Prices at which commitments that nobody lists would pay; none where they would not.

    The plan is searched again with commitments at what their tier usually asks. What that saves,
    spread over what those commitments cost in it, is by how much dearer they could be: price x
    (1 + saving / their cost). At these prices that other plan costs as much as this one.
    """
    unlisted = estimated_supplies(choice.inventory, catalog)
    if not unlisted:
        return ()
    every = replace(choice, supplies=(*offered, *unlisted))
    try:
        found = search(replace(every, supplies=worthwhile(every)), cycle, choice.work.variant)
    except mix.OutOfTime:
        return ()
    if found.solution.cost is None:
        return ()
    other = answer_of(found)
    wanted = [line for line in other.lines if line.supply.is_derived]
    saved_usd = answer.usd - other.usd
    if not wanted or saved_usd < LEAST_SAVING * answer.usd:
        return ()
    dearer = 1.0 + saved_usd / math.fsum(line.held_usd for line in wanted)
    return tuple(_target(line, dearer, saved_usd / answer.level_months) for line in wanted)


def estimated_supplies(inventory: Inventory, catalog: Catalog) -> tuple[Supply, ...]:
    """The estimated commitments that the inventory could use and does not ask for."""
    cloud = inventory.cloud
    if cloud is None or cloud.estimated_terms:
        return ()
    asking = replace(inventory, cloud=replace(cloud, estimated_terms=True))
    derived = [s for s in rentals(asking, catalog).of if s.is_derived]
    return with_round_trips(derived, inventory, catalog)


def _target(line: Line, dearer: float, saves_usd_per_month: float) -> TermTarget:
    supply = line.supply
    return TermTarget(
        gpu=supply.gpu,
        gpus=line.most * supply.gpus_per_instance,
        tier=supply.tier,
        term_months=supply.offer.term_months if supply.offer else 0,
        usd_per_gpu_hour=supply.usd_per_gpu_hour * dearer,
        usual_usd_per_gpu_hour=supply.usd_per_gpu_hour,
        saves_usd_per_month=saves_usd_per_month,
    )
