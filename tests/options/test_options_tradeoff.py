"""Cost against time: which runs are shown, and from which value of a day each one wins."""

from __future__ import annotations

import pytest

from gpumix.domain.job import ParetoRun
from gpumix.options.tradeoff import front
from gpumix.units import SECONDS_PER_HOUR


def run(gpus: int, usd: float, days: float) -> ParetoRun:
    seconds = days * 24.0 * SECONDS_PER_HOUR
    return ParetoRun("h100-sxm-80gb", gpus, "on_demand", seconds, seconds, usd, None)


def shown(*runs: ParetoRun) -> dict[int, float | None]:
    return {r.gpus: r.wins_from_usd_per_day for r in front(runs)}


def test_a_run_wins_from_the_value_of_a_day_at_which_its_price_is_saved() -> None:
    found = shown(run(8, 1000.0, 10.0), run(16, 1400.0, 6.0), run(32, 2400.0, 4.0))
    assert found == {8: 0.0, 16: pytest.approx(100.0), 32: pytest.approx(500.0)}


def test_a_run_that_never_wins_is_shown_without_a_value() -> None:
    """Between two others, and dearer than any mix of them."""
    assert shown(run(8, 1000.0, 10.0), run(16, 1900.0, 7.0), run(32, 2000.0, 4.0))[16] is None


def test_a_run_that_only_draws_level_never_wins() -> None:
    """On the line between two others one of them is as good at every value of a day."""
    found = shown(run(8, 1000.0, 8.0), run(16, 1512.0, 6.0), run(32, 2024.0, 4.0))
    assert found == {8: 0.0, 16: None, 32: pytest.approx(256.0)}


def test_a_dearer_run_that_saves_hardly_any_time_is_not_shown() -> None:
    """2 % of the time is the least."""
    assert list(shown(run(8, 1000.0, 10.0), run(16, 1001.0, 9.9))) == [8]
    assert list(shown(run(8, 1000.0, 10.0), run(16, 1001.0, 9.7))) == [8, 16]
    assert list(shown(run(8, 1000.0, 10.0), run(16, 1001.0, 12.0))) == [8]
