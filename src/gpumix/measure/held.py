"""A plan's own choice again, from its record: what it holds, at the rates it was proven with, and
the GPUs that come next; nothing is simulated anew."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.domain.workload import Inventory, Workload
from gpumix.errors import InputError, Problem
from gpumix.options.option import Option
from gpumix.options.workloads import options
from gpumix.plan.api_supply import with_apis
from gpumix.plan.choose import chosen_from, cycles_for, supply
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice
from gpumix.plan.search import best_cycle
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supplies, Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


class Way(NamedTuple):
    """How a replica does a workload: what a plan's record says of it."""

    gpu: str
    gpus: int
    tp: int
    precision: str
    slice: str


@dataclass(frozen=True, slots=True)
class Held:
    """What a plan is chosen from again: `supplies` are all on offer, of which `choice` has some and
    the plan has its `own`, by id."""

    choice: Choice
    cycle: Cycle
    supplies: Supplies
    own: frozenset[str]

    def choice_with(self, gpus: Collection[str]) -> Choice:
        """The choice from the plan's own supplies and those of some GPUs."""
        choice = self.choice
        kept = (s for s in choice.supplies if s.id in self.own or s.count or s.gpu in gpus)
        return replace(choice, supplies=tuple(kept))


def held_by(plan: Plan, inventory: Inventory, catalog: Catalog) -> Held:
    """The choice that a plan left: its own supplies and ways, and for each workload whose speed a
    benchmark can tell the next GPU.

    Raises: InputError where the plan was made of other data.
    """
    supplies = supply(inventory, catalog)
    tried = options(inventory, catalog, supplies)
    kept: dict[str, Sequence[Option]] = {}
    wanted = {line.resource for line in plan.mix}
    for workload in inventory.workloads:
        told = next((w for w in plan.workloads if w.id == workload.id), None)
        rates = {} if told is None else _rates(told, is_benched(workload))
        kept[workload.id] = _at_rates(workload, tried[workload.id], rates)
        gpus = {way.gpu for way in rates} - {line.gpu for line in plan.mix}
        wanted |= {s.id for s in supplies.of if s.gpu in gpus and may_run(workload, s)}
        if not kept[workload.id] and not _by_api(told, plan):
            text = f"nothing on offer does {workload.id} as the plan says"
            raise InputError(Problem("plan", text, "plan it again with the data of today"))
    own = replace(supplies, of=tuple(s for s in supplies.of if s.id in wanted or s.count))
    choice = chosen_from(inventory, catalog, own, kept)
    cycle = best_cycle(choice, cycles_for(choice))
    choice, _ = with_apis(choice, cycle, catalog.api_prices)
    return Held(choice, cycle, supplies, frozenset(line.resource for line in plan.mix))


def is_benched(workload: Workload) -> bool:
    """Whether benchmarks of engines tell the speed of a workload: it answers in text."""
    demand = workload.demand
    return demand is not None and workload.run is None and demand.output.mean >= 1.0


def _rates(told: WorkloadPlan, with_next: bool) -> dict[Way, float]:
    """The ways that a plan uses, and of the other GPUs the cheapest, with units per hour."""
    found = {
        Way(p.gpu, p.gpus, p.tp, p.precision, p.slice): p.units_per_hour for p in told.placements
    }
    for one in told.candidates if with_next else ():
        if not one.chosen and one.unit_cost_usd is not None and one.units_per_hour:
            way = Way(one.gpu, one.gpus or 1, one.tp or 1, one.precision or "", "")
            return found | {way: one.units_per_hour}
    return found


def _at_rates(workload: Workload, tried: Sequence[Option], rates: dict[Way, float]) -> list[Option]:
    """The options of these ways, at what the plan says that they sustain; of work that may wait a
    plan tells the rate on its supply, and the prediction is what it was made with."""
    found = []
    for option in tried:
        part = option.slice.name if option.slice else ""
        rate = rates.get(Way(option.gpu, option.gpus, option.tp, option.precision, part))
        if rate is not None and option.serves:
            own = option.units_per_hour if workload.is_deferrable else rate
            found.append(replace(option, units_per_hour=own))
    return found


def _by_api(told: WorkloadPlan | None, plan: Plan) -> bool:
    """Whether an API does all of a workload."""
    apis = {line.resource for line in plan.mix if line.purchase == Purchase.API}
    return told is None or all(p.resource in apis for p in told.placements)


def cheapest_hour(supplies: Sequence[Supply], gpu: str, gpus: int) -> tuple[float, str] | None:
    """The cheapest instance with so many GPUs that is rented by the hour [USD/h], in words; None
    where nobody has one."""
    found = [
        (s.usd_per_instance_hour, s.provider, s.gpus_per_instance)
        for s in supplies
        if s.gpu == gpu and s.gpus_per_instance >= gpus and s.purchase is Purchase.ON_DEMAND
    ]
    if not found:
        return None
    usd, provider, count = min(found)
    return usd, f"{count} x {gpu} at {provider}"
