"""The search for the cheapest mix: a shortlist by relaxation, then whole numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from gpumix import mix
from gpumix.errors import InputError
from gpumix.plan.accounts import lines_of
from gpumix.plan.cash import over_limit_usd
from gpumix.plan.cycle import Cycle
from gpumix.plan.effort import Effort, Work
from gpumix.plan.formulate import Choice, Formulation, formulate, part_of

GAP = 0.005
"""A mix is good enough when proven to cost at most this share more than the best."""

CASH_TRIES = 4
"""Searches for a mix that keeps the cash of its years once all is counted, at most."""

IMPOSSIBLE = mix.Solution("infeasible", None, None, None, {}, ())

FAR = 0.10
"""A mix of a shortlist this far from the bound may lack supplies that whole numbers need."""


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """A solved mix problem and what its numbers mean; two are equal only if they are one.

    The formulation holds what entered the search; bound, gap and status of the solution are those
    of the whole choice, listed or not. `relaxed_bound` is the bound of its fractions alone [USD];
    None where they have no solution.
    """

    choice: Choice
    formulation: Formulation
    solution: mix.Solution
    considered: int
    relaxed_bound: float | None


def search(
    choice: Choice,
    cycle: Cycle,
    effort: Effort,
    rate_factor: Mapping[str, float] | None = None,
    most_usd: float = math.inf,
) -> Found:
    """The cheapest mix of a choice, as near to the best as `GAP` or the effort allows.

    `rate_factor` scales each workload's rates (sensitivity). Where the fractions alone cost more
    than `most_usd`, or have no plan, and that is finite, there is no search: the solution then has
    no cost. A mix whose cash exceeds that of a year by what the problem does not see (posts beyond
    the least, the network between servers, data) is looked for again below that; where there is
    none, it stays.

    Raises: mix.OutOfTime where the user's time was up before any mix was found.
    """
    first = found = _search(choice, cycle, effort, rate_factor, most_usd)
    margin: dict[int, float] = {}
    for _ in range(CASH_TRIES):
        over = _over_limit_usd(found)
        if not over:
            break
        margin = {year: margin.get(year, 0.0) + over.get(year, 0.0) for year in {*margin, *over}}
        tighter = replace(choice, cash_margin_usd=margin)
        found = _search(tighter, cycle, effort, rate_factor, most_usd)
    return first if found.solution.cost is None or _over_limit_usd(found) else found


def _over_limit_usd(found: Found) -> Mapping[int, float]:
    """By how much a mix's accounts exceed the cash of each limited year [USD]."""
    inventory = found.choice.inventory
    if found.solution.cost is None or not inventory.limits.cash:
        return {}
    lines = lines_of(found.formulation, found.solution)
    return over_limit_usd(inventory, [stream for line in lines for stream in line.streams])


def _search(
    choice: Choice,
    cycle: Cycle,
    effort: Effort,
    rate_factor: Mapping[str, float] | None = None,
    most_usd: float = math.inf,
) -> Found:
    """The cheapest mix of a choice, whatever cash the problem does not see.

    A problem small enough to be searched enters whole, so that its optimum is proven; of a larger
    one the shortlist.
    """
    work = choice.work
    work.left_s()
    whole = formulate(choice, cycle, rate_factor)
    always = {
        r.id
        for r in whole.problem.resources
        if r.id != whole.supply[r.id].id or whole.supply[r.id].count
    }  # what is rented for one workload alone, and what stands, kept or sold
    # The first round gives the bound, and with the others the list.
    is_small = mix.whole_numbers(whole.problem) <= effort.largest
    rounds = mix.shortlists(whole.problem, always=always, deadline=work.deadline)
    first = short = next(rounds)
    least_usd = None if first.bound is None else first.bound - whole.freed_usd
    if math.isfinite(most_usd) and (least_usd is None or least_usd > most_usd):
        unsearched = mix.Solution("feasible", None, least_usd, None, {}, ())
        return Found(choice, whole, unsearched, len(choice.supplies), least_usd)
    tried: list[tuple[mix.Problem, mix.Solution]] = []
    solved = 1
    for wanted in (1,) if is_small else effort.rounds:
        if tried and work.is_over:
            break
        *_, short = (short, *islice(rounds, wanted - solved))
        solved = wanted
        listed = whole.problem if is_small else short.problem
        if short.bound is None:  # not even fractions keep the limits
            tried.append((whole.problem, IMPOSSIBLE))
            break
        tried.append((listed, _solved(listed, effort, work)))
        cost = tried[-1][1].cost
        if cost is not None and mix.relative_gap(cost, first.bound or 0.0) <= FAR:
            break
    if not is_small and short.bound is not None and all(one.cost is None for _, one in tried):
        tried.append((whole.problem, _solved(whole.problem, effort, work)))
    problem, solution = min(tried, key=lambda one: math.inf if one[1].cost is None else one[1].cost)
    is_whole = len(problem.resources) == len(whole.problem.resources)
    proven = solution.bound if is_whole else None  # a shortlist's bound says nothing of the rest
    solution = judged(
        _less(solution, whole.freed_usd), max(first.bound or 0.0, proven or 0.0) - whole.freed_usd
    )
    formulation = part_of(whole, problem)
    kept = {formulation.supply[r.id].id for r in problem.resources}
    narrowed = replace(choice, supplies=tuple(s for s in choice.supplies if s.id in kept))
    return Found(narrowed, formulation, solution, len(choice.supplies), least_usd)


def best_cycle(choice: Choice, cycles: Sequence[Cycle]) -> Cycle:
    """Of several groupings of a week's hours the one whose plan costs least.

    Finer blocks ask for less, but make a larger problem, whose plan may be worse. Where there is
    no plan, or only one grouping, it is the first.
    """
    if len(cycles) == 1:
        return cycles[0]
    costs = [search(choice, cycle, choice.work.plan).solution.cost for cycle in cycles]
    return cycles[costs.index(min(costs, key=lambda usd: math.inf if usd is None else usd))]


def _less(solution: mix.Solution, usd: float) -> mix.Solution:
    """A solution that costs so much less."""
    return solution if solution.cost is None else replace(solution, cost=solution.cost - usd)


def _solved(problem: mix.Problem, effort: Effort, work: Work) -> mix.Solution:
    try:
        left_s = work.left_s()
        return mix.solve(problem, effort=effort.work, gap=GAP, time_limit_s=left_s, explained=False)
    except InputError:
        if work.is_over:  # no plan in the time there was
            raise mix.OutOfTime from None
        raise


def judged(solution: mix.Solution, bound: float) -> mix.Solution:
    """A solution with the bound that holds for all there is to choose from, and what it proves."""
    if solution.cost is None:
        return solution
    bound = min(bound, solution.cost)
    gap = mix.relative_gap(solution.cost, bound)
    status = "optimal" if gap <= GAP + 1e-6 else "feasible"
    return replace(solution, status=status, bound=bound, gap=gap)
