"""Conflicts are conflicts, and none of their limits is to spare; the way out is a way out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mix_problems import random_problem, random_quotas

from gpumix.mix import (
    Problem,
    conflict,
    limits,
    needed,
    price,
    read_problem,
    relaxed,
    restricted,
    solve,
)

CASES = Path(__file__).parents[1] / "cases" / "mix"


def case(name: str) -> Problem:
    (path,) = CASES.glob(f"{name}_*.json")
    return read_problem(json.loads(path.read_text(encoding="utf-8")))


def without(problem: Problem, limit: str) -> Problem:
    """The problem with one limit taken away, by editing its records."""
    kind, _, name = limit.partition(":")
    if kind == "site_kw":
        return replace(problem, site_kw={s: kw for s, kw in problem.site_kw.items() if s != name})
    if kind == "capex_budget":
        return replace(problem, capex_budget=None)
    if kind == "quota":
        return replace(
            problem,
            quotas={q: n for q, n in problem.quotas.items() if q != name},
            resources=tuple(
                replace(r, quotas=tuple(q for q in r.quotas if q != name))
                for r in problem.resources
            ),
        )
    if kind == "max_replicas":
        configs = tuple(
            replace(c, max_replicas=None) if f"{c.workload}/{c.resource}" == name else c
            for c in problem.configs
        )
        return replace(problem, configs=configs)
    if kind in ("max_instances", "min_instances"):
        resources = tuple(
            replace(r, **{kind: None if kind == "max_instances" else 0}) if r.id == name else r
            for r in problem.resources
        )
        return replace(problem, resources=resources)
    if kind == "max_spot_share":
        workloads = tuple(
            replace(w, max_spot_share=None) if w.id == name else w for w in problem.workloads
        )
        return replace(problem, workloads=workloads)
    return relaxed(problem, limit, 0.0)


def infeasible_problems(
    wanted: int, make: Callable[[int], dict[str, Any]] = random_problem
) -> list[Problem]:
    found = []
    for seed in range(1000):
        problem = read_problem(make(seed))
        if solve(problem).status == "infeasible":
            found.append(problem)
        if len(found) == wanted:
            break
    return found


def test_conflicts_are_irreducible() -> None:
    seen = set()
    for problem in [*infeasible_problems(60), *infeasible_problems(30, random_quotas)]:
        names = conflict(problem)
        seen |= {name.split(":")[0] for name in names}
        assert names
        bare = problem
        for limit in limits(problem):
            if limit not in names:
                bare = without(bare, limit)
        assert solve(bare).status == "infeasible"
        for limit in names:
            assert solve(without(bare, limit)).status == "optimal", (problem.name, names, limit)
    assert seen >= {"demand", "work", "n_plus_one", "max_instances", "max_spot_share", "quota"}


def test_the_least_move_of_a_limit_is_enough_and_no_less_is() -> None:
    moved: Counter[str] = Counter()
    for problem in [*infeasible_problems(40), *infeasible_problems(30, random_quotas)]:
        for limit in conflict(problem):
            value = needed(problem, [limit])
            if value is None:
                assert solve(without(problem, limit)).status == "infeasible"
                continue
            kind = limit.split(":")[0]
            moved[kind] += 1
            whole = kind in (
                "quota",
                "max_instances",
                "min_instances",
                "max_replicas",
                "n_plus_one",
            )
            if kind in ("demand", "work"):
                slightly = 1.0 - 1e-6
                enough = relaxed(problem, limit, value * slightly)
                short = relaxed(problem, limit, value * 1.001 + 1e-3)
            else:
                enough = relaxed(problem, limit, value)
                step = 1.0 if whole else 2e-3
                falls = kind in ("min_instances", "n_plus_one")
                short = relaxed(problem, limit, value + (step if falls else -step))
            assert solve(enough).status == "optimal", (problem.name, limit, value)
            assert solve(short).status == "infeasible", (problem.name, limit, value)
    assert moved.total() > 40
    assert moved["quota"] >= 5


def test_published_conflict_and_its_ways_out() -> None:
    problem = case("s13")
    assert set(conflict(problem)) == {"site_kw:dc", "demand:premium"}
    assert needed(problem, ["site_kw:dc"]) == pytest.approx(10.2)
    assert needed(problem, ["demand:premium"]) == 0.0


def test_limits_of_one_value_move_together() -> None:
    """Three offers of one instance each, for work of 4.5: one of them has three, or each two."""
    problem = case("s02")
    alike = tuple(replace(r, max_instances=1, kind="hourly") for r in problem.resources)
    (workload, *_) = problem.workloads
    most = max(c.plain_rate * (alike[0].gpus_per_instance // c.gpus) for c in problem.configs)
    demand = tuple(1.5 * len(alike) * most for _ in problem.blocks)
    tight = replace(problem, resources=alike, workloads=(replace(workload, demand=demand),))
    names = [f"max_instances:{r.id}" for r in alike]
    assert needed(tight, names[:1]) == 3.0
    assert needed(tight, names) == 2.0


def test_no_conflict_in_a_problem_with_a_plan() -> None:
    assert conflict(case("s02")) == ()


def test_more_owned_than_allowed() -> None:
    problem = case("s02")
    odd = replace(problem.resources[0], min_instances=3, max_instances=2)
    problem = replace(problem, resources=(odd, *problem.resources[1:]))
    assert solve(problem).conflict == ("max_instances:od", "min_instances:od")


def test_restricted_drops_resources_with_their_configs() -> None:
    problem = case("s10")
    left = restricted(problem, {"a100x8"})
    assert [r.id for r in left.resources] == ["a100x8"]
    assert [c.resource for c in left.configs] == ["a100x8", "a100x8"]
    assert solve(left).cost == pytest.approx(12422.4)


def test_price_of_a_plan_that_was_not_solved_for() -> None:
    problem = case("s02")
    solution = solve(problem)
    more = replace(solution, committed={**solution.committed, "res1y": 2})
    assert price(problem, more) == pytest.approx((solution.cost or 0.0) + 10512.0)
