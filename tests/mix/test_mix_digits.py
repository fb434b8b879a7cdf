"""What processors differ by does not reach the search."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

import numpy as np
import pytest
from mix_problems import random_problem

from gpumix.mix import read_problem, settled, solve


@pytest.mark.parametrize("seed", range(20))
def test_last_digits_are_settled(seed: int) -> None:
    problem = read_problem(random_problem(seed))
    other = nudged(problem, np.random.default_rng(seed))
    assert other != problem
    assert settled(other) == settled(problem)


def test_a_settled_problem_costs_the_same() -> None:
    problem = read_problem(random_problem(7))
    found, other = solve(problem), solve(settled(problem))
    assert found.cost == pytest.approx(other.cost, rel=1e-8)


def test_what_is_no_number_and_what_is_whole_stays() -> None:
    assert settled(("h100", 3, None, float("inf"), 0.0)) == ("h100", 3, None, float("inf"), 0.0)
    assert isinstance(settled(4), int)


def nudged(value: Any, rng: np.random.Generator) -> Any:
    """The same with every float moved to one of its neighbours."""
    if isinstance(value, float):
        return float(np.nextafter(value, rng.choice([-np.inf, np.inf]))) if value else value
    if isinstance(value, tuple):
        return tuple(nudged(one, rng) for one in value)
    if isinstance(value, Mapping):
        return {key: nudged(one, rng) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: nudged(getattr(value, f.name), rng) for f in fields(value)}
        )
    return value
