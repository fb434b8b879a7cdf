"""Commitments that count in some blocks: exact where small, sound in pieces, the same as before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mix_problems import brute_force, random_problem, random_terms
from mix_sizes import middle
from scipy.optimize import linprog
from scipy.sparse import csr_matrix
from test_mix_decompose import APART, IN_GROUPS, held_against_the_optimum

from gpumix.mix import (
    Block,
    Config,
    Problem,
    Resource,
    Solution,
    Term,
    Workload,
    check,
    conflict,
    instances,
    price,
    read_problem,
    solution_to_dict,
    solve,
)
from gpumix.mix.cluster import clusters, coarse
from gpumix.mix.explain import needed
from gpumix.mix.model import build
from gpumix.mix.pool import single_pools


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_equals_brute_force(first: int) -> None:
    """Searched whole the optimum; in pieces never below it, its limits kept, hardly a plan lost."""
    lost, excess = held_against_the_optimum(range(first, first + 40), random_terms, brute_force)
    assert len(excess) >= 30
    assert len(lost) <= 2, lost
    assert np.mean(excess) < 0.06


def halves(problem: Problem, discount: float = 1.0) -> Problem:
    """Every commitment for the whole, for the first half or for the second."""
    n = len(problem.blocks)
    every, first, second = tuple(range(n)), tuple(range(n // 2)), tuple(range(n // 2, n))

    def dated(r: Resource) -> Resource:
        if not r.is_committed:
            return r
        usd = r.fixed_cost + r.hourly_cost * problem.repeat * problem.cycle_hours
        half = usd * 0.5 * discount
        terms = (Term("all", every, usd), Term("a", first, half), Term("b", second, half))
        return replace(r, fixed_cost=0.0, hourly_cost=0.0, terms=terms)

    return replace(problem, resources=tuple(map(dated, problem.resources)))


def growing(blocks: int) -> Problem:
    """Demand that triples half way."""
    problem = middle(blocks=blocks)
    low = range(blocks // 2)

    def grown(w: Workload) -> Workload:
        if w.is_batch or not isinstance(w.demand, tuple):
            return w
        return replace(w, demand=tuple(d / 3 if p in low else d for p, d in enumerate(w.demand)))

    return replace(problem, workloads=tuple(map(grown, problem.workloads)))


def independent_bound(problem: Problem) -> float:
    """The fractional problem by scipy, of the same columns and rows."""
    program = build(problem, single_pools(problem)).linear.program()
    shape = len(program.row_lower), len(program.cost)
    matrix = csr_matrix((program.value, program.index, program.start), shape)
    upper, lower = np.isfinite(program.row_upper), np.isfinite(program.row_lower)
    found = linprog(
        program.cost,
        A_ub=csr_matrix(np.vstack([matrix[upper].toarray(), -matrix[lower].toarray()])),
        b_ub=np.concatenate([program.row_upper[upper], -program.row_lower[lower]]),
        bounds=list(zip(program.lower, program.upper, strict=True)),
        method="highs-ipm",
    )
    assert found.status == 0
    return float(found.fun)


@pytest.mark.parametrize("effort", [APART, IN_GROUPS])
def test_a_large_plan_with_terms_is_near_an_independent_bound(effort: Any) -> None:
    problem = halves(growing(24), discount=1.1)
    solution = solve(problem, effort=effort)
    assert check(problem, solution) == []
    assert solution.cost == price(problem, solution)
    assert solution.cost is not None
    assert solution.bound is not None
    fractions = independent_bound(problem)
    # Whole commitments may lift the bound above the fractions, by little.
    assert 0.99 * fractions < solution.bound < 1.005 * fractions
    assert solution.cost < 1.04 * fractions
    held = [n for by_term in solution.terms.values() for n in by_term.values()]
    assert sum(held) > 0
    whole = solve(growing(24), effort=effort)
    assert whole.cost is not None
    assert solution.cost < 0.97 * whole.cost


def as_terms(problem: Problem) -> Problem:
    """The same problem, each commitment written as a term of all blocks."""
    every = tuple(range(len(problem.blocks)))

    def dated(r: Resource) -> Resource:
        if not r.is_committed:
            return r
        usd = r.fixed_cost + r.hourly_cost * problem.repeat * problem.cycle_hours
        return replace(
            r, fixed_cost=0.0, hourly_cost=0.0, capex=0.0, terms=(Term("all", every, usd, r.capex),)
        )

    return replace(problem, resources=tuple(map(dated, problem.resources)))


def counts_of(solution: Solution) -> dict[str, int]:
    return {**solution.committed, **{r: sum(n.values()) for r, n in solution.terms.items()}}


def test_one_term_of_all_blocks_is_a_commitment_as_before() -> None:
    for seed in range(40):
        problem = read_problem(random_problem(seed))
        before, after = solve(problem), solve(as_terms(problem))
        assert after.status == before.status, seed
        if before.cost is not None:
            assert after.cost == pytest.approx(before.cost, rel=1e-6, abs=1e-9), seed
    problem = middle(blocks=12)
    before, after = solve(problem, effort=IN_GROUPS), solve(as_terms(problem), effort=IN_GROUPS)
    assert counts_of(after) == counts_of(before)
    assert after.cost == pytest.approx(before.cost, rel=1e-9)


def dated(terms: tuple[Term, ...], **changes: Any) -> Problem:
    """Two blocks, demand 1 and then 3; a server of one GPU by terms, or 5 USD/h."""
    server: dict[str, Any] = {"max_instances": 3, **changes}
    return Problem(
        "",
        "",
        1.0,
        (Block("a", 1.0), Block("b", 1.0)),
        (
            Resource("own", "X", "committed", 1, terms=terms, **server),
            Resource("od", "X", "hourly", 1, hourly_cost=5.0),
        ),
        (Workload("w", "inference", demand=(1.0, 3.0)),),
        (Config("w", "own", 1, 1.0), Config("w", "od", 1, 1.0)),
    )


BOTH = Term("both", (0, 1), 4.0, capex=4.0)
LATER = Term("later", (1,), 3.0, capex=3.0)


def test_what_is_needed_later_is_bought_later() -> None:
    solution = solve(dated((BOTH, LATER)))
    assert solution.terms == {"own": {"both": 1, "later": 2}}
    assert solution.committed == {}
    assert solution.cost == 4.0 + 2 * 3.0
    assert solution_to_dict(solution)["terms"] == {"own": {"both": 1, "later": 2}}
    own = dated((BOTH, LATER)).resources[0]
    assert [instances(solution, own, p) for p in (0, 1)] == [1, 3]


def test_limits_bind_at_any_time_and_the_budget_over_all() -> None:
    first = Term("first", (0,), 1.0, capex=4.0)
    assert solve(dated((first, LATER), max_instances=1)).cost == 1.0 + 3.0 + 2 * 5.0
    powered = replace(dated((first, LATER), kw=2.0, site="s"), site_kw={"s": 4.0})
    assert solve(powered).cost == 1.0 + 2 * 3.0 + 5.0
    budget = replace(dated((first, LATER)), capex_budget=7.0)
    assert solve(budget).cost == 1.0 + 3.0 + 2 * 5.0
    broken = replace(solve(powered), terms={"own": {"first": 1, "later": 3}})
    assert check(powered, broken) == ["site_kw:s"]
    assert check(budget, broken) == ["capex_budget"]


def test_what_is_owned_is_kept_or_sold() -> None:
    """Two servers, worth 10 each: kept (3 left), sold after the first block, or sold at once."""
    terms = (Term("kept", (0, 1), 7.0), Term("sold later", (0,), 5.0), Term("sold", (), 0.5))
    problem = dated(terms, min_instances=2, max_instances=2)
    own, rented = problem.resources
    dear = replace(problem, resources=(own, replace(rented, hourly_cost=8.0)))
    assert solve(dear).terms == {"own": {"kept": 2, "sold later": 0, "sold": 0}}
    cheap = replace(problem, resources=(own, replace(rented, hourly_cost=3.0)))
    solution = solve(cheap)
    assert solution.terms == {"own": {"kept": 0, "sold later": 0, "sold": 2}}
    assert solution.cost == 2 * 0.5 + 4 * 3.0
    none = replace(solution, terms={"own": {"kept": 0, "sold later": 0, "sold": 1}})
    assert check(cheap, none) == ["min_instances:own"]


def test_a_conflict_of_terms_is_told_in_its_limits() -> None:
    problem = dated((BOTH, LATER), max_instances=2)
    problem = replace(problem, resources=problem.resources[:1], configs=problem.configs[:1])
    assert conflict(problem) == ("demand:w", "max_instances:own")
    assert needed(problem, ["max_instances:own"]) == 3.0
    assert needed(problem, ["demand:w"]) == pytest.approx(2 / 3)


def test_blocks_of_different_terms_are_never_put_together() -> None:
    problem = halves(growing(24))
    groups = clusters(problem, 4)
    assert all(len({p < 12 for p in group}) == 1 for group in groups)
    terms = coarse(problem, groups).resources[0].terms
    first = tuple(i for i, group in enumerate(groups) if group[0] < 12)
    assert [t.blocks for t in terms[:2]] == [tuple(range(len(groups))), first]
