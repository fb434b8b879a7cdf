"""What may price a plan: newest wins, good for how long, terms, tiers, own rates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

import offer_fixture
from gpumix import catalog
from gpumix.catalog.offers import estimated_terms, load_term_ratios, overlay
from gpumix.catalog.supersede import current
from gpumix.catalog.validity import Ageing, load_ageing, of_tiers
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import OLD, Layer, Offer, Purchase

DAY = date(2026, 11, 29)
PLAIN = offer_fixture.offer(3.0, instance="big", as_of=DAY)


def offer(**changes: object) -> Offer:
    return replace(PLAIN, **changes)  # type: ignore[arg-type]


def aged(days: int, **changes: object) -> Offer:
    return offer(as_of=DAY - timedelta(days=days), **changes)


@pytest.fixture(scope="module")
def ageing() -> Ageing:
    return load_ageing()


# -- newest wins -----------------------------------------------------------------------------


def test_a_newer_row_of_the_region_replaces_an_older_one_whatever_the_machine_is_called() -> None:
    old, new = aged(200, instance="H100 x8"), aged(3)
    assert current([old, new]) == ((new,), ((old, new),))
    assert current([new, old]) == ((new,), ((old, new),))


def test_a_list_for_all_regions_replaces_older_rows_of_regions_and_older_lists() -> None:
    listed = aged(3, region="unspecified", country=None)
    region = aged(200)
    earlier = aged(90, region="", country=None)
    kept, gone = current([region, earlier, listed])
    assert kept == (listed,)
    assert {old for old, _ in gone} == {region, earlier}


def test_a_newer_row_of_a_region_replaces_neither_the_list_nor_other_regions() -> None:
    listed = aged(90, region="global-list", country=None)
    here, there = aged(3), aged(200, region="south-1")
    kept, gone = current([listed, here, there])
    assert set(kept) == {listed, here}
    assert gone == ((there, listed),)


def test_other_sizes_purchases_terms_and_providers_are_other_offers() -> None:
    others = [
        aged(200, gpus_per_instance=1),
        aged(200, purchase=Purchase.SPOT),
        aged(200, purchase=Purchase.RESERVED_1Y, term_months=12),
        aged(200, purchase=Purchase.RESERVED, term_months=6),
        aged(200, purchase=Purchase.RESERVED, term_months=6, upfront_share=1.0),
        aged(200, provider="other"),
        aged(200, gpu="a100-sxm-80gb"),
    ]
    kept, gone = current([*others, aged(3)])
    assert len(kept) == 8
    assert gone == ()


@pytest.mark.parametrize(("apart", "stay"), [(44, 2), (46, 1)])
def test_an_approximate_date_may_be_45_days_off(apart: int, stay: int) -> None:
    vague = aged(100, as_of_precision="approx", instance="p5")
    assert len(current([vague, aged(100 - apart)])[0]) == stay


def test_of_one_machine_on_one_day_the_dearer_price_stays() -> None:
    cheap, dear = offer(usd_per_instance_hour=20.0), offer(usd_per_instance_hour=22.0)
    assert current([dear, cheap])[0] == (dear,)


@pytest.mark.parametrize(
    ("region", "country", "everywhere"),
    [("unspecified", None, True), ("", None, True), ("Global (lowest)", None, True),
     ("EU / US / Canada", None, True), ("Europe", None, False), ("us-east-1", "US", False)],
)  # fmt: skip
def test_what_a_list_for_all_regions_is(region: str, country: str | None, everywhere: bool) -> None:
    old, new = aged(200), aged(3, region=region, country=country)
    assert current([old, new])[0] == ((new,) if everywhere else (old, new))


def test_the_packaged_snapshot_has_no_older_row_of_a_product_and_region() -> None:
    loaded = catalog.load()
    assert loaded.superseded
    assert current(loaded.listed) == (loaded.listed, ())
    for old, new in loaded.superseded:
        assert (old.provider, old.gpu, old.purchase) == (new.provider, new.gpu, new.purchase)
        assert old.as_of <= new.as_of


# -- good for how long -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "purchase", "days"),
    [("hyperscaler", Purchase.ON_DEMAND, 365), ("neocloud", Purchase.ON_DEMAND, 60),
     ("hyperscaler", Purchase.RESERVED_3Y, 180), ("neocloud", Purchase.RESERVED, 180)],
)  # fmt: skip
def test_lists_and_commitments_are_marked_after_their_days_and_still_used(
    ageing: Ageing, tier: str, purchase: Purchase, days: int
) -> None:
    fresh, old = (aged(n, tier=tier, purchase=purchase) for n in (days, days + 1))
    assert ageing.usable([fresh], DAY) == (fresh,)
    assert ageing.usable([old], DAY) == (replace(old, marks=(OLD,)),)


@pytest.mark.parametrize("tier", ["hyperscaler", "neocloud"])
def test_spot_is_assumed_from_15_to_90_days_and_then_not_used(ageing: Ageing, tier: str) -> None:
    spot = Purchase.SPOT
    assert ageing.usable([aged(14, tier=tier, purchase=spot)], DAY)[0].basis is Basis.MEASURED
    (assumed,) = ageing.usable([aged(15, tier=tier, purchase=spot)], DAY)
    assert (assumed.basis, assumed.marks) == (Basis.ASSUMED, (OLD,))
    assert ageing.usable([aged(90, tier=tier, purchase=spot)], DAY)
    assert ageing.usable([aged(91, tier=tier, purchase=spot)], DAY) == ()


def test_assumed_spot_lies_between_the_ratios_seen_of_its_gpu(ageing: Ageing) -> None:
    """spot.csv: H100 SXM spot over list runs from 0.185 (Azure) to 0.6 (Google)."""
    found = ageing.usable([offer(), aged(30, purchase=Purchase.SPOT, usd_per_instance_hour=10.0)],
                          DAY)  # fmt: skip
    assert found[1].low_usd_per_instance_hour == pytest.approx(0.185 * 24.0)
    assert found[1].high_usd_per_instance_hour == pytest.approx(0.6 * 24.0)


@pytest.mark.parametrize("purchase", [Purchase.SPOT, Purchase.ON_DEMAND])
def test_a_marketplace_price_is_not_used_after_14_days(ageing: Ageing, purchase: Purchase) -> None:
    assert ageing.usable([aged(14, tier="marketplace", purchase=purchase)], DAY)
    assert ageing.usable([aged(15, tier="marketplace", purchase=purchase)], DAY) == ()


def test_own_rates_are_marked_and_never_dropped(ageing: Ageing) -> None:
    own = aged(400, purchase=Purchase.SPOT, layer=Layer.SHEET)
    assert ageing.usable([own], DAY) == (replace(own, marks=(OLD,)),)


@pytest.mark.parametrize("mark", ["spot-above-on-demand", "absent-spot"])
def test_spot_that_is_no_spot_prices_nothing(ageing: Ageing, mark: str) -> None:
    assert ageing.usable([offer(marks=(mark,))], DAY) == ()


def test_a_snapshot_of_a_year_ago_still_answers() -> None:
    loaded = catalog.load()
    later = loaded.usable(DAY + timedelta(days=365))
    assert {o.purchase for o in later} >= {Purchase.ON_DEMAND, Purchase.RESERVED_1Y}
    assert Purchase.SPOT not in {o.purchase for o in later}
    assert all(OLD in o.marks for o in later)


# -- terms -----------------------------------------------------------------------------------


def test_no_term_is_invented_by_default() -> None:
    assert not any(o.derived or o.estimated for o in catalog.load().usable(DAY))


@pytest.mark.parametrize(
    ("tier", "one", "three"), [("hyperscaler", 0.69, 0.44), ("neocloud", 0.85, 0.80)]
)
def test_estimated_terms_by_tier(tier: str, one: float, three: float) -> None:
    found = estimated_terms([offer(tier=tier)], load_term_ratios())
    assert {o.term_months: round(o.usd_per_instance_hour / 24.0, 6) for o in found} == {
        12: one,
        36: three,
    }
    assert {(o.derived, o.estimated, o.basis) for o in found} == {(True, True, Basis.ASSUMED)}
    assert {o.purchase for o in found} == {Purchase.RESERVED_1Y, Purchase.RESERVED_3Y}


@pytest.mark.parametrize(
    "base", [offer(tier="marketplace"), offer(tier="reseller"), offer(layer=Layer.SHEET),
             offer(tier=""), offer(purchase=Purchase.SPOT)],
)  # fmt: skip
def test_no_term_is_estimated_for_others_machines_own_rates_or_spot(base: Offer) -> None:
    assert estimated_terms([base], load_term_ratios()) == ()


def test_a_listed_term_is_not_estimated() -> None:
    listed = offer(purchase=Purchase.RESERVED_1Y, term_months=12, gpus_per_instance=1)
    found = estimated_terms([offer(), listed], load_term_ratios())
    assert [o.term_months for o in found] == [36]


def test_published_lengths_other_than_a_year_are_offers() -> None:
    found = {(o.provider, o.term_months) for o in catalog.load().offers if o.term_months}
    assert {("civo", 6), ("civo", 24), ("together", 1), ("latitude", 1)} <= found
    assert not any("reserved" in o.instance and o.provider == "hyperstack"
                   for o in catalog.load().offers)  # fmt: skip


def test_payment_at_the_start_is_known() -> None:
    found = {o.provider: o for o in catalog.load().offers if o.upfront_share == 1.0}
    assert {"aws", "together"} <= set(found)
    assert found["aws"].term_months == 36


# -- tiers and own rates ---------------------------------------------------------------------


def test_tiers() -> None:
    market, own = offer(tier="marketplace"), offer(tier="", layer=Layer.SHEET)
    unknown = offer(tier="")
    offers = [offer(), market, own, unknown]
    assert of_tiers(offers, ("hyperscaler", "neocloud")) == (offers[0], own)
    assert of_tiers(offers, None) == tuple(offers)


def rate(**changes: object) -> Offer:
    plain = offer(region="", country=None, instance="", layer=Layer.SHEET,
                  usd_per_instance_hour=16.0)  # fmt: skip
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_a_rate_replaces_its_own_machine_and_no_other() -> None:
    small, other = offer(gpus_per_instance=1, usd_per_instance_hour=4.0), offer(instance="bigger")
    laid = overlay([offer(), small, other], [rate(instance="BIG")])
    assert {(o.instance, o.gpus_per_instance, o.usd_per_instance_hour) for o in laid} == {
        ("big", 1, 4.0),
        ("bigger", 8, 24.0),
        ("BIG", 8, 16.0),
    }


def test_a_rate_without_an_instance_replaces_all_of_its_size() -> None:
    laid = overlay([offer(), offer(instance="bigger"), offer(gpus_per_instance=1)], [rate()])
    assert sorted((o.gpus_per_instance, o.layer.value) for o in laid) == [
        (1, "snapshot"), (8, "sheet")]  # fmt: skip


def test_a_rate_for_any_instance_holds_for_all_sizes() -> None:
    known = [offer(), offer(gpus_per_instance=1), offer(gpus_per_instance=1, region="south-1")]
    laid = overlay(known, [rate(instance="any", gpus_per_instance=1, usd_per_instance_hour=2.0)])
    assert {(o.region, o.gpus_per_instance, o.usd_per_gpu_hour) for o in laid} == {
        (region, size, 2.0) for region in ("north-1", "south-1") for size in (1, 8)}  # fmt: skip


def test_a_rate_of_another_term_replaces_nothing() -> None:
    term = offer(purchase=Purchase.RESERVED, term_months=6)
    mine = rate(purchase=Purchase.RESERVED, term_months=3)
    assert term in overlay([term], [mine])


def test_an_older_import_never_beats_a_newer_row(tmp_path: Path) -> None:
    loaded = catalog.load()
    newest = next(o for o in loaded.listed if o.provider == "aws" and o.instance == "p5.48xlarge")
    old = replace(newest, as_of=newest.as_of - timedelta(days=400), layer=Layer.IMPORT,
                  usd_per_instance_hour=1.0)  # fmt: skip
    new = replace(newest, as_of=newest.as_of + timedelta(days=2), layer=Layer.IMPORT,
                  usd_per_instance_hour=60.0)  # fmt: skip
    assert old not in loaded.with_rates([old]).offers
    laid = loaded.with_rates([new])
    assert new in laid.offers
    assert newest not in laid.offers
    assert (newest, new) in laid.superseded


def test_machines_of_several_nodes_need_a_stated_fabric() -> None:
    joins = catalog.load().fabrics.joins
    assert joins(offer(provider="aws", instance="p5.48xlarge"))
    assert joins(offer(provider="azure", instance="Standard_ND96isr_H100_v5"))
    assert not joins(offer(provider="azure", instance="Standard_NC96ads_A100_v4"))
    assert not joins(offer(provider="lambda", instance="gpu_8x_h100_sxm_80gb"))
    for name in ("gpu-h100-sxm_8gpu", "gpu-h100-sxm_8gpu-128vcpu-1600gb"):
        assert joins(offer(provider="nebius", instance=name))
    assert not joins(offer(provider="nebius", instance="gpu-h100-sxm_1gpu-16vcpu-200gb"))
    assert not joins(offer())
    assert joins(offer(has_fabric=True))
