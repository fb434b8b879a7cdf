"""Blocks of many replicas by local search: whole, within every limit, near the fractions."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mix_sizes import middle

from gpumix import mix
from gpumix.compiled import sources_hash
from gpumix.mix import NORMAL, QUICK, Problem, check, solve
from gpumix.mix.decompose import Task, _committed, _relaxed
from gpumix.mix.highs import NEVER
from gpumix.mix.local import _search, search
from gpumix.mix.parts import Part, Priced, split
from gpumix.mix.patterns import patterns
from gpumix.mix.pool import shared_pools
from gpumix.mix.prune import prune


def apart(problem: Problem) -> tuple[tuple[Part, ...], Priced]:
    """The problem's blocks, in fractions at whole commitments."""
    pruned, kept = prune(problem)
    task = Task(problem, pruned, kept, shared_pools(pruned))
    relaxed = _relaxed(task, QUICK, NEVER)
    assert relaxed is not None
    parts = split(pruned, task.pools, relaxed.bound, 1, NEVER)
    return parts.parts, _committed(parts, relaxed, QUICK)[0]


@pytest.fixture(scope="module")
def middle_blocks() -> tuple[tuple[Part, ...], Priced]:
    return apart(middle(blocks=12))


def test_a_pattern_covers_the_demand_and_costs_no_less_than_the_fractions(
    middle_blocks: tuple[tuple[Part, ...], Priced],
) -> None:
    parts, priced = middle_blocks
    part, point = parts[3], priced.points[3]
    prices = {q: -float(point.duals[row]) for (q, _), row in part.model.capacity_rows.items()}
    checked = 0
    for workload in part.model.problem.workloads:
        if workload.is_batch:
            continue
        ways = [way for way in part.model.ways_of(workload) if way.highest[0]]
        usd = np.array([way.config.gpus * prices[way.pool] for way in ways])
        made = patterns(part.model, workload, ways, point, usd)
        assert made is not None
        rate = {way.columns[0]: way.config.plain_rate for way in ways}
        spot = {way.columns[0]: way.config.plain_rate * way.resource.spot for way in ways}
        delivered = made.counts @ [rate[int(c)] for c in made.columns]
        of_spot = made.counts @ [spot[int(c)] for c in made.columns]
        assert (delivered >= workload.total_demand(0) * (1 - 1e-9)).all()
        if workload.max_spot_share is not None:
            assert (of_spot <= workload.max_spot_share * delivered * (1 + 1e-9) + 1e-9).all()
        assert (np.diff(made.excess) >= 0.0).all()
        assert made.excess[0] >= -1e-6 * made.fractions_usd
        checked += len(made.excess)
    assert checked > 100


def test_the_same_seed_gives_the_same_block(
    middle_blocks: tuple[tuple[Part, ...], Priced],
) -> None:
    parts, priced = middle_blocks
    part, point = parts[5], priced.points[5]
    program = part.at(priced.n, priced.shares[5])
    one = search(part, program, point, moves=50_000, seed=7)
    assert one is not None
    assert search(part, program, point, moves=50_000, seed=7) == one
    assert all(count == round(count) >= 0.0 for count in one.values())


def test_a_pool_without_room_takes_no_replica() -> None:
    parts, priced = apart(middle(blocks=6))
    part, point = parts[0], priced.points[0]
    n = priced.n.copy()
    n[0] = 0.0
    program = part.at(n, priced.shares[0])
    resource = part.model.problem.resources.index(
        next(r for r in part.model.problem.resources if r.is_committed)
    )
    found = search(part, program, point, moves=50_000, seed=0) or {}
    barred = [
        way.columns[0]
        for way in part.model.ways
        if resource in part.model.pools[way.pool].resources
    ]
    assert all(found.get(column, 0.0) == 0.0 for column in barred)


def test_a_plan_of_many_replicas_is_near_the_bound() -> None:
    problem = middle(blocks=24)
    solution = solve(problem, effort=replace(NORMAL, exact=0, moves=200_000))
    assert check(problem, solution) == []
    assert solution.cost is not None
    assert solution.bound is not None
    assert solution.cost / solution.bound - 1.0 < 0.017


def test_its_machine_code_is_kept_in_the_cache_folder() -> None:
    """Never in the package, and anew for every state of the sources."""
    kept = Path(_search._cache.cache_path)  # type: ignore[attr-defined]
    assert kept.parent == Path(os.environ["GPUMIX_CACHE_DIR"])
    assert kept.name == f"compiled-{sources_hash(mix)}"
