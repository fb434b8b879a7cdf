"""Surviving the loss of an instance that holds replicas of several configs."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from mix_problems import brute_force, lost_together, most_lost, random_problem

from gpumix.mix import (
    Block,
    BlockPlan,
    Config,
    Problem,
    Resource,
    Solution,
    Workload,
    check,
    problem_to_dict,
    read_problem,
    solve,
)


def node(*configs: Config, demand: float = 4.0) -> Problem:
    """One workload on nodes of 8 GPUs at 1 USD/h."""
    return Problem(
        "",
        "",
        1.0,
        (Block("b", 1.0),),
        (Resource("x", "X", "hourly", 8, hourly_cost=1.0),),
        (Workload("w", "inference", demand=(demand,), n_plus_one=True, lost_together=True),),
        configs,
    )


SINGLE, DOUBLE = Config("w", "x", 1, 1.0), Config("w", "x", 2, 2.0)
CUT = Config("", "x", 1, 0.0, cut={"small": 7})
SLICE = Config("w", "x", 0, 0.5, slice="small")


@pytest.mark.parametrize(
    ("problem", "replicas"),
    [
        (node(SINGLE, DOUBLE), (4, 2)),
        (node(SINGLE, CUT, SLICE), (4, 2, 8)),
    ],
)
def test_one_instance_of_two_configs_does_not_survive(
    problem: Problem, replicas: tuple[int, ...]
) -> None:
    plan = BlockPlan("b", {"x": 1}, replicas)
    alone = Solution("optimal", 1.0, 1.0, 0.0, {}, (plan,))
    assert check(problem, alone) == ["n_plus_one:w"]
    found = solve(problem)
    assert check(problem, found) == []
    assert found.cost == 2.0
    apart = replace(problem, workloads=(replace(problem.workloads[0], lost_together=False),))
    assert check(apart, alone) == []  # of each config as many are left as the demand needs


def test_slices_of_two_sizes_on_one_gpu_are_lost_together() -> None:
    """4 small and 1 large on each of two GPUs: 3.75 of 7.5 are lost, more than 7 small alone."""
    mixed = Config("", "x", 1, 0.0, cut={"small": 4, "large": 1})
    large = replace(SLICE, slice="large", rate=1.75)
    configs = (CUT, replace(CUT, cut={"large": 2}), mixed, SLICE, large)
    plan = Solution("optimal", 2.0, 2.0, 0.0, {}, (BlockPlan("b", {"x": 2}, (0, 0, 2, 8, 2)),))
    for demand, broken in ((3.75, []), (3.9, ["n_plus_one:w"])):
        problem = node(*configs, demand=demand)
        gpu = replace(problem.resources[0], gpus_per_instance=1)
        problem = replace(problem, resources=(gpu,))
        assert check(problem, plan) == broken
        found = solve(problem)
        assert check(problem, found) == []
        assert found.cost == 2.0 + bool(broken)


def redundant(seed: int) -> dict[str, Any]:
    """A small random problem whose work survives, with more configs for each resource."""
    rnd, data = random.Random(seed), random_problem(seed)
    for workload in data["workloads"]:
        if isinstance(workload.get("demand"), list):
            workload |= {"n_plus_one": True, "lost_together": True}
    plain = [c for c in data["configs"] if not isinstance(c["rate"], dict)]
    for config in plain[: max(5 - len(data["configs"]), 0)]:
        other = {"gpus": rnd.choice([1, 2, 3, 4]), "rate": round(rnd.uniform(0.6, 2.5), 2)}
        data["configs"].append(config | other)
    return data


@pytest.mark.parametrize("first", range(0, 120, 40))
def test_equals_brute_force(first: int) -> None:
    kept = 0
    for seed in range(first, first + 40):
        data = redundant(seed)
        problem = read_problem(data)
        assert read_problem(problem_to_dict(problem)) == problem
        found, best = solve(problem), brute_force(data)
        assert (found.cost is None) == (best is None), seed
        if best is not None:
            assert found.cost == pytest.approx(best, rel=1e-6, abs=1e-9), seed
            assert check(problem, found) == []
            kept += any(w.n_plus_one for w in problem.workloads)
    assert kept >= 5


def test_no_packing_loses_more() -> None:
    rnd = random.Random(1)
    for _ in range(500):
        gpus = rnd.choice([1, 2, 4, 8])
        mine = [
            ({"gpus": rnd.choice([1, 2, 3, 4, 8, 12]), "rate": rnd.uniform(0.1, 3.0)}, k, {})
            for k in (rnd.randint(0, 6) for _ in range(3))
        ]
        assert most_lost(mine, gpus) <= lost_together(mine, gpus) + 1e-9
