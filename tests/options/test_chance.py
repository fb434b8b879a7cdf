"""With what probability a promise holds, where the time at every speed is known."""

from __future__ import annotations

import math
from statistics import NormalDist

import pytest

from gpumix.options.chance import SUREST, probability_kept

Z80 = NormalDist().inv_cdf(0.8)


@pytest.mark.parametrize("holds_up_to", [0.9, 1.3, 2.0])
@pytest.mark.parametrize("steep", [0.2, 1.0, 4.0])
def test_it_is_that_of_the_slowest_speed_at_which_the_promise_holds(
    holds_up_to: float, steep: float
) -> None:
    """Times rise as exp(steep z): what lies between the last runs is found on the line."""
    found = probability_kept(Z80, 1.0, True, lambda d: math.exp(steep * (Z80 + d - holds_up_to)))
    assert found == pytest.approx(NormalDist().cdf(holds_up_to), abs=1e-6)


@pytest.mark.parametrize("limit_s", [1.0001, 1.05, 1.5, 100.0])
def test_what_is_kept_as_planned_holds_with_that_confidence_at_least(limit_s: float) -> None:
    found = probability_kept(Z80, limit_s, True, lambda d: math.exp(d) if d < 0.5 else math.inf)
    assert 0.8 - 1e-9 <= found <= SUREST


def test_what_is_broken_as_planned_holds_with_less() -> None:
    found = probability_kept(Z80, 0.9, False, lambda d: math.exp(d))
    assert found == pytest.approx(NormalDist().cdf(Z80 + math.log(0.9)), abs=1e-6)
    assert probability_kept(Z80, 1e-6, False, lambda d: math.exp(d)) == pytest.approx(1.0 - SUREST)


def test_without_an_interval_it_is_sure_either_way() -> None:
    assert probability_kept(math.inf, 1.0, True, lambda _: 0.5) == SUREST
    assert probability_kept(math.inf, 1.0, False, lambda _: 1.5) == pytest.approx(1.0 - SUREST)


def test_few_runs_are_enough() -> None:
    asked = []

    def times(deviations: float) -> float:
        asked.append(deviations)
        return math.exp(deviations)

    probability_kept(0.0, 2.0, True, times)
    assert len(asked) <= 6
