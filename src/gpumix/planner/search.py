"""The search for the cheapest mix: a shortlist by relaxation, then whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from gpumix import mix
from gpumix.planner.cycle import Cycle
from gpumix.planner.formulate import Choice, Formulation, formulate

GAP = 0.005
"""A mix is good enough when proven to cost at most this share more than the best."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How long a search may go on.

    `counts` are whole numbers looked at, all nodes of its tree together, so that two runs find
    the same mix and a large problem takes about as long as a small one; `seconds` are a stop for
    machines that are too slow for that.
    """

    counts: int
    seconds: float

    def nodes(self, problem: mix.Problem) -> int:
        """Nodes of the search tree of a problem; the first one does most of the work."""
        columns = len(problem.blocks) * (len(problem.configs) + len(problem.resources))
        return max(self.counts // max(columns, 1), 1)


PLAN, VARIANT = Effort(15_000, 8.0), Effort(2_000, 4.0)
"""For the plan itself, and for each plan it is held against (those may cost a little too much)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A solved mix problem and what its numbers mean.

    `relaxed_bound` is what no mix of all supplies, listed or not, can undercut [USD]; None where
    the relaxation has no solution.
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
) -> Found:
    """The cheapest mix of a choice, as near to the best as `GAP` or the effort allows.

    `rate_factor` scales each workload's rates (sensitivity).
    """
    whole = formulate(choice, cycle, rate_factor)
    short = mix.shortlist(whole.problem)
    kept = {whole.supply[resource.id].id for resource in short.problem.resources}
    narrowed = replace(choice, supplies=tuple(s for s in choice.supplies if s.id in kept))
    for candidate in (narrowed, choice):
        formulation = formulate(candidate, cycle, rate_factor)
        solution = mix.solve(
            formulation.problem,
            gap=GAP,
            time_limit_s=effort.seconds,
            node_limit=effort.nodes(formulation.problem),
        )
        if solution.cost is not None:
            break
    return Found(candidate, formulation, solution, len(choice.supplies), short.bound)
