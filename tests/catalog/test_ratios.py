"""Ratios of prices: what is paired with what, and which figures come of it."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix.catalog import price_pairs, price_ratios
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.prices import ALL, MeasuredRatio
from offer_fixture import offer

H100, A100 = "h100-sxm-80gb", "a100-sxm-80gb"


def ratios(offers: list[Offer]) -> dict[tuple[str, str], MeasuredRatio]:
    found = price_ratios(price_pairs(offers, H100, A100), H100, A100)
    return {(r.tier, r.purchase): r for r in found}


@pytest.mark.parametrize(
    "other",
    [
        {"provider": "zeta"},
        {"region": "south-1"},
        {"purchase": Purchase.SPOT},
        {"gpu": "a100-sxm-40gb"},
    ],
)
def test_another_provider_region_purchase_or_gpu_makes_no_pair(other: dict[str, object]) -> None:
    changed = {"gpu": A100, **other}
    assert price_pairs([offer(4.0), offer(2.0, **changed)], H100, A100) == ()
    assert len(price_pairs([offer(4.0), offer(2.0, gpu=A100)], H100, A100)) == 1


def test_commitments_pair_with_those_of_their_length() -> None:
    year, half = ({"purchase": Purchase.RESERVED, "term_months": n} for n in (12, 6))
    (pair,) = price_pairs(
        [offer(3.0, **year), offer(4.0, **half), offer(2.0, gpu=A100, **half)], H100, A100
    )
    assert (pair.term_months, pair.ratio) == (6, 2.0)


def test_sizes_pair_with_their_like_and_the_cheapest_machine_counts() -> None:
    offers = [
        offer(4.0),
        offer(9.0, instance="more memory"),
        offer(1.0, gpus_per_instance=1),
        offer(2.0, gpu=A100),
        offer(0.1, gpu=A100, gpus_per_instance=4),
    ]
    (pair,) = price_pairs(offers, H100, A100)
    assert (pair.gpus_per_instance, pair.ratio) == (8, 2.0)
    assert (pair.usd_per_gpu_hour, pair.over_usd_per_gpu_hour) == (4.0, 2.0)


def test_without_a_common_size_the_cheapest_per_gpu_counts() -> None:
    offers = [offer(4.0), offer(2.0, gpu=A100, gpus_per_instance=1)]
    (pair,) = price_pairs(offers, H100, A100)
    assert (pair.gpus_per_instance, pair.ratio) == (None, 2.0)


def test_one_place_is_one_pair_however_many_sizes() -> None:
    offers = [
        offer(usd, gpu=gpu, gpus_per_instance=n)
        for n, h100, a100 in ((1, 4.0, 2.0), (2, 6.0, 2.0), (8, 8.0, 2.0))
        for gpu, usd in ((H100, h100), (A100, a100))
    ]
    (pair,) = price_pairs(offers, H100, A100)
    assert (pair.gpus_per_instance, pair.ratio) == (None, 3.0)


@pytest.mark.parametrize(
    "kind", [{"derived": True}, {"estimated": True}, {"marks": ("spot-above-on-demand",)}]
)
def test_an_estimate_or_a_doubtful_price_is_no_measurement(kind: dict[str, object]) -> None:
    assert price_pairs([offer(4.0, **kind), offer(2.0, gpu=A100)], H100, A100) == ()


def test_an_old_price_counts_and_its_date_is_shown() -> None:
    (pair,) = price_pairs([offer(4.0, marks=("old",)), offer(2.0, gpu=A100)], H100, A100)
    assert pair.ratio == 2.0


def test_the_date_of_a_pair_is_that_of_its_older_price() -> None:
    old = date(2026, 2, 1)
    (pair,) = price_pairs([offer(4.0), offer(2.0, gpu=A100, as_of=old)], H100, A100)
    assert pair.as_of == old


def _places(prices: dict[str, float], **changes: object) -> list[Offer]:
    """Offers of both GPUs in each region: A100 at 1, H100 at the price given."""
    return [
        offer(usd, gpu=gpu, region=region, **changes)
        for region, h100 in prices.items()
        for gpu, usd in ((H100, h100), (A100, 1.0))
    ]


def test_median_and_percentiles_over_pairs_tier_and_purchase() -> None:
    large = {str(i): float(i) for i in range(1, 10)}
    offers = [
        *_places(large, provider="big", tier="hyperscaler"),
        *_places({"x": 20.0}, provider="small", purchase=Purchase.SPOT),
    ]
    found = ratios(offers)
    assert list(found) == [
        (ALL, ALL),
        ("hyperscaler", ALL),
        ("neocloud", ALL),
        (ALL, "on_demand"),
        (ALL, "spot"),
    ]
    every = found[ALL, ALL]
    assert (every.n, every.providers) == (10, 2)
    assert every.median == pytest.approx(5.5)
    assert every.provider_median == pytest.approx(12.5), "each provider counts once"
    one = found["hyperscaler", ALL]
    assert (one.p10, one.median, one.p90, one.n) == pytest.approx((1.8, 5.0, 8.2, 9))
    spot = found[ALL, "spot"]
    assert (spot.p10, spot.median, spot.p90, spot.n) == pytest.approx((20.0, 20.0, 20.0, 1))


def test_no_pairs_give_no_figures() -> None:
    (none,) = price_ratios((), H100, A100)
    assert (none.median, none.p10, none.p90, none.provider_median, none.n) == (None,) * 4 + (0,)


@given(st.lists(st.floats(0.01, 1000.0), min_size=1, max_size=20))
def test_the_inverse_question_has_the_inverse_answer(prices: list[float]) -> None:
    offers = _places({str(i): usd for i, usd in enumerate(prices)})
    there, back = price_pairs(offers, H100, A100), price_pairs(offers, A100, H100)
    assert [p.ratio for p in there] == pytest.approx([1 / p.ratio for p in back])
    over = price_ratios(there, H100, A100)[0]
    assert over.p10 is not None
    assert over.median is not None
    assert over.p90 is not None
    assert over.p10 <= over.median <= over.p90
    assert min(p.ratio for p in there) <= over.p10
    assert over.p90 <= max(p.ratio for p in there)
