"""Offers: packaged rules, the user's price sheet, derived reserved terms, age and summaries."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix import catalog
from gpumix.catalog import offers as offers_module
from gpumix.catalog.bands import Band, Bands
from gpumix.catalog.tables import packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Offer, Purchase
from gpumix.errors import DataError, InputError

AS_OF = date(2026, 10, 31)
HEADER = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour\n"
ON_DEMAND, SPOT, RESERVED_1Y, RESERVED_3Y = list(Purchase)[:4]


@pytest.fixture(scope="module")
def cat() -> catalog.Catalog:
    return catalog.load()


def sheet(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my-prices.csv"
    path.write_text(text, encoding="utf-8")
    return path


def refused(path: Path) -> list[str]:
    with pytest.raises(InputError) as error:
        _ = catalog.load(prices=path).offers
    return [str(problem) for problem in error.value.problems]


def offer(usd_per_gpu_hour: float, **changes: object) -> Offer:
    plain = Offer(
        provider="acme",
        instance="big",
        region="north-1",
        country="FI",
        gpu="h100-sxm-80gb",
        gpus_per_instance=8,
        purchase=ON_DEMAND,
        usd_per_instance_hour=8 * usd_per_gpu_hour,
        as_of=date(2026, 8, 1),
        as_of_precision="day",
        basis=Basis.MEASURED,
        source="test",
        note="",
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def test_packaged_offers(cat: catalog.Catalog) -> None:
    listed = [o for o in cat.offers if "x the on-demand price" not in o.note]
    counts = {p: sum(o.purchase is p for o in listed) for p in Purchase}
    assert counts[ON_DEMAND] == 674 - 2, "two of equal key and date: the dearer is kept"
    assert counts[SPOT] == 301
    assert counts[RESERVED_1Y] + counts[RESERVED_3Y] == 101
    assert {o.gpu for o in listed} <= set(cat.gpus)
    assert all(o.usd_per_instance_hour > 0 for o in listed)
    keys = [offers_module.key(o) for o in cat.offers]
    assert len(keys) == len(set(keys))


def test_medians_of_providers(cat: catalog.Catalog) -> None:
    """Provider medians published with the price survey of 2026-11: H100 3.87, A100 1.80, L40S 1.43
    (there one provider's two clouds count apart, hence the tolerance)."""
    for gpu, published in (("h100-sxm-80gb", 3.87), ("a100-sxm-80gb", 1.80), ("l40s-48gb", 1.43)):
        summary = catalog.price_summary(cat.offers, gpu, ON_DEMAND, AS_OF)
        assert summary is not None
        assert summary.median == pytest.approx(published, rel=0.05)
        assert summary.low <= summary.median <= summary.high
    assert catalog.price_summary(cat.offers, "gaudi3-128gb", ON_DEMAND, AS_OF) is None


def test_reserved_is_derived_and_says_so(cat: catalog.Catalog) -> None:
    base = {offers_module.key(o)[:-1]: o for o in cat.offers if o.purchase is ON_DEMAND}
    for purchase, factor in ((RESERVED_1Y, 0.70), (RESERVED_3Y, 0.51)):
        found = catalog.find_offers(cat.offers, purchases={purchase})
        derived = [o for o in found if "x the on-demand price" in o.note]
        stated = {(o.provider, o.gpu) for o in found if o not in derived}
        assert len(derived) == sum((o.provider, o.gpu) not in stated for o in base.values())
        for o in derived:
            on_demand = base[offers_module.key(o)[:-1]]
            assert o.usd_per_instance_hour == pytest.approx(
                factor * on_demand.usd_per_instance_hour
            )
            assert o.basis is Basis.ASSUMED


def test_unmapped_region_has_no_country(cat: catalog.Catalog) -> None:
    by_region = {(o.provider, o.region): o.country for o in cat.offers}
    assert by_region["runpod", "Global (lowest)"] is None
    assert by_region["nebius", "EU / US"] is None
    assert by_region["oci", "global-list"] is None
    assert by_region["verda", "FIN-03"] == "FI"
    assert by_region["aws", "ap-south-1"] == "IN"
    assert by_region["gcp", "asia-southeast1"] == "SG"
    indian = catalog.find_offers(cat.offers, countries={"IN"})
    assert indian
    assert all(o.country == "IN" for o in indian)
    assert catalog.find_offers(cat.offers, countries={"BD"}) == ()


def test_every_filter(cat: catalog.Catalog) -> None:
    found = catalog.find_offers(
        cat.offers,
        providers={"aws"},
        regions={"us-east-1"},
        gpus={"h200-sxm-141gb"},
        purchases={SPOT},
    )
    assert found
    assert {(o.provider, o.region, o.gpu, o.purchase) for o in found} == {
        ("aws", "us-east-1", "h200-sxm-141gb", SPOT)
    }
    assert catalog.find_offers(cat.offers) == cat.offers
    assert catalog.find_offers(cat.offers, providers=set()) == ()


def test_newest_of_a_key_wins() -> None:
    old, new = offer(2.0, as_of=date(2026, 1, 1)), offer(3.0)
    assert offers_module.newest([new, old]) == (new,)
    assert offers_module.newest([offer(2.0), offer(2.5)]) == (offer(2.5),)


def test_broken_packaged_rows_are_named(tmp_path: Path) -> None:
    """A packaged table with bad rows is refused, every row at once."""
    with packaged("prices.csv").open(encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))[:4]
    rows[0]["usd_per_gpu_hour"] = "9.9"
    rows[1]["as_of"] = "soon"
    rows[2]["region"] = "atlantis-1"
    rows[3]["price_model"] = "barter"
    with (tmp_path / "prices.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataError) as error:
        _ = catalog.load(folder=tmp_path).offers
    text = str(error.value)
    assert "prices.csv line 2: usd_per_gpu_hour 9.9" in text
    assert "prices.csv line 3: as_of is 'soon'" in text
    assert "prices.csv line 4: region 'atlantis-1'" in text
    assert "prices.csv line 5: price_model is 'barter'" in text


def test_bad_sheet_rows_all_at_once(tmp_path: Path) -> None:
    text = HEADER + (
        "neo,h100-smx-80gb,8,on_demand,3\n"
        "neo,h100-sxm-80gb,0,on_demand,3\n"
        "neo,h100-sxm-80gb,8,on-demand,3\n"
        "neo,h100-sxm-80gb,8,on_demand,nan\n"
        "neo,h100-sxm-80gb,8,on_demand,-3\n"
        ",h100-sxm-80gb,8,on_demand,\n"
    )
    found = refused(sheet(tmp_path, text))
    for line, what in [
        (2, "did you mean h100-sxm-80gb"),
        (3, "gpus_per_instance is 0"),
        (4, "purchase is 'on-demand'"),
        (5, "usd_per_gpu_hour is 'nan'"),
        (6, "usd_per_gpu_hour is '-3'"),
        (7, "provider is empty"),
        (7, "has no price above 0"),
    ]:
        assert any(f"line {line}: " in row and what in row for row in found), (line, what, found)
    assert len(found) == 7


def test_empty_sheet(tmp_path: Path) -> None:
    assert "has no rows" in refused(sheet(tmp_path, HEADER))[0]


def test_a_rate_replaces_the_product_and_keeps_its_regions(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    path = sheet(tmp_path, HEADER + "AWS,H100_SXM,8,on_demand,2.5\n")
    found = catalog.load(prices=path).offers
    before = catalog.find_offers(cat.offers, {"aws"}, gpus={"h100-sxm-80gb"}, purchases={ON_DEMAND})
    after = catalog.find_offers(found, {"aws"}, gpus={"h100-sxm-80gb"}, purchases={ON_DEMAND})
    assert {o.usd_per_gpu_hour for o in after} == {2.5}
    assert {o.country for o in after} == {o.country for o in before}
    assert all("my-prices.csv line 2" in o.source for o in after)
    reserved = catalog.find_offers(found, {"aws"}, gpus={"h100-sxm-80gb"}, purchases={RESERVED_1Y})
    assert {round(o.usd_per_gpu_hour, 9) for o in reserved} == {1.75}
    untouched = catalog.find_offers(found, {"aws"}, gpus={"l40s-48gb"})
    assert untouched == catalog.find_offers(cat.offers, {"aws"}, gpus={"l40s-48gb"})


def test_a_rate_with_a_region_replaces_that_region_only(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    text = "provider,gpu,gpus_per_instance,price_model,usd_per_gpu_hour,region,as_of\n"
    path = sheet(tmp_path, text + "aws,h100-sxm-80gb,8,on_demand,2.5,ap-south-1,2026-10-01\n")

    def regions(offers: tuple[Offer, ...]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for o in catalog.find_offers(
            offers, {"aws"}, gpus={"h100-sxm-80gb"}, purchases={ON_DEMAND}
        ):
            found.setdefault(o.region, []).append(o.usd_per_gpu_hour)
        return found

    before, after = regions(cat.offers), regions(catalog.load(prices=path).offers)
    assert after.pop("ap-south-1") == [2.5]
    del before["ap-south-1"]
    assert after == before


def test_a_new_provider_and_a_stated_reserved_rate(tmp_path: Path) -> None:
    text = "provider,gpu,gpus_per_instance,purchase,usd_per_instance_hour,country,as_of\n"
    path = sheet(
        tmp_path,
        text
        + "dhakacloud,l40s-48gb,4,on_demand,6.0,bd,2026-10-01\n"
        + "dhakacloud,l40s-48gb,4,reserved_1y,3.6,bd,2026-10-01\n",
    )
    found = catalog.find_offers(catalog.load(prices=path).offers, countries={"BD"})
    prices = {o.purchase: o.usd_per_gpu_hour for o in found}
    assert prices == {ON_DEMAND: 1.5, RESERVED_1Y: 0.9, RESERVED_3Y: pytest.approx(0.765)}
    assert {o.basis for o in found if o.purchase is RESERVED_1Y} == {Basis.MEASURED}


def test_a_made_up_gpu_can_be_priced(tmp_path: Path) -> None:
    gpus = tmp_path / "gpus.csv"
    gpus.write_text("id,mem_gb,mem_bw_gbs,fp16_tflops,tdp_w\nx1,96,4000,1000,700\n")
    path = sheet(tmp_path, HEADER + "neo,x1,8,on_demand,2.5\n")
    found = catalog.load(gpus=gpus, prices=path).offers
    assert catalog.find_offers(found, gpus={"x1"})


def test_age() -> None:
    offers = [offer(2, as_of=date(2026, 8, 2)), offer(2, as_of=date(2026, 8, 1)), offer(2)]
    offers[2] = offer(2, as_of=date(2025, 10, 30))
    age = catalog.price_age(offers, date(2026, 10, 31))
    assert age is not None
    assert age.old_share == pytest.approx(2 / 3)  # 90 days is not yet old, 91 is
    assert (age.oldest, age.oldest_days) == (offers[2], 366)
    assert catalog.age_days(offer(2, as_of=date(2027, 1, 1)), AS_OF) == 0
    assert catalog.price_age([], AS_OF) is None


def test_a_provider_counts_once() -> None:
    many = [offer(10.0, region=str(n)) for n in range(9)]
    few = [offer(2.0, provider="b"), offer(4.0, provider="c")]
    summary = catalog.price_summary([*many, *few], "h100-sxm-80gb", ON_DEMAND, AS_OF)
    assert summary is not None
    assert (summary.median, summary.low, summary.high, summary.n) == (4.0, 2.0, 10.0, 3)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(0.5, 20), min_size=1, max_size=8))
def test_summary_lies_between_its_extremes(prices: list[float]) -> None:
    offers = [offer(p, provider=str(n)) for n, p in enumerate(prices)]
    summary = catalog.price_summary(offers, "h100-sxm-80gb", ON_DEMAND, AS_OF)
    assert summary is not None
    assert min(prices) <= summary.low * 1.0000001
    assert summary.low <= summary.median <= summary.high
    assert summary.n == len(prices)


def test_a_band_is_of_the_gpu_and_the_tier() -> None:
    big, neo, by_hand, any_gpu = (Band(n, n / 2, 10 * n) for n in (4.0, 1.0, 0.5, 0.1))
    bands = Bands(
        {
            ("a", "hyperscaler"): big,
            ("a", "neocloud"): neo,
            ("b", "*"): by_hand,
            ("*", "*"): any_gpu,
        },
        {"aws": "hyperscaler", "neo": "neocloud", "bazaar": "marketplace"},
    )
    assert bands.of("a", "aws") is big
    assert bands.of("a", "neo") is neo
    widest = Band(1.0, 0.5, 40.0)
    assert bands.of("a", "somebody") == widest
    assert bands.of("a", "bazaar") == widest, "no band of this tier"
    assert bands.of("b", "aws") == by_hand
    assert bands.of("c", "aws") is any_gpu


def test_a_name_that_several_gpus_share_is_no_machine_type(tmp_path: Path) -> None:
    """Qubrid sells five GPUs as "8-GPU bare metal, annual"."""
    text = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,instance\n"
    for gpu, price in (("h100-sxm-80gb", 2.1), ("h200-sxm-141gb", 3.2)):
        row = f'qubrid,{gpu},8,reserved_1y,{price},"8-GPU bare metal, annual"\n'
        found = catalog.load(prices=sheet(tmp_path, text + row)).offers
        assert catalog.find_offers(found, {"qubrid"}, gpus={gpu}, purchases={RESERVED_1Y})
    row = 'qubrid,l4-24gb,8,reserved_1y,0.5,"8-GPU bare metal, annual"\n'
    assert "it has 8 x a100-sxm-80gb or 8 x" in refused(sheet(tmp_path, text + row))[0]
