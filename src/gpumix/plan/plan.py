"""The main job: an inventory in, the cheapest mix that keeps every promise out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpumix import mix
from gpumix.domain.gpu import Gpu
from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.domain.workload import Inventory, Kind, Workload
from gpumix.errors import InputError, NoEstimate, Problem
from gpumix.options.levers import Asker, Change, Priced, levers
from gpumix.options.media import picture_options
from gpumix.options.reasons import with_reasons
from gpumix.options.runs import Reliability
from gpumix.options.serving import Option, serving_options, undominated
from gpumix.options.training import hopeless_job, job_options
from gpumix.plan import assumptions, interpret, regret
from gpumix.plan.cycle import Cycle, cycle_of
from gpumix.plan.formulate import Choice, may_run, weight_of, worthwhile
from gpumix.plan.infeasible import explain_infeasible, out_of_reach
from gpumix.plan.job_ways import with_jobs
from gpumix.plan.search import PLAN, search
from gpumix.predict.inference import serving_evidence
from gpumix.predict.software import unknown_software
from gpumix.supply.owned import own_servers
from gpumix.supply.rentals import Supplies, rentals

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Planned:
    """The plan, and the mix problem it solved, for whoever wants to solve it again."""

    plan: Plan
    problem: mix.Problem


def plan(inventory: Inventory, catalog: Catalog, progress: Progress = lambda _: None) -> Planned:
    """The cheapest mix for an inventory, with reasons, error bars and alternatives.

    Raises: Infeasible where a workload can run nowhere, or limits conflict.
    """
    started = time.perf_counter()
    progress("prices and servers")
    supplies = supply(inventory, catalog)
    progress("speed of every GPU for every workload")
    tried: Mapping[str, Sequence[Option]] = options(inventory, catalog, supplies)
    progress("capacity of each GPU under your traffic")
    from gpumix.options import sustained
    from gpumix.plan import replay  # load the compiled simulator, only needed here

    rated = sustained.simulated(inventory, tried)
    tried, replayer = rated.options, replay.Replayer()
    choice = chosen_from(inventory, catalog, supplies, tried)
    cycle = cycle_for(choice)
    progress("the cheapest mix")
    found = search(choice, cycle, PLAN)
    if found.solution.cost is None:
        raise explain_infeasible(found.formulation, found.solution)
    progress("replay of the traffic on the plan")
    found, choice, proof = replay.proven(found, choice, cycle, replayer)
    progress("alternatives and error bars")
    variants = regret.variants(interpret.answer_of(found), choice, cycle)
    best, variants, proof = replay.cheapest(found, variants, proof, replayer)
    progress("the report")
    answer = interpret.answer_of(best)
    report = write_up(answer, catalog, supplies, tried, variants, started)
    shown = tuple(replace(w, replay=proof.get(w.id)) for w in report.workloads)
    warned = (*report.warnings, *assumptions.replay_warnings(proof, rated.unproven))
    seconds = time.perf_counter() - started
    return Planned(
        replace(report, workloads=shown, warnings=warned, seconds=seconds), best.formulation.problem
    )


def supply(inventory: Inventory, catalog: Catalog) -> Supplies:
    """Everything that may be rented, bought or used."""
    rented, own = rentals(inventory, catalog), own_servers(inventory, catalog)
    return Supplies(rented.of + own.of, rented.offers_used, rented.notes + own.notes)


def options(inventory: Inventory, catalog: Catalog, supplies: Supplies) -> dict[str, list[Option]]:
    """What could do each workload, by workload id, the impossible included.

    Raises: InputError for a model of which nothing can be said; Infeasible naming, for each
        workload that nothing can do, the GPU that comes nearest and what would help.
    """
    largest = supplies.largest_instance()
    gpus = [catalog.gpus[gpu] for gpu in largest]
    found: dict[str, list[Option]] = {}
    problems: list[Problem] = []
    hopeless: list[Problem] = []
    for workload in inventory.workloads:
        place = f"workloads.{workload.id}"
        try:
            found[workload.id] = _options(workload, gpus, largest, catalog)
        except NoEstimate as error:
            problems.append(Problem(f"{place}.model", str(error)))
            continue
        if not any(o.serves for o in found[workload.id]):
            hopeless.append(_hopeless(place, workload, found[workload.id], gpus, catalog))
    if problems:
        raise InputError([*problems, *hopeless])
    if hopeless:
        raise out_of_reach(hopeless)
    return found


def _options(
    workload: Workload,
    gpus: Sequence[Gpu],
    largest: Mapping[str, int],
    catalog: Catalog,
    change: Change = lambda dep: dep,
) -> list[Option]:
    model = catalog.models[workload.model]
    if workload.run is not None:
        return job_options(workload, gpus, largest, catalog)
    if workload.kind is Kind.MEDIA:
        return picture_options(workload, model, gpus, largest, catalog.coefficients)
    evidence = serving_evidence(catalog)
    return serving_options(workload, model, gpus, largest, catalog.coefficients, evidence, change)


def _with_levers(
    plans: Sequence[WorkloadPlan],
    answer: interpret.Answer,
    catalog: Catalog,
    supplies: Supplies,
) -> tuple[WorkloadPlan, ...]:
    """Each workload's plan with what would save on it before anything is bought."""
    largest = supplies.largest_instance()
    gpus = [catalog.gpus[gpu] for gpu in largest]

    def ask(workload: Workload, change: Change) -> list[Option]:
        return _options(workload, gpus, largest, catalog, change)

    def price(workload: Workload, options: Sequence[Option]) -> Priced | None:
        allowed = [s for s in supplies.of if may_run(workload, s)]
        best = interpret.cheapest_way(answer.choice, workload, options, allowed)
        return None if best is None else Priced(*best[:2])

    asker = Asker(catalog, ask, price)
    workloads = answer.choice.inventory.workloads
    return tuple(
        replace(plan, levers=levers(workload, asker, _least_cost(plan)))
        for plan, workload in zip(plans, workloads, strict=True)
    )


def _least_cost(plan: WorkloadPlan) -> float | None:
    """Unit cost of its cheapest candidate [USD]."""
    return min((c.unit_cost_usd for c in plan.candidates if c.unit_cost_usd), default=None)


def _hopeless(
    place: str,
    workload: Workload,
    tried: Sequence[Option],
    gpus: Sequence[Gpu],
    catalog: Catalog,
) -> Problem:
    """Why nothing can do a workload, told of the option that comes nearest."""
    if workload.run is not None and gpus:
        return hopeless_job(place, workload, gpus, tried, catalog)
    if not tried:
        where = f" in {', '.join(workload.countries)}" if workload.countries else ""
        fix = f"widen supply{', `residency`' if where else ''} or `gpus`"
        return Problem(place, f"no supply offers a GPU for it{where}", fix)
    nearest = min(tried, key=lambda o: (o.shortfall or math.inf, -o.gpus, o.gpu))
    way = f"{nearest.gpus} x {nearest.gpu} at {nearest.precision}"
    if 1.0 < nearest.shortfall < math.inf:
        fix = f"loosen that limit {nearest.shortfall:.2f}-fold, or add a lower precision"
        return Problem(
            f"{place}.slo", f"no GPU meets it; {way} comes nearest: {nearest.reason}", fix
        )
    return Problem(f"{place}.model", f"fits no GPU on offer; e.g. {way}: {nearest.reason}")


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
        {name: undominated(found) for name, found in tried.items()},
        supplies.of,
        {s.gpu: reliability.spot_useful_share(s.gpu) for s in supplies.of},
    )
    return replace(choice, supplies=worthwhile(choice))


def cycle_for(choice: Choice) -> Cycle:
    """The representative weeks, blocked by what each workload's peak would cost."""
    weights = [
        weight_of(w, choice.options[w.id], choice.supplies) for w in choice.inventory.workloads
    ]
    return cycle_of(choice.inventory, weights)


def write_up(
    answer: interpret.Answer,
    catalog: Catalog,
    supplies: Supplies,
    tried: Mapping[str, Sequence[Option]],
    variants: regret.Variants,
    started: float,
) -> Plan:
    """All of it as one Plan."""
    inventory, solution = answer.choice.inventory, answer.found.solution
    workloads = _with_levers(
        interpret.workload_plans(answer, tried, supplies.of), answer, catalog, supplies
    )
    workloads = with_reasons(workloads, inventory.workloads, tried, catalog)
    workloads = with_jobs(workloads, inventory.workloads, tried, supplies.of, catalog)
    notes = [
        *inventory.notes,
        *(
            f"{w.id}: {note}"
            for w in inventory.workloads
            for note in unknown_software(w, catalog.coefficients)
        ),
    ]
    fx_per_usd, fx_as_of = catalog.exchange_rate(inventory.report_currency)
    return Plan(
        name=inventory.name,
        status=solution.status,
        as_of=inventory.as_of,
        start=inventory.start,
        years=inventory.years,
        timezone=inventory.timezone,
        report_currency=inventory.report_currency,
        fx_per_usd=fx_per_usd,
        fx_as_of=fx_as_of,
        mix=interpret.mix_lines(answer),
        monthly_usd=answer.usd / answer.months,
        horizon_usd=answer.usd,
        horizon_low_usd=min(variants.low_usd or answer.usd, answer.usd),
        horizon_high_usd=max(variants.high_usd or answer.usd, answer.usd),
        capex_usd=answer.capex_usd,
        bound=min(solution.bound or 0.0, answer.usd),
        gap=solution.gap or 0.0,
        utilisation=interpret.utilisation(answer),
        idle_usd_per_month=interpret.idle_usd(answer) / answer.months,
        costs=interpret.cost_parts(answer),
        workloads=workloads,
        regret=regret.alternatives(answer, variants),
        break_evens=regret.break_evens(answer, workloads, supplies.of),
        hourly_gpus=interpret.hourly_gpus(answer),
        assumptions=assumptions.assumptions(answer, catalog, supplies.notes),
        warnings=assumptions.warnings(answer, supplies.offers_used, notes),
        seconds=time.perf_counter() - started,
    )
