"""The shortlist holds what fractions hide, and its bound is of the whole problem."""

from __future__ import annotations

import importlib
from dataclasses import replace

import pytest

from gpumix.mix import Block, Config, Problem, Resource, Workload, shortlist, shortlists, solve

HOURS = 10.0


def indivisible() -> Problem:
    """A server of eight that is cheap by the unit, a load of nine, and small dearer servers."""
    return Problem(
        "indivisible",
        "units",
        1.0,
        (Block("all", HOURS),),
        (
            Resource("large", "L", "committed", 8, fixed_cost=800.0),
            Resource("small", "S", "committed", 1, fixed_cost=150.0),
            Resource("dear", "D", "committed", 1, fixed_cost=400.0),
        ),
        (Workload("load", "inference", demand=(9.0,)),),
        tuple(Config("load", name, 1, 1.0) for name in ("large", "small", "dear")),
    )


def ids(problem: Problem) -> list[str]:
    return [resource.id for resource in problem.resources]


def test_the_second_relaxation_finds_what_the_first_hides() -> None:
    problem = indivisible()
    best = solve(problem).cost
    assert best == pytest.approx(950.0)
    first, second = (shortlist(problem, rounds=n) for n in (1, 2))
    assert ids(first.problem) == ["large"]
    assert solve(first.problem).cost == pytest.approx(1600.0)
    assert ids(second.problem) == ["large", "small"]
    assert solve(second.problem).cost == pytest.approx(best)


def test_the_bound_is_of_the_whole_problem_whatever_is_kept() -> None:
    problem = indivisible()
    for rounds in (1, 2, 3, 9):
        found = shortlist(problem, rounds=rounds)
        assert found.bound == pytest.approx(900.0)
        assert {c.resource for c in found.problem.configs} == set(ids(found.problem))
    assert ids(found.problem) == ids(problem)


def test_what_is_asked_for_or_stands_stays() -> None:
    problem = indivisible()
    assert ids(shortlist(problem, rounds=1, always=["dear"]).problem) == ["large", "dear"]
    large, small, dear = problem.resources
    stands = replace(problem, resources=(large, small, replace(dear, min_instances=1)))
    assert "dear" in ids(shortlist(stands, rounds=1).problem)


def test_without_a_relaxed_plan_the_problem_stays_whole() -> None:
    problem = replace(
        indivisible(),
        resources=tuple(replace(r, max_instances=0) for r in indivisible().resources),
    )
    found = shortlist(problem, rounds=3)
    assert found.bound is None
    assert found.problem is problem


def test_each_round_is_solved_once_and_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    module = importlib.import_module("gpumix.mix.shortlist")
    solved: list[Problem] = []
    run = module._relaxation
    monkeypatch.setattr(
        module, "_relaxation", lambda p, deadline: solved.append(p) or run(p, deadline)
    )
    rounds = shortlists(indivisible())
    assert [ids(next(rounds).problem) for _ in range(2)] == [["large"], ["large", "small"]]
    assert [ids(problem) for problem in solved] == [["large", "small", "dear"], ["small", "dear"]]
