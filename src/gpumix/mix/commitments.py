"""Commitments as columns: instances of a resource that are held in all blocks, or in a term's.

What a resource has in a block is the sum of its commitments that count there. This is the only
module that knows how the two belong together: all others deal in a list of commitments, or in the
instances of each committed resource in a block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.linear import Linear
from gpumix.mix.linear import Term as Entry
from gpumix.mix.problem import Problem, Resource, Term, instance_cost

Members = tuple[int, ...]
"""Numbers of commitments."""


@dataclass(frozen=True, slots=True)
class Commitments:
    """A problem's commitments, in the order of its resources and their terms.

    `resources` are the committed ones, `members` the commitments of each; `of` is each commitment's
    index among them. `counts` says by (block, commitment) whether it counts there, `at_once` are
    the different sets that count at the same time. The one commitment of a resource without terms
    has the id ''.
    """

    problem: Problem
    resources: tuple[Resource, ...]
    terms: tuple[Term, ...]
    of: NDArray[np.intp]
    members: tuple[Members, ...]
    counts: NDArray[np.bool_]
    at_once: tuple[Members, ...]

    @property
    def cost(self) -> NDArray[np.float64]:
        """Cost of one instance of each commitment [USD over the horizon]."""
        return np.array([term.cost for term in self.terms])

    def held(self, n: NDArray[np.float64], block: int) -> NDArray[np.float64]:
        """Instances of each committed resource in a block, at `n` of each commitment."""
        per_resource = np.bincount(self.of, n * self.counts[block], minlength=len(self.resources))
        return per_resource.astype(np.float64)

    def spread(self, per_resource: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values by (block, committed resource) as values by (block, commitment): 0 where none."""
        return np.asarray(per_resource[:, self.of] * self.counts)

    def named(
        self, n: Sequence[float] | NDArray[np.float64]
    ) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        """Whole counts by resource, and by resource and term, as in a `Solution`."""
        committed: dict[str, int] = {}
        by_term: dict[str, dict[str, int]] = {}
        for r, term, count in zip(self.of, self.terms, n, strict=True):
            resource = self.resources[r]
            if resource.terms:
                by_term.setdefault(resource.id, {})[term.id] = round(count)
            else:
                committed[resource.id] = round(count)
        return committed, by_term


def commitments(problem: Problem) -> Commitments:
    """The commitments that a problem offers."""
    everywhere = tuple(range(len(problem.blocks)))
    resources = tuple(r for r in problem.resources if r.is_committed)
    offered = [
        (i, term)
        for i, r in enumerate(resources)
        for term in r.terms or (Term("", everywhere, instance_cost(problem, r), r.capex),)
    ]
    of = np.array([i for i, _ in offered], dtype=np.intp)
    counts = np.zeros((len(problem.blocks), len(offered)), dtype=np.bool_)
    for k, (_, term) in enumerate(offered):
        counts[list(term.blocks), k] = True
    return Commitments(
        problem,
        resources,
        tuple(term for _, term in offered),
        of,
        tuple(_where(of == i) for i in range(len(resources))),
        counts,
        tuple(dict.fromkeys(map(_where, counts))),
    )


def _where(mask: NDArray[np.bool_]) -> Members:
    return tuple(map(int, np.flatnonzero(mask)))


def in_blocks(resource: Resource, groups: Sequence[Sequence[int]]) -> Resource:
    """The resource in a problem that has a block for each group of like blocks."""
    terms = tuple(
        replace(term, blocks=tuple(i for i, group in enumerate(groups) if group[0] in term.blocks))
        for term in resource.terms
    )
    return replace(resource, terms=terms)


def limit_rows(
    linear: Linear,
    had: Commitments,
    columns: Sequence[int],
    slack_term: Callable[[str, float], list[Entry]] = lambda limit, sign: [],
    holds: Callable[[str], bool] = lambda limit: True,
) -> None:
    """Rows of all limits on commitments that no bound of a single column keeps.

    The least and most instances of a resource, power of each site at any time, and capital.
    `columns` are those of the commitments; `slack_term` and `holds` as in `Model`.
    """
    for resource, members in zip(had.resources, had.members, strict=True):
        least, most = f"min_instances:{resource.id}", f"max_instances:{resource.id}"
        slack = slack_term(least, 1.0)
        if resource.min_instances and holds(least) and (len(members) > 1 or slack):
            terms = [(columns[k], 1.0) for k in members]
            linear.row([*terms, *slack], lower=resource.min_instances)
        if resource.max_instances is None or not holds(most):
            continue
        slack = slack_term(most, -1.0)
        for counted in _together(had, members):
            if len(counted) > 1 or slack:
                terms = [(columns[k], 1.0) for k in counted]
                linear.row([*terms, *slack], upper=resource.max_instances)
    for limit, scaled, most_scaled, scale in _budgets(had, columns):
        if holds(limit):
            linear.row([*scaled, *slack_term(limit, -1.0 / scale)], upper=most_scaled)


def quota_rows(linear: Linear, had: Commitments, columns: Sequence[int]) -> None:
    """What commitments alone may take of each quota, at any time."""
    for name, most in had.problem.quotas.items():
        under = [k for k, r in enumerate(had.of) if name in had.resources[r].quotas]
        for counted in _together(had, under):
            linear.row([(columns[k], 1.0) for k in counted], upper=most)


def _together(had: Commitments, members: Iterable[int]) -> list[Members]:
    """The different sets of those commitments that count at the same time, none empty."""
    wanted = set(members)
    sets = (tuple(k for k in counted if k in wanted) for counted in had.at_once)
    return [counted for counted in dict.fromkeys(sets) if counted]


def _budgets(
    had: Commitments, columns: Sequence[int]
) -> Iterable[tuple[str, list[Entry], float, float]]:
    """Name, terms, limit and scale of each row of power and of capital, divided by the scale."""
    kw = [had.resources[r].kw for r in had.of]
    rows: list[tuple[str, Members, Sequence[float], float]] = []
    for site, most in had.problem.site_kw.items():
        there = [k for k, r in enumerate(had.of) if had.resources[r].site == site]
        rows += [(f"site_kw:{site}", counted, kw, most) for counted in _together(had, there)]
    if had.problem.capex_budget is not None and had.terms:
        capex = [term.capex for term in had.terms]
        everyone = tuple(range(len(had.terms)))
        rows.append(("capex_budget", everyone, capex, had.problem.capex_budget))
    for limit, members, per_instance, most in rows:
        scale = max(most, *(per_instance[k] for k in members)) or 1.0
        yield limit, [(columns[k], per_instance[k] / scale) for k in members], most / scale, scale


def sums(
    linear: Linear, had: Commitments, columns: Sequence[int], resource: int
) -> tuple[int, ...]:
    """A column by block for the instances of a committed resource, by its index.

    It is that of the commitment that counts there, or one more for the sum of several (or none).
    """
    by_set: dict[Members, int] = {}
    out = []
    for counts in had.counts:
        counted = tuple(k for k in had.members[resource] if counts[k])
        if counted not in by_set:
            by_set[counted] = _sum(linear, [columns[k] for k in counted])
        out.append(by_set[counted])
    return tuple(out)


def _sum(linear: Linear, columns: Sequence[int]) -> int:
    if len(columns) == 1:
        return columns[0]
    total = linear.column(0.0, np.inf if columns else 0.0, integer=False)
    if columns:
        linear.row([*((c, 1.0) for c in columns), (total, -1.0)], lower=0.0, upper=0.0)
    return total
