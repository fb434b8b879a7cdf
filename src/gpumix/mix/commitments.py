"""Commitments as columns: instances that are held in all blocks or a term's, and groups in use.

What a resource has in a block is the sum of its commitments that count there. A group that is used
is a commitment too: of one, for all blocks, at its fixed cost. This is the only module that knows
how they belong to blocks: all others deal in a list of commitments, or in what a block is given:
the instances of each committed resource and whether each group is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.linear import Linear
from gpumix.mix.linear import Term as Entry
from gpumix.mix.problem import Group, Problem, Resource, Term, instance_cost

Members = tuple[int, ...]
"""Numbers of commitments."""


@dataclass(frozen=True, slots=True)
class Commitments:
    """A problem's commitments, in the order of its resources and their terms, then its groups.

    `resources` are the committed ones, `groups` those that cost or are counted; together they are
    what a block is given. `members` are the commitments of each of them, `of` is each commitment's
    index among them. `counts` says by (block, commitment) whether it counts there, `at_once` are
    the different sets that count at the same time. The one commitment of a resource without terms
    has the id ''.
    """

    problem: Problem
    resources: tuple[Resource, ...]
    groups: tuple[Group, ...]
    terms: tuple[Term, ...]
    of: NDArray[np.intp]
    members: tuple[Members, ...]
    counts: NDArray[np.bool_]
    at_once: tuple[Members, ...]

    @property
    def cost(self) -> NDArray[np.float64]:
        """Cost of one of each commitment [USD over the horizon]."""
        return np.array([term.cost for term in self.terms])

    @property
    def resource_of(self) -> list[Resource]:
        """The resource of each commitment; those of groups, which come last, have none."""
        return [self.resources[r] for r in self.of if r < len(self.resources)]

    @property
    def group_columns(self) -> range:
        """The commitments that are groups."""
        return range(len(self.terms) - len(self.groups), len(self.terms))

    def always_run(self, group: Group) -> list[Resource]:
        """Hourly resources of a group that must run in every block: so it must be used."""
        return [
            r
            for r in self.problem.resources
            if r.id in group.resources and not r.is_committed and r.min_instances > 0
        ]

    def held(self, n: NDArray[np.float64], block: int) -> NDArray[np.float64]:
        """What a block is given, at `n` of each commitment."""
        given = np.bincount(self.of, n * self.counts[block], minlength=len(self.members))
        return given.astype(np.float64)

    def spread(self, given: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values by (block, what it is given) as values by (block, commitment): 0 where none."""
        return np.asarray(given[:, self.of] * self.counts)

    def named(
        self, n: Sequence[float] | NDArray[np.float64]
    ) -> tuple[dict[str, int], dict[str, dict[str, int]]]:
        """Whole counts by resource, and by resource and term, as in a `Solution`."""
        committed: dict[str, int] = {}
        by_term: dict[str, dict[str, int]] = {}
        for resource, term, count in zip(self.resource_of, self.terms, n, strict=False):
            if resource.terms:
                by_term.setdefault(resource.id, {})[term.id] = round(count)
            else:
                committed[resource.id] = round(count)
        return committed, by_term


def commitments(problem: Problem) -> Commitments:
    """The commitments that a problem offers."""
    everywhere = tuple(range(len(problem.blocks)))
    resources = tuple(r for r in problem.resources if r.is_committed)
    groups = tuple(
        g
        for g in problem.groups
        if g.fixed_cost > 0.0 or g.capex > 0.0 or any(g.cash) or g.kind in problem.most
    )
    offered = [
        (i, term)
        for i, r in enumerate(resources)
        for term in r.terms or (Term("", everywhere, instance_cost(problem, r), r.capex),)
    ]
    offered += [
        (
            len(resources) + i,
            Term(group.id, everywhere, group.fixed_cost, group.capex, group.cash),
        )
        for i, group in enumerate(groups)
    ]
    of = np.array([i for i, _ in offered], dtype=np.intp)
    counts = np.zeros((len(problem.blocks), len(offered)), dtype=np.bool_)
    for k, (_, term) in enumerate(offered):
        counts[list(term.blocks), k] = True
    return Commitments(
        problem,
        resources,
        groups,
        tuple(term for _, term in offered),
        of,
        tuple(_where(of == i) for i in range(len(resources) + len(groups))),
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

    The least and most instances of a resource, power of each site at any time, capital, groups that
    must be used, and how many of a kind may be. `columns` are those of the commitments, their
    bounds final; `slack_term` and `holds` as in `Model`.
    """
    for resource, members in zip(had.resources, had.members, strict=False):
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
    for k, resource in enumerate(had.resource_of):
        if had.counts[:, k].any():
            used_rows(linear, had, columns, resource, columns[k])
    for kind, most_used in had.problem.most.items():
        limit = f"most:{kind}"
        used = [
            (columns[k], 1.0)
            for k, group in zip(had.group_columns, had.groups, strict=True)
            if group.kind == kind
        ]
        if used and holds(limit):
            linear.row([*used, *slack_term(limit, -1.0)], upper=most_used)


def used_rows(
    linear: Linear, had: Commitments, columns: Sequence[int], resource: Resource, count: int
) -> None:
    """A column of a resource's instances is above 0 only where all groups of it are used."""
    most = linear.upper[count]
    for k, group in zip(had.group_columns, had.groups, strict=True):
        if most > 0.0 and resource.id in group.resources:
            linear.row([(count, 1.0), (columns[k], -most)], upper=0.0)


def quota_rows(linear: Linear, had: Commitments, columns: Sequence[int]) -> None:
    """What commitments alone may take of each quota, at any time."""
    for name, most in had.problem.quotas.items():
        under = [k for k, resource in enumerate(had.resource_of) if name in resource.quotas]
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
    kw = [resource.kw for resource in had.resource_of]
    rows: list[tuple[str, Members, Sequence[float], float]] = []
    for site, most in had.problem.site_kw.items():
        there = [k for k, resource in enumerate(had.resource_of) if resource.site == site]
        rows += [(f"site_kw:{site}", counted, kw, most) for counted in _together(had, there)]
    everyone = tuple(range(len(had.terms)))
    if had.problem.capex_budget is not None and everyone:
        capex = [term.capex for term in had.terms]
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
