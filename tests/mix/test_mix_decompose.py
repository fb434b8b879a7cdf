"""Large problems taken apart: the same plan on any machine, feasible, near the bound."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mix_problems import brute_force, random_problem
from mix_sizes import middle

from gpumix.errors import GpumixError, InputError
from gpumix.mix import NORMAL, QUICK, Effort, Problem, Solution, check, price, read_problem, solve
from gpumix.mix.cluster import clusters, coarse
from gpumix.mix.decompose import Task, whole_columns
from gpumix.mix.highs import run
from gpumix.mix.model import build
from gpumix.mix.pool import shared_pools, single_pools
from gpumix.mix.prune import prune

APART = replace(QUICK, exact=0)
"""No problem is searched whole."""

IN_GROUPS = replace(APART, whole=0, clusters=6)
"""Nor its fractions: blocks of like demand first, then Benders' cuts."""


def without_seconds(solution: Solution) -> Solution:
    return replace(solution, seconds=0.0)


@pytest.mark.parametrize("effort", [APART, IN_GROUPS])
def test_one_thread_and_two_find_the_same_plan(effort: Effort) -> None:
    problem = middle(blocks=24)
    one = solve(problem, effort=effort, workers=1)
    assert without_seconds(solve(problem, effort=effort, workers=2)) == without_seconds(one)
    assert without_seconds(solve(problem, effort=effort, workers=1)) == without_seconds(one)


@pytest.mark.parametrize("effort", [APART, IN_GROUPS])
def test_a_plan_of_many_replicas_is_near_the_bound(effort: Effort) -> None:
    problem = middle(blocks=48)
    solution = solve(problem, effort=effort)
    assert check(problem, solution) == []
    assert solution.cost == price(problem, solution)
    assert solution.gap is not None
    assert solution.gap < 0.04


def fractions_of(problem: Problem) -> float:
    """Cost of the fractional problem, solved at once."""
    return run(build(problem, single_pools(problem)).linear.program().relaxed()).bound


def test_the_bound_lies_below_the_fractional_problem_and_close() -> None:
    problem = middle(blocks=48)
    known = fractions_of(problem)
    bound = solve(problem, effort=IN_GROUPS).bound
    assert bound is not None
    # Whole commitments may lift it above the fractions, by less than one instance's cost each.
    assert bound == pytest.approx(known, rel=5e-3)
    groups = clusters(problem, 6)
    assert sorted(p for group in groups for p in group) == list(range(48))
    assert fractions_of(coarse(problem, groups)) <= known * (1 + 1e-6)


def test_random_problems_taken_apart_keep_every_limit() -> None:
    """Every feature, in pieces: never below the optimum, its limits kept, no plan lost."""
    lost, excess = [], []
    for seed in range(120):
        data = random_problem(seed)
        problem = read_problem(data)
        best = brute_force(data)
        for effort in (APART, IN_GROUPS):
            found = tried(problem, effort)
            if best is None:
                assert found is None or found.cost is None, seed
            elif found is None:
                lost.append(seed)
            else:
                excess.append(excess_of(problem, found, best))
    assert len(lost) <= 6, lost
    assert np.mean(excess) < 0.05


def excess_of(problem: Problem, found: Solution, best: float) -> float:
    """How far a plan lies above the optimum (0-1); it keeps all limits, and its bound is one."""
    assert found.cost is not None, problem.name
    assert found.bound is not None, problem.name
    assert check(problem, found) == [], problem.name
    assert price(problem, found) == found.cost, problem.name
    assert found.cost >= best * (1 - 1e-6), problem.name
    assert found.bound <= best * (1 + 1e-6) + 1e-9, problem.name
    return found.cost / best - 1.0 if best else 0.0


def held_against_the_optimum(
    seeds: Iterable[int],
    make: Callable[[int], dict[str, Any]],
    optimum: Callable[[dict[str, Any]], float | None],
) -> tuple[list[int], list[float]]:
    """Random problems searched whole (the optimum, or none) and in pieces: seeds where these lost a
    plan, and how far all that was found lies above the optimum (0-1)."""
    lost, excess = [], []
    for seed in seeds:
        data = make(seed)
        problem, best = read_problem(data), optimum(data)
        solution = solve(problem)
        for found in (solution, tried(problem, APART), tried(problem, IN_GROUPS)):
            if best is None:
                assert found is None or found.status == "infeasible", seed
            elif found is None:
                lost.append(seed)
            else:
                excess.append(excess_of(problem, found, best))
        if best is None:
            assert solution.status == "infeasible", seed
            assert solution.conflict, seed
        else:
            assert solution.cost == pytest.approx(best, rel=1e-6, abs=1e-9), seed
    return lost, excess


def tried(problem: Problem, effort: Effort) -> Solution | None:
    try:
        return solve(problem, effort=effort)
    except GpumixError:
        return None


def test_a_large_problem_without_a_plan_says_why() -> None:
    problem = middle(blocks=24)
    capped = tuple(replace(r, max_instances=1) for r in problem.resources)
    solution = solve(replace(problem, resources=capped), effort=APART)
    assert solution.status == "infeasible"
    assert any(name.startswith(("demand:", "work:")) for name in solution.conflict)
    assert any(name.startswith("max_instances:") for name in solution.conflict)


def test_more_work_costs_no_more() -> None:
    problem = middle(blocks=12)
    quick = solve(problem, effort=APART)
    normal = solve(problem, effort=replace(NORMAL, exact=0))
    assert quick.cost is not None
    assert normal.cost is not None
    assert normal.cost <= quick.cost * (1 + 5e-3)


def test_a_stop_by_the_clock_covers_building_too() -> None:
    with pytest.raises(InputError, match="no plan was found in"):
        solve(middle(blocks=24), effort=APART, time_limit_s=1e-3)


def case(**changes: Any) -> Problem:
    return replace(middle(blocks=12), **changes)


def test_a_budget_holds_in_pieces() -> None:
    problem = case()
    free = solve(problem, effort=IN_GROUPS)
    spent = sum(free.committed.values())
    dear = tuple(replace(r, capex=1.0 if r.is_committed else 0.0) for r in problem.resources)
    tight = replace(problem, resources=dear, capex_budget=float(spent // 2))
    solution = solve(tight, effort=IN_GROUPS)
    assert check(tight, solution) == []
    assert sum(solution.committed.values()) <= spent // 2
    assert solution.cost is not None
    assert free.cost is not None
    assert solution.cost > free.cost


def test_the_columns_of_a_plan_are_a_point_of_the_whole_program() -> None:
    problem = middle(blocks=3)
    plan = solve(problem, effort=APART)
    pruned, kept = prune(problem)
    task = Task(problem, pruned, kept, shared_pools(pruned))
    program = build(pruned, task.pools).linear.program()
    columns = whole_columns(task, build(pruned, task.pools), plan)
    lower, upper = program.lower.copy(), program.upper.copy()
    index = list(columns)
    lower[index] = upper[index] = list(columns.values())
    found = run(replace(program, lower=lower, upper=upper).relaxed())
    assert found.values
    assert plan.cost is not None
    assert program.cost @ np.array(found.values) <= plan.cost * (1.0 + 1e-9)


def test_branch_and_bound_proves_what_was_found_in_pieces() -> None:
    problem = middle(blocks=2)
    apart = solve(problem, effort=APART, gap=0.01)
    whole = solve(problem, effort=replace(APART, exact=10_000), gap=0.01)
    assert apart.cost is not None
    assert whole.cost is not None
    assert whole.cost <= apart.cost
    assert (whole.bound or 0.0) >= (apart.bound or 0.0)
