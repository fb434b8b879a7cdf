"""The planner's first steps on a changed inventory: what a way out is proven with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.domain.workload import Inventory, Workload
from gpumix.errors import GpumixError, Problem
from gpumix.options.option import Option
from gpumix.options.workloads import options, why_hopeless
from gpumix.plan.api_supply import with_apis
from gpumix.plan.choose import chosen_from, cycle_for, supply
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice, Formulation, formulate
from gpumix.plan.search import Found, search
from gpumix.plan.simplify import simplest
from gpumix.supply.supply import Supplies

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

MOST_SOLVED = 50_000
"""Supplies x blocks x workloads of all mixes that are solved for the ways out of a conflict."""


class Again:
    """The planner's first steps on a changed inventory; what GPUs do for a workload is remembered.

    `rough` leaves out simulation, where many GPUs come into question that the inventory does not
    allow; `countries` are those that anything is on offer in.
    """

    def __init__(
        self,
        catalog: Catalog,
        inventory: Inventory,
        supplies: Supplies,
        rated: Mapping[str, Sequence[Option]],
    ) -> None:
        self.catalog = catalog
        self.countries: Sequence[str] = sorted({o.country for o in catalog.offers if o.country})
        self.rated: dict[object, Sequence[Option]] = {
            _question(w, supplies): rated[w.id] for w in inventory.workloads
        }
        self.solved = 0

    def options(
        self, inventory: Inventory, workload: Workload, *, rough: bool = False
    ) -> Sequence[Option]:
        """What could do one of its workloads, the impossible included."""
        from gpumix.options import sustained

        supplies = supply(inventory, self.catalog)
        key = _question(workload, supplies, rough=rough)
        if key not in self.rated:
            alone = replace(inventory, workloads=(workload,))
            tried = options(alone, self.catalog, supplies)
            rated = tried if rough else sustained.simulated(alone, tried).options
            self.rated[key] = rated[workload.id]
        return self.rated[key]

    def formulation(self, inventory: Inventory, *, rough: bool = False) -> Formulation:
        """The mix problem of an inventory. Raises: InputError."""
        return formulate(*self._start(inventory, rough))

    def found(self, inventory: Inventory, *, rough: bool = False) -> Found | None:
        """A mix that keeps every promise and limit of an inventory; None where none is found, or so
        much was solved before that it is not looked for."""
        if self.solved > MOST_SOLVED:
            return None
        try:
            choice, cycle = self._start(inventory, rough)
            self.solved += len(choice.supplies) * len(cycle.blocks) * len(inventory.workloads)
            found = search(choice, cycle, choice.work.variant)
            if found.solution.cost is None or not inventory.limits.must_be_simple:
                return None if found.solution.cost is None else found
            return simplest(found, choice, cycle, choice.supplies, ()).found
        except GpumixError:
            return None

    def _start(self, inventory: Inventory, rough: bool) -> tuple[Choice, Cycle]:
        supplies = supply(inventory, self.catalog)
        rated = {w.id: self.options(inventory, w, rough=rough) for w in inventory.workloads}
        choice = chosen_from(inventory, self.catalog, supplies, rated)
        cycle = cycle_for(choice)
        return with_apis(choice, cycle, self.catalog.api_prices)[0], cycle

    def why_hopeless(self, inventory: Inventory, workload: Workload) -> Problem:
        """Why nothing can do a workload, and what would help."""
        tried = self.options(inventory, workload)
        return why_hopeless(workload, tried, supply(inventory, self.catalog), self.catalog)


def _question(workload: Workload, supplies: Supplies, *, rough: bool = False) -> object:
    """All that the options of a workload depend on."""
    apart = supplies.largest_by_distance(workload.id).items()
    return workload, rough, tuple((rtt_s, *sorted(own.items())) for rtt_s, own in apart)
