"""Workloads that a replica cannot tell apart share replicas: two halves cost the whole."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.custom import MeasuredRate
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.gpu import Needs
from gpumix.domain.places import StatedTrip
from gpumix.domain.plan import Plan
from gpumix.domain.workload import (
    Adapters,
    Demand,
    Inventory,
    Kind,
    Slo,
    Tier,
    Workload,
)
from gpumix.inventory import read_inventory
from gpumix.options.sharing import apart, together
from gpumix.plan.effort import WORK
from gpumix.plan.plan import plan
from gpumix.report.views.plan import replay_words
from gpumix.report.views.sharing import class_words, sharing_words
from gpumix.simulate.planned import PlanQuestion, run_plan

PRICES = """provider,region,gpu,gpus_per_instance,purchase,usd_per_gpu_hour
near,east,l40s-48gb,1,on_demand,1.0
"""
SUPPLY = "supply: {cloud: {providers: [near], purchase: on_demand}}\n"
TIMES = "horizon: {start: 2027-01, years: 1}\nprices: p.csv\n"


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
    return plan(asked, catalog().with_rates(asked.rates), work=WORK["quick"]).plan


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
    assert small.replay is not None
    assert f"{small.replay.requests:,} requests were simulated" in replay_words(halves)
    assert sharing_words(whole) == []
    assert sharing_words(halves)[0].startswith("chat0, chat1: the same replicas serve them")
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


def read(folder: Path, text: str) -> Inventory:
    (folder / "p.csv").write_text(PRICES, encoding="utf-8")
    path = folder / "team.yaml"
    path.write_text(TIMES + SUPPLY + text, encoding="utf-8")
    return read_inventory(path, catalog(), date(2026, 11, 24))


KINDS = {
    "premium": (
        "{kind: chat, model: meta-llama/Llama-3.1-8B-Instruct, tier: premium, traffic: "
        "{profile: azure-conv, peak_requests_per_s: %s}, slo: {ttft_p95: 2500 ms}}",
        6.0,
    ),
    "batch": (
        "{kind: batch, model: meta-llama/Llama-3.1-8B-Instruct, tokens_per_day: "
        '{input: %sM, output: 40M}, window: "20:00-06:00"}',
        0.0,
    ),
    "images": (
        "{kind: media, model: black-forest-labs/FLUX.1-dev, steps: 28, latency: 60 s, "
        "images_per_day: %s}",
        6000.0,
    ),
    "embedding": (
        "{kind: embedding, model: BAAI/bge-m3, slo: {e2e_p95: 200 ms}, traffic: "
        "{profile: azure-conv, input_tokens: 400, peak_requests_per_s: %s}}",
        90.0,
    ),
}


def parts_of(kind: str, shares: list[float]) -> str:
    form, amount = KINDS[kind]
    if kind == "batch":
        form = form.replace("%sM, output: 40M", "%sM, output: %sM")
        lines = [form % (400.0 * s, 40.0 * s) for s in shares]
    else:
        lines = [form % (amount * s) for s in shares]
    return "workloads:\n" + "".join(f"  w{i}: {line}\n" for i, line in enumerate(lines))


@pytest.mark.parametrize("kind", KINDS)
def test_three_unequal_parts_of_any_work_cost_what_the_whole_costs(
    tmp_path: Path, kind: str
) -> None:
    whole = planned(read(tmp_path, parts_of(kind, [1.0])))
    parts = planned(read(tmp_path, parts_of(kind, [0.5, 0.3, 0.2])))
    assert parts.horizon_usd == pytest.approx(whole.horizon_usd, rel=0.01)
    assert parts.utilisation == pytest.approx(whole.utilisation, rel=0.01)
    usd = [w.usd_per_month for w in parts.workloads]
    assert usd == pytest.approx([s * parts.monthly_usd for s in (0.5, 0.3, 0.2)], rel=1e-6)
    (one,) = whole.workloads
    for part in parts.workloads:
        assert len(part.placements[0].shared_with) == 2
        assert part.availability == (one.availability and pytest.approx(one.availability))
        assert sum(part.demand_per_hour) == pytest.approx(sum(one.demand_per_hour))


def at_hours(asked: Inventory, busy: list[range]) -> Inventory:
    """Each workload at its peak in its own hours of the day, at a tenth of it in the others."""
    found = []
    for workload, hours in zip(asked.workloads, busy, strict=True):
        assert workload.demand is not None
        peak = max(workload.demand.units_per_hour)
        units = tuple(peak if h % 24 in hours else 0.1 * peak for h in range(168))
        found.append(replace(workload, demand=replace(workload.demand, units_per_hour=units)))
    return replace(asked, workloads=tuple(found))


def test_work_of_day_and_night_is_cheaper_together(tmp_path: Path) -> None:
    asked = at_hours(inventory(tmp_path, [3.0, 3.0]), [range(8, 20), range(12)])
    shared, alone = planned(asked), planned(apart(asked))
    assert shared.horizon_usd < 0.95 * alone.horizon_usd
    assert not any(p.shared_with for w in alone.workloads for p in w.placements)
    day, night = shared.workloads
    assert day.usd_per_month + night.usd_per_month == pytest.approx(shared.monthly_usd)
    assert day.usd_per_month == pytest.approx(night.usd_per_month, rel=0.01)
    assert max(day.demand_per_hour) == pytest.approx(2.0 * 3.0 * 3600.0)
    assert day.capacity_per_hour is not None
    assert all(
        able >= asked
        for able, asked in zip(day.capacity_per_hour, day.demand_per_hour, strict=True)
    )


CHANGED: dict[str, Any] = {
    "kind": Kind.EMBEDDING, "model": "other", "precisions": ("fp8",), "kv_precision": "fp8",
    "engine": "sglang", "tier": Tier.PREMIUM, "run": None, "slos": (Slo("e2e", 0.5, 9.0),),
    "window": (0, 1), "countries": ("US",), "gpus": ("l40s-48gb",), "steps": 3, "frames": 3,
    "resolution": "64x64", "data_tb": 1.0, "egress_tb_per_month": 1.0, "from_month": 1,
    "until_month": 5, "mig": False, "share_gpu": True, "share_replicas": False,
    "availability": 0.9, "confidence": 0.6, "finish_within_h": 5.0, "adapters": Adapters(2, 8),
    "users_at": ("BD",), "stated_trips": (StatedTrip("", 0.04),), "grows_in_month": 3,
    "needs": Needs(display=True), "rates": (MeasuredRate("l4-24gb", 9.0),), "unit_name": "page",
}  # fmt: skip
SAME = {"id", "demand"}
"""Fields of a workload that do not keep it apart, or not as a whole."""


def test_what_shared_replicas_run_is_simulated_for_all_that_share_them(tmp_path: Path) -> None:
    found = planned(inventory(tmp_path, [2.0, 2.0]))
    first, second = found.workloads
    assert first.planned_hours == second.planned_hours
    assert first.replay is not None
    busiest = max(hours.peak_units_per_hour for hours in first.planned_hours)
    assert busiest == pytest.approx(max(first.demand_per_hour))
    for workload in (first, second):
        again = run_plan(PlanQuestion(workload.id), found, load())
        for check, one in zip(first.replay.slo, again.slo, strict=True):
            assert one.simulated_s == pytest.approx(check.worst_s)


def test_every_field_of_a_workload_keeps_it_apart_but_name_and_volume(tmp_path: Path) -> None:
    first, second = inventory(tmp_path, [2.0, 2.0]).workloads
    asked = inventory(tmp_path, [2.0, 2.0])
    assert {f.name for f in fields(Workload)} == set(CHANGED) | SAME
    for name, value in CHANGED.items():
        if name == "run":  # a run of training always has replicas of its own
            continue
        other = replace(second, **{name: value})
        _, groups = together(replace(asked, workloads=(first, other)))
        assert len(groups) == 2, name
    assert second.demand is not None
    free = {"units_per_hour", "profile", "evidence", "demand_from"}
    told = (Assumption("a", "b", Basis.ASSUMED, "c"),)
    same = replace(second.demand, units_per_hour=(9.0,) * 168, profile="x", evidence=told)
    _, groups = together(replace(asked, workloads=(first, replace(second, demand=same))))
    assert [len(members) for members in groups.values()] == [2]
    for name in {f.name for f in fields(Demand)} - free:
        other = replace(second, demand=replace(second.demand, **{name: None}))
        _, groups = together(replace(asked, workloads=(first, other)))
        assert len(groups) == 2, name


def test_classes_keep_their_own_promises_and_premium_tells_what_it_costs(tmp_path: Path) -> None:
    text = """workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 3}
    slo: {ttft_p95: 4 s, tpot_p95: 100 ms}
    classes:
      - {name: vip, share: 0.2, tier: premium, slo: {ttft_p95: 1 s, tpot_p95: 60 ms}}
      - {name: heavy, share: 0.1, input_tokens: 8000, slo: {ttft_p95: 8 s}}
      - {name: rest, share: 0.7}
"""
    found = planned(read(tmp_path, text))
    (chat,) = found.workloads
    names = ["vip ttft_p95", "vip tpot_p95", "heavy ttft_p95", "rest ttft_p95", "rest tpot_p95"]
    assert [check.name for check in chat.slo] == names
    assert all(check.kept and check.replayed for check in chat.slo)
    assert chat.replay is not None
    worst = {slo.name: slo.worst_s for slo in chat.replay.slo}
    assert worst["heavy ttft_p95"] > 2.0 * worst["rest ttft_p95"]
    vip, heavy, rest = chat.classes
    assert sum(one.usd_per_month for one in chat.classes) == pytest.approx(chat.usd_per_month)
    assert vip.premium_usd_per_mtok is not None
    assert vip.premium_usd_per_mtok > 0.0
    assert heavy.premium_usd_per_mtok is None
    assert vip.usd_per_mtok_total is not None
    assert rest.usd_per_mtok_total is not None
    assert vip.usd_per_mtok_total - vip.premium_usd_per_mtok == pytest.approx(
        rest.usd_per_mtok_total, rel=1e-6
    )
    (words,) = class_words(found)
    assert "vip (20 % of requests, premium) costs $" in words
    assert "of it for being premium; heavy (10 % of requests, standard)" in words
