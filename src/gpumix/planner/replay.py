"""The simulator in the planner: what each option really sustains, and the proof of the plan."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gpumix.domain.plan import Replay, ReplayedSlo
from gpumix.domain.workload import Demand, Inventory, Slo, Workload
from gpumix.planner import interpret, regret
from gpumix.planner.candidates import Option, Replica, undominated
from gpumix.planner.cycle import Cycle, peak_demand
from gpumix.planner.formulate import Choice
from gpumix.planner.interpret import Answer
from gpumix.planner.regret import Variants
from gpumix.planner.search import PLAN, Found, search
from gpumix.serving.capacity import Traffic
from gpumix.serving.run import Outcome, Settings, simulate
from gpumix.serving.simulated_capacity import capacity_by_simulation, latency_of, settled
from gpumix.serving.steptable import StepTable, step_table
from gpumix.serving.traffic import draw
from gpumix.units import SECONDS_PER_HOUR

POOL = 4
"""Most replicas whose common queue is simulated."""

POOL_SHARE = 2.0
"""The quietest hour must need so many times the pool: a mix splits it over unlike replicas."""

CORRECTION = 0.9
"""What the rates of a workload are multiplied by when its replay breaks a promise."""

CORRECTIONS = 2
"""How often, at most, for each workload."""

TOLERANCE = 1.03
"""A replayed quantile may pass its limit by what the capacity search leaves open."""

_REQUESTS = 1_500
_LEAST, _MOST = 2_000, 5_000
_REPLAYED = 8
_SEED = 20_260_101


def is_replayed(workload: Workload) -> bool:
    """Whether a workload promises latencies of generated text."""
    demand = workload.demand
    return (
        demand is not None
        and not workload.is_deferrable
        and workload.run is None
        and demand.output.mean >= 1.0
    )


def simulated(
    inventory: Inventory, tried: Mapping[str, Sequence[Option]]
) -> dict[str, list[Option]]:
    """The options with simulated rates where no other of its GPU beats one in closed form.

    Options that cannot serve, and those already beaten, stay as they are but for a reason: a
    beaten one is told to be, so that it does not come back with the rate of the closed form.
    """
    by_id = {w.id: w for w in inventory.workloads}
    found: dict[str, list[Option]] = {}
    for name, options in tried.items():
        workload = by_id[name]
        if not is_replayed(workload):
            found[name] = list(options)
            continue
        able = undominated(options)
        with ThreadPoolExecutor(max_workers=2) as pool:  # the compiled loop lets others run
            rated = list(pool.map(partial(_simulated, workload), able))
        new = {id(o): r for o, r in zip(able, rated, strict=True)}
        found[name] = [new[id(o)] if id(o) in new else _beaten(o) for o in options]
        if not any(o.serves for o in found[name]):
            found[name] = list(options)
    return found


def _beaten(option: Option) -> Option:
    if not option.serves:
        return option
    return replace(option, reason="a smaller or other replica of the same GPU does as much")


def _simulated(workload: Workload, option: Option) -> Option:
    demand, replica = workload.demand, option.replica
    if demand is None or replica is None:
        return option
    table = table_of(replica, demand)
    quietest = min((u for u in demand.units_per_hour if u > 0.0), default=0.0)
    pool = max(1, min(POOL, int(quietest / option.units_per_hour / POOL_SHARE)))
    found = capacity_by_simulation(
        table,
        Traffic(demand.input, demand.output, demand.arrival_cv, demand.prefix_share),
        workload.slos,
        option.units_per_hour / SECONDS_PER_HOUR * pool,
        replicas=pool,
        requests=_REQUESTS,
        seed=_SEED,
    )
    if found.requests_per_s <= 0.0:
        return replace(option, reason="keeps its promises at no load in simulation")
    per_hour = found.requests_per_s * SECONDS_PER_HOUR / pool
    ratio = per_hour / option.units_per_hour
    checks = tuple(
        replace(check, predicted=check.predicted.scaled(seconds / replica.slowdown
                / max(check.predicted.value, 1e-12)), kept=True)
        for check, seconds in zip(option.slos, found.latency_s, strict=True)
    )  # fmt: skip
    return replace(
        option,
        units_per_hour=per_hour,
        rate=option.rate.scaled(ratio) if option.rate else None,
        tokens_per_s=option.tokens_per_s * ratio if option.tokens_per_s else None,
        output_tokens_per_s=(
            option.output_tokens_per_s * ratio if option.output_tokens_per_s else None
        ),
        prefill_share=min(option.prefill_share * ratio, 1.0),
        batch=found.batch,
        slos=checks,
    )


def table_of(replica: Replica, demand: Demand) -> StepTable:
    """Step times of an option's replica, as slow as it is planned."""
    one = replica.dep.take([replica.row])
    return step_table(one, demand.input.mean, demand.output.mean, replica.slowdown)


@dataclass(frozen=True, slots=True)
class _Part:
    """One block of the week on one option: its replicas, their arrivals, what happened."""

    block: int
    hour: int
    weight: float
    outcome: Outcome


def replays(answer: Answer, corrections: Mapping[str, int]) -> dict[str, Replay]:
    """Every promised text workload's replay on the plan's replicas in the first year."""
    tables: dict[Option, StepTable] = {}
    return {
        w.id: _replay(answer, w, tables, corrections.get(w.id, 0))
        for w in answer.choice.inventory.workloads
        if is_replayed(w) and w.slos
    }


def proven(found: Found, choice: Choice, cycle: Cycle) -> tuple[Found, Choice, dict[str, Replay]]:
    """The plan, made anew with lower rates while its replay breaks a promise, and the last replay.

    Where lower rates leave no plan, the one before stays, its broken promise told.
    """
    corrections: dict[str, int] = {}
    proof = replays(interpret.answer_of(found), corrections)
    while names := [n for n in broken(proof) if corrections.get(n, 0) < CORRECTIONS]:
        lower = replace(choice, options=corrected(choice.options, names))
        again = search(lower, cycle, PLAN)
        if again.solution.cost is None:
            break
        corrections |= {n: corrections.get(n, 0) + 1 for n in names}
        found, choice = again, lower
        proof = replays(interpret.answer_of(found), corrections)
    return found, choice, proof


def cheapest(
    found: Found, variants: Variants, proof: dict[str, Replay]
) -> tuple[Found, Variants, dict[str, Replay]]:
    """The plan, or a restricted one that is cheaper and whose replay breaks no promise either.

    A cheaper one that breaks one is no alternative, and told as such.
    """
    while (best := regret.cheapest(found, variants)) is not found:
        other = replays(interpret.answer_of(best), {})
        if not broken(other):
            return best, variants, other
        restricted = tuple(
            replace(v, found=None, reason="in replay it breaks a promise")
            if v.found is not None and v.found.formulation is best.formulation
            else v
            for v in variants.restricted
        )
        variants = replace(variants, restricted=restricted)
    return found, variants, proof


def broken(found: Mapping[str, Replay]) -> list[str]:
    """Workloads whose replay broke a promise."""
    return [name for name, replay in found.items() if not all(s.kept for s in replay.slo)]


def corrected(
    options: Mapping[str, Sequence[Option]], names: Sequence[str]
) -> dict[str, list[Option]]:
    """The options with lower rates for the workloads whose replay broke a promise."""
    return {
        name: [
            replace(o, units_per_hour=o.units_per_hour * CORRECTION) if name in names else o
            for o in found
        ]
        for name, found in options.items()
    }


def _replay(
    answer: Answer, workload: Workload, tables: dict[Option, StepTable], corrections: int
) -> Replay:
    parts = _parts(answer, workload, tables)
    if not parts:
        return Replay(0, 0, 0, 1.0, (), corrections)
    checks = tuple(_check(slo, parts) for slo in workload.slos)
    offered = sum(len(p.outcome.arrival_s) for p in parts)
    served = sum(int(p.outcome.served.sum()) for p in parts)
    weights = [p.weight for p in parts]
    within = [_within(p.outcome, workload.slos) for p in parts]
    return Replay(
        requests=offered,
        served=served,
        shed=offered - served,
        within=float(np.average(within, weights=weights)),
        slo=checks,
        corrections=corrections,
    )


def _within(outcome: Outcome, slos: Sequence[Slo]) -> float:
    span = settled(outcome)
    kept = np.ones(len(outcome.arrival_s[span]), dtype=bool)
    for slo in slos:
        times = latency_of(outcome, slo.metric)[span]
        kept &= np.isnan(times) | (times <= slo.limit_s)
    return float(kept.mean()) if len(kept) else 1.0


def _parts(answer: Answer, workload: Workload, tables: dict[Option, StepTable]) -> list[_Part]:
    """Each block of the first year's week at its busiest hour, split over the options it runs."""
    demand = workload.demand
    if demand is None:
        return []
    cycle, parts = answer.formulation.cycle, []
    for index in cycle.of_year(0):
        block = cycle.blocks[index]
        peak = peak_demand(workload, block)
        running: dict[Option, int] = {}
        for line in answer.lines:
            for use in line.uses:
                if use.block == index and use.cell.workload.id == workload.id:
                    running[use.cell.option] = running.get(use.cell.option, 0) + use.replicas
        able = math.fsum(o.units_per_hour * n for o, n in running.items())
        if peak <= 0.0 or able <= 0.0:
            continue
        hour = max(block.hours, key=lambda h: demand.units_per_hour[h])
        total = math.fsum(demand.units_per_hour[h] for h in block.hours)
        for option, count in running.items():
            share = option.units_per_hour * count / able
            if option.replica is None or share <= 0.0:
                continue
            if option not in tables:
                tables[option] = table_of(option.replica, demand)
            outcome = _run(demand, tables[option], peak * share, count, index)
            parts.append(_Part(index, hour, total * share, outcome))
    return parts


def _run(
    demand: Demand, table: StepTable, units_per_hour: float, replicas: int, seed: int
) -> Outcome:
    """About an hour's requests at one rate on so many replicas, or on eight and their share."""
    units_per_hour *= min(_REPLAYED / replicas, 1.0)
    replicas = min(replicas, _REPLAYED)
    count = int(min(max(units_per_hour, _LEAST), _MOST))
    stream = draw(
        count,
        units_per_hour / SECONDS_PER_HOUR,
        demand.input,
        demand.output,
        arrival_cv=demand.arrival_cv,
        prefix_share=demand.prefix_share,
        seed=_SEED + 1 + seed,
    )
    return simulate(stream, table, Settings(replicas=replicas))


def _check(slo: Slo, parts: Sequence[_Part]) -> ReplayedSlo:
    """A promise over the week, its requests weighted by how many each part stands for."""
    times, weights, worst, hour = [], [], -1.0, 0
    for part in parts:
        own = latency_of(part.outcome, slo.metric)[settled(part.outcome)]
        own = np.sort(own[~np.isnan(own)])
        if not len(own):
            continue
        times.append(own)
        weights.append(np.full(len(own), part.weight / len(own)))
        quantile = float(own[min(math.ceil(slo.quantile * len(own)), len(own)) - 1])
        if quantile > worst:
            worst, hour = quantile, part.hour
    if not times:
        return ReplayedSlo(slo.name, slo.limit_s, 0.0, 0.0, 0, True)
    every, share = np.concatenate(times), np.concatenate(weights)
    order = np.argsort(every)
    reached = np.searchsorted(np.cumsum(share[order]), slo.quantile * share.sum())
    week = float(every[order][min(reached, len(every) - 1)])
    return ReplayedSlo(slo.name, slo.limit_s, week, worst, hour, week <= slo.limit_s * TOLERANCE)
