"""Profiles reproduce the published figures of the traces they come from."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr

from gpumix import catalog
from gpumix.catalog.profiles import profile_record
from gpumix.catalog.tables import packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.traffic import Lengths, Profile
from gpumix.errors import DataError

TRACES = Path(__file__).parents[3] / "shared" / "data" / "traces"
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
    """Input p50/p95/p99 1020/4083/4142, output 129/451/601, gap CV 1.09; lengths hardly go
    together: +0.07 by rank (-0.11 by value, where the few longest prompts decide)."""
    azure = profiles["azure-conv"]
    assert [azure.input.quantile(p) for p in (0.5, 0.95, 0.99)] == pytest.approx(
        [1020, 4083, 4142], rel=0.01
    )
    assert [azure.output.quantile(p) for p in (0.5, 0.95, 0.99)] == pytest.approx(
        [129, 451, 601], rel=0.02
    )
    assert azure.arrival_cv == pytest.approx(1.09, abs=0.01)
    assert azure.length_correlation == pytest.approx(0.07, abs=0.01)
    assert azure.prefix_share is None
    assert azure.client_cv is None


def test_mooncake_percentiles_and_prefixes(profiles: dict[str, Profile]) -> None:
    """Input p50/p95/p99 6909/39551/85400; dispersion 2.9 at 60 s; 36.6 % of blocks were seen
    before, which makes 37.4 % of tokens (the last block of a prompt is part full)."""
    mooncake = profiles["mooncake-conv"]
    assert [mooncake.input.quantile(p) for p in (0.5, 0.95, 0.99)] == pytest.approx(
        [6909, 39551, 85400], rel=0.01
    )
    assert mooncake.prefix_share == pytest.approx(0.3736, abs=0.001)
    assert mooncake.arrival_cv**2 == pytest.approx(2.9, abs=0.05)


def test_servegen_burstiness(profiles: dict[str, Profile]) -> None:
    """The clients' gap CV has a median of 1.0-1.4 and a p90 of 4-5.5 by client, here by request."""
    for id in ("servegen-chat", "servegen-reasoning"):
        assert 1.0 <= profiles[id].arrival_cv <= 1.4
        assert profiles[id].client_cv is not None
        low, middle, high = profiles[id].client_cv or (0.0, 0.0, 0.0)
        assert low < 1.0 <= middle <= 1.4
        assert 4.0 <= high <= 7.0


@pytest.mark.shared
@pytest.mark.skipif(not TRACES.exists(), reason="the traces are not beside the checkout")
def test_the_packaged_figures_are_those_of_the_traces(profiles: dict[str, Profile]) -> None:
    def columns(file: str, *names: str) -> list[np.ndarray]:
        table = pq.read_table(TRACES / file)
        return [np.asarray(table[name].to_pylist()) for name in names]

    t, tokens_in, tokens_out = columns(
        "azure_llm_2023_conv.parquet", "t_s", "input_tokens", "output_tokens"
    )
    gaps = np.diff(t)
    assert profiles["azure-conv"].arrival_cv == pytest.approx(gaps.std() / gaps.mean(), abs=1e-3)
    ranks = spearmanr(tokens_in, tokens_out).statistic
    assert profiles["azure-conv"].length_correlation == pytest.approx(ranks, abs=1e-3)
    tokens_in, tokens_out = columns(
        "mooncake_conversation.parquet", "input_tokens", "output_tokens"
    )
    ranks = spearmanr(tokens_in, tokens_out).statistic
    assert profiles["mooncake-conv"].length_correlation == pytest.approx(ranks, abs=1e-3)
    rate, cv = columns("servegen_m-large_clients.parquet", "rps", "interarrival_cv")
    order = np.argsort(cv)
    middle = cv[order][np.searchsorted(np.cumsum(rate[order]), 0.5 * rate.sum())]
    assert (profiles["servegen-chat"].client_cv or ())[1] == pytest.approx(middle, abs=1e-3)


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
