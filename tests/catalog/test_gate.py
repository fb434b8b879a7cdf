"""The gate: every rule that refuses a price or marks it, on sheets beside the packaged prices."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

import offer_fixture
from gpumix import catalog
from gpumix.catalog.bands import Band, Bands
from gpumix.catalog.gate import Judged, Known, judge
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Layer, Offer, Purchase
from gpumix.domain.price_check import PriceCheck

CATALOG = catalog.load()
TODAY = date(2026, 11, 29)
COLUMNS = "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,region,instance,as_of,note"
SPOT, ON_DEMAND = Purchase.SPOT, Purchase.ON_DEMAND


def check(folder: Path, rows: Sequence[str], columns: str = COLUMNS) -> PriceCheck:
    """Rows of a sheet; cells that are left out at their end are empty."""
    width = columns.count(",")
    lines = [row + "," * (width - row.count(",")) if '"' not in row else row for row in rows]
    path = folder / "my-prices.csv"
    path.write_text("\n".join([columns, *lines]) + "\n", encoding="utf-8")
    return CATALOG.check_sheet(path)


def rules(check: PriceCheck) -> tuple[set[tuple[int, str]], set[tuple[int, str]]]:
    """(line, rule) of what is refused and marked; age depends on the day of the test."""
    marked = {(one.line, one.rule) for one in check.marked if one.rule != "old"}
    return {(one.line, one.rule) for one in check.refused}, marked


def offer(usd_per_gpu_hour: float, **changes: Any) -> Offer:
    """An offer of a provider of unknown tier, good on the day of the tests."""
    plain = {"as_of": date(2026, 11, 20), "tier": ""}
    return offer_fixture.offer(usd_per_gpu_hour, **(plain | changes))


def judged(*offers: Offer, others: Sequence[Offer] = (), bands: Bands | None = None) -> Judged:
    wide = Bands({("*", "*"): Band(0.001, 0.001, 1000.0)}, {})
    known = Known(CATALOG.gpus, bands or wide, others, CATALOG.ageing, TODAY)
    return judge([(one, line) for line, one in enumerate(offers, 2)], known)


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        # GPU or count differs from the machine's; the name in any spelling
        (["azure,h100-sxm-80gb,12,on_demand,12.3,,ND96isr_H100_v5"], {(2, "wrong-machine")}),
        (["azure,h200-sxm-141gb,8,on_demand,12.3,,ND96isr_H100_v5"], {(2, "wrong-machine")}),
        (["aws,a100-sxm-80gb,8,on_demand,4,,p4d.24xlarge"], {(2, "wrong-machine")}),
        (["aws,a100-sxm-80gb,8,on_demand,4,,P4D.24XLARGE"], {(2, "wrong-machine")}),
        (["azure,a100-sxm-80gb,8,on_demand,4,,Standard_ND96asr_v4"], {(2, "wrong-machine")}),
        (["azure,a100-sxm-80gb,8,on_demand,4,,ND96asr_A100_v4"], {(2, "wrong-machine")}),
        (["azure,a100-sxm-80gb,8,on_demand,4,,nd96asr a100 v4"], {(2, "wrong-machine")}),
        (["azure,a100-sxm-40gb,8,on_demand,4,,ND96amsr_v4"], {(2, "wrong-machine")}),
        (["gcp,a100-sxm-80gb,8,on_demand,4,,a2-highgpu-8g"], {(2, "wrong-machine")}),
        # 40 GB sold as 80 GB, and another GPU, by the name alone
        (["acme,a100-sxm-80gb,8,on_demand,2,,A100 40GB x8"], {(2, "wrong-machine")}),
        (["acme,a100-sxm-80gb,8,on_demand,2,,8x A100-SXM4 40 GiB"], {(2, "wrong-machine")}),
        (["acme,a100-sxm-80gb,8,on_demand,2,,gpu-a100_40g"], {(2, "wrong-machine")}),
        (["acme,a100-sxm-80gb,8,on_demand,2,,A100-40"], {(2, "wrong-machine")}),
        (["acme,h100-sxm-80gb,8,on_demand,3,,8x A100 SXM"], {(2, "wrong-machine")}),
        # a count that no machine of the GPU has
        (["acme,h100-sxm-80gb,12,on_demand,3"], {(2, "wrong-machine")}),
        (["acme,h100-sxm-80gb,6,on_demand,3"], {(2, "wrong-machine")}),
        # bid floors, a node's price filed per GPU
        (["acme,h100-sxm-80gb,8,on_demand,0.5"], {(2, "band")}),
        (["acme,b200-sxm-180gb,8,on_demand,0.01"], {(2, "band")}),
        (["aws,h100-sxm-80gb,1,on_demand,55.04"], {(2, "band")}),
        # days on which no such price was true
        (["acme,h100-sxm-80gb,8,on_demand,3,,,2014-12-31"], {(2, "date")}),
        (["acme,h100-sxm-80gb,8,on_demand,3,,,01.11.2026"], {(2, "date")}),
        # commitments above what they should be below
        (
            ["acme,h100-sxm-80gb,8,on_demand,3", "acme,h100-sxm-80gb,8,reserved_1y,3.1"],
            {(3, "term-order")},
        ),
        (
            ["acme,h100-sxm-80gb,8,reserved_3y,2.6", "acme,h100-sxm-80gb,8,reserved_1y,2.5"],
            {(2, "term-order")},
        ),
        (["aws,h100-sxm-80gb,8,reserved_1y,9,us-east-1,p5.48xlarge"], {(2, "term-order")}),
        # two rows of one machine, place, kind and day
        (
            ["acme,h100-sxm-80gb,8,on_demand,3", "ACME,H100_SXM,8,on_demand,3.5"],
            {(2, "duplicate"), (3, "duplicate")},
        ),
        (
            ["acme,h100-sxm-80gb,8,on_demand,3", "acme,h100-sxm-80gb,8,on_demand,3"],
            {(3, "duplicate")},
        ),
        # zero, negative, not a number, another country's way to write one
        (["acme,h100-sxm-80gb,8,on_demand,0"], {(2, "no-price")}),
        (["acme,h100-sxm-80gb,8,on_demand,-3"], {(2, "no-price")}),
        (["acme,h100-sxm-80gb,8,on_demand,nan"], {(2, "no-price")}),
        (["acme,h100-sxm-80gb,8,on_demand,on request"], {(2, "no-price")}),
        (["acme,h100-sxm-80gb,8,on_demand,"], {(2, "no-price")}),
        (['acme,h100-sxm-80gb,8,on_demand,"3,52",,,,'], {(2, "no-price")}),
        (['acme,h100-sxm-80gb,8,on_demand,"1,022.00",,,,'], {(2, "no-price")}),
        (["acme,h100-smx-80gb,8,on_demand,3"], {(2, "gpu")}),
        (["acme,h100-sxm-80gb,1.5,on_demand,3"], {(2, "count")}),
        (["acme,h100-sxm-80gb,8,reserved,2"], {(2, "term")}),
        (["acme,h100-sxm-80gb,8,barter,2"], {(2, "term")}),
    ],
)
def test_refused(tmp_path: Path, rows: list[str], refused: set[tuple[int, str]]) -> None:
    good = "acme,l40s-48gb,1,on_demand,1.4"
    found = check(tmp_path, [*rows, good])
    assert rules(found)[0] == refused
    assert found.rows == len(rows) + 1
    assert found.accepted == found.rows - len({line for line, _ in refused})


def test_a_day_to_come(tmp_path: Path) -> None:
    tomorrow = date.today() + timedelta(days=1)
    row = "acme,h100-sxm-80gb,8,on_demand,3,,,{}"
    assert rules(check(tmp_path, [row.format(tomorrow)]))[0] == {(2, "date")}
    assert rules(check(tmp_path, [row.format(date.today())]))[0] == set()


@pytest.mark.parametrize(
    ("rows", "marked"),
    [
        # spot above on-demand, in the sheet and beside the catalogue; at 98 % there is no market
        (
            ["acme,h100-sxm-80gb,8,on_demand,4.2", "acme,h100-sxm-80gb,8,spot,5.34"],
            {(3, "spot-above-on-demand")},
        ),
        (["aws,h100-sxm-80gb,8,spot,7.5,us-east-1"], {(2, "spot-above-on-demand")}),
        (
            ["acme,l40s-48gb,1,on_demand,1.00", "acme,l40s-48gb,1,spot,0.98"],
            {(3, "absent-spot")},
        ),
        (["acme,l40s-48gb,1,on_demand,1.00", "acme,l40s-48gb,1,spot,0.97"], set()),
        # the same the other way round: on-demand below a spot price of the catalogue
        (
            ["aws,h200-sxm-141gb,8,on_demand,3.3,us-east-1,p5en.48xlarge"],
            {(2, "on-demand-below-spot"), (2, "twofold"), (2, "dispersion")},
        ),
        # regions of one machine
        (
            ["acme,h100-sxm-80gb,8,on_demand,4.2,east", "acme,h100-sxm-80gb,8,on_demand,9.8,west"],
            {(2, "dispersion"), (3, "dispersion")},
        ),
        (
            ["acme,h100-sxm-80gb,8,on_demand,4.2,east", "acme,h100-sxm-80gb,8,on_demand,8.4,west"],
            set(),
        ),
        (["acme,h100-sxm-80gb,8,spot,1.2,east", "acme,h100-sxm-80gb,8,spot,3.8,west"], set()),
        # the provider's newest price
        (["lambda,h100-sxm-80gb,8,on_demand,1.5"], {(2, "twofold")}),
        (["lambda,h100-sxm-80gb,8,on_demand,3.4"], set()),
        # a larger size above pro rata
        (
            ["acme,h100-sxm-80gb,1,on_demand,3", "acme,h100-sxm-80gb,8,on_demand,3.2"],
            {(3, "dedicated-host")},
        ),
        (["acme,h100-sxm-80gb,1,on_demand,3", "acme,h100-sxm-80gb,8,on_demand,3.1"], set()),
        # estimates
        (["acme,h100-sxm-80gb,8,on_demand,3,,,,Estimated from the list"], {(2, "estimated")}),
        (["acme,h100-sxm-80gb,8,on_demand,3,,,,billed and not estimated"], set()),
    ],
)
def test_marked(tmp_path: Path, rows: list[str], marked: set[tuple[int, str]]) -> None:
    found = check(tmp_path, rows)
    assert rules(found) == (set(), marked)
    assert found.accepted == found.rows


def test_a_machine_that_is_dearer_for_its_cores_is_no_dedicated_host(tmp_path: Path) -> None:
    """AWS g6e.12xlarge costs 1.41 times g6e.xlarge a GPU in every region; 1.6 times is new."""
    small = "aws,l40s-48gb,1,on_demand,1.861,us-east-1,g6e.xlarge"
    large = "aws,l40s-48gb,4,on_demand,{},us-east-1,g6e.12xlarge"
    assert rules(check(tmp_path, [small, large.format(2.623)])) == (set(), set())
    assert (3, "dedicated-host") in rules(check(tmp_path, [small, large.format(3.9)]))[1]


def test_old_depends_on_tier_and_kind() -> None:
    """Lists of hyperscalers hold for a year, of neoclouds two months; spot prices two weeks."""
    ages = {"hyperscaler": (365, 366), "neocloud": (60, 61), "marketplace": (14, 15)}
    for tier, days in ages.items():
        rows = [offer(3, tier=tier, region=str(n), as_of=TODAY - timedelta(n)) for n in days]
        assert [(one.line, one.rule) for one in judged(*rows).marked] == [(3, "old")]
    spots = [offer(3, purchase=SPOT, region=str(n), as_of=TODAY - timedelta(n)) for n in (14, 15)]
    found = judged(*spots)
    assert [(one.line, one.rule) for one in found.marked] == [(3, "old")]
    assert [one.marks for one in found.accepted] == [(), ()], "a plan's own day says what is old"


def test_marks_stay_with_the_offer_and_an_estimate_is_assumed() -> None:
    rows = [offer(0.44), offer(0.49, purchase=SPOT), offer(0.4, estimated=True, region="south-1")]
    found = judged(*rows)
    assert [one.marks for one in found.accepted] == [(), ("spot-above-on-demand",), ("estimated",)]
    assert [one.basis for one in found.accepted] == [Basis.MEASURED] * 2 + [Basis.ASSUMED]


def test_an_own_rate_does_not_repeat_an_imported_price() -> None:
    assert judged(offer(3), offer(2, layer=Layer.IMPORT)).refused == ()
    assert len(judged(offer(3, layer=Layer.IMPORT), offer(2, layer=Layer.IMPORT)).refused) == 2


def test_what_is_refused_is_no_measure_for_other_rows() -> None:
    """A price of a cent on demand does not make the spot price one above on-demand."""
    bands = Bands({("*", "*"): Band(0.1, 0.1, 10.0)}, {})
    found = judged(offer(0.01), offer(1.0, purchase=SPOT), bands=bands)
    assert {one.rule for one in found.refused} == {"band"}
    assert found.marked == ()


@pytest.mark.parametrize(
    ("price", "purchase", "sane"),
    [
        (1.0, ON_DEMAND, True),
        (0.99, ON_DEMAND, False),
        (0.5, SPOT, True),
        (0.5, Purchase.RESERVED_3Y, True),
        (0.49, SPOT, False),
        (10.0, ON_DEMAND, True),
        (10.01, ON_DEMAND, False),
    ],
)
def test_band_edges(price: float, purchase: Purchase, sane: bool) -> None:
    found = judged(offer(price, purchase=purchase), bands=Bands({("*", "*"): Band(1, 0.5, 10)}, {}))
    assert [one.rule for one in found.refused] == ([] if sane else ["band"])


@pytest.mark.parametrize(
    ("provider", "price", "sane"),
    [
        ("azure", 23.33, True),  # ND H100 v5 in southafricawest, 2026
        ("lambda", 23.33, False),  # nearly a node's price, filed per GPU by a neocloud
        ("vast", 2.25, True),
        ("azure", 1.20, False),  # below what any contract with a hyperscaler brings
        ("somebody", 23.33, True),  # of an unknown tier: the widest band
        ("somebody", 1.00, False),
    ],
)
def test_the_same_price_is_sane_in_one_tier_only(
    tmp_path: Path, provider: str, price: float, sane: bool
) -> None:
    found = check(tmp_path, [f"{provider},h100-sxm-80gb,8,on_demand,{price}"])
    assert ({"band"} == {one.rule for one in found.refused}) is not sane


@pytest.mark.parametrize(
    "row",
    [
        "azure,a100-sxm-40gb,8,on_demand,4,,ND96asr_A100_v4",
        "azure,a100-sxm-80gb,8,on_demand,4.1,,nd96amsr_v4",
        "gcp,a100-sxm-40gb,16,on_demand,3.5,,a2-megagpu-16g",  # 16 GPUs, not 16 GB
        "acme,a100-sxm-80gb,8,on_demand,2,,A100 80GB PCIe host with 40 cores",
        "acme,a100-sxm-80gb,1,on_demand,2,,A100-80",
        "acme,h100-nvl-94gb,1,on_demand,3,,NC40ads_H100_v5",
        "acme,l4-24gb,4,on_demand,0.8,,4x L4",
        "oci,mi300x-192gb,8,on_demand,6.75,,MI300X",  # a GPU's name is no machine
        "aws,h100-sxm-80gb,8,reserved_3y,3.2,us-east-1,p5.48xlarge",
        "acme,h100-sxm-80gb,8,on_demand,3,,,2015-01-01",
    ],
)
def test_a_true_row_passes(tmp_path: Path, row: str) -> None:
    assert rules(check(tmp_path, [row]))[0] == set()


def test_the_packaged_prices_are_clean() -> None:
    """None refused; age is all that marks any."""
    found = CATALOG.check_snapshot()
    assert found.rows == found.accepted > 1000
    assert rules(found) == (set(), set())
