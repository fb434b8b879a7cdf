"""Inventories that cannot be planned: the keys in conflict, and ways out that really are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from gpumix.catalog import Catalog, load
from gpumix.errors import Infeasible, WayOut, message_of
from gpumix.inventory import read_inventory
from gpumix.inventory.written import as_written
from gpumix.inventory.yaml import parse
from gpumix.plan.effort import WORK
from gpumix.plan.plan import plan

DAY = date(2026, 11, 24)
OWN = "dhaka: {country: BD, racks: 4, kw_per_rack: 12}"
BUY = "dhaka: {country: BD, racks: 1, kw_per_rack: 12, gpus: [l40s-48gb]}"
SMALL = "meta-llama/Llama-3.1-8B-Instruct"
TUNING = f"method: lora, model: {SMALL}, runs_per_month: 8"


def chat(peak: float, more: str = "") -> str:
    traffic = f"traffic: {{profile: azure-conv, peak_requests_per_s: {peak}}}"
    slo = "slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}"
    return f"chat: {{kind: chat, model: {SMALL}, {traffic}, {slo}{more}}}"


def cloud(gpus: str = "l40s-48gb", purchase: str = "on_demand", more: str = "") -> str:
    return f"cloud: {{gpus: [{gpus}], purchase: [{purchase}]{more}}}"


@dataclass(frozen=True)
class Case:
    """An inventory, keys that its conflict must name with their values, and the key of a way out
    that must be told."""

    workloads: str
    supply: str
    named: tuple[str, ...]
    way: str
    limits: str = "{}"


CASES = {
    "owned only": Case(
        chat(400),
        f"on_prem: {{{OWN}}}, owned: {{dhaka: {{l40s-48gb: 8}}}}",
        ("workloads.chat.traffic.peak_requests_per_s: 400", "supply.owned.dhaka.l40s-48gb: 8"),
        "supply.owned.dhaka.l40s-48gb",
    ),
    "users": Case(
        chat(400).replace("peak_requests_per_s: 400", "users: 14000"),
        f"on_prem: {{{OWN}}}, owned: {{dhaka: {{l40s-48gb: 8}}}}",
        ("workloads.chat.traffic.users: 14000", "supply.owned.dhaka.l40s-48gb: 8"),
        "workloads.chat.traffic.users",
    ),
    "instances": Case(
        chat(600),
        cloud(more=", max_instances: 1"),
        ("supply.cloud.max_instances: 1",),
        "supply.cloud.max_instances",
    ),
    "quota of one": Case(
        chat(600),
        cloud("h100-sxm-80gb", more=", providers: [gcp], max_instances: {gcp: 1}"),
        ("supply.cloud.max_instances.gcp: 1",),
        "supply.cloud.max_instances.gcp",
    ),
    "quota of nothing": Case(
        chat(20),
        cloud("h100-sxm-80gb", more=", providers: [aws], max_instances: {aws: 0}"),
        ("supply.cloud.max_instances.aws: 0",),
        "supply.cloud.max_instances.aws",
    ),
    "capex in taka": Case(
        chat(20),
        f"on_prem: {{{BUY}}}",
        ("limits.capex: 1M BDT",),
        "limits.capex",
        "{capex: 1M BDT}",
    ),
    "no capex": Case(
        chat(20),
        f"on_prem: {{{BUY}}}",
        ("limits.capex_usd: 0",),
        "limits.capex_usd",
        "{capex_usd: 0}",
    ),
    "racks": Case(
        chat(400),
        f"on_prem: {{{BUY}}}",
        ("supply.on_prem.dhaka.racks: 1",),
        "supply.on_prem.dhaka.racks",
    ),
    "racks and capex": Case(
        chat(300),
        f"on_prem: {{{BUY}}}",
        ("supply.on_prem.dhaka.racks: 1",),
        "limits.capex_usd",
        "{capex_usd: 100000}",
    ),
    "residency": Case(
        chat(20, ", residency: BD"),
        cloud(),
        ("workloads.chat.residency: BD",),
        "workloads.chat.residency",
    ),
    "small GPUs": Case(
        "big: {kind: chat, model: meta-llama/Llama-3.1-405B-Instruct, traffic: {input_tokens: 1000,"
        " output_tokens: 200, requests_per_s: 1}, slo: {ttft_p95: 3 s}}",
        cloud("l4-24gb, t4-16gb"),
        ("supply.cloud.gpus: [l4-24gb, t4-16gb]",),
        "supply.cloud.gpus",
    ),
    "the loss of the only instance": Case(
        chat(2, ", tier: premium"),
        cloud("h100-sxm-80gb", more=", providers: [gcp], max_instances: {gcp: 1}"),
        ("workloads.chat.tier: premium", "supply.cloud.max_instances.gcp: 1"),
        "workloads.chat.tier",
    ),
    "window": Case(
        f"nightly: {{kind: batch, model: {SMALL}, tokens_per_day: {{input: 2B, output: 40M}},"
        ' window: "02:00-03:00"}',
        f"on_prem: {{{OWN}}}, owned: {{dhaka: {{l40s-48gb: 8}}}}",
        ("workloads.nightly.window: 02:00-03:00", "supply.owned.dhaka.l40s-48gb: 8"),
        "workloads.nightly.window",
    ),
    "window of work that begins within a year": Case(
        f"nightly: {{kind: batch, model: {SMALL}, tokens_per_day: {{input: 2B, output: 40M}},"
        ' window: "02:00-03:00", from: 2027-04}',
        f"on_prem: {{{OWN}}}, owned: {{dhaka: {{l40s-48gb: 8}}}}",
        ("workloads.nightly.window: 02:00-03:00", "supply.owned.dhaka.l40s-48gb: 8"),
        "workloads.nightly.window",
    ),
    "deadline": Case(
        f"adapters: {{kind: finetune, {TUNING}, tokens: 500M, finish_within: 2 min}}",
        cloud("h100-sxm-80gb"),
        ("workloads.adapters.finish_within: 2 min",),
        "workloads.adapters.finish_within",
    ),
    "gang": Case(
        f"adapters: {{kind: finetune, {TUNING}, tokens: 5B, finish_within: 400 h, n_gpus: 32}}",
        cloud("h100-sxm-80gb", more=", max_instances: 1"),
        ("supply.cloud.max_instances: 1",),
        "supply.cloud.max_instances",
    ),
    "spot": Case(
        chat(60),
        cloud("h100-sxm-80gb", "spot"),
        ("limits.spot_share: 30 %", "supply.cloud.purchase: [spot]"),
        "supply.cloud.purchase",
        "{spot_share: 30 %}",
    ),
    "promise": Case(
        chat(5).replace("tpot_p95: 60 ms", "tpot_p95: 1 ms"),
        cloud("h100-sxm-80gb"),
        ("workloads.chat.slo.tpot_p95: 1 ms",),
        "workloads.chat.slo.tpot_p95",
    ),
    "GPUs of two minds": Case(
        chat(5, ", gpus: b200-sxm-180gb"),
        cloud(),
        ("workloads.chat.gpus: b200-sxm-180gb", "supply.cloud.gpus: [l40s-48gb]"),
        "workloads.chat.gpus",
    ),
    "GPU types": Case(
        f"{chat(30, ', gpus: l40s-48gb')}, adapters: {{kind: finetune, {TUNING}, tokens: 50M,"
        " gpus: h100-sxm-80gb}",
        cloud("l40s-48gb, h100-sxm-80gb"),
        ("limits.gpu_types: 1",),
        "limits.gpu_types",
        "{gpu_types: 1}",
    ),
    "lines": Case(
        f"{chat(30, ', gpus: l40s-48gb')}, adapters: {{kind: finetune, {TUNING}, tokens: 50M,"
        " gpus: h100-sxm-80gb}",
        cloud("l40s-48gb, h100-sxm-80gb"),
        ("limits.lines: 1",),
        "limits.lines",
        "{lines: 1}",
    ),
}


@cache
def catalog() -> Catalog:
    return load()


def text_of(case: Case) -> str:
    return (
        "name: team\nhorizon: {start: 2027-01, years: 1}\n"
        f"workloads: {{{case.workloads}}}\nsupply: {{{case.supply}}}\nlimits: {case.limits}\n"
    )


def planned(path: Path) -> None:
    """The plan of a file; what is wrong is told as `gpumix plan` tells it."""
    inventory = read_inventory(path, catalog(), DAY)
    try:
        assert plan(inventory, catalog(), work=WORK["quick"]).plan.mix
    except Infeasible as error:
        raise as_written(error, path, catalog()) from None


def applied(text: str, way: WayOut) -> str:
    """The inventory file with the changes of a way out made in it."""
    data: Any = parse(text, "team.yaml").data
    for change in way.changes:
        within = data
        for key in change.stated.path[:-1]:
            within = within.setdefault(key, {})
        if change.value:
            within[change.stated.path[-1]] = yaml.load(change.value, yaml.BaseLoader)
        else:
            del within[change.stated.path[-1]]
    return str(yaml.safe_dump(data))


RAW = re.compile(
    r"(demand|work|n_plus_one|max_spot_share|site_kw|quota|max_instances|min_instances):[a-z]"
    r"|capex_budget|on_demand:|@y[0-9]|\(0%|: 0 instead|nan|inf\b"
)
"""Ids of the mix, which nobody wrote; and work cut to nothing."""


@pytest.mark.parametrize("name", CASES)
def test_what_cannot_be_planned_names_its_keys_and_ways_out_that_work(
    name: str, tmp_path: Path
) -> None:
    case, path = CASES[name], tmp_path / "team.yaml"
    path.write_text(text_of(case), encoding="utf-8")
    with pytest.raises(Infeasible) as caught:
        planned(path)
    told = message_of(caught.value)
    assert not RAW.search(told), told
    conflict = [str(limit) for limit in caught.value.conflict]
    assert set(case.named) <= set(conflict), told
    ways = [way for way in caught.value.ways_out if way.changes]
    assert case.way in [c.stated.key for way in ways for c in way.changes], told
    for way in ways[:2]:
        path.write_text(applied(text_of(case), way), encoding="utf-8")
        planned(path)


def test_what_stands_binds_and_not_the_racks_it_stands_in(tmp_path: Path) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(text_of(CASES["owned only"]), encoding="utf-8")
    with pytest.raises(Infeasible) as caught:
        planned(path)
    assert [limit.key for limit in caught.value.conflict] == [
        "workloads.chat.traffic.peak_requests_per_s",
        "supply.owned.dhaka.l40s-48gb",
    ]


def test_the_cheapest_way_out_comes_first_and_is_marked() -> None:
    error = Infeasible(
        "no plan",
        [],
        [WayOut(says="pay", usd=1e6), WayOut(says="wait", usd=2e6), WayOut(says="stop")],
    )
    assert message_of(error).splitlines() == [
        "gpumix: no plan",
        "  a way out: the cheapest: pay [the plan then costs 1,000,000 USD]",
        "  a way out: wait [the plan then costs 2,000,000 USD]",
        "  a way out: stop",
    ]
