"""Fewer resources for the search: those that the fractional problem uses.

Where many resources compete, whole-number search drowns in near-equal choices. The fractional
relaxation of the whole problem is solved in a moment; what it holds none of is rarely part of a
good plan. Its cost bounds every plan of the whole problem from below.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from gpumix.mix.model import build
from gpumix.mix.pool import single_pools
from gpumix.mix.problem import Problem
from gpumix.mix.prune import prune
from gpumix.mix.solve import run

SUPPORT = 1e-3
"""Instances below which the fractional plan counts as holding none."""


@dataclass(frozen=True, slots=True)
class Shortlist:
    """The problem with the kept resources only, and a bound on any plan of the whole one.

    `bound` is None, and the problem whole, where the relaxation has no plan.
    """

    problem: Problem
    bound: float | None


def shortlist(problem: Problem) -> Shortlist:
    """Resources of the fractional optimum, with those that must be held and their configs.

    Source: restricted master heuristics, Desaulniers et al., "Column Generation" (2005), ch. 1.
    """
    pruned, _ = prune(problem)
    model = build(pruned, single_pools(pruned))
    model.linear.integer[:] = [False] * len(model.linear.integer)
    outcome = run(model.linear)
    if outcome.status != "optimal":
        return Shortlist(problem, None)
    held = [max(outcome.values[c] for c in columns) for columns in model.instances]
    kept = {
        resource.id
        for resource, most in zip(pruned.resources, held, strict=True)
        if most > SUPPORT or resource.min_instances > 0
    }
    return Shortlist(
        replace(
            problem,
            resources=tuple(r for r in problem.resources if r.id in kept),
            configs=tuple(c for c in problem.configs if c.resource in kept),
        ),
        outcome.bound,
    )
