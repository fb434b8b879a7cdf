"""Offers of the packaged snapshot, and the user's sheet over them."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest

from gpumix import catalog
from gpumix.catalog.tables import packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import TIERS, Layer, Offer, Purchase
from gpumix.errors import DataError

HEADER = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour\n"
H100 = "h100-sxm-80gb"
ON_DEMAND, SPOT = Purchase.ON_DEMAND, Purchase.SPOT
RESERVED_1Y = Purchase.RESERVED_1Y


@pytest.fixture(scope="module")
def cat() -> catalog.Catalog:
    return catalog.load()


def sheet(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "my-prices.csv"
    path.write_text(text, encoding="utf-8")
    return path


def nodes_of_aws(offers: tuple[Offer, ...]) -> list[Offer]:
    """Machines of eight H100 on demand."""
    found = catalog.find_offers(offers, {"aws"}, gpus={H100}, purchases={ON_DEMAND})
    return [o for o in found if o.gpus_per_instance == 8]


# -- the snapshot ----------------------------------------------------------------------------


def test_packaged_offers(cat: catalog.Catalog) -> None:
    """Every row of the table is an offer, current or replaced by one; none is computed."""
    with packaged("prices.csv").open(encoding="utf-8") as handle:
        rows = Counter(row["price_model"] for row in csv.DictReader(handle))
    offers = (*cat.listed, *(old for old, _ in cat.superseded))
    found = Counter(o.purchase.value for o in offers)
    assert {name: found[name] for name in ("on_demand", "spot")} == {
        name: rows[name] for name in ("on_demand", "spot")
    }
    assert found.total() == rows.total() == 1098
    assert cat.offers == cat.listed
    assert {o.gpu for o in offers} <= set(cat.gpus)
    assert {o.tier for o in offers} <= set(TIERS)
    assert {o.layer for o in offers} == {Layer.SNAPSHOT}
    assert not any(o.derived or o.estimated for o in offers)
    assert all(bool(o.term_months) is o.purchase.is_committed for o in offers)


def test_a_region_that_is_no_country_has_none(cat: catalog.Catalog) -> None:
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


def broken_table(tmp_path: Path, cells: list[dict[str, str]]) -> str:
    """What is said of a table of the first packaged rows with these cells in them."""
    with packaged("prices.csv").open(encoding="utf-8") as handle:
        rows = [row | changed for row, changed in zip(csv.DictReader(handle), cells, strict=False)]
    with (tmp_path / "prices.csv").open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    with pytest.raises(DataError) as error:
        _ = catalog.load(folder=tmp_path).offers
    return str(error.value)


def test_packaged_rows_that_cannot_be_read_are_named_all_at_once(tmp_path: Path) -> None:
    said = broken_table(
        tmp_path,
        [
            {"usd_per_gpu_hour": "9.9"},
            {"as_of": "soon"},
            {"region": "atlantis-1"},
            {"price_model": "barter"},
        ],
    )
    assert "prices.csv line 2: usd_per_gpu_hour 9.9" in said
    assert "prices.csv line 3: as_of is 'soon'" in said
    assert "prices.csv line 4: region 'atlantis-1'" in said
    assert "prices.csv line 5: price_model is 'barter'" in said


def test_packaged_rows_that_the_gate_refuses_are_named_all_at_once(tmp_path: Path) -> None:
    cent = {"usd_per_gpu_hour": "0.01", "usd_per_instance_hour": ""}
    said = broken_table(tmp_path, [cent, {}, cent])
    assert "prices.csv line 2: " in said
    assert "prices.csv line 4: " in said
    assert said.count("outside the sane band") == 2


# -- the user's sheet ------------------------------------------------------------------------


def test_a_rate_replaces_its_machine_and_keeps_its_regions(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    found = catalog.load(prices=sheet(tmp_path, HEADER + "AWS,H100_SXM,8,on_demand,5\n")).offers
    before, after = nodes_of_aws(cat.offers), nodes_of_aws(found)
    assert {o.usd_per_gpu_hour for o in after} == {5.0}
    assert {o.layer for o in after} == {Layer.SHEET}
    assert {o.country for o in after} == {o.country for o in before}
    assert all("my-prices.csv line 2" in o.source for o in after)


def test_a_rate_leaves_other_sizes_purchases_and_gpus_as_they_are(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    found = catalog.load(prices=sheet(tmp_path, HEADER + "aws,h100-sxm-80gb,8,on_demand,5\n"))
    replaced = {id(o) for o in nodes_of_aws(cat.offers)}
    kept = [o for o in cat.offers if id(o) not in replaced]
    assert [o for o in found.offers if o.layer is not Layer.SHEET] == kept
    of_aws = catalog.find_offers(kept, {"aws"}, gpus={H100})
    assert {o.gpus_per_instance for o in of_aws if o.purchase is ON_DEMAND} == {1}


def test_a_rate_with_a_region_replaces_that_region_only(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    text = "provider,gpu,gpus_per_instance,price_model,usd_per_gpu_hour,region,as_of\n"
    path = sheet(tmp_path, text + "aws,h100-sxm-80gb,8,on_demand,5,ap-south-1,2026-10-01\n")

    def regions(offers: tuple[Offer, ...]) -> dict[str, list[float]]:
        found: dict[str, list[float]] = {}
        for o in nodes_of_aws(offers):
            found.setdefault(o.region, []).append(o.usd_per_gpu_hour)
        return found

    before, after = regions(cat.offers), regions(catalog.load(prices=path).offers)
    assert after.pop("ap-south-1") == [5.0]
    del before["ap-south-1"]
    assert after == before


def test_own_rates_bring_no_terms_that_they_do_not_state(tmp_path: Path) -> None:
    text = "provider,gpu,gpus_per_instance,purchase,usd_per_instance_hour,country,as_of\n"
    path = sheet(
        tmp_path,
        text
        + "dhakacloud,l40s-48gb,4,on_demand,6.0,bd,2026-10-01\n"
        + "dhakacloud,l40s-48gb,4,reserved_1y,3.6,bd,2026-10-01\n",
    )
    loaded = catalog.load(prices=path)
    every = (*loaded.offers, *loaded.estimated_terms)
    found = catalog.find_offers(every, countries={"BD"})
    assert {o.purchase: o.usd_per_gpu_hour for o in found} == {ON_DEMAND: 1.5, RESERVED_1Y: 0.9}
    assert {o.basis for o in found} == {Basis.MEASURED}


def test_a_spot_rate_that_is_no_spot_prices_no_plan(tmp_path: Path) -> None:
    """At 98 % of on-demand there is no spot market; it is listed all the same."""
    text = HEADER + "neo,l40s-48gb,1,on_demand,1.00\nneo,l40s-48gb,1,spot,{}\n"
    for price, usable in (("0.98", {ON_DEMAND}), ("0.97", {ON_DEMAND, SPOT})):
        loaded = catalog.load(prices=sheet(tmp_path, text.format(price)))
        listed = catalog.find_offers(loaded.offers, {"neo"})
        assert {o.purchase for o in listed} == {ON_DEMAND, SPOT}
        today = max(o.as_of for o in listed)
        assert {o.purchase for o in loaded.usable(today) if o.provider == "neo"} == usable


def test_a_made_up_gpu_can_be_priced(tmp_path: Path) -> None:
    gpus = tmp_path / "gpus.csv"
    gpus.write_text("id,mem_gb,mem_bw_gbs,fp16_tflops,tdp_w\nx1,96,4000,1000,700\n")
    path = sheet(tmp_path, HEADER + "neo,x1,8,on_demand,2.5\n")
    found = catalog.load(gpus=gpus, prices=path).offers
    assert catalog.find_offers(found, gpus={"x1"})


def test_a_name_that_several_gpus_share_is_no_machine_type(tmp_path: Path) -> None:
    """Qubrid sells five GPUs as "8-GPU bare metal, annual"."""
    text = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,instance\n"
    for gpu, price in ((H100, 2.1), ("h200-sxm-141gb", 3.2)):
        row = f'qubrid,{gpu},8,reserved_1y,{price},"8-GPU bare metal, annual"\n'
        found = catalog.load(prices=sheet(tmp_path, text + row)).offers
        (rate,) = catalog.find_offers(found, {"qubrid"}, gpus={gpu}, purchases={RESERVED_1Y})
        assert rate.layer is Layer.SHEET
    row = 'qubrid,l4-24gb,8,reserved_1y,0.5,"8-GPU bare metal, annual"\n'
    wrong = catalog.load().check_sheet(sheet(tmp_path, text + row)).refused
    assert [one.rule for one in wrong] == ["wrong-machine"]
    assert "it has 8 x a100-sxm-80gb or 8 x" in wrong[0].what
