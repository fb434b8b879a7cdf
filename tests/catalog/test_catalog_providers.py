"""What data costs at a provider: its own price, else its tier's median, else a default."""

from __future__ import annotations

from datetime import date

import pytest

from gpumix.catalog import load
from gpumix.catalog.providers import DataRates, ProviderRates
from gpumix.domain.evidence import Basis

DAY = date(2026, 11, 1)


def known(tier: str, egress: float | None, storage: float | None = None) -> ProviderRates:
    return ProviderRates(tier, egress, storage, "page", DAY)


RATES = DataRates(
    {
        "a": known("hyperscaler", 0.12),
        "b": known("hyperscaler", 0.08),
        "c": known("hyperscaler", 0.09),
        "free": known("neocloud", 0.0, 0.07),
        "silent": known("neocloud", None),
        "silent-hyperscaler": known("hyperscaler", None),
    },
    load().defaults,
)


def test_a_providers_own_price_is_measured_even_if_it_is_nothing() -> None:
    rate = RATES.egress("free", "neocloud")
    assert (rate.usd_per_gb, rate.basis, rate.as_of) == (0.0, Basis.MEASURED, DAY)


def test_an_unknown_price_is_the_median_of_the_tier() -> None:
    rate = RATES.egress("silent-hyperscaler", "hyperscaler")
    assert (rate.usd_per_gb, rate.basis) == (0.09, Basis.ASSUMED)
    assert rate.source == "not known of silent-hyperscaler: median of 3 hyperscalers"
    assert RATES.storage("silent", "neocloud").usd_per_gb == 0.07


@pytest.mark.parametrize("tier", ["hyperscaler", ""])
def test_where_no_provider_of_the_tier_is_known_the_default_stands_in(tier: str) -> None:
    rate = RATES.storage("a", tier)
    assert (rate.usd_per_gb, rate.basis) == (0.023, Basis.ASSUMED)
    assert RATES.egress("z", "").usd_per_gb == 0.09


def test_the_packaged_prices_of_data() -> None:
    packaged = load().data_rates
    assert packaged.egress("aws", "hyperscaler").usd_per_gb == 0.09
    assert packaged.egress("lambda", "neocloud").usd_per_gb == 0.0
    assert packaged.storage("lambda", "neocloud").usd_per_gb == 0.2
