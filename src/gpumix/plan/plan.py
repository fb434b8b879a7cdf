"""The main job: an inventory in, the simplest mix near the cheapest that keeps each promise out."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpumix import mix
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory, Workload
from gpumix.errors import GpumixError, InputError, Problem
from gpumix.options.option import Option, undominated
from gpumix.options.runs import Reliability
from gpumix.options.slices import best_parts
from gpumix.options.workloads import options, why_hopeless
from gpumix.plan import regret
from gpumix.plan import today as todays
from gpumix.plan.api_supply import with_apis
from gpumix.plan.cohorts import changes_of
from gpumix.plan.cycle import Cycle, cycle_of
from gpumix.plan.effort import NORMAL, Work
from gpumix.plan.formulate import Choice, Formulation, formulate, weight_of
from gpumix.plan.infeasible.explain import explain_infeasible
from gpumix.plan.interpret import answer_of
from gpumix.plan.scenarios import scenarios
from gpumix.plan.search import Found, search
from gpumix.plan.simplify import point_of, simplest
from gpumix.plan.targets import targets
from gpumix.plan.workloads import Results
from gpumix.plan.worthwhile import worthwhile
from gpumix.plan.write_up import Others, write_up
from gpumix.supply.owned import own_servers
from gpumix.supply.rentals import rentals
from gpumix.supply.supply import Supplies
from gpumix.supply.today import kept, running

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

__all__ = ["Planned", "Progress", "chosen_from", "cycle_for", "options", "plan", "supply"]

Progress = Callable[[str], None]

MOST_SOLVED = 50_000
"""Supplies x blocks x workloads of all mixes that are solved for the ways out of a conflict."""


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, and the mix problem it solved, for whoever wants to solve it again."""

    plan: Plan
    problem: mix.Problem


def plan(
    inventory: Inventory,
    catalog: Catalog,
    progress: Progress = lambda _: None,
    work: Work = NORMAL,
) -> Planned:
    """The simplest mix within a share of the cheapest, with reasons, error bars and alternatives.

    `work` is how much searching it is worth; cut short by its limit of time, the plan says so.

    Raises:
        Infeasible: a workload can run nowhere, or limits conflict.
        InputError: the limit of time passed before a plan was found.
    """
    started = time.perf_counter()
    progress("prices and servers")
    supplies = supply(inventory, catalog)
    progress("speed of every GPU for every workload")
    predicted = options(inventory, catalog, supplies)
    progress("capacity of each GPU under your traffic")
    from gpumix.options import sustained
    from gpumix.plan import replay  # load the compiled simulator, only needed from here

    rated = sustained.simulated(inventory, predicted)
    choice = replace(chosen_from(inventory, catalog, supplies, rated.options), work=work)
    cycle = cycle_for(choice)
    choice, apis = with_apis(choice, cycle, catalog.api_prices)
    progress("the cheapest mix")
    try:
        found = search(choice, cycle, work.plan)
    except mix.OutOfTime:
        raise _out_of_time(work, "no plan") from None
    if found.solution.cost is None:
        raise explain_infeasible(
            inventory, found.formulation, _Again(catalog, inventory, rated.options)
        )
    progress("replay of the traffic on the plan")
    replayer = replay.Replayer()
    found, choice, proof = replay.proven(found, choice, cycle, replayer)
    progress("alternatives and error bars")
    offered = supplies.of + apis
    variants = regret.variants(answer_of(found), choice, cycle, offered, catalog.models)
    best, variants, proof = replay.cheapest(found, variants, proof, replayer)
    progress("simple enough to sign")
    try:
        simple = simplest(best, choice, cycle, offered, [v.plan for v in variants])
    except mix.OutOfTime:
        raise _out_of_time(work, "no plan that keeps `limits`") from None
    signed, proof = replay.simple(simple.found, best, choice, cycle, replayer, proof)
    answer = answer_of(signed)
    progress("the report")
    others = Others(
        variants,
        cheapest=answer_of(best),
        curve=(*simple.curve[:-1], point_of(signed)) if signed is not best else simple.curve[:1],
        ends_usd=regret.costs_at_ends(answer, choice, cycle),
        targets=targets(answer, choice, cycle, supplies.of, catalog),
        fleet=todays.fleet_of(choice, supplies),
        scenarios=scenarios(answer, answer_of(best), choice, cycle),
        cut_short_s=work.time_limit_s if work.is_over else None,
    )
    results = Results(answer, catalog, supplies, rated.options, proof)
    written = write_up(results, others, rated.unproven, started)
    return Planned(written, signed.formulation.problem)


def _out_of_time(work: Work, what: str) -> InputError:
    text = f"{what} was found in {work.time_limit_s:g} s"
    return InputError(Problem("time limit", text, "allow more, or leave it out"))


class _Again:
    """The same first steps on a changed inventory; what GPUs do for a workload is remembered."""

    def __init__(
        self,
        catalog: Catalog,
        inventory: Inventory,
        rated: Mapping[str, Sequence[Option]],
    ) -> None:
        self.catalog = catalog
        self.countries: Sequence[str] = sorted({o.country for o in catalog.offers if o.country})
        supplies = supply(inventory, catalog)
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
    return workload, rough, tuple(sorted(supplies.largest_instance().items()))


def supply(inventory: Inventory, catalog: Catalog) -> Supplies:
    """Everything that may be rented, bought or used, and what is rented today."""
    rented, own = rentals(inventory, catalog), own_servers(inventory, catalog)
    today = running(inventory, catalog)
    of = (*rented.of, *own.of, *kept(inventory, today))
    return Supplies(of, rented.notes + own.notes, today)


def chosen_from(
    inventory: Inventory,
    catalog: Catalog,
    supplies: Supplies,
    tried: Mapping[str, Sequence[Option]],
) -> Choice:
    """The options and supplies that the mix needs to know of: those no other one beats."""
    stated = inventory.cloud.spot if inventory.cloud else ()
    reliability = Reliability.from_defaults(catalog.defaults, stated)
    choice = Choice(
        inventory,
        {w.id: best_parts(w, undominated(tried[w.id])) for w in inventory.workloads},
        supplies.of,
        {gpu: reliability.spot_useful_share(gpu) for gpu in supplies.largest_instance()},
    )
    return replace(choice, supplies=worthwhile(choice))


def cycle_for(choice: Choice) -> Cycle:
    """The representative weeks, blocked by what each workload's peak would cost."""
    weights = [
        weight_of(w, choice.options[w.id], choice.supplies) for w in choice.inventory.workloads
    ]
    return cycle_of(choice.inventory, weights, changes=changes_of(choice.supplies))
