"""The simulator in the planner: options get simulated rates, and the plan is proven by replay."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan, Replay, ReplayedSlo
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.planner import plan as planner
from gpumix.planner import replay
from gpumix.planner.candidates import Option
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.report.view import hour_words, replay_table, replay_words

INVENTORY = """
name: replayed
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: servegen-chat, peak_requests_per_s: 20}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  vectors:
    kind: embedding
    model: BAAI/bge-m3
    traffic: {input_tokens: 300, requests_per_s: 5}
    slo: {e2e_p95: 1 s}
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand]}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def inventory(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Inventory:
    path: Path = tmp_path_factory.mktemp("replay") / "team.yaml"
    path.write_text(INVENTORY, encoding="utf-8")
    return read_inventory(path, catalog, date(2026, 11, 24))


@pytest.fixture(scope="module")
def tried(inventory: Inventory, catalog: Catalog) -> dict[str, list[Option]]:
    return planner.options(inventory, catalog, planner.supply(inventory, catalog))


@pytest.fixture(scope="module")
def plan(inventory: Inventory, catalog: Catalog) -> Plan:
    return planner.plan(inventory, catalog).plan


def test_options_get_simulated_rates(inventory: Inventory, tried: dict[str, list[Option]]) -> None:
    found = replay.simulated(inventory, tried)
    assert found["vectors"] == tried["vectors"]
    able = [(o, n) for o, n in zip(tried["chat"], found["chat"], strict=True) if n.serves]
    assert able
    for old, new in able:
        assert new.units_per_hour != old.units_per_hour
        assert 0.2 < new.units_per_hour / old.units_per_hour < 2.5
        assert all(c.predicted.value <= c.limit_s for c in new.slos)
        assert new.rate is not None
        assert new.rate.low < new.rate.value < new.rate.high
    assert {o.gpu for o, _ in able} == {"h100-sxm-80gb", "l40s-48gb"}


def test_simulated_rates_are_repeatable(
    inventory: Inventory, tried: dict[str, list[Option]]
) -> None:
    assert replay.simulated(inventory, tried) == replay.simulated(inventory, tried)


def test_the_plan_is_replayed_and_keeps_its_promises(plan: Plan) -> None:
    chat, vectors = plan.workloads
    assert vectors.replay is None
    proof = chat.replay
    assert proof is not None
    assert proof.requests >= 2000
    assert proof.served + proof.shed == proof.requests
    assert [s.name for s in proof.slo] == ["ttft_p95", "tpot_p95"]
    for slo in proof.slo:
        assert slo.kept
        assert 0.0 < slo.week_s <= slo.limit_s * replay.TOLERANCE
        assert slo.worst_s >= slo.week_s * 0.9
        assert 0 <= slo.worst_hour < 168
    assert proof.within > 0.9


def test_a_replay_survives_the_file_and_is_shown(plan: Plan) -> None:
    assert plan_from_dict(plan_to_dict(plan)) == plan
    assert len(replay_table(plan).rows) == 2
    assert "simulated" in replay_words(plan)
    assert hour_words(38) == "Tue 14:00"


def test_a_broken_promise_lowers_the_rates(tried: dict[str, list[Option]]) -> None:
    kept = ReplayedSlo("ttft_p95", 1.0, 0.5, 0.9, 3, True)
    good = Replay(10, 10, 0, 1.0, (kept,), 0)
    bad = Replay(10, 9, 1, 0.9, (kept, replace(kept, week_s=2.0, kept=False)), 0)
    assert replay.broken({"chat": bad, "other": good}) == ["chat"]
    lower = replay.corrected(tried, ["chat"])
    assert lower["vectors"] == tried["vectors"]
    for old, new in zip(tried["chat"], lower["chat"], strict=True):
        assert new.units_per_hour == pytest.approx(old.units_per_hour * replay.CORRECTION)
