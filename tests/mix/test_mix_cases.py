"""The published mix problems and Mélange instances: same cost, and a plan that holds."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpumix.mix import Problem, Solution, check, read_problem, restricted, solution_to_dict, solve

CASES = Path(__file__).parents[1] / "cases"
MIX = sorted((CASES / "mix").glob("*.json"))
MELANGE = sorted((CASES / "melange").glob("*.json"))


def load(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def repriced(case: dict[str, Any], plan: dict[str, Any]) -> float:
    """The plan's cost, from the JSON of problem and solution alone."""
    hours = [block["hours"] for block in case["blocks"]]
    cost = 0.0
    for r in case["resources"]:
        per_hour = r.get("hourly_cost", 0.0) * case["repeat"]
        if r["kind"] == "committed":
            cost += plan["committed"][r["id"]] * (r.get("fixed_cost", 0.0) + per_hour * sum(hours))
        else:
            for h, block in zip(hours, plan["blocks"], strict=True):
                cost += block["running"][r["id"]] * per_hour * h
    for h, block in zip(hours, plan["blocks"], strict=True):
        for config, z in zip(case["configs"], block["replicas"], strict=True):
            cost += z * config.get("var_cost", 0.0) * h * case["repeat"]
    for w in case["workloads"]:
        for p, h in enumerate(hours):
            if w["kind"] == "batch" and units(case, plan, w, range(p)) < w["work"] - 1e-9:
                cost += w.get("delay_cost", 0.0) * h * case["repeat"]
    return cost


def units(case: dict[str, Any], plan: dict[str, Any], w: dict[str, Any], blocks: range) -> float:
    return sum(
        config["rate"] * plan["blocks"][p]["replicas"][c] * case["blocks"][p]["hours"]
        for p in blocks
        if p in w.get("window", range(len(case["blocks"])))
        for c, config in enumerate(case["configs"])
        if config["workload"] == w["id"]
    )


def assert_holds(case: dict[str, Any], plan: dict[str, Any]) -> None:
    """Every constraint that occurs in the published cases, checked on the JSON."""
    every = range(len(case["blocks"]))
    for w in case["workloads"]:
        if w["kind"] == "batch":
            assert units(case, plan, w, every) >= w["work"] - 1e-9
        else:
            for p in every:
                hours = case["blocks"][p]["hours"]
                delivered = units(case, plan, w, range(p, p + 1)) / hours
                assert delivered >= w["demand"][p] - 1e-9
    for r in case["resources"]:
        for block in plan["blocks"]:
            n = {**plan["committed"], **block["running"]}[r["id"]]
            assert n <= r["max_instances"]
            used = sum(
                config["gpus"] * z
                for config, z in zip(case["configs"], block["replicas"], strict=True)
                if config["resource"] == r["id"]
            )
            assert used <= r["gpus_per_instance"] * n
    for block in plan["blocks"]:
        for config, z in zip(case["configs"], block["replicas"], strict=True):
            assert 0 <= z <= config.get("max_replicas", z)


@pytest.mark.parametrize("path", MIX, ids=lambda p: p.stem)
def test_published_optimum(path: Path) -> None:
    case = load(path)
    problem = read_problem(case, path.name)
    solution = solve(problem)
    plan = json.loads(json.dumps(solution_to_dict(solution)))
    assert plan["status"] == case["optimum"]["status"]
    if case["optimum"]["cost"] is None:
        assert (plan["cost"], plan["bound"], plan["gap"]) == (None, None, None)
        assert (plan["committed"], plan["blocks"]) == ({}, [])
        return
    assert plan["cost"] == pytest.approx(case["optimum"]["cost"], rel=1e-6)
    assert plan["bound"] == pytest.approx(case["optimum"]["cost"], rel=1e-6)
    assert plan["gap"] <= 1e-6
    assert repriced(case, plan) == pytest.approx(plan["cost"], rel=1e-12)
    assert_holds(case, plan)
    assert check(problem, solution) == []
    assert plan["conflict"] == []
    assert plan["committed"] == case["optimum"]["committed"]


def test_published_conflict() -> None:
    case = load(CASES / "mix" / "s13_infeasible_says_why.json")
    assert solve(read_problem(case)).conflict == ("demand:premium", "site_kw:dc")


@pytest.mark.parametrize(
    ("path", "gpu", "cost"),
    [
        pytest.param(path, gpu, cost, id=f"{path.stem}-{gpu}")
        for path in MIX
        for gpu, cost in load(path)["forced_single_gpu_type_cost"]["cost"].items()
    ],
)
def test_published_cost_of_one_gpu_type(path: Path, gpu: str, cost: float | None) -> None:
    problem = read_problem(load(path))
    lifted = replace(
        problem,
        resources=tuple(
            r if r.is_committed else replace(r, max_instances=60) for r in problem.resources
        ),
    )
    solution = solve(restricted(lifted, lambda r: r.gpu == gpu))
    if cost is None:
        assert solution.status == "infeasible"
    else:
        assert solution.cost == pytest.approx(cost, rel=1e-6)


def melange_problem(case: dict[str, Any]) -> Problem:
    """A Mélange instance: each bucket a request class, each GPU type an hourly resource."""
    rates = {
        f"{i},{j}": share * case["total_request_rate"]
        for i, row in enumerate(case["workload_distribution"])
        for j, share in enumerate(row)
        if share > 0.0
    }

    def throughput(gpu: dict[str, Any], bucket: str) -> float:
        i, j = map(int, bucket.split(","))
        return gpu["tputs"][i][j]

    return read_problem(
        {
            "repeat": 1,
            "blocks": [{"id": "hour", "hours": 1}],
            "resources": [
                {
                    "id": name,
                    "gpu": name,
                    "kind": "hourly",
                    "gpus_per_instance": 1,
                    "hourly_cost": gpu["cost"],
                }
                for name, gpu in case["gpu_info"].items()
            ],
            "workloads": [
                {"id": "w", "kind": "inference", "demand": {b: [r] for b, r in rates.items()}}
            ],
            "configs": [
                {
                    "workload": "w",
                    "resource": name,
                    "gpus": 1,
                    "rate": {b: throughput(gpu, b) for b in rates if throughput(gpu, b) > 0.0},
                }
                for name, gpu in case["gpu_info"].items()
            ],
        }
    )


def served_exactly(problem: Problem, solution: Solution) -> bool:
    demand = problem.workloads[0].class_demand(0)
    served = solution.blocks[0].served
    return all(
        sum(s.get(bucket, 0.0) for s in served) == pytest.approx(units, rel=1e-9)
        for bucket, units in demand.items()
    )


@pytest.mark.parametrize("path", MELANGE, ids=lambda p: p.stem)
def test_melange_instance(path: Path) -> None:
    case = load(path)
    problem = melange_problem(case)
    solution = solve(problem)
    assert solution.status == "optimal"
    assert solution.cost == pytest.approx(case["reference_exact"]["cost"], rel=1e-6)
    assert solution.cost is not None
    assert solution.cost >= case["lp_bound"] - 1e-9
    assert solution.bound is not None
    assert solution.bound <= solution.cost * (1.0 + 1e-9)
    assert all(
        solution.cost <= answer["cost"] + 1e-9
        for answer in case["melange"].values()
        if answer.get("cost") is not None
    )
    assert check(problem, solution) == []
    assert served_exactly(problem, solution)
    for config, z, served in zip(
        problem.configs, solution.blocks[0].replicas, solution.blocks[0].served, strict=True
    ):
        assert sum(u / config.class_rate[b] for b, u in served.items()) <= z * (1 + 1e-9)
