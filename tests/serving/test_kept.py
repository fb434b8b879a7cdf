"""When a promise is kept: within its limit, and known well enough."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gpumix.domain.workload import Slo
from gpumix.serving import kept
from gpumix.serving.kept import Reached, percentile_s, reached

SLO = Slo("ttft", 0.95, 1.0)


@pytest.fixture
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are their latencies."""
    monkeypatch.setattr(kept, "latency_of", lambda outcome, _: outcome)
    monkeypatch.setattr(kept, "settled", lambda _: slice(None))


@pytest.mark.parametrize(
    ("seconds", "error_s", "is_sure", "is_kept", "is_clear"),
    [
        (0.99, 0.001, True, True, True),
        (0.99, 0.01, True, True, False),  # within, known well enough, yet near the limit
        (0.99, 0.03, False, False, False),  # nobody has the benefit of the doubt
        (0.60, 0.10, True, True, True),  # badly known, but far from the limit
        (1.001, 0.001, True, False, False),
        (math.inf, math.inf, True, False, False),
    ],
)
def test_within_the_limit_and_known_well_enough(
    seconds: float, error_s: float, is_sure: bool, is_kept: bool, is_clear: bool
) -> None:
    one = Reached(seconds, error_s, 20_000)
    assert one.is_sure(1.0) is is_sure
    assert one.is_kept(1.0) is is_kept
    assert one.is_clear(1.0) is is_clear


@pytest.mark.usefixtures("plain")
def test_the_standard_error_is_that_of_independent_requests() -> None:
    """Of an exponential: sqrt(q (1 - q) / n) / density at the quantile."""
    count = 100_000
    times: Any = np.random.default_rng(1).exponential(1.0, count)
    one = reached([(times, 1.0)], SLO)
    assert one.seconds == pytest.approx(-math.log(0.05), rel=0.02)
    assert one.standard_error_s == pytest.approx(math.sqrt(0.95 * 0.05 / count) / 0.05, rel=0.5)
    assert one.requests == count


@pytest.mark.usefixtures("plain")
def test_requests_that_queue_together_leave_more_doubt() -> None:
    rng = np.random.default_rng(2)
    strewn: Any = rng.exponential(1.0, 20_000)
    spells: Any = strewn * np.repeat(rng.lognormal(0.0, 0.5, 40), 500)
    assert (
        reached([(spells, 1.0)], SLO).standard_error_s
        > 3.0 * reached([(strewn, 1.0)], SLO).standard_error_s
    )


@pytest.mark.usefixtures("plain")
def test_requests_that_are_lost_count_as_late() -> None:
    lost: Any = np.where(np.arange(2000) % 10 == 0, np.inf, 0.1)
    assert not reached([(lost, 1.0)], SLO).is_kept(1.0)


def test_a_quantile_over_runs_weighs_each_by_the_requests_it_stands_for() -> None:
    """A short run of the busy hour counts more than a long one of the quiet hour."""
    busy, quiet = np.full(10, 2.0), np.full(1000, 1.0)
    assert percentile_s([busy, quiet], [3.0, 2.0], 0.5) == 2.0
    assert percentile_s([busy, quiet], [2.0, 3.0], 0.5) == 1.0
    assert percentile_s([], [], 0.5) == 0.0


def test_nothing_stands_for_nothing() -> None:
    assert kept.attained([], (SLO,)) == 1.0
    assert kept.percentile_of([(SimpleNamespace(), 1.0)][:0], SLO) == 0.0  # type: ignore[list-item]


@pytest.mark.parametrize("quantile", [0.5, 0.9, 0.95, 0.99])
@pytest.mark.parametrize("count", [1, 7, 100, 2_001])
def test_one_sample_has_the_quantile_that_it_has_beside_an_empty_one(
    quantile: float, count: int
) -> None:
    times = np.random.default_rng(count).exponential(1.0, count)
    beside = [times, np.zeros(0)]
    assert percentile_s([times], [3.0], quantile) == percentile_s(beside, [3.0, 0.0], quantile)
