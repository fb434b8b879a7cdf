"""Fewer resources for the search: those that the fractional problem uses, first and second best.

Where many resources compete, whole-number search drowns in near-equal choices. The fractional
relaxation of the whole problem is solved in a moment, and its cost bounds every plan of the whole
problem from below. What it holds is a first guess only: it takes a third of a server and leaves
the rest, which no plan can. So it is asked again without its favourites, and what it falls back
on enters the search beside them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import islice

from gpumix.mix.explain import restricted
from gpumix.mix.highs import NEVER, Deadline, OutOfTime, run
from gpumix.mix.model import build
from gpumix.mix.pool import single_pools
from gpumix.mix.problem import Problem
from gpumix.mix.prune import prune

SUPPORT = 1e-3
"""Instances below which the fractional plan counts as holding none."""


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The problem with the kept resources only, and a bound on any plan of the whole one.

    `bound` is None, and the problem whole, where the relaxation has no plan.
    """

    problem: Problem
    bound: float | None


def shortlist(
    problem: Problem,
    *,
    rounds: int,
    always: Collection[str] = (),
    deadline: Deadline = NEVER,
) -> Shortlist:
    """Resources of the fractional optimum, then of the optimum without those, and so on.

    `rounds`: how many relaxations are solved, each without the favourites of those before it;
    fewer where nothing is left to fall back on. The rest as in `shortlists`.
    """
    *_, last = islice(shortlists(problem, always=always, deadline=deadline), rounds)
    return last


def shortlists(
    problem: Problem, *, always: Collection[str] = (), deadline: Deadline = NEVER
) -> Iterator[Shortlist]:
    """The shortlist after one round, after two, and so on: each is worked out when asked for.

    Args:
        problem: what is wanted and what can be had.
        always: ids of resources that stay in every round; those that must be held stay too.
        deadline: when the user's time is up. A relaxation that it cuts off ends the rounds.

    Raises:
        OutOfTime: it had passed before a relaxation began.

    Source: the first round is the restricted master heuristic, Desaulniers et al., "Column
    Generation" (2005), ch. 1.
    """
    fixed = {r.id for r in problem.resources if r.min_instances > 0 or r.id in always}
    left = {r.id for r in problem.resources}
    kept = set(fixed)
    bound, held = _relaxation(problem, deadline)
    if bound is None:
        yield Shortlist(problem, None)
        return
    cost: float | None = bound
    while cost is not None:
        kept |= held
        left -= held - fixed
        yield Shortlist(restricted(problem, kept), bound)
        cost, held = _relaxation(restricted(problem, left), deadline)


def _relaxation(problem: Problem, deadline: Deadline) -> tuple[float | None, set[str]]:
    """Cost of the fractional problem, None where it has no plan, and what it holds.

    Raises: OutOfTime.
    """
    pruned, _ = prune(problem)
    model = build(pruned, single_pools(pruned))
    outcome = run(model.linear.program().relaxed(), deadline=deadline)
    if outcome.status == "infeasible":
        return None, set()
    if outcome.status != "optimal":
        raise OutOfTime
    most = [max(outcome.values[c] for c in columns) for columns in model.instances]
    held = {r.id for r, n in zip(pruned.resources, most, strict=True) if n > SUPPORT}
    return outcome.bound, held
