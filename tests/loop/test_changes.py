"""The change point of a daily series, and the rate of false alarms that is told."""

from __future__ import annotations

import numpy as np
import pytest

from gpumix.loop.changes import before, days_between_false_alarms, level_of
from gpumix.loop.rules import read_rules

RULES = read_rules()
TOLERATED = 0.14


def noise(seed: int, days: int = 140, sigma: float = 0.05) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, sigma, days)


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("seed", range(20))
def test_a_shift_is_found_where_it_begins(seed: int, sign: float) -> None:
    ratios = noise(seed, 60)
    ratios[40:] += sign * 0.4
    level = level_of(ratios[:47], TOLERATED, TOLERATED, RULES)
    assert level is not None
    assert level.since in (39, 40, 41)
    assert level.low < sign * 0.4 + 0.1
    assert level.high > sign * 0.4 - 0.1


def test_noise_within_what_is_tolerated_alarms_less_often_than_told() -> None:
    """At the worst (no tolerance) one series in 68 alarms in 140 days by the sum alone."""
    alarms = 0
    for seed in range(400):
        level = level_of(noise(seed), 0.0, 0.0, RULES)
        assert level is not None
        alarms += level.since is not None
    worst = days_between_false_alarms(0.5, 8.0)
    assert worst == pytest.approx(9556, rel=0.01)
    assert alarms <= 400 * 3 * 140 / worst


def test_the_false_alarms_of_the_formula_are_those_of_a_run() -> None:
    """By simulation at a threshold that alarms often: 2.5 standard deviations."""
    rng = np.random.default_rng(0)
    allowance, threshold, waits = 0.5, 2.5, []
    for _ in range(600):
        up = down = 0.0
        for day in range(1, 100_000):
            step = rng.normal()
            up, down = max(0.0, up + step - allowance), max(0.0, down - step - allowance)
            if max(up, down) > threshold:
                waits.append(day)
                break
    assert days_between_false_alarms(allowance, threshold) == pytest.approx(
        np.mean(waits), rel=0.15
    )


def test_a_shift_within_what_is_tolerated_and_one_that_went_are_none() -> None:
    for ratios in (noise(1) + 0.1, np.concatenate([noise(2), noise(3) + 0.5, noise(4)])):
        level = level_of(ratios, TOLERATED, TOLERATED, RULES)
        assert level is not None
        assert level.since is None


def test_a_series_that_was_never_as_planned_has_drifted_from_its_first_day() -> None:
    level = level_of(noise(5, 20) - 0.5, TOLERATED, TOLERATED, RULES)
    assert level is not None
    assert level.since == 0


def test_one_side_may_be_free() -> None:
    level = level_of(noise(6, 20) - 0.5, np.inf, TOLERATED, RULES)
    assert level is not None
    assert level.since is None


def test_few_days_tell_nothing() -> None:
    assert level_of(noise(7, 3), TOLERATED, TOLERATED, RULES) is None
    assert before(noise(7, 7), RULES) is None
    assert before(noise(7, 8) + 3.0, RULES) == pytest.approx(3.0, abs=0.1)
