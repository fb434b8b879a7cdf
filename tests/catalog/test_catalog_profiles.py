"""Profiles reproduce the published figures of the traces they come from."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest

from gpumix import catalog
from gpumix.catalog.profiles import profile_record
from gpumix.catalog.tables import packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.traffic import Lengths, Profile
from gpumix.errors import DataError

PUBLISHED = {
    # input mean, output mean: computed from the whole traces (Azure 2023 conversation,
    # Mooncake FAST'25 conversation, ServeGen m-large and deepseek-r1, arXiv 2505.09999)
    "azure-conv": (1155, 211),
    "mooncake-conv": (12035, 343),
    "servegen-chat": (948, 155),
    "servegen-reasoning": (1309, 1681),
}


@pytest.fixture(scope="module")
def profiles() -> dict[str, Profile]:
    return catalog.load().profiles


def mean_by_interpolation(lengths: Lengths) -> float:
    points = lengths.quantiles
    return sum(
        (high - low) * (tokens + more) / 2 for (low, tokens), (high, more) in pairwise(points)
    )


@pytest.mark.parametrize("id", PUBLISHED)
def test_means(profiles: dict[str, Profile], id: str) -> None:
    profile = profiles[id]
    assert profile.input.mean == pytest.approx(PUBLISHED[id][0], abs=1)
    assert profile.output.mean == pytest.approx(PUBLISHED[id][1], abs=1)


@pytest.mark.parametrize("id", PUBLISHED)
def test_sampling_the_quantiles_gives_the_mean(profiles: dict[str, Profile], id: str) -> None:
    for lengths in (profiles[id].input, profiles[id].output):
        assert mean_by_interpolation(lengths) == pytest.approx(lengths.mean, rel=0.05)
        assert lengths.quantiles[0][0] == 0.0
        assert lengths.quantiles[-1][0] == 1.0


def test_azure_percentiles_and_burstiness(profiles: dict[str, Profile]) -> None:
    """Input p50/p95/p99 1020/4083/4142, output 129/451/601, gap CV 1.09, correlation -0.11."""
    azure = profiles["azure-conv"]
    assert [azure.input.quantile(p) for p in (0.5, 0.95, 0.99)] == pytest.approx(
        [1020, 4083, 4142], rel=0.01
    )
    assert [azure.output.quantile(p) for p in (0.5, 0.95, 0.99)] == pytest.approx(
        [129, 451, 601], rel=0.02
    )
    assert azure.arrival_cv == pytest.approx(1.09, abs=0.01)
    assert azure.length_correlation == pytest.approx(-0.11, abs=0.01)


def test_mooncake_percentiles_and_prefixes(profiles: dict[str, Profile]) -> None:
    """Input p50/p95/p99 6909/39551/85400; 36.6 % of blocks shared; dispersion 2.9 at 60 s."""
    mooncake = profiles["mooncake-conv"]
    assert [mooncake.input.quantile(p) for p in (0.5, 0.95, 0.99)] == pytest.approx(
        [6909, 39551, 85400], rel=0.01
    )
    assert mooncake.prefix_share == pytest.approx(0.366, abs=0.001)
    assert mooncake.arrival_cv**2 == pytest.approx(2.9, abs=0.05)


def test_servegen_burstiness(profiles: dict[str, Profile]) -> None:
    """The clients' gap CV has a median of 1.0-1.4."""
    for id in ("servegen-chat", "servegen-reasoning"):
        assert 1.0 <= profiles[id].arrival_cv <= 1.4


def test_weeks(profiles: dict[str, Profile]) -> None:
    shapes = {id: profile.hour_of_week for id, profile in profiles.items()}
    assert all(len(week) == 168 and max(week) == 1.0 for week in shapes.values())
    assert shapes["flat"] == (1.0,) * 168
    assert len({week for id, week in shapes.items() if id != "flat"}) == 1
    assert profiles["servegen-chat"].shape_basis is Basis.MEASURED
    assert profiles["azure-conv"].shape_basis is Basis.ASSUMED
    # mean over peak of the raw two weeks of hours is 0.54; averaging two weeks cuts the peak
    assert 0.54 < profiles["servegen-chat"].mean_to_peak < 0.7


def test_flat_is_poisson_with_the_default_lengths(profiles: dict[str, Profile]) -> None:
    flat = profiles["flat"]
    assert (flat.input.mean, flat.output.mean, flat.arrival_cv) == (1024, 256, 1)
    assert (flat.input.cv, flat.output.quantile(0.95)) == (0, 256)


def test_a_broken_profile_is_refused() -> None:
    entry = json.loads(packaged("profiles.json").read_text(encoding="utf-8"))["profiles"][0]
    with pytest.raises(DataError, match="168 factors"):
        profile_record({**entry, "hour_of_week": entry["hour_of_week"][:24]})
    falling = {"mean": 1.0, "cv": 0.0, "quantiles": [[0.0, 2.0], [1.0, 1.0]]}
    with pytest.raises(DataError, match="input quantiles must rise"):
        profile_record({**entry, "input": falling})
