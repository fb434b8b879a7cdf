"""What a drift costs: the inventory that is planned again holds it, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from followed import DAY, H100, HOURLY, L40S, fleet, read

from gpumix.catalog import Catalog
from gpumix.domain.drift import DriftAnswer
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible
from gpumix.loop import again
from gpumix.loop.drift import hold
from gpumix.verbs import drift as verb

Asked = list[tuple[Inventory, Catalog]]


def costed(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    solve: Callable[[Inventory, Catalog], Plan],
    *drifts: str,
) -> DriftAnswer:
    sources = fleet(folder, 30, *drifts)
    monkeypatch.setattr(verb, "read_launches", lambda _: read(folder))
    gathered = verb.gather(sources, folder)
    return again.costed(hold(gathered.facts, "USD"), gathered.facts, solve)


def made(plan: Plan, usd: float, count: int = 3) -> Plan:
    reserved, hourly = plan.mix
    return replace(plan, monthly_usd=usd, mix=(reserved, replace(hourly, count=count)))


def recorded(folder: Path, asked: Asked, *plans: Any) -> Callable[[Inventory, Catalog], Plan]:
    """Plans in this order, whatever is asked; what is asked is kept."""
    left = iter(plans)

    def solve(inventory: Inventory, catalog: Catalog) -> Plan:
        asked.append((inventory, catalog))
        found = next(left)
        if isinstance(found, Exception):
            raise found
        return made(read(folder).plan, *found)

    return solve


def test_the_drifted_demand_and_lengths_are_planned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: Asked = []
    solve = recorded(tmp_path, asked, (1000.0,), (1400.0, 4), (1300.0, 4), (1800.0, 6))
    drifts = (f"demand:code:1.5@{DAY}", f"prompt:chat:2@{DAY}")
    found = costed(monkeypatch, tmp_path, solve, *drifts)
    costs = {f.kind: f.cost for f in found.findings}
    assert set(costs) == {"demand", "prompt"}
    by_id = [{w.id: w.demand for w in inventory.workloads} for inventory, _ in asked]
    plain = by_id[0]
    for one, prompt, demand in zip(by_id[1:], (1.0, 2.0, 2.0), (1.5, 1.0, 1.5), strict=True):
        assert one["chat"].input.mean / plain["chat"].input.mean == pytest.approx(prompt, abs=0.1)
        ratio = one["code"].units_per_hour[0] / plain["code"].units_per_hour[0]
        assert ratio == pytest.approx(demand, abs=0.15)
    assert costs["demand"] is not None
    assert costs["demand"].usd_per_month == pytest.approx(400.0)
    assert costs["demand"].moves == (f"{HOURLY}: 3 -> 4",)
    assert (found.again_usd_per_month, found.drifted_usd_per_month) == (1000.0, 1800.0)


def test_a_drift_that_changes_nothing_is_said_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    solve = recorded(tmp_path, [], (1000.0,), (1000.4,))
    found = costed(monkeypatch, tmp_path, solve, f"demand:code:1.5@{DAY}", f"version:code@{DAY}")
    costs = {f.kind: f.cost for f in found.findings}
    assert costs["demand"] is not None
    assert (costs["demand"].usd_per_month, costs["demand"].answer_changes) == (0.0, False)
    assert costs["version"] is not None
    assert costs["version"].answer_changes is False
    assert "as predicted" in costs["version"].note
    assert found.drifted_usd_per_month == 1000.0


def test_no_plan_keeps_the_promises_any_more(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    error = Infeasible("chat keeps no limit", ())
    solve = recorded(tmp_path, [], (1000.0,), error)
    found = costed(monkeypatch, tmp_path, solve, f"demand:code:1.5@{DAY}")
    cost = found.findings[0].cost
    assert cost is not None
    assert cost.usd_per_month is None
    assert "chat keeps no limit" in cost.note
    assert found.drifted_usd_per_month is None


def test_a_price_that_rose_is_planned_at_what_was_billed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: Asked = []
    plan = read(tmp_path)
    offer = next(
        o for o in plan.catalog.offers if o.gpu == L40S and o.purchase.value == "on_demand"
    )
    hourly = replace(plan.plan.mix[1], provider=offer.provider, region=offer.region)
    moved = replace(plan, plan=replace(plan.plan, mix=(plan.plan.mix[0], hourly)))
    sources = fleet(tmp_path, 31, f"price:{L40S}:1.3@{DAY}")
    monkeypatch.setattr(verb, "read_launches", lambda _: moved)
    facts = verb.gather(sources, tmp_path).facts
    again.costed(hold(facts, "USD"), facts, recorded(tmp_path, asked, (1.0,), (2.0,)))
    before, after = (
        {(o.provider, o.region, o.gpu, o.purchase, o.instance): o for o in catalog.offers}
        for _, catalog in asked
    )
    changed = {
        key: after[key].usd_per_instance_hour / one.usd_per_instance_hour
        for key, one in before.items()
        if after[key].usd_per_instance_hour != one.usd_per_instance_hour
    }
    assert changed
    assert {(key[0], key[2]) for key in changed} == {(offer.provider, L40S)}
    assert list(changed.values()) == pytest.approx([1.3] * len(changed), rel=0.01)


def test_a_slower_gpu_is_planned_with_what_it_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: Asked = []
    solve = recorded(tmp_path, asked, (1.0,), (2.0,))
    costed(monkeypatch, tmp_path, solve, f"speed:{H100}:0.7@{DAY}")
    before, after = (catalog.measured for _, catalog in asked)
    assert not before
    assert set(after["gpu"]) == {H100}
    assert set(after["metric"]) == {"output_tok_s_total"}
