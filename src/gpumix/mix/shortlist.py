"""Fewer resources for the search: those that the fractional problem uses, first and second best.

Where many resources compete, whole-number search drowns in near-equal choices. The fractional
relaxation of the whole problem is solved in a moment, and its cost bounds every plan of the whole
problem from below. What it holds is a first guess only: it takes a third of a server and leaves
the rest, which no plan can. So it is asked again without its favourites, and what it falls back
on enters the search beside them.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from gpumix.mix.explain import restricted
from gpumix.mix.highs import NEVER, Deadline, run
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

    Args:
        problem: what is wanted and what can be had.
        rounds: how many relaxations are solved, each without the favourites of those before it;
            fewer where nothing is left to fall back on.
        always: ids of resources that stay in every round; those that must be held stay too.
        deadline: when the user's time is up. A relaxation that it cuts off ends the rounds.

    Raises:
        OutOfTime: it had passed before a relaxation began.

    Source: the first round is the restricted master heuristic, Desaulniers et al., "Column
    Generation" (2005), ch. 1.
    """
    fixed = {r.id for r in problem.resources if r.min_instances > 0 or r.id in always}
    left = {r.id for r in problem.resources}
    kept: set[str] = set()
    bound: float | None = None
    for _ in range(rounds):
        cost, held = _relaxation(restricted(problem, left), deadline)
        if cost is None:
            break
        bound = cost if bound is None else bound
        kept |= held
        left -= held - fixed
    if bound is None:
        return Shortlist(problem, None)
    return Shortlist(restricted(problem, kept | fixed), bound)


def _relaxation(problem: Problem, deadline: Deadline) -> tuple[float | None, set[str]]:
    """Cost of the fractional problem, None where it has no plan, and what it holds."""
    pruned, _ = prune(problem)
    model = build(pruned, single_pools(pruned))
    outcome = run(model.linear.program().relaxed(), deadline=deadline)
    if outcome.status != "optimal":
        return None, set()
    most = [max(outcome.values[c] for c in columns) for columns in model.instances]
    held = {r.id for r, n in zip(pruned.resources, most, strict=True) if n > SUPPORT}
    return outcome.bound, held
