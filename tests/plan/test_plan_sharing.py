"""Workloads that a replica cannot tell apart share replicas: two halves cost the whole."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.options.sharing import together
from gpumix.plan.plan import plan

PRICES = """provider,region,gpu,gpus_per_instance,purchase,usd_per_gpu_hour
near,east,l40s-48gb,1,on_demand,1.0
"""


@cache
def catalog() -> Catalog:
    return load()


def inventory(folder: Path, rates: list[float], *lines: str) -> Inventory:
    """Chats of one model at these peaks; `lines` go to the last of them."""
    (folder / "p.csv").write_text(PRICES, encoding="utf-8")
    chats = "".join(
        f"""
  chat{i}:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{profile: azure-conv, peak_requests_per_s: {rate}}}
    slo: {{ttft_p95: 2500 ms, tpot_p95: 80 ms}}"""
        for i, rate in enumerate(rates)
    )
    last = "".join(f"\n    {line}" for line in lines)
    text = f"horizon: {{start: 2027-01, years: 1}}\nworkloads:{chats}{last}\nprices: p.csv\n"
    path = folder / "team.yaml"
    supply = "supply: {cloud: {providers: [near], purchase: on_demand}}\n"
    path.write_text(text + supply, encoding="utf-8")
    return read_inventory(path, catalog(), date(2026, 11, 24))


def planned(asked: Inventory) -> Plan:
    return plan(asked, catalog().with_rates(asked.rates)).plan


def test_two_halves_cost_what_the_whole_costs(tmp_path: Path) -> None:
    whole = planned(inventory(tmp_path, [6.0]))
    halves = planned(inventory(tmp_path, [2.0, 4.0]))
    assert halves.horizon_usd == pytest.approx(whole.horizon_usd, rel=0.01)
    (one,) = whole.workloads
    small, large = halves.workloads
    assert [w.id for w in halves.workloads] == ["chat0", "chat1"]
    assert small.usd_per_month * 2.0 == pytest.approx(large.usd_per_month)
    assert small.usd_per_month + large.usd_per_month == pytest.approx(halves.monthly_usd)
    assert small.usd_per_mtok_total == pytest.approx(one.usd_per_mtok_total, rel=0.01)
    assert small.placements[0].shared_with == ("chat1",)
    assert not one.placements[0].shared_with
    for half in (small, large):
        assert half.placements[0].peak_replicas == one.placements[0].peak_replicas
        assert half.demand_per_hour == pytest.approx(one.demand_per_hour)
        assert half.capacity_per_hour == pytest.approx(one.capacity_per_hour)
        assert half.replay is not None
        assert all(slo.kept for slo in half.replay.slo)
    assert halves.mix[0].serves == ("chat0", "chat1")
    assert {rule.workload for rule in halves.rules} == {"chat0", "chat1"}
    assert halves.inventory is not None
    assert len(halves.inventory.workloads) == 2


@pytest.mark.parametrize(
    "line",
    ["share_replicas: false", "residency: [US]", "tier: premium", "precision: fp8", "data_tb: 1"],
)
def test_what_differs_does_not_share(tmp_path: Path, line: str) -> None:
    _, groups = together(inventory(tmp_path, [2.0, 3.0, 4.0], line))
    assert {name: len(members) for name, members in groups.items()} == {"chat0": 2, "chat2": 1}
