"""What the plan's commitments cost where growth or prices turn out otherwise, and what that loses.

In each scenario the commitments stay as signed and the hourly part is planned anew. The best plan
for it is looked for from there: commitments one more or one less, as long as that helps. The hourly
part is in fractions, so that six scenarios cost no more than a search or two, and all is then
scaled by what whole numbers add at the inventory's own growth and prices: there the plan costs what
it costs, and the best plan what the cheapest mix found does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gpumix import mix
from gpumix.domain.futures import Future
from gpumix.domain.scenarios import Scenario, Scenarios
from gpumix.domain.workload import Workload
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice, formulate
from gpumix.plan.interpret import Answer
from gpumix.values import more_by

MOST_PRICED = 12
"""Mixes of commitments that are priced in a scenario, at most."""

Key = tuple[str, str]
"""A commitment: its resource, and its term where it has several."""


def scenarios(
    answer: Answer,
    cheapest: Answer,
    choice: Choice,
    cycle: Cycle,
    futures: Sequence[Future],
) -> Scenarios | None:
    """A scenario for each of the `futures`, all of the same weight, the inventory's own among them;
    None where the time is up, and for a single year, in which nothing grows and no price changes.

    `cheapest` is the cheapest mix found; `choice` holds all that may be rented or bought, not only
    what the plan holds.
    """
    if choice.inventory.years == 1:
        return None
    signed = replace(choice, options=answer.choice.options)
    try:
        found = {
            future: _both_usd(
                answer, signed, cycle, future.growth_factor, future.price_change_per_year
            )
            for future in futures
        }
    except mix.OutOfTime:
        return None
    own_usd, least_usd = next(usd for future, usd in found.items() if future.is_own)
    if not own_usd or not least_usd:
        return None
    of = tuple(
        _scenario(future, _as_in(answer, own_usd, held), _as_in(cheapest, least_usd, best))
        for future, (held, best) in found.items()
    )
    costs = [s.plan_usd for s in of if s.plan_usd is not None]
    if len(costs) < len(of):
        return Scenarios(of, None, None, None)
    p10, p50, p90 = (float(q) for q in np.quantile(costs, (0.1, 0.5, 0.9)))
    return Scenarios(of, p10, p50, p90)


def _as_in(answer: Answer, own_usd: float, usd: float | None) -> float | None:
    """A cost in fractions as the mix would have it that costs `own_usd` in them [USD].

    Fractions count waiting too, and from owned servers that are all sold: what is scaled is that.
    """
    if usd is None:
        return None
    less_usd = answer.formulation.freed_usd + answer.wait_usd
    return usd * (answer.minimised_usd + answer.formulation.freed_usd) / own_usd - less_usd


def _scenario(future: Future, plan_usd: float | None, best_usd: float | None) -> Scenario:
    """A row; the plan itself is the best where none is known to be cheaper."""
    factor, change = future.growth_factor, future.price_change_per_year
    if plan_usd is None or best_usd is None:
        return Scenario(factor, change, plan_usd, best_usd, None)
    best_usd = min(best_usd, plan_usd)
    return Scenario(factor, change, plan_usd, best_usd, plan_usd - best_usd)


def _both_usd(
    answer: Answer, choice: Choice, cycle: Cycle, factor: float, change: float
) -> tuple[float | None, float | None]:
    """Cost with the plan's commitments, and with the best near them [USD]; None without a plan."""
    workloads = tuple(_growing(w, factor) for w in choice.inventory.workloads)
    limits = replace(choice.inventory.limits, cash=())  # what is signed is paid, whatever comes
    inventory = replace(choice.inventory, workloads=workloads, limits=limits)
    grown = replace(choice, inventory=inventory)
    problem = at_prices(formulate(grown, cycle).problem, cycle, change)
    climb = _Climb(problem, choice.work.deadline)
    signed = commitments_of(problem, answer.found.solution)
    return _finite(climb.usd(signed)), _finite(climb.best_usd(signed))


def _finite(usd: float) -> float | None:
    return usd if math.isfinite(usd) else None


class _Climb:
    """The search for better commitments, a count at a time; each mix is priced once."""

    def __init__(self, problem: mix.Problem, deadline: mix.Deadline) -> None:
        self.problem, self.deadline = problem, deadline
        self.priced: dict[frozenset[tuple[Key, int]], float] = {}

    def usd(self, counts: Mapping[Key, int]) -> float:
        """Cost of a mix with these commitments [USD]; infinite where there is none."""
        key = frozenset((name, n) for name, n in counts.items() if n)
        if key not in self.priced:
            held = committed_to(self.problem, counts)
            bound = mix.shortlist(held, rounds=1, deadline=self.deadline).bound
            self.priced[key] = math.inf if bound is None else bound
        return self.priced[key]

    def best_usd(self, start: Mapping[Key, int]) -> float:
        """The least cost found from these commitments on [USD]."""
        counts, usd, moved = dict(start), self.usd(start), True
        while moved:
            moved = False
            for key, step in self._moves(start):
                while len(self.priced) < MOST_PRICED and self._may(counts, key, step):
                    other = {**counts, key: counts.get(key, 0) + step}
                    if self.usd(other) >= more_by(usd, -1e-9):
                        break
                    counts, usd, moved = other, self.usd(other), True
        return usd

    def _moves(self, start: Mapping[Key, int]) -> list[tuple[Key, int]]:
        """One less and one more of what is signed, and of what fractions would sign."""
        listed = mix.shortlist(self.problem, rounds=1, deadline=self.deadline).problem
        free = [r for r in listed.resources if r.is_committed and not r.min_instances]
        named = {r.id for r in self.problem.resources if not r.min_instances}
        keys = [key for key, n in start.items() if n and key[0] in named]
        keys += [key for r in free for key in _keys(r)]
        return [(key, step) for key in dict.fromkeys(keys) for step in (-1, 1)]

    def _may(self, counts: Mapping[Key, int], key: Key, step: int) -> bool:
        most = self.problem.resource_by_id[key[0]].max_instances
        total = sum(n for (name, _), n in counts.items() if name == key[0]) + step
        return counts.get(key, 0) + step >= 0 and (most is None or total <= most)


def _growing(workload: Workload, factor: float) -> Workload:
    demand = workload.demand
    if demand is None:
        return workload
    growth = demand.growth_per_year * factor
    return replace(workload, demand=replace(demand, growth_per_year=growth))


def at_prices(problem: mix.Problem, cycle: Cycle, change: float) -> mix.Problem:
    """The problem with hourly prices that change by a share each year.

    An hour of a later year counts for less instead: its length, and the work that its week must
    do, are scaled alike. What commitments cost is held fixed. (What work adds on servers of one's
    own, a few per cent of their cost, is scaled too.)
    """
    return mix.at_worth(problem, [(1.0 + change) ** b.period.year for b in cycle.blocks])


def commitments_of(problem: mix.Problem, signed: mix.Solution) -> dict[Key, int]:
    """How many a solution holds of each commitment of a problem."""
    return {
        key: signed.terms.get(r.id, {}).get(key[1], 0) if r.terms else signed.committed.get(r.id, 0)
        for r in problem.resources
        if r.is_committed
        for key in _keys(r)
    }


def _keys(resource: mix.Resource) -> list[Key]:
    return [(resource.id, term.id) for term in resource.terms] or [(resource.id, "")]


def committed_to(problem: mix.Problem, counts: Mapping[Key, int]) -> mix.Problem:
    """The problem with exactly these commitments; one of several terms becomes several."""
    parts = {r.id: _signed(r, counts) for r in problem.resources}
    return replace(
        problem,
        resources=tuple(part for found in parts.values() for part in found),
        configs=tuple(
            replace(config, resource=part.id)
            for config in problem.configs
            for part in parts[config.resource]
        ),
        groups=tuple(
            replace(group, resources=held)
            for group in problem.groups
            if (held := tuple(part.id for name in group.resources for part in parts[name]))
        ),
    )


def _signed(resource: mix.Resource, counts: Mapping[Key, int]) -> list[mix.Resource]:
    """A resource as it is committed to: none, one, or one a term."""
    if not resource.is_committed:
        return [resource]
    parts = [replace(resource, id=f"{resource.id} {t.id}", terms=(t,)) for t in resource.terms]
    numbers = [counts.get(key, 0) for key in _keys(resource)]
    return [
        replace(part, min_instances=n, max_instances=n)
        for part, n in zip(parts or [resource], numbers, strict=True)
        if n
    ]
