"""What a GPU costs over all providers: the median of their medians."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix import catalog
from gpumix.domain.offer import OLD, TIERS, Purchase
from offer_fixture import offer

H100, ON_DEMAND = "h100-sxm-80gb", Purchase.ON_DEMAND


@pytest.mark.parametrize(
    ("gpu", "tiers", "median", "providers"),
    [
        (H100, TIERS, 3.87, 25),
        (H100, ("hyperscaler",), 11.53, 4),
        (H100, ("neocloud",), 3.87, 18),
        (H100, ("marketplace",), 2.50, 3),
        ("a100-sxm-80gb", TIERS, 1.80, 22),
        ("l40s-48gb", TIERS, 1.43, 18),
    ],
)
def test_published_medians(gpu: str, tiers: tuple[str, ...], median: float, providers: int) -> None:
    """Medians of the price survey of November 2026. It takes rows that newer ones have replaced
    too, and counts the two clouds of one marketplace apart: hence the tolerance."""
    found = catalog.price_summary(catalog.of_tiers(catalog.load().listed, tiers), gpu, ON_DEMAND)
    assert found is not None
    assert found.usd_per_gpu_hour == pytest.approx(median, rel=0.05)
    assert found.providers == providers


def test_a_provider_counts_once() -> None:
    many = [offer(10.0, region=str(n)) for n in range(9)]
    few = [offer(2.0, provider="b"), offer(4.0, provider="c")]
    found = catalog.price_summary([*many, *few], H100, ON_DEMAND)
    assert found is not None
    assert (found.usd_per_gpu_hour, found.low, found.high, found.providers) == (4.0, 2.0, 10.0, 3)


def test_other_gpus_and_purchases_do_not_count() -> None:
    others = [offer(1.0, gpu="l40s-48gb"), offer(1.0, purchase=Purchase.SPOT)]
    assert catalog.price_summary(others, H100, ON_DEMAND) is None
    found = catalog.price_summary([*others, offer(3.0)], H100, ON_DEMAND)
    assert found is not None
    assert (found.low, found.high, found.providers) == (3.0, 3.0, 1)


def test_a_price_is_old_where_all_of_its_offers_are() -> None:
    first, last = date(2026, 2, 1), date(2026, 10, 10)
    old = [offer(2.0, as_of=first, marks=(OLD,)), offer(3.0, as_of=last, marks=(OLD,))]
    found = catalog.price_summary(old, H100, ON_DEMAND)
    assert found is not None
    assert (found.oldest, found.newest, found.is_old) == (first, last, True)
    mixed = catalog.price_summary([*old, offer(4.0)], H100, ON_DEMAND)
    assert mixed is not None
    assert not mixed.is_old


@given(st.lists(st.floats(0.5, 20), min_size=1, max_size=8))
def test_a_summary_lies_between_its_extremes(prices: list[float]) -> None:
    offers = [offer(price, provider=str(n)) for n, price in enumerate(prices)]
    found = catalog.price_summary(offers, H100, ON_DEMAND)
    assert found is not None
    assert found.low == pytest.approx(min(prices))
    assert found.high == pytest.approx(max(prices))
    assert found.low <= found.usd_per_gpu_hour <= found.high
    assert found.providers == len(prices)
