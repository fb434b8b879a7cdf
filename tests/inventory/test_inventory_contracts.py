"""The team's own terms with clouds, and data, as an inventory writes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.contracts import Contracts, Credit, Discount, Support
from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Inventory
from gpumix.inventory.recheck import problems_of

Read = Callable[[str], Inventory]
Refused = Callable[[str], str]

TEAM = """
horizon: {start: 2027-01, years: 1}
workloads:
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 1M, output: 1M}
    DATA
supply:
  cloud:
    CLOUD
"""


def with_cloud(keys: str) -> str:
    return TEAM.replace("DATA", "").replace("CLOUD", keys)


def test_terms_are_read(read: Read) -> None:
    found = read(
        with_cloud(
            "discounts: [{provider: aws, share: 12 %, gpus: h100_sxm, regions: us-east-1,"
            " purchase: [on_demand, reserved], until: 2027-06-30}, {provider: gcp, share: 0.1}]\n"
            "    support_share: {aws: 0.03, azure: 10 %}\n"
            "    credits: [{provider: aws, usd: 50k, until: 2027-03-31}]\n"
            "    tax_share: 15 %"
        )
    )
    assert found.cloud is not None
    both = (Purchase.ON_DEMAND, Purchase.RESERVED)
    until = date(2027, 6, 30)
    assert found.cloud.contracts == Contracts(
        discounts=(
            Discount("aws", 0.12, ("h100-sxm-80gb",), ("us-east-1",), both, until),
            Discount("gcp", 0.1),
        ),
        support=(Support("aws", 0.03), Support("azure", 0.1)),
        credits=(Credit("aws", 50_000.0, date(2027, 3, 31)),),
        tax_share=0.15,
    )
    assert found.cloud.contracts.support_share("azure") == 0.1
    assert found.cloud.contracts.support_share("gcp") == 0.0


def test_data_is_read_of_every_kind(read: Read) -> None:
    keys = "data_tb: 12.5\n    egress_tb_per_month: 3"
    (found,) = read(TEAM.replace("DATA", keys).replace("CLOUD", "tiers: any")).workloads
    assert (found.data_tb, found.egress_tb_per_month) == (12.5, 3.0)
    assert found.has_data
    assert not replace(found, data_tb=0.0, egress_tb_per_month=0.0).has_data


def test_every_wrong_name_is_told_with_its_key(refused: Refused) -> None:
    said = refused(
        with_cloud(
            "discounts: [{provider: awss, share: 0.1}, {provider: aws, share: 0.1,"
            " gpus: [h101-sxm-80gb], regions: [us-east-11]}]\n"
            "    support_share: {azzure: 0.1}\n"
            "    credits: [{provider: gpc, usd: 5, until: 2027-03}]"
        )
    )
    for words in (
        "supply.cloud.discounts.0.provider",
        "did you mean aws",
        "supply.cloud.discounts.1.gpus",
        "supply.cloud.discounts.1.regions.0",
        "supply.cloud.support_share.azzure",
        "did you mean azure",
        "supply.cloud.credits.0.provider",
        "did you mean gcp",
    ):
        assert words in said


@pytest.mark.parametrize(
    ("keys", "words"),
    [
        ("discounts: [{provider: aws, share: 100 %}]", "must be at most 0.99"),
        ("discounts: [{provider: aws}]", "needs the key 'share'"),
        ("discounts: [{provider: aws, share: 0.1, purchases: spot}]", "did you mean purchase"),
        ("discounts: [{provider: aws, share: 0.1, purchase: weekly}]", "unknown purchase 'weekly'"),
        ("discounts: [{provider: aws, share: 0.1, until: soon}]", "until"),
        ("support_share: {aws: -1 %}", "expected a share"),
        ("credits: [{provider: aws, usd: 0, until: 2027-03}]", "must be above 0"),
        ("credits: [{provider: aws, usd: 10}]", "needs the key 'until'"),
        ("tax_share: 150 %", "expected a share"),
    ],
)
def test_a_wrong_term_is_refused(refused: Refused, keys: str, words: str) -> None:
    said = refused(with_cloud(keys))
    assert "supply.cloud" in said
    assert words in said


def test_negative_data_is_refused(refused: Refused) -> None:
    said = refused(TEAM.replace("DATA", "data_tb: -1").replace("CLOUD", "tiers: any"))
    assert "workloads.nightly.data_tb" in said
    assert "must be at least 0" in said


def test_terms_that_somebody_edited_in_a_plan_are_checked(read: Read, catalog: Catalog) -> None:
    found = read(with_cloud("tax_share: 0.1"))
    assert not problems_of(found, catalog, "plan")
    terms = Contracts(
        (Discount("aws", 1.5, ("h100",), None, (Purchase.BUY,)),),
        (Support("aws", -0.1),),
        (Credit("aws", -5.0, date(2027, 1, 1)),),
        7.0,
    )
    assert found.cloud is not None
    cloud = replace(found.cloud, contracts=terms, tiers=("cheap",))
    workloads = (replace(found.workloads[0], data_tb=-1.0),)
    problems = problems_of(replace(found, cloud=cloud, workloads=workloads), catalog, "plan")
    assert [p.place for p in problems] == [
        "plan.workloads[0].data_tb",
        "plan.cloud.tiers[0]",
        "plan.cloud.contracts.discounts[0].share",
        "plan.cloud.contracts.discounts[0].gpus[0]",
        "plan.cloud.contracts.discounts[0].purchases[0]",
        "plan.cloud.contracts.support[0].share",
        "plan.cloud.contracts.credits[0].usd",
        "plan.cloud.contracts.tax_share",
    ]
