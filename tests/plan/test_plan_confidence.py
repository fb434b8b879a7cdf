"""What confidence costs is what plans made at that confidence cost, found without making them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.plan.confidence import LEVELS
from gpumix.plan.effort import WORK
from gpumix.plan.plan import plan
from gpumix.report.views.confidence import confidence_table

TEAM = """
name: sure
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: Qwen/Qwen3-8B
    confidence: CONFIDENCE
    traffic: {profile: azure-conv, peak_requests_per_s: 60}
    slo: {ttft_p95: 2 s, tpot_p95: TPOT}
MORE
supply:
  cloud: {providers: [verda], gpus: [l40s-48gb], purchase: [on_demand]}
"""
SHOTS = """
  shots:
    kind: media
    model: black-forest-labs/FLUX.1-dev
    images_per_day: 20000
    steps: 28
    latency: 60 s
"""
Planned = Callable[..., Plan]


@pytest.fixture
def planned(tmp_path: Path, catalog: Catalog) -> Planned:
    """A plan of a chat, made at a confidence."""

    def of(confidence: float, tpot: str = "60 ms", more: str = "") -> Plan:
        text = TEAM.replace("CONFIDENCE", str(confidence)).replace("TPOT", tpot)
        file = tmp_path / "team.yaml"
        file.write_text(text.replace("MORE", more), encoding="utf-8")
        inventory: Inventory = read_inventory(file, catalog, date(2026, 11, 20))
        return plan(inventory, catalog, work=WORK["quick"]).plan

    return of


def test_each_level_costs_what_a_plan_at_it_costs(planned: Planned) -> None:
    plans = {level: planned(level) for level in LEVELS}
    table = {c.confidence: c.usd_per_month for c in plans[0.8].confidence_costs}
    assert tuple(table) == LEVELS
    for level, made in plans.items():
        assert table[level] == pytest.approx(made.monthly_usd, rel=0.1)  # as quick searches differ
        own = {c.confidence: c.usd_per_month for c in made.confidence_costs}
        assert own[level] == pytest.approx(made.monthly_usd, rel=1e-9)


def test_surer_is_dearer_with_queues_too(planned: Planned) -> None:
    found = planned(0.8, more=SHOTS)
    costs = [c.usd_per_month for c in found.confidence_costs]
    assert None not in costs
    half, usual, high = costs
    assert half < usual < high  # type: ignore[operator]
    assert half <= found.monthly_usd  # type: ignore[operator]
    shown = confidence_table(found)
    assert [row[0].text for row in shown.rows] == ["50 %", "80 %", "95 %", "This plan"]
    assert "predicted" in shown.title
    assert confidence_table(replace(found, confidence_costs=())).rows == ()


def test_what_nothing_keeps_is_told(planned: Planned) -> None:
    """A limit just above what the GPU reaches with the probability that is asked."""
    found = planned(0.5, tpot="22 ms")
    at_95 = found.confidence_costs[-1]
    assert at_95.usd_per_month is None
    assert at_95.reason == "nothing keeps the promises of chat"
