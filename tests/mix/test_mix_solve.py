"""The solver against brute force, its statuses, and what must hold of any problem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mix_problems import brute_force, random_problem, random_quotas

from gpumix.errors import GpumixError, InputError
from gpumix.mix import (
    QUICK,
    Block,
    Config,
    Problem,
    Resource,
    Workload,
    check,
    price,
    read_problem,
    relaxed,
    solution_to_dict,
    solve,
)
from gpumix.mix.effort import NORMAL
from gpumix.mix.highs import run
from gpumix.mix.linear import Linear
from gpumix.mix.pool import shared_pools, single_pools


def cost_of(problem: Problem) -> float:
    """Least cost; infinite without a plan."""
    cost = solve(problem).cost
    return float("inf") if cost is None else cost


@pytest.mark.parametrize("make", [random_problem, random_quotas])
@pytest.mark.parametrize("first", range(0, 150, 50))
def test_equals_brute_force(first: int, make: Callable[[int], dict[str, Any]]) -> None:
    feasible = 0
    for seed in range(first, first + 50):
        data = make(seed)
        problem = read_problem(data)
        solution = solve(problem)
        best = brute_force(data)
        if best is None:
            assert solution.status == "infeasible", seed
            continue
        feasible += 1
        assert solution.cost == pytest.approx(best, rel=1e-6, abs=1e-9), seed
        assert check(problem, solution) == [], seed
        assert price(problem, solution) == solution.cost, seed
    assert feasible >= 15


def town(kinds: tuple[str, ...] = ("1y", "od", "spot"), scale: float = 1.0) -> Problem:
    """Two GPUs, several ways to pay for each, three workloads: resources that share pools."""
    resources, configs = [], []
    for gpu, usd, speed in (("A", 2.0, 1.0), ("H", 4.5, 2.6)):
        for kind in kinds:
            discount = {"1y": 0.6, "3y": 0.45, "od": 1.0, "spot": 0.5}[kind]
            committed = kind in ("1y", "3y")
            cost = usd * discount * 8
            resources.append(
                Resource(
                    f"{gpu}-{kind}",
                    gpu,
                    "committed" if committed else "hourly",
                    8,
                    max_instances=2 if kind == "spot" else None,
                    fixed_cost=cost * 240 if committed else 0.0,
                    hourly_cost=0.0 if committed else cost,
                    spot=kind == "spot",
                )
            )
            for workload, gpus, rate in (("chat", 1, 1.0), ("code", 4, 3.4), ("night", 8, 7.0)):
                configs.append(Config(workload, f"{gpu}-{kind}", gpus, rate * speed))
    return Problem(
        "town",
        "krequests",
        10.0,
        (Block("night", 8.0), Block("day", 16.0)),
        tuple(resources),
        (
            Workload("chat", "inference", demand=(4.0 * scale, 19.0 * scale), max_spot_share=0.5),
            Workload("code", "inference", demand=(2.0 * scale, 11.0 * scale)),
            Workload("night", "batch", work=200.0 * scale, window=(0,)),
        ),
        tuple(configs),
    )


def under(problem: Problem, most: int) -> Problem:
    """The problem with one quota over all of its hourly resources of GPU A, whatever the tariff."""
    resources = tuple(
        replace(r, quotas=("A",)) if r.gpu == "A" and not r.is_committed else r
        for r in problem.resources
    )
    return replace(problem, resources=resources, quotas={"A": most})


def test_a_quota_binds_members_together_and_costs() -> None:
    problem = town(("od", "spot"))
    free = solve(problem)
    running = [b.running["A-od"] + b.running["A-spot"] for b in free.blocks]
    assert cost_of(under(problem, max(running))) == pytest.approx(free.cost, rel=1e-6)
    tight = under(problem, max(running) - 1)
    assert check(tight, free) == ["quota:A"]
    assert cost_of(tight) > (free.cost or 0.0)


@pytest.mark.parametrize("most", [0, 1, 2])
def test_a_plan_found_block_by_block_keeps_the_quotas(most: int) -> None:
    problem = under(town(), most)
    best = cost_of(problem)
    found = solve(problem, effort=replace(QUICK, exact=0))
    assert check(problem, found) == []
    assert found.cost is not None
    assert found.cost >= best * (1.0 - 1e-6)


def test_pools_gather_what_differs_only_in_price() -> None:
    problem = town()
    pools = shared_pools(problem)
    assert [[problem.resources[r].id for r in pool.resources] for pool in pools] == [
        ["A-1y", "A-od"],
        ["A-spot"],
        ["H-1y", "H-od"],
        ["H-spot"],
    ]
    redundant = replace(
        problem,
        workloads=tuple(replace(w, n_plus_one=not w.is_batch) for w in problem.workloads),
    )
    assert shared_pools(redundant) == single_pools(redundant)
    odd = replace(problem, configs=(*problem.configs, Config("chat", "A-od", 3, 9.0)))
    assert ["A-1y", "A-od"] not in [
        [problem.resources[r].id for r in pool.resources] for pool in shared_pools(odd)
    ]


@pytest.mark.parametrize("scale", [0.2, 1.0, 3.7])
def test_pooling_and_pruning_lose_nothing(scale: float, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = town(("1y", "3y", "od", "spot"), scale)
    pooled = solve(problem)
    assert check(problem, pooled) == []
    module = import_module("gpumix.mix.solve")
    monkeypatch.setattr(module, "shared_pools", single_pools)
    monkeypatch.setattr(module, "prune", lambda p: (p, tuple(range(len(p.configs)))))
    assert solve(problem).cost == pytest.approx(pooled.cost, rel=1e-6)


def test_two_runs_find_the_same_plan() -> None:
    problem = town(scale=2.3)
    assert replace(solve(problem), seconds=0.0) == replace(solve(problem), seconds=0.0)


def test_losing_an_instance() -> None:
    """Demand 4 on nodes of 2 GPUs: three nodes, not two; on one spare node of either kind."""
    problem = Problem(
        "",
        "",
        1.0,
        (Block("b", 1.0),),
        (Resource("x", "X", "hourly", 2, hourly_cost=1.0),),
        (Workload("w", "inference", demand=(4.0,), n_plus_one=True),),
        (Config("w", "x", 1, 1.0),),
    )
    solution = solve(problem)
    assert solution.cost == 3.0
    assert solution.blocks[0].replicas == (6,)
    assert relaxed_cost(problem) == 2.0
    broken = replace(
        solution, blocks=(replace(solution.blocks[0], replicas=(5,), running={"x": 3}),)
    )
    assert check(problem, broken) == ["n_plus_one:w"]


def relaxed_cost(problem: Problem) -> float | None:
    return solve(relaxed(problem, "n_plus_one:w", 0.0)).cost


def test_gang_larger_than_an_instance_is_lost_whole() -> None:
    problem = Problem(
        "",
        "",
        1.0,
        (Block("b", 1.0),),
        (Resource("x", "X", "hourly", 8, hourly_cost=1.0),),
        (Workload("w", "inference", demand=(10.0,), n_plus_one=True),),
        (Config("w", "x", 16, 10.0),),
    )
    assert solve(problem).cost == 4.0


def test_delay_is_paid_until_the_work_is_done() -> None:
    """Fast and dear finishes in block 0, slow and cheap in block 1: the cost of delay decides."""

    def problem(delay_cost: float) -> Problem:
        return Problem(
            "",
            "",
            1.0,
            tuple(Block(f"b{p}", 1.0) for p in range(3)),
            (
                Resource("fast", "F", "hourly", 1, hourly_cost=5.0),
                Resource("slow", "S", "hourly", 1, max_instances=1, hourly_cost=1.0),
            ),
            (Workload("w", "batch", work=2.0, delay_cost=delay_cost),),
            (Config("w", "fast", 1, 2.0), Config("w", "slow", 1, 1.0)),
        )

    assert solve(problem(2.0)).cost == 2.0 + 2 * 2.0
    assert solve(problem(4.0)).cost == 5.0 + 4.0


@given(seed=st.integers(0, 10_000), percent=st.integers(1, 60), which=st.integers(0, 10))
@settings(deadline=None, max_examples=25)
def test_dearer_never_lowers_the_cost(seed: int, percent: int, which: int) -> None:
    problem = read_problem(random_problem(seed))
    i = which % len(problem.resources)
    dear = replace(
        problem.resources[i],
        hourly_cost=problem.resources[i].hourly_cost * (1 + percent / 100),
        fixed_cost=problem.resources[i].fixed_cost * (1 + percent / 100),
    )
    resources = (*problem.resources[:i], dear, *problem.resources[i + 1 :])
    assert cost_of(replace(problem, resources=resources)) >= cost_of(problem) * (1 - 1e-9)


@given(seed=st.integers(0, 10_000), percent=st.integers(1, 60))
@settings(deadline=None, max_examples=25)
def test_more_demand_never_lowers_the_cost(seed: int, percent: int) -> None:
    problem = read_problem(random_problem(seed))
    more = problem
    for workload in problem.workloads:
        kind = "work" if workload.is_batch else "demand"
        more = relaxed(more, f"{kind}:{workload.id}", 1 + percent / 100)
    assert cost_of(more) >= cost_of(problem) * (1 - 1e-9)


@given(seed=st.integers(0, 10_000), factor=st.sampled_from([1e-6, 1e-3, 1e3, 1e6]))
@settings(deadline=None, max_examples=20)
def test_the_unit_of_work_does_not_matter(seed: int, factor: float) -> None:
    """Tokens or million tokens: the same plan at the same cost."""
    data = random_problem(seed)
    before = cost_of(read_problem(data))
    for workload in data["workloads"]:
        if workload["kind"] == "batch":
            workload["work"] *= factor
        elif isinstance(workload["demand"], dict):
            for series in workload["demand"].values():
                series[:] = [d * factor for d in series]
        else:
            workload["demand"] = [d * factor for d in workload["demand"]]
    for config in data["configs"]:
        rate = config["rate"]
        config["rate"] = (
            {k: r * factor for k, r in rate.items()} if isinstance(rate, dict) else rate * factor
        )
    assert cost_of(read_problem(data)) == pytest.approx(before, rel=1e-6, abs=1e-9)


def test_nothing_asked_costs_nothing() -> None:
    problem = replace(town(), workloads=(), configs=())
    solution = solve(problem)
    assert (solution.status, solution.cost, solution.bound, solution.gap) == ("optimal", 0, 0, 0)
    assert set(solution.committed) == {"A-1y", "H-1y"}
    assert set(solution.blocks[0].running) == {"A-od", "A-spot", "H-od", "H-spot"}


def test_nothing_to_choose_from() -> None:
    problem = replace(town(), resources=(), configs=())
    assert solve(problem).conflict == ("demand:chat",)


def test_time_limit_gives_a_plan_with_its_gap_or_an_error() -> None:
    problem = town(("1y", "3y", "od", "spot"), scale=9.7)
    try:
        solution = solve(problem, gap=0.0, time_limit_s=0.2)
    except GpumixError as error:
        assert "no plan was found in 0.2 s" in str(error)  # noqa: PT017
        return
    assert solution.status in ("feasible", "optimal")
    assert solution.cost is not None
    assert solution.bound is not None
    assert solution.gap == pytest.approx((solution.cost - solution.bound) / solution.cost)
    assert check(problem, solution) == []


def test_no_time_at_all_is_an_error_not_a_value() -> None:
    with pytest.raises(GpumixError, match="no plan was found in"):
        solve(town(scale=9.7), time_limit_s=1e-9)


def test_bad_problem_is_refused() -> None:
    with pytest.raises(InputError, match=r"repeat: must be at least 1e-09"):
        solve(replace(town(), repeat=0.0))


def test_solver_statuses() -> None:
    linear = Linear()
    x = linear.column(1.0, 10.0)
    linear.row([(x, 2.0)], lower=5.0)
    outcome = run(linear)
    assert (outcome.status, outcome.values, outcome.bound) == ("optimal", (3.0,), 3.0)
    linear.row([(x, 1.0)], upper=2.0)
    assert run(linear).status == "infeasible"
    linear.lower[x] = 11.0
    assert run(linear).status == "infeasible"
    unbounded = Linear()
    unbounded.column(-1.0, np.inf, integer=False)
    with pytest.raises(GpumixError, match="solver stopped"):
        run(unbounded)


def test_a_search_that_is_stopped_tells_the_bound_it_has_proven() -> None:
    """A knapsack of one node: cost and bound hold the optimum between them, in the cost's units."""
    rng = np.random.default_rng(4)
    linear = Linear()
    columns = [linear.column(float(c), 1.0) for c in rng.integers(5000, 9000, 40)]
    for _ in range(5):
        weights = rng.integers(20, 60, 40)
        linear.row([(x, float(w)) for x, w in zip(columns, weights, strict=True)], lower=633.0)
    stopped, whole = run(linear, gap=0.0, node_limit=1), run(linear, gap=1e-4)
    assert stopped.status == "feasible"
    assert whole.status == "optimal"
    best = linear.objective(np.array(whole.values))
    assert 0.9 * best < stopped.bound <= best <= linear.objective(np.array(stopped.values))


def test_solution_form() -> None:
    problem = town()
    form = solution_to_dict(solve(problem))
    assert list(form) == [
        "status",
        "cost",
        "bound",
        "gap",
        "committed",
        "blocks",
        "conflict",
        "seconds",
    ]
    blocks = form["blocks"]
    assert isinstance(blocks, list)
    assert [block["id"] for block in blocks] == ["night", "day"]
    assert all(len(block["replicas"]) == len(problem.configs) for block in blocks)
    assert all("served" not in block for block in blocks)


def test_where_blocks_alone_give_no_plan_there_is_still_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A dear plan that says how little is proven, rather than none."""
    monkeypatch.setattr(import_module("gpumix.mix.solve"), "plans", lambda *_: iter(()))
    problem = read_problem(random_problem(3))
    known = solve(problem)
    found = solve(problem, effort=replace(NORMAL, exact=0))
    assert found.cost is not None
    assert known.cost is not None
    assert not check(problem, found)
    assert found.bound is not None
    assert found.bound <= known.cost * (1.0 + 1e-9) <= found.cost * (1.0 + 2e-9)
