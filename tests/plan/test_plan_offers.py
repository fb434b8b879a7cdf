"""What a plan may be made of: tiers, fabrics, ages, terms that exist, and what to ask for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from gpumix import catalog
from gpumix.domain.offer import OLD, Layer, Offer, Purchase
from gpumix.domain.plan import LISTED, Plan
from gpumix.domain.workload import Inventory, Tier
from gpumix.errors import Infeasible
from gpumix.inventory import read_inventory
from gpumix.plan.effort import WORK
from gpumix.plan.plan import plan
from gpumix.report.views.mix import mix_table, target_words
from gpumix.report.views.plan import sureness
from gpumix.supply.allowed import may_run
from gpumix.supply.rentals import rentals

DAY = date(2026, 11, 29)
TEXT = """
horizon: {start: 2027-01, years: 3}
as_of: 2026-11-29
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {input_tokens: 800, output_tokens: 200, requests_per_s: 20}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
supply:
  cloud: {gpus: [l40s-48gb, a100-sxm-80gb]}
"""


@pytest.fixture(scope="module")
def cat() -> catalog.Catalog:
    return catalog.load()


def inventory(tmp_path: Path, cat: catalog.Catalog, text: str = TEXT) -> Inventory:
    path = tmp_path / "inventory.yaml"
    path.write_text(text, encoding="utf-8")
    return read_inventory(path, cat, DAY)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, cat: catalog.Catalog) -> Plan:
    return plan(inventory(tmp_path_factory.mktemp("made"), cat), cat, work=WORK["quick"]).plan


def rented(text: str, tmp_path: Path, cat: catalog.Catalog) -> list[Offer]:
    found = rentals(inventory(tmp_path, cat, text), cat).of
    return [supply.offer for supply in found if supply.offer]


def test_every_line_names_who_sells_it_where_and_when_it_was_seen(made: Plan) -> None:
    assert made.mix
    listed = {(o.provider, o.gpu, o.gpus_per_instance, o.region, o.as_of, o.instance)
              for o in catalog.load().listed}  # fmt: skip
    for line in made.mix:
        assert line.tier in ("hyperscaler", "neocloud")
        assert line.price_as_of is not None
        assert line.age_days == (DAY - line.price_as_of).days
        key = (line.provider, line.gpu, line.gpus_per_instance, line.region)
        assert (*key, line.price_as_of, line.instance) in listed
        assert not line.derived
        assert not line.estimated
    shown = [cell.text for row in mix_table(made).rows for cell in row]
    assert any(made.mix[0].provider in words and made.mix[0].tier in words for words in shown)


def test_no_warning_stands_on_the_first_screen(made: Plan) -> None:
    assert made.warnings == ()


def test_marketplaces_are_rented_from_only_on_request(tmp_path: Path, cat: catalog.Catalog) -> None:
    day = "as_of: 2026-10-12\n"  # marketplace prices are good for 14 days
    text = TEXT.replace("as_of: 2026-11-29\n", day)
    assert {o.tier for o in rented(text, tmp_path, cat)} == {"hyperscaler", "neocloud"}
    anywhere = text.replace("cloud: {", "cloud: {tiers: any, ")
    assert "marketplace" in {o.tier for o in rented(anywhere, tmp_path, cat)}
    only = text.replace("cloud: {", "cloud: {tiers: hyperscaler, ")
    assert {o.tier for o in rented(only, tmp_path, cat)} == {"hyperscaler"}
    named = text.replace("cloud: {", "cloud: {providers: vast, ").replace("l40s-48gb, ", "")
    assert {o.tier for o in rented(named, tmp_path, cat)} == {"marketplace"}


def test_premium_work_never_runs_on_machines_of_others(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    read = inventory(tmp_path, cat)
    supply = rentals(read, cat).of[0]
    assert supply.offer is not None
    premium = replace(read.workloads[0], tier=Tier.PREMIUM)
    for tier, may in (("hyperscaler", True), ("neocloud", True), ("", True),
                      ("marketplace", False), ("reseller", False)):  # fmt: skip
        sold = replace(supply, offer=replace(supply.offer, tier=tier), purchase=Purchase.ON_DEMAND)
        assert may_run(premium, sold) is may
        assert may_run(read.workloads[0], sold)


def test_own_rates_are_used_whatever_their_tier(tmp_path: Path, cat: catalog.Catalog) -> None:
    sheet = tmp_path / "rates.csv"
    sheet.write_text(
        "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,as_of\n"
        "ourcloud,l40s-48gb,1,on_demand,0.60,2026-11-01\n"
    )
    text = TEXT + "prices: rates.csv\n"
    read = inventory(tmp_path, cat, text)
    found = rentals(read, cat.with_rates(read.rates)).of
    (own,) = (s.offer for s in found if s.provider == "ourcloud")
    assert own is not None
    assert (own.layer, own.tier, own.usd_per_gpu_hour) == (Layer.SHEET, "", 0.6)


def test_a_gang_of_several_nodes_needs_a_fabric(tmp_path: Path, cat: catalog.Catalog) -> None:
    found = rentals(inventory(tmp_path, cat, TEXT.replace("l40s-48gb, a100-sxm-80gb",
                                                          "h100-sxm-80gb")), cat).of  # fmt: skip
    with_fabric = {s.provider for s in found if s.has_fabric}
    assert with_fabric
    assert with_fabric <= {"aws", "azure", "gcp", "oci", "coreweave", "nebius", "crusoe",
                           "together"}  # fmt: skip
    assert {s.provider for s in found if not s.has_fabric}


def test_a_snapshot_of_a_year_ago_prices_a_plan_and_every_line_says_its_age(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    later = DAY + timedelta(days=365)
    text = TEXT.replace("2026-11-29", later.isoformat()).replace("2027-01", "2028-01")
    found = plan(inventory(tmp_path, cat, text), cat, work=WORK["quick"]).plan
    assert found.mix
    for line in found.mix:
        assert line.purchase != Purchase.SPOT
        assert line.age_days is not None
        assert line.age_days >= 365
        assert OLD in line.marks
    shown = [cell.text for row in mix_table(found).rows for cell in row]
    assert sum(", old)" in words for words in shown) == len(found.mix)


def test_a_term_that_would_pay_has_a_target_price(made: Plan, cat: catalog.Catalog) -> None:
    """Chat at a steady rate all week: a commitment at the tier's usual ratio would pay."""
    assert made.targets
    usual = {(o.gpu, o.term_months, round(o.usd_per_gpu_hour, 6)) for o in cat.estimated_terms}
    for target in made.targets:
        price = round(target.usual_usd_per_gpu_hour, 6)
        assert (target.gpu, target.term_months, price) in usual
        assert target.usual_usd_per_gpu_hour < target.usd_per_gpu_hour
        words = target_words(target, made.targets)
        assert f"{target.gpu} below ${target.usd_per_gpu_hour:.2f} an hour would pay" in words
    assert "it would save $" in target_words(made.targets[-1], made.targets)


def test_at_its_target_price_a_term_costs_what_the_plan_costs(
    made: Plan, tmp_path: Path, cat: catalog.Catalog
) -> None:
    """Sold at its target, the commitment is worth no more and no less than the plan as it is."""
    assert len({t.gpu for t in made.targets}) == 1
    (target,) = made.targets
    listed = next(o for o in cat.listed if o.gpu == target.gpu and o.tier == target.tier
                  and o.purchase is Purchase.ON_DEMAND)  # fmt: skip

    def sold_at(share: float) -> Plan:
        quote = replace(
            listed,
            instance="quoted", region="", country=None, gpus_per_instance=1,
            purchase=Purchase.of_term(target.term_months), term_months=target.term_months,
            usd_per_instance_hour=target.usd_per_gpu_hour * share, layer=Layer.SHEET, as_of=DAY,
        )  # fmt: skip
        return plan(inventory(tmp_path, cat), cat.with_rates([quote]), work=WORK["quick"]).plan

    assert sold_at(1.0).horizon_usd == pytest.approx(made.horizon_usd, rel=0.01)
    assert sold_at(0.8).horizon_usd < 0.99 * made.horizon_usd


ESTIMATING = TEXT.replace("cloud: {", "cloud: {estimated_terms: true, ")


def test_estimated_terms_are_marked_and_the_headline_tells_the_cost_without(
    made: Plan, tmp_path: Path, cat: catalog.Catalog
) -> None:
    found = plan(inventory(tmp_path, cat, ESTIMATING), cat, work=WORK["quick"]).plan
    derived = [line for line in found.mix if line.derived]
    assert derived
    assert all(line.estimated and line.basis == "assumed" for line in derived)
    (published,) = (a for a in found.regret if a.name == LISTED)
    assert published.horizon_usd == pytest.approx(made.horizon_usd, rel=0.01)
    assert f"at listed prices only: ${published.horizon_usd:,.0f}" in sureness(found)
    assert found.targets == ()
    shown = [cell.text for row in mix_table(found).rows for cell in row]
    assert any("estimated" in words for words in shown)


def test_a_job_that_wants_a_gang_where_there_is_none_is_told_what_to_say(
    tmp_path: Path, cat: catalog.Catalog
) -> None:
    text = """
horizon: {start: 2027-01, years: 1}
workloads:
  base: {kind: pretrain, model: meta-llama/Llama-3.1-8B-Instruct, tokens: 500B, runs_per_year: 1,
         finish_within: 60 d, n_gpus: 64}
supply: {cloud: {providers: ourcloud}}
prices: rates.csv
"""
    (tmp_path / "rates.csv").write_text(
        "provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,as_of\n"
        "ourcloud,h100-sxm-80gb,8,on_demand,3.00,2026-11-01\n"
    )
    read = inventory(tmp_path, cat, text)
    with pytest.raises(Infeasible) as refused:
        plan(read, cat.with_rates(read.rates))
    assert any("fabric: yes" in w.says and "ourcloud" in w.says for w in refused.value.ways_out)
