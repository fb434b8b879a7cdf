"""Tokens in and out -> requests and lengths, with and without a count of requests."""

from __future__ import annotations

import numpy as np
import pytest

from gpumix.loop.demand import asked
from gpumix.loop.facts import Days


def days(read: float, written: float, requests: float = np.nan) -> Days:
    """One day on which 100 requests of 1,000 and 100 tokens are planned."""
    one = np.ones(1)
    return Days(
        np.array([20_000]), one * read, one * written, one * requests, one * 100_000.0,
        one * 10_000.0, one * 100.0,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (days(150_000, 15_000), (1.5, 1.0, 1.0)),
        (days(200_000, 10_000), (1.0, 2.0, 1.0)),
        (days(100_000, 20_000), (1.0, 1.0, 2.0)),
        (days(190_000, 9_500), (0.95, 2.0, 1.0)),
        (days(200_000, 20_000, 100), (1.0, 2.0, 2.0)),
        (days(200_000, 10_000, 50), (0.5, 4.0, 2.0)),
    ],
)
def test_the_change_is_given_to_what_changed(
    seen: Days, expected: tuple[float, float, float]
) -> None:
    found = asked(seen)
    ratios = [float(np.exp(one[0])) for one in (found.requests, found.prompt, found.answer)]
    assert ratios == pytest.approx(expected)


def test_what_writes_no_answers_is_counted_by_its_prompts() -> None:
    found = asked(days(120_000, 0.0))
    assert float(np.exp(found.requests[0])) == pytest.approx(1.2)
    assert np.isnan(found.answer[0])
