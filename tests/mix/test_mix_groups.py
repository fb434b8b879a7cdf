"""Fixed charges and how many groups may be used: exact where small, near the best in pieces."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from mix_problems import brute_force_groups, random_groups
from mix_sizes import middle
from test_mix_decompose import APART, IN_GROUPS, held_against_the_optimum, tried

from gpumix.mix import (
    Block,
    Config,
    Effort,
    Group,
    Problem,
    Resource,
    Workload,
    check,
    conflict,
    price,
    relaxed,
    restricted,
    solve,
    used_groups,
)
from gpumix.mix.explain import needed


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_equals_the_best_of_every_set_of_groups(first: int) -> None:
    """Searched whole the optimum; in pieces never below it, its limits kept, hardly a plan lost."""
    lost, excess = held_against_the_optimum(
        range(first, first + 40), random_groups, brute_force_groups
    )
    assert len(excess) >= 24
    assert len(lost) <= 2, lost
    assert np.mean(excess) < 0.02


def by_gpu(problem: Problem, usd: float = 0.0) -> Problem:
    """A group for each GPU type, each at a fixed cost."""
    gpus = dict.fromkeys(r.gpu for r in problem.resources)
    groups = tuple(
        Group(gpu, tuple(r.id for r in problem.resources if r.gpu == gpu), usd, "gpu")
        for gpu in gpus
    )
    return replace(problem, groups=groups)


@pytest.mark.parametrize("effort", [APART, IN_GROUPS])
def test_a_large_plan_of_two_types_is_as_good_as_that_of_the_best_two(effort: Effort) -> None:
    problem = middle(blocks=6)
    two = replace(by_gpu(problem), most={"gpu": 2})
    solution = solve(two, effort=effort)
    assert check(two, solution) == []
    assert solution.cost is not None
    assert solution.bound is not None
    assert len(used_groups(two, solution)) == 2
    gpus = sorted({r.gpu for r in problem.resources})
    costs = []
    for pair in combinations(gpus, 2):
        only = solve(restricted(problem, lambda r, pair=pair: r.gpu in pair), effort=IN_GROUPS)
        assert only.cost is not None
        costs.append(only.cost)
    assert solution.cost < 1.01 * min(costs)
    assert solution.bound < min(costs)
    assert solution.cost < 1.06 * solution.bound


def test_a_fixed_cost_is_worth_its_saving_or_not_paid() -> None:
    problem = middle(blocks=6)
    free = solve(problem, effort=IN_GROUPS)
    dear = by_gpu(problem, usd=0.05 * (free.cost or 0.0))
    solution = solve(dear, effort=IN_GROUPS)
    assert check(dear, solution) == []
    used = used_groups(dear, solution)
    assert 0 < len(used) < len(used_groups(dear, free))
    everything = price(dear, free)
    assert solution.cost is not None
    assert solution.cost < everything


def two_providers(**changes: object) -> Problem:
    """Demand 1 and then 2; a rents for 1, b for 2 USD/h, no more than one instance each."""
    problem = Problem(
        "",
        "",
        1.0,
        (Block("p", 1.0), Block("q", 1.0)),
        (
            Resource("a", "X", "hourly", 1, max_instances=1, hourly_cost=1.0),
            Resource("b", "Y", "hourly", 1, max_instances=1, hourly_cost=2.0),
            Resource("c", "Y", "committed", 1, fixed_cost=6.0),
        ),
        (Workload("w", "inference", demand=(1.0, 2.0)),),
        tuple(Config("w", r, 1, 1.0) for r in "abc"),
        groups=(
            Group("A", ("a",), 3.0, "provider"),
            Group("B", ("b", "c"), 3.0, "provider"),
        ),
    )
    return replace(problem, **changes)  # type: ignore[arg-type]


def test_a_group_is_paid_for_once_it_is_used() -> None:
    problem = two_providers()
    solution = solve(problem)
    assert solution.cost == 1.0 + 1.0 + 2.0 + 3.0 + 3.0
    assert [g.id for g in used_groups(problem, solution)] == ["A", "B"]
    dear = replace(problem, groups=(replace(problem.groups[0], fixed_cost=9.0), problem.groups[1]))
    alone = solve(dear)
    assert alone.cost == 6.0 + 2.0 + 3.0
    assert [g.id for g in used_groups(dear, alone)] == ["B"]
    assert check(replace(problem, most={"provider": 1}), solution) == ["most:provider"]


def test_a_conflict_names_how_many_may_be_used() -> None:
    problem = two_providers(most={"provider": 1})
    problem = restricted(problem, ("a", "b"))
    assert problem.groups[1].resources == ("b",)
    names = conflict(problem)
    assert names == ("demand:w", "most:provider", "max_instances:a", "max_instances:b")
    assert needed(problem, ["most:provider"]) == 2.0
    assert solve(relaxed(problem, "most:provider", 2.0)).status == "optimal"


@pytest.mark.parametrize("effort", [APART, IN_GROUPS])
def test_what_whole_groups_cannot_do_is_no_plan(effort: Effort) -> None:
    """Half of each provider would do, by fractions; the verdict is never a plan that breaks it."""
    problem = restricted(two_providers(most={"provider": 1}), ("a", "b"))
    found = tried(problem, effort)
    assert found is None or found.status == "infeasible"


@pytest.mark.parametrize(("budget", "held"), [(14.0, 0), (15.0, 1)])
def test_a_group_that_is_used_takes_of_the_budget(budget: float, held: int) -> None:
    problem = Problem(
        "fit-out",
        "units",
        1.0,
        (Block("hour", 1.0),),
        (
            Resource("own", "x", "committed", 1, fixed_cost=10.0, capex=10.0),
            Resource("rent", "x", "hourly", 1, hourly_cost=100.0),
        ),
        (Workload("w", "inference", demand=(5.0,)),),
        (Config("w", "own", 1, 10.0), Config("w", "rent", 1, 10.0)),
        capex_budget=budget,
        groups=(Group("site", ("own",), capex=5.0),),
    )
    solution = solve(problem)
    assert solution.committed == {"own": held}
    assert check(problem, solution) == []
    bought = replace(solution, committed={"own": 1})
    assert ("capex_budget" in check(problem, bought)) == (not held)
