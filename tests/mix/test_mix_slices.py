"""GPUs cut into slices: against trying every plan, over pools, and what the format refuses."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from gpumix.errors import InputError
from gpumix.mix import (
    QUICK,
    check,
    delivered_rate,
    price,
    problem_to_dict,
    read_problem,
    solve,
)
from gpumix.mix.pool import shared_pools

CUTS = ({"s": 3}, {"s": 1, "l": 1}, {"l": 1, "m": 1}, {"m": 2})


def random_sliced(seed: int) -> dict[str, Any]:
    """Some workloads on GPUs that may be cut, one or two to an instance."""
    rnd = random.Random(seed)
    workloads = [
        {"id": f"w{i}", "kind": "inference", "demand": [round(rnd.uniform(0.2, 2.0), 1)]}
        for i in range(rnd.choice([1, 2, 2]))
    ]
    resources = [
        {
            "id": f"r{i}",
            "gpu": "X",
            "kind": rnd.choice(["hourly", "committed"]),
            "gpus_per_instance": rnd.choice([1, 2]),
            "max_instances": rnd.choice([1, 2]),
            "hourly_cost": round(rnd.uniform(1.0, 3.0), 2),
        }
        for i in range(rnd.choice([1, 1, 2]) if len(workloads) == 1 else 1)
    ]
    configs: list[dict[str, Any]] = []
    for resource in resources:
        configs += [
            {"resource": resource["id"], "cut": cut} for cut in rnd.sample(CUTS, rnd.randint(1, 3))
        ]
        names = {name for c in configs if c["resource"] == resource["id"] for name in c["cut"]}
        for workload in workloads:
            way = {"workload": workload["id"], "resource": resource["id"]}
            rate = round(rnd.uniform(0.6, 1.4), 2)
            for name in rnd.sample(sorted(names), rnd.randint(1, min(len(names), 2))):
                configs.append(way | {"slice": name, "rate": rate})
        for workload in workloads:
            if rnd.random() < 0.5:
                way = {"workload": workload["id"], "resource": resource["id"]}
                configs.append(way | {"gpus": rnd.choice([1, 2]), "rate": 2.1})
        configs.sort(key=lambda c: "cut" not in c)
    return {
        "repeat": 1,
        "blocks": [{"id": "b", "hours": 1}],
        "resources": resources,
        "workloads": workloads,
        "configs": configs,
    }


def gpus_for(slices: tuple[tuple[str, int], ...], cuts: tuple[tuple[tuple[str, int], ...], ...]):
    """Fewest GPUs that give these slices: each GPU in turn cut in every way; None = impossible."""

    @cache
    def fewest(left: tuple[tuple[str, int], ...]) -> float:
        if not left:
            return 0.0
        best = float("inf")
        for cut in cuts:
            rest = Counter(dict(left)) - Counter(dict(cut))
            if rest != Counter(dict(left)):
                best = min(best, 1.0 + fewest(tuple(sorted(rest.items()))))
        return best

    return fewest(slices)


def brute_force(data: dict[str, Any]) -> float | None:
    """Least cost over all counts of replicas."""
    best: float | None = None
    takers = [c for c in data["configs"] if "cut" not in c]
    by_id = {r["id"]: r for r in data["resources"]}
    demand = {w["id"]: w["demand"][0] for w in data["workloads"]}
    cuts = {
        r: tuple(
            tuple(sorted(c["cut"].items()))
            for c in data["configs"]
            if c["resource"] == r and "cut" in c
        )
        for r in by_id
    }
    ranges = [range(-int(-demand[c["workload"]] // c["rate"]) + 1) for c in takers]
    for z in itertools.product(*ranges):
        done = dict.fromkeys(demand, 0.0)
        for c, n in zip(takers, z, strict=True):
            done[c["workload"]] += c["rate"] * n
        if any(done[w] < units - 1e-9 for w, units in demand.items()):
            continue
        cost = 0.0
        for r, resource in by_id.items():
            whole = sum(
                c["gpus"] * n
                for c, n in zip(takers, z, strict=True)
                if c["resource"] == r and "gpus" in c
            )
            parts = Counter(
                {
                    name: sum(
                        n
                        for c, n in zip(takers, z, strict=True)
                        if c["resource"] == r and c.get("slice") == name
                    )
                    for name in ("s", "m", "l")
                }
            )
            gpus = whole + gpus_for(tuple(sorted((+parts).items())), cuts[r])
            instances = -(-gpus // resource["gpus_per_instance"])
            if instances > resource["max_instances"]:
                break
            cost += instances * resource["hourly_cost"]
        else:
            if best is None or cost < best:
                best = cost
    return best


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_equals_brute_force(first: int) -> None:
    feasible = 0
    for seed in range(first, first + 20):
        data = random_sliced(seed)
        problem = read_problem(data)
        solution = solve(problem)
        best = brute_force(data)
        if best is None:
            assert solution.status == "infeasible", seed
            continue
        feasible += 1
        assert solution.cost == pytest.approx(best, rel=1e-6), seed
        assert check(problem, solution) == [], seed
        assert price(problem, solution) == solution.cost, seed
    assert feasible >= 5


def fleet(workloads: int, blocks: int = 1) -> dict[str, Any]:
    """Small workloads that each need a seventh of a GPU, which is paid for in two ways."""
    resources = ("held", "rented")
    return {
        "repeat": 1,
        "blocks": [{"id": f"b{p}", "hours": 1} for p in range(blocks)],
        "resources": [
            {
                "id": "held", "gpu": "H", "kind": "committed", "gpus_per_instance": 1,
                "hourly_cost": 1.0,
            },
            {
                "id": "rented", "gpu": "H", "kind": "hourly", "gpus_per_instance": 1,
                "hourly_cost": 1.5,
            },
        ],
        "workloads": [
            {"id": f"w{i}", "kind": "inference", "demand": [1.0] * blocks}
            for i in range(workloads)
        ],
        "configs": [
            config
            for r in resources
            for config in (
                {"resource": r, "cut": {"1g": 7}},
                {"resource": r, "cut": {"1g": 4, "3g": 1}},
                *({"workload": f"w{i}", "resource": r, "slice": "1g", "rate": 1.0}
                  for i in range(workloads)),
                *({"workload": f"w{i}", "resource": r, "gpus": 1, "rate": 7.0}
                  for i in range(workloads)),
            )
        ],
    }  # fmt: skip


def test_ten_small_workloads_fit_on_two_gpus() -> None:
    problem = read_problem(fleet(10))
    assert len(shared_pools(problem)) == 1  # however they are paid for, one count of replicas
    solution = solve(problem)
    assert solution.status == "optimal"
    assert (solution.committed, solution.blocks[0].running) == ({"held": 2}, {"rented": 0})


def test_large_problems_keep_their_cuts() -> None:
    """Taken apart, and dived through: more than 40 replicas in a block."""
    problem = read_problem(fleet(50, blocks=6))
    solution = solve(problem, effort=replace(QUICK, exact=0))
    assert check(problem, solution) == []
    for block in solution.blocks:
        for workload in problem.workloads:
            assert delivered_rate(problem, block, workload.id) >= 1.0 - 1e-8
    assert solution.cost is not None
    assert solution.cost <= 1.2 * 8 * 6  # 50 sevenths need 8 GPUs


def test_a_lost_gpu_takes_all_its_slices() -> None:
    """N+1: as many slices as a GPU holds may stop, so those of one supply do not do."""
    data = fleet(1)
    data["workloads"][0]["n_plus_one"] = True
    data["configs"] = [c for c in data["configs"] if c.get("slice") or "1g" in c.get("cut", {})]
    solution = solve(read_problem(data))
    assert solution.committed["held"] + solution.blocks[0].running["rented"] >= 2


def test_a_plan_that_takes_more_slices_than_are_cut_is_refused() -> None:
    problem = read_problem(fleet(8))
    solution = solve(problem)
    block = solution.blocks[0]
    uncut = tuple(
        0 if config.cut else z for config, z in zip(problem.configs, block.replicas, strict=True)
    )
    broken = check(problem, replace(solution, blocks=(replace(block, replicas=uncut),)))
    assert any(name.startswith("slices:") for name in broken)


def test_written_and_read_again() -> None:
    problem = read_problem(fleet(2))
    assert read_problem(problem_to_dict(problem)) == problem


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"slice": "2g", "gpus": None}, "configs[2].slice"),
        ({"gpus": 1}, "configs[2].gpus"),
        ({"cut": {"1g": 7}}, "configs[2].workload"),
        ({"cut": {"1g": 0}}, "configs[2].cut.1g"),
    ],
)
def test_faults_are_named(change: dict[str, Any], place: str) -> None:
    data = fleet(1)
    data["configs"][2] |= change
    with pytest.raises(InputError) as error:
        read_problem(data)
    assert place in [problem.place for problem in error.value.problems]
