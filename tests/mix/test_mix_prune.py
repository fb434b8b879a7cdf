"""Pruning drops only what another config always replaces."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpumix.mix import Block, Config, Problem, Resource, Workload
from gpumix.mix.prune import prune
from gpumix.mix.quickxplain import minimal_conflict

PROBLEM = Problem(
    "",
    "",
    1.0,
    (Block("b", 1.0),),
    (Resource("x", "X", "hourly", 8, hourly_cost=1.0),),
    (Workload("w", "inference", demand=(4.0,)),),
    (),
)


def kept(*configs: Config, problem: Problem = PROBLEM) -> tuple[int, ...]:
    return prune(replace(problem, configs=configs))[1]


def workload(**changes: object) -> Problem:
    return replace(PROBLEM, workloads=(replace(PROBLEM.workloads[0], **changes),))


ONE = Config("w", "x", 1, 1.0)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (Config("w", "x", 1, 0.9), (0,)),  # slower
        (Config("w", "x", 1, 1.0, var_cost=0.1), (0,)),  # dearer
        (Config("w", "x", 1, 1.0), (1,)),  # the same
        (Config("w", "x", 2, 1.9), (0,)),  # two of the first do more
        (Config("w", "x", 2, 2.1), (0, 1)),  # faster than two of the first
        (Config("w", "x", 3, 1.9), (0,)),
        (Config("w", "x", 1, 0.0), (0,)),  # delivers nothing
    ],
)
def test_dominated(other: Config, expected: tuple[int, ...]) -> None:
    assert kept(ONE, other) == expected


def test_kept_where_a_limit_could_break() -> None:
    slower = Config("w", "x", 1, 0.9)
    assert kept(replace(ONE, max_replicas=2), slower) == (0, 1)
    assert kept(ONE, slower, problem=workload(n_plus_one=True)) == (0, 1)
    spot = replace(
        workload(max_spot_share=0.5), resources=(replace(PROBLEM.resources[0], spot=True),)
    )
    assert kept(ONE, slower, problem=spot) == (0, 1)
    assert kept(ONE, replace(ONE, var_cost=0.1), problem=spot) == (0,)


def test_classes_compare_class_by_class() -> None:
    problem = workload(demand={"s": (1.0,), "l": (1.0,)})
    both = Config("w", "x", 1, {"s": 2.0, "l": 1.0})
    assert kept(both, Config("w", "x", 1, {"s": 2.0}), problem=problem) == (0,)
    assert kept(both, Config("w", "x", 1, {"s": 2.1}), problem=problem) == (0, 1)


def test_minimal_conflict_prefers_the_first_names() -> None:
    names = list("abcdef")

    def holds(kept_names: object) -> bool:
        have = set(kept_names)  # type: ignore[call-overload]
        return not ({"a", "f"} <= have or {"b", "c", "d"} <= have)

    assert minimal_conflict(names, holds) == ("b", "c", "d")
    assert minimal_conflict(names[2:], holds) == ()
