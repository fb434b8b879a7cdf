"""A plan for a mix problem: what it is, what it costs, and whether it keeps every limit.

Price and limits are worked out from the whole numbers of the plan alone, apart from the program
that found them, so that a slip in the formulation or in the solver cannot pass.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from gpumix.mix.problem import (
    TOLERANCE,
    Group,
    Problem,
    Resource,
    Shift,
    Workload,
    instance_cost,
    replicas_lost,
)


@dataclass(frozen=True, slots=True)
class BlockPlan:
    """What runs in one block.

    `running` instances of each hourly resource; `replicas` of each config, in the problem's order;
    `served` [units/h] by request class for each config (empty where the problem has no classes).
    """

    id: str
    running: Mapping[str, int]
    replicas: tuple[int, ...]
    served: tuple[Mapping[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """The answer to a mix problem.

    `status`: optimal (proven within the gap asked for), feasible (the work or time allowed ended
    first) or infeasible. `cost`, `bound` [USD over the horizon] and `gap` = (cost - bound) / cost
    are None, and `conflict` names limits that cannot hold together, only where infeasible.
    `committed` are the counts of committed resources, `terms` by resource and term of those that
    have terms.
    """

    status: str
    cost: float | None
    bound: float | None
    gap: float | None
    committed: Mapping[str, int]
    blocks: tuple[BlockPlan, ...]
    conflict: tuple[str, ...] = ()
    seconds: float = 0.0
    terms: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def solution_to_dict(solution: Solution) -> dict[str, object]:
    """The JSON form of a solution."""
    return {
        "status": solution.status,
        "cost": solution.cost,
        "bound": solution.bound,
        "gap": solution.gap,
        "committed": dict(solution.committed),
        **({"terms": {r: dict(n) for r, n in solution.terms.items()}} if solution.terms else {}),
        "blocks": [
            {
                "id": block.id,
                "running": dict(block.running),
                "replicas": list(block.replicas),
                **({"served": [dict(s) for s in block.served]} if block.served else {}),
            }
            for block in solution.blocks
        ],
        "conflict": list(solution.conflict),
        "seconds": solution.seconds,
    }


def instances(solution: Solution, resource: Resource, block: int) -> int:
    """Instances of a resource that are held, or run, in a block."""
    if resource.terms:
        by_term = solution.terms[resource.id]
        return sum(by_term[term.id] for term in resource.terms if block in term.blocks)
    if resource.is_committed:
        return solution.committed[resource.id]
    return solution.blocks[block].running[resource.id]


def used_groups(problem: Problem, solution: Solution) -> tuple[Group, ...]:
    """The groups of which any instance is held or runs in any block."""
    used = {
        resource.id
        for resource in problem.resources
        if any(instances(solution, resource, p) > 0 for p in range(len(problem.blocks)))
    }
    return tuple(group for group in problem.groups if used.intersection(group.resources))


def delivered_rate(problem: Problem, block: BlockPlan, workload: str) -> float:
    """Rate [units/h] delivered to a workload in a block, used or not: sum of rate x replicas."""
    return math.fsum(
        config.plain_rate * z
        for config, z in zip(problem.configs, block.replicas, strict=True)
        if config.workload == workload
    )


def price(problem: Problem, solution: Solution) -> float:
    """Cost of a plan [USD over the horizon], from its counts.

    Formula: committed (fixed_cost + hourly_cost R H, or the term's cost) + running hourly_cost h R
    + replicas var_cost h R + delay_cost h R of each block at whose start work is unfinished
    + fixed_cost of each group used.
    """
    terms = [
        instance_cost(problem, resource) * solution.committed[resource.id]
        for resource in problem.resources
        if resource.is_committed and not resource.terms
    ]
    terms += [
        term.cost * solution.terms[resource.id][term.id]
        for resource in problem.resources
        for term in resource.terms
    ]
    terms += [group.fixed_cost for group in used_groups(problem, solution)]
    for p, (block, plan) in enumerate(zip(problem.blocks, solution.blocks, strict=True)):
        terms += [
            instance_cost(problem, resource, p) * plan.running[resource.id]
            for resource in problem.resources
            if not resource.is_committed
        ]
        terms += [
            config.var_cost * z * block.hours * problem.repeat
            for config, z in zip(problem.configs, plan.replicas, strict=True)
        ]
        terms += [
            workload.delay_cost * block.hours * problem.repeat
            for workload in problem.workloads
            if workload.delay_cost > 0.0
            and not _reaches(_done(problem, solution, workload, before=p), workload.work)
        ]
    return math.fsum(terms)


def paid_in(problem: Problem, solution: Solution, limit: int) -> float:
    """What a plan takes of one of the problem's cash limits, by its index [USD]."""
    terms = [
        term.cash[limit] * solution.terms[resource.id][term.id]
        for resource in problem.resources
        for term in resource.terms
        if term.cash
    ]
    terms += [group.cash[limit] for group in used_groups(problem, solution) if group.cash]
    for p, (block, plan) in enumerate(zip(problem.blocks, solution.blocks, strict=True)):
        share, hours = problem.cash[limit].of_block[p], block.hours * problem.repeat
        terms += [
            share * instance_cost(problem, resource, p) * plan.running[resource.id]
            for resource in problem.resources
            if not resource.is_committed
        ]
        terms += [
            share * (config.var_cost - config.unpaid) * z * hours
            for config, z in zip(problem.configs, plan.replicas, strict=True)
        ]
    return math.fsum(terms)


def check(problem: Problem, solution: Solution) -> list[str]:
    """Names of the limits a plan breaks, `gpus:R`, `slices:R` and `served:W` among them; [] if it
    keeps all."""
    broken = [*_broken_counts(problem, solution), *_broken_budgets(problem, solution)]
    for p, plan in enumerate(solution.blocks):
        broken += _broken_in_block(problem, solution, plan, p)
    broken += [
        f"work:{workload.id}"
        for workload in problem.workloads
        if workload.is_batch
        and not (
            _reaches(_done(problem, solution, workload, before=len(problem.blocks)), workload.work)
            and all(_keeps(problem, solution, workload, shift) for shift in workload.shifts)
        )
    ]
    return list(dict.fromkeys(broken))


def _reaches(amount: float, wanted: float) -> bool:
    return amount >= wanted * (1.0 - TOLERANCE)


def _done(problem: Problem, solution: Solution, workload: Workload, before: int) -> float:
    """Units of a batch workload delivered per cycle in its window's blocks before an index."""
    return math.fsum(
        delivered_rate(problem, solution.blocks[p], workload.id) * problem.blocks[p].hours
        for p in range(before)
        if workload.counts_in(p)
    )


def _keeps(problem: Problem, solution: Solution, workload: Workload, shift: Shift) -> bool:
    """Whether a shift's work is delivered in its hours."""
    done = math.fsum(
        delivered_rate(problem, solution.blocks[p], workload.id) * hours
        for p, hours in enumerate(shift.hours)
        if hours and workload.counts_in(p)
    )
    return _reaches(done, shift.work)


def _gpus(problem: Problem, plan: BlockPlan, resource: str) -> int:
    return sum(
        config.gpus * z
        for config, z in zip(problem.configs, plan.replicas, strict=True)
        if config.resource == resource
    )


def _broken_counts(problem: Problem, solution: Solution) -> Iterator[str]:
    for resource in problem.resources:
        by_term = solution.terms[resource.id].values() if resource.terms else ()
        if resource.terms and sum(by_term) < resource.min_instances:
            yield f"min_instances:{resource.id}"
        if min(by_term, default=0) < 0:
            yield f"gpus:{resource.id}"
        for p, plan in enumerate(solution.blocks):
            n = instances(solution, resource, p)
            if resource.max_instances is not None and n > resource.max_instances:
                yield f"max_instances:{resource.id}"
            if n < resource.min_instances and not resource.terms:
                yield f"min_instances:{resource.id}"
            if n < 0 or _gpus(problem, plan, resource.id) > n * resource.gpus_per_instance:
                yield f"gpus:{resource.id}"
    for p, plan in enumerate(solution.blocks):
        yield from _broken_slices(problem, plan)
        for name, most in problem.quotas.items():
            under = [r for r in problem.resources if name in r.quotas]
            if sum(instances(solution, resource, p) for resource in under) > most:
                yield f"quota:{name}"
        for config, z in zip(problem.configs, plan.replicas, strict=True):
            if z < 0 or (config.max_replicas is not None and z > config.max_replicas):
                yield f"max_replicas:{config.workload}/{config.resource}"


def _broken_slices(problem: Problem, plan: BlockPlan) -> Iterator[str]:
    """Replicas take no more slices than GPUs are cut into."""
    left: dict[tuple[str, str], int] = {}
    for config, z in zip(problem.configs, plan.replicas, strict=True):
        made = {**config.cut, **({config.slice: -1} if config.slice else {})}
        for name, count in made.items():
            key = (config.resource, name)
            left[key] = left.get(key, 0) + count * z
    yield from (f"slices:{resource}" for (resource, _), count in left.items() if count < 0)


def _broken_budgets(problem: Problem, solution: Solution) -> Iterator[str]:
    committed = [r for r in problem.resources if r.is_committed]
    for site, limit_kw in problem.site_kw.items():
        there = [r for r in committed if r.site == site]
        for p in range(len(problem.blocks)):
            used_kw = math.fsum(r.kw * instances(solution, r, p) for r in there)
            if not _reaches(limit_kw, used_kw):
                yield f"site_kw:{site}"
    spent = math.fsum(
        [r.capex * solution.committed[r.id] for r in committed if not r.terms]
        + [t.capex * solution.terms[r.id][t.id] for r in committed for t in r.terms]
        + [group.capex for group in used_groups(problem, solution)]
    )
    budget = problem.capex_budget
    if budget is not None and not _reaches(budget, spent):
        yield "capex_budget"
    for i, limit in enumerate(problem.cash):
        if paid_in(problem, solution, i) > limit.most + TOLERANCE * max(abs(limit.most), 1.0):
            yield f"cash:{limit.id}"
    used = used_groups(problem, solution)
    for kind, most in problem.most.items():
        if sum(group.kind == kind for group in used) > most:
            yield f"most:{kind}"


def _broken_in_block(
    problem: Problem, solution: Solution, plan: BlockPlan, block: int
) -> Iterator[str]:
    for workload in problem.workloads:
        if workload.is_batch:
            continue
        if workload.classes:
            yield from _broken_router(problem, plan, workload, block)
            continue
        demand = workload.total_demand(block)
        total = delivered_rate(problem, plan, workload.id)
        if not _reaches(total, demand):
            yield f"demand:{workload.id}"
        yield from _broken_promises(problem, plan, workload, total, demand)


def _broken_promises(
    problem: Problem, plan: BlockPlan, workload: Workload, total: float, demand: float
) -> Iterator[str]:
    resources = problem.resource_by_id
    spot = math.fsum(
        config.plain_rate * z
        for config, z in zip(problem.configs, plan.replicas, strict=True)
        if config.workload == workload.id and resources[config.resource].spot
    )
    if workload.n_plus_one and not _reaches(total - _loss(problem, plan, workload), demand):
        yield f"n_plus_one:{workload.id}"
    share = workload.max_spot_share
    if share is not None and not _reaches(share * total, spot):
        yield f"max_spot_share:{workload.id}"


def _loss(problem: Problem, plan: BlockPlan, workload: Workload) -> float:
    """The most [units/h] that a workload delivers from what one lost instance stops.

    What stops together (a config's replicas, or with `lost_together` all on the resource) is lost
    whole, but at most an instance full of the config in use that makes most of one.
    """
    held: dict[str, float] = {}
    full: dict[str, float] = {}
    lost = replicas_lost(problem)
    for c, (config, z) in enumerate(zip(problem.configs, plan.replicas, strict=True)):
        if config.workload == workload.id and z > 0:
            key = config.resource if workload.lost_together else str(c)
            held[key] = held.get(key, 0.0) + config.plain_rate * z
            full[key] = max(full.get(key, 0.0), config.plain_rate * lost[c])
    return max((min(held[key], full[key]) for key in held), default=0.0)


def _broken_router(
    problem: Problem, plan: BlockPlan, workload: Workload, block: int
) -> Iterator[str]:
    """Classes: each served exactly, no replica busy beyond its time, spot within its share."""
    resources = problem.resource_by_id
    totals: dict[str, list[float]] = {name: [] for name in workload.classes}
    spot: list[float] = []
    for config, z, served in zip(problem.configs, plan.replicas, plan.served, strict=True):
        if config.workload != workload.id:
            continue
        rates = config.class_rate
        busy = math.fsum(units / rates.get(name, math.nan) for name, units in served.items())
        if not _reaches(z, busy) or min(served.values(), default=0.0) < 0.0:
            yield f"served:{workload.id}"
        spot += served.values() if resources[config.resource].spot else ()
        for name, units in served.items():
            totals[name].append(units)
    demand = workload.class_demand(block)
    if any(
        abs(math.fsum(totals[name]) - wanted) > TOLERANCE * wanted
        for name, wanted in demand.items()
    ):
        yield f"demand:{workload.id}"
    share = workload.max_spot_share
    if share is not None and not _reaches(share * math.fsum(demand.values()), math.fsum(spot)):
        yield f"max_spot_share:{workload.id}"


def relative_gap(cost: float, bound: float) -> float:
    """Share of the cost that is not proven necessary: (cost - bound) / cost, 0 when cost is 0.

    >>> relative_gap(200.0, 199.0)
    0.005
    """
    return (cost - bound) / cost if cost > 0.0 else 0.0
