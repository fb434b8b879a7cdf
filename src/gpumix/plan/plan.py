"""The main job: an inventory in, the simplest mix near the cheapest that keeps each promise out."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpumix import mix
from gpumix.domain.ledger import Entry
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError, Problem
from gpumix.options.sharing import apart, of_each, options_of_each, together
from gpumix.options.workloads import options
from gpumix.plan import regret
from gpumix.plan import today as todays
from gpumix.plan.api_supply import with_apis
from gpumix.plan.choose import chosen_from, cycle_for, cycles_for, supply
from gpumix.plan.confidence import confidence_costs
from gpumix.plan.effort import NORMAL, Work
from gpumix.plan.infeasible.again import Again
from gpumix.plan.infeasible.explain import explain_infeasible
from gpumix.plan.interpret import Answer, answer_of, entries_of
from gpumix.plan.premium import premium_usd
from gpumix.plan.scenarios import scenarios
from gpumix.plan.search import best_cycle, search
from gpumix.plan.sharing import told_apart
from gpumix.plan.simplify import point_of, simplest
from gpumix.plan.targets import targets
from gpumix.plan.workloads import Results
from gpumix.plan.write_up import Others, write_up
from gpumix.supply.supply import Supplies

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

__all__ = ["Planned", "Progress", "chosen_from", "cycle_for", "options", "plan", "supply"]

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, the mix problem it solved, for whoever wants to solve it again, the entries that
    its costs are sums of, and the accounts that it was written from."""

    plan: Plan
    problem: mix.Problem
    entries: tuple[Entry, ...] = ()
    answer: Answer | None = None


def plan(
    inventory: Inventory,
    catalog: Catalog,
    progress: Progress = lambda _: None,
    work: Work = NORMAL,
    changed: Callable[[Supplies], Supplies] | None = None,
) -> Planned:
    """The simplest mix within a share of the cheapest, with reasons, error bars and alternatives.

    `work` is how much searching it is worth; cut short by its limit of time, the plan says so.
    `changed` may add to what can be had, and take from it: what runs today is then its own matter,
    and the plan says nothing of it.

    Raises:
        Infeasible: a workload can run nowhere, or limits conflict.
        InputError: the limit of time passed before a plan was found.
    """
    started = time.perf_counter()
    stated = inventory
    inventory, groups = together(stated)
    progress("prices and servers")
    supplies = supply(inventory, catalog)
    supplies = supplies if changed is None else changed(supplies)
    progress("speed of every GPU for every workload")
    predicted = options(inventory, catalog, supplies)
    progress("capacity of each GPU under your traffic")
    from gpumix.options import sustained
    from gpumix.plan import replay  # load the compiled simulator, only needed from here

    rated = sustained.simulated(inventory, predicted)
    choice = replace(chosen_from(inventory, catalog, supplies, rated.options), work=work)
    progress("the cheapest mix")
    try:
        cycle = best_cycle(choice, cycles_for(choice))
        choice, apis = with_apis(choice, cycle, catalog.api_prices)
        found = search(choice, cycle, work.plan)
    except mix.OutOfTime:
        raise _out_of_time(work, "no plan") from None
    again = Again(catalog, inventory, supplies, rated.options)
    if found.solution.cost is None and len(groups) < len(stated.workloads):
        # Told in the inventory's own words.
        return plan(apart(stated), catalog, progress, work, changed)
    if found.solution.cost is None:
        raise explain_infeasible(inventory, found.formulation, again)
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
        fleet=todays.fleet_of(choice, supplies) if changed is None else None,
        scenarios=scenarios(answer, answer_of(best), choice, cycle, catalog.futures),
        confidence_costs=confidence_costs(answer, choice, cycle),
        cut_short_s=work.time_limit_s if work.is_over else None,
    )
    proof = replayer.with_chances(answer, proof)
    results = Results(
        told_apart(answer, stated, groups),
        catalog,
        supplies,
        options_of_each(rated.options, groups),
        of_each(proof, groups),
        groups,
        answer,
        of_each(premium_usd(inventory, best, again), groups),
    )
    unproven = list(of_each(dict.fromkeys(rated.unproven), groups))
    written = write_up(results, others, unproven, started)
    problem = signed.formulation.problem
    return Planned(written, problem, entries_of(results.answer), answer)


def _out_of_time(work: Work, what: str) -> InputError:
    text = f"{what} was found in {work.time_limit_s:g} s"
    return InputError(Problem("time limit", text, "allow more, or leave it out"))
