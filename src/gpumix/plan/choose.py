"""What a plan is chosen from: all that can be had, the ways to use it, the weeks to plan for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.domain.workload import Inventory
from gpumix.options.option import Option, undominated
from gpumix.options.pools import Pooled
from gpumix.options.runs import Reliability
from gpumix.options.slices import best_parts, with_company
from gpumix.plan.cohorts import changes_of
from gpumix.plan.cycle import Cycle, cycle_of
from gpumix.plan.formulate import Choice, holds, usd_per_hour, weight_of
from gpumix.plan.periods import months_of
from gpumix.plan.worthwhile import worthwhile
from gpumix.supply.allowed import may_run
from gpumix.supply.availability import with_availability
from gpumix.supply.capital import cost_of_capital
from gpumix.supply.owned import own_servers
from gpumix.supply.rentals import rentals
from gpumix.supply.round_trip import with_round_trips
from gpumix.supply.supply import Supplies, Supply
from gpumix.supply.today import kept, running

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def supply(inventory: Inventory, catalog: Catalog) -> Supplies:
    """Everything that may be rented, bought or used, and what is rented today."""
    rented, own = rentals(inventory, catalog), own_servers(inventory, catalog)
    today = running(inventory, catalog)
    of = (*rented.of, *own.of, *kept(inventory, today))
    up = with_availability(of, inventory, catalog)
    near, today = (with_round_trips(some, inventory, catalog) for some in (up, today))
    begun = tuple(filter(None, (_in_phases(one, inventory) for one in near)))
    return Supplies(begun, rented.notes + own.notes, today, own.staff, own.sites)


def _in_phases(supply: Supply, inventory: Inventory) -> Supply | None:
    """A supply that begins to be held, or is sold, in the inventory's phases alone; None where what
    is ordered in any of them arrives after the plan's end."""
    if inventory.phases is None or not supply.is_held or supply.always_on:
        return supply
    starts = tuple(phase + supply.lead_months for phase in inventory.phases)
    return replace(supply, starts=starts) if starts[0] < months_of(inventory) else None


def chosen_from(
    inventory: Inventory,
    catalog: Catalog,
    supplies: Supplies,
    tried: Mapping[str, Sequence[Option]],
) -> Choice:
    """The options and supplies that the mix needs to know of: those no other one beats."""
    stated = inventory.cloud.spot if inventory.cloud else ()
    reliability = Reliability.from_defaults(catalog.defaults, stated)
    able = with_company({w.id: tried[w.id] for w in inventory.workloads})
    choice = Choice(
        inventory,
        {w.id: best_parts(w, undominated(able[w.id])) for w in inventory.workloads},
        supplies.of,
        {gpu: reliability.spot_useful_share(gpu) for gpu in supplies.largest_instance()},
        rate_per_year=cost_of_capital(inventory, catalog),
        staff=supplies.staff,
        sites=supplies.sites,
    )
    choice = replace(choice, supplies=worthwhile(choice))
    return replace(choice, pools=_pools(choice))


def _pools(choice: Choice) -> dict[str, Pooled]:
    """Workloads whose replicas share a queue: needs are counted by the pool of one kind of replica
    that costs least in the busiest hour."""
    found = {}
    for workload in choice.inventory.workloads:
        priced = [
            (usd_per_hour(option, supply, workload) * option.peak_replicas, option.gpus, i, option)
            for i, option in enumerate(choice.options[workload.id])
            if option.peak_replicas
            for supply in choice.supplies
            if supply.gpu == option.gpu
            and may_run(workload, supply)
            and holds(supply, option, workload)
        ]
        if priced:
            found[workload.id] = Pooled((min(priced, key=lambda one: one[:3])[-1],))
    return found


def cycle_for(choice: Choice) -> Cycle:
    """The representative weeks in the fewest blocks that the work allows."""
    return cycles_for(choice)[0]


def cycles_for(choice: Choice) -> tuple[Cycle, ...]:
    """The representative weeks, blocked by what each workload's peak would cost; more than one
    grouping of their hours where the work allows it, the fewest blocks first."""
    weights = [
        weight_of(w, choice.options[w.id], choice.supplies) for w in choice.inventory.workloads
    ]
    changes = changes_of(choice.supplies)
    return tuple(
        cycle_of(choice.inventory, weights, blocks, changes)
        for blocks in choice.work.blocks_per_week
    )
