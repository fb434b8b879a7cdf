"""Streams: the rates, spreads, lengths and shapes they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from gpumix.catalog import load
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import RequestClass, Tier
from gpumix.serving.traffic import (
    arrivals,
    at_rate,
    draw,
    from_profile,
    mean_rate,
    resized,
    stream,
)


@pytest.mark.parametrize(
    ("kind", "cv"),
    [("poisson", 1.0), ("gamma", 0.5), ("gamma", 2.5), ("weibull", 0.5), ("weibull", 2.5),
     ("on-off", 2.5)],
)  # fmt: skip
def test_gaps_have_the_rate_and_the_spread_asked_for(kind: str, cv: float) -> None:
    gaps = np.diff(arrivals(200_000, 4.0, cv, np.random.default_rng(1), kind), prepend=0.0)
    assert np.all(gaps >= 0.0)
    assert gaps.mean() == pytest.approx(0.25, rel=0.03)
    assert gaps.std() / gaps.mean() == pytest.approx(cv, rel=0.05)


def test_unknown_arrivals_are_refused() -> None:
    with pytest.raises(ValueError, match="one of poisson"):
        arrivals(3, 1.0, 1.0, np.random.default_rng(0), "lumpy")


@pytest.mark.parametrize("name", ["azure-conv", "mooncake-conv", "servegen-reasoning"])
def test_a_profile_is_drawn_with_its_lengths_and_bursts(name: str) -> None:
    profile = load().profiles[name]
    found = from_profile(profile, 100_000, 3.0, seed=4)
    assert found.input_tokens.mean() == pytest.approx(profile.input.mean, rel=0.01)
    assert found.output_tokens.mean() == pytest.approx(profile.output.mean, rel=0.01)
    gaps = np.diff(found.arrival_s)
    assert gaps.std() / gaps.mean() == pytest.approx(profile.arrival_cv, rel=0.05)
    ranks = [np.argsort(np.argsort(t)) for t in (found.input_tokens, found.output_tokens)]
    assert np.corrcoef(*ranks)[0, 1] == pytest.approx(profile.length_correlation, abs=0.05)
    assert np.array_equal(found.arrival_s, from_profile(profile, 100_000, 3.0, seed=4).arrival_s)
    shared = found.prefix_tokens.sum() / found.input_tokens.sum()
    assert shared == pytest.approx(profile.prefix_share or 0.0, abs=0.001)


def test_lengths_without_quantiles_keep_mean_and_spread() -> None:
    found = draw(100_000, 1.0, Lengths(900.0, 1.2), Lengths(50.0, 0.0))
    assert found.input_tokens.mean() == pytest.approx(900.0, rel=0.03)
    assert found.input_tokens.std() / found.input_tokens.mean() == pytest.approx(1.2, rel=0.08)
    assert np.all(found.output_tokens == 50)


def test_a_stream_is_rescaled_repeated_and_cut() -> None:
    found = stream([10.0, 11.0, 13.0], [1, 2, 3], 5)
    assert mean_rate(found) == pytest.approx(2.0 / 3.0)
    assert mean_rate(at_rate(found, 7.0)) == pytest.approx(7.0)
    assert at_rate(found, 7.0).arrival_s[0] == 0.0
    longer = resized(found, 8)
    assert longer.input_tokens.tolist() == [1, 2, 3, 1, 2, 3, 1, 2]
    assert np.all(np.diff(longer.arrival_s) > 0.0)
    assert mean_rate(longer) == pytest.approx(2.0 / 3.0, rel=0.1)
    assert len(resized(found, 2)) == 2
    with pytest.raises(ValueError, match="one moment"):
        at_rate(stream([3.0, 3.0], 1, 1), 2.0)


def test_classes_are_drawn_by_their_shares_at_their_own_lengths() -> None:
    vip = RequestClass("vip", 0.2, Lengths(300.0, 0.0), Lengths(20.0, 0.0), Tier.PREMIUM)
    rest = RequestClass("rest", 0.8, Lengths(900.0, 0.5), Lengths(80.0, 0.5), Tier.STANDARD)
    found = draw(20_000, 5.0, Lengths(1.0, 0.0), Lengths(1.0, 0.0), classes=(vip, rest), seed=3)
    assert found.of_class is not None
    own = found.of_class == "vip"
    assert own.mean() == pytest.approx(0.2, abs=0.01)
    assert set(found.input_tokens[own]) == {300}
    assert found.input_tokens[~own].mean() == pytest.approx(900.0, rel=0.02)
    assert found.output_tokens[~own].mean() == pytest.approx(80.0, rel=0.02)
    again = at_rate(found, 9.0).of_class
    assert again is not None
    assert again.tolist() == found.of_class.tolist()
