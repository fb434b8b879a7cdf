"""Each class of waste finds what is planted, leaves alone what is none, and shares its dollars."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from facts_fixture import facts
from hypothesis import given
from hypothesis import strategies as st

from gpumix.audit.audit import CLASSES, audit
from gpumix.audit.facts import Attempt, Facts, Seller
from gpumix.domain.fleet import AuditAnswer, Finding
from gpumix.report.export import read_plan
from gpumix.telemetry.bill import BillLine
from gpumix.telemetry.charges import HOUR_S
from gpumix.telemetry.machines import Machine
from gpumix.telemetry.price_book import Price

OWNED = {"team": "support", "workload": "chat"}


def of_class(found: AuditAnswer, name: str) -> list[Finding]:
    return [f for f in found.findings if f.class_ == name]


def test_hours_without_an_owner_are_a_finding_a_node() -> None:
    rows = [
        {"kind": "unallocated", "node": node, "device": f"GPU-{node}", "usd_micro": micro}
        for node, micro in (("k1", 1_000_001), ("k2", 2_000_000), ("k1", 3))
    ]
    found = of_class(audit(facts([*rows, {**OWNED}])), "unallocated")
    assert {f.scope.node: f.at_stake_usd_micro for f in found} == {"k1": 1_000_004, "k2": 2_000_000}
    assert all(f.scope.team is None and f.scope.devices for f in found)
    assert sum(f.usd_after_discounts for f in found) == pytest.approx(3.000004)
    assert found[0].usd_before == 3.0


def test_held_and_idle_hours_are_a_finding_unless_they_stand_by() -> None:
    rows = [{**OWNED, "kind": "allocated_idle", "hour": h} for h in (3, 4, 5)]
    (found,) = of_class(audit(facts(rows)), "allocated_idle")
    assert found.usd_after_discounts == 6.0
    assert (found.start, found.end) == ("1970-01-01T03:00:00Z", "1970-01-01T06:00:00Z")
    warm = facts(rows, standby=frozenset({("support", "chat")}))
    assert not audit(warm).findings


def test_a_gap_and_used_hours_are_no_finding() -> None:
    busy = {**OWNED, "engine": 0.5, "sm": 0.3}
    assert not audit(facts([{"kind": "no_data"}, busy, {**busy, "engine": math.nan}])).findings


def test_a_failed_attempt_is_its_part_of_its_hours() -> None:
    rows = [{**OWNED, "hour": h} for h in (0, 1, 2)]
    attempt = Attempt("7", "FAILED", 0, 5400, np.array([0, 1]), np.array([1.0, 0.5]))
    (found,) = audit(facts(rows, failed=(attempt,))).findings
    assert found.class_ == "failed_jobs"
    assert found.at_stake_usd_micro == 3_000_000
    assert found.usd_after_discounts == 3.0
    assert "7" in found.because


def test_an_idle_hour_of_a_failed_job_is_counted_once() -> None:
    rows = [{**OWNED, "kind": "allocated_idle"}, {**OWNED, "hour": 1}]
    attempt = Attempt("7", "FAILED", 0, 7200, np.array([0, 1]), np.array([1.0, 1.0]))
    found = audit(facts(rows, failed=(attempt,)))
    assert {f.class_: f.usd_after_discounts for f in found.findings} == {
        "allocated_idle": 2.0,
        "failed_jobs": 2.0,
    }


def _served(engine: float, sm: float, running: float) -> Facts:
    first = {**OWNED, "engine": engine, "sm": sm, "running": running}
    second = {**OWNED, "engine": engine, "sm": sm, "device": "GPU-1"}
    return facts([{**row, "hour": h} for h in range(24) for row in (first, second)])


def test_a_busy_gpu_with_few_requests_is_a_small_batch() -> None:
    (found,) = audit(_served(0.95, 0.25, 2.0)).findings
    assert found.class_ == "low_batch"
    assert found.at_stake_usd_micro == 96_000_000
    assert found.usd_after_discounts == pytest.approx(48.0)
    assert found.low == 0.0
    assert found.high <= 96.0


@pytest.mark.parametrize(
    ("engine", "sm", "running"), [(0.5, 0.25, 2.0), (0.95, 0.6, 2.0), (0.95, 0.25, 60.0),
                                  (0.95, 0.25, math.nan)]
)  # fmt: skip
def test_other_gpus_have_no_small_batch(engine: float, sm: float, running: float) -> None:
    assert not audit(_served(engine, sm, running)).findings


def _servers(shape: Any, count: int = 4, days: int = 8) -> list[dict[str, Any]]:
    return [
        {**OWNED, "hour": h, "device": f"GPU-{i}", "tokens": shape(h), "engine": 0.5}
        for h in range(24 * days)
        for i in range(count)
    ]


def _of_day(hour: int) -> float:
    return 100.0 if 8 <= hour % 24 < 16 else 10.0


def test_servers_that_stay_at_night_are_sized_for_the_peak() -> None:
    (found,) = audit(facts(_servers(_of_day), hours=192)).findings
    assert found.class_ == "peak_sizing"
    # a night of 16 hours needs one of four servers: 3/4 of 2/3 of the cost
    assert found.usd_after_discounts == pytest.approx(4 * 192 * 2.0 / 2)
    assert found.usd_after_discounts <= found.at_stake_usd_micro / 1e6


def test_steady_demand_and_a_fleet_that_follows_are_no_finding() -> None:
    assert not audit(facts(_servers(lambda _: 100.0), hours=192)).findings
    follows = [r for r in _servers(_of_day) if _of_day(r["hour"]) > 50 or r["device"] == "GPU-0"]
    assert not audit(facts(follows, hours=192)).findings
    warm = facts(_servers(_of_day), hours=192, standby=frozenset({("support", None)}))
    assert not audit(warm).findings


def test_holidays_are_left_out_of_the_peak() -> None:
    days = frozenset(f"1970-01-{d:02}" for d in range(1, 9))
    assert not audit(facts(_servers(_of_day), hours=192, holidays=days)).findings


KINDS = ("used", "allocated_idle", "unallocated", "no_data")


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "hour": st.integers(0, 30),
                "team": st.sampled_from([None, "a", "b"]),
                "kind": st.sampled_from(KINDS),
                "device": st.sampled_from(["GPU-0", "GPU-1"]),
                "usd_micro": st.integers(-1_000, 5_000_000),
                "engine": st.floats(0, 1),
                "sm": st.floats(0, 1),
                "running": st.floats(0, 20),
            }
        ),
        min_size=1,
        max_size=30,
    ),
    st.lists(st.integers(0, 29), max_size=5),
)
def test_savings_never_add_up_to_more_than_was_paid(
    rows: list[dict[str, Any]], failed: list[int]
) -> None:
    those = np.array(sorted({i for i in failed if i < len(rows)}), dtype=np.int64)
    lost = Attempt("1", "FAILED", 0, 31 * HOUR_S, those, np.ones(len(those)))
    found = audit(facts(rows, hours=31, failed=(lost,)))
    paid = sum(max(row["usd_micro"], 0) for row in rows) / 1e6
    assert sum(f.usd_after_discounts for f in found.findings) <= paid + 1e-6
    for finding in found.findings:
        assert finding.low <= finding.usd_after_discounts <= finding.high + 1e-9


def test_every_class_can_be_switched_off() -> None:
    rows = [{"kind": "unallocated"}, {**OWNED, "kind": "allocated_idle"}]
    assert not audit(facts(rows), off=CLASSES).findings
    only = audit(facts(rows), off=[name for name in CLASSES if name != "unallocated"])
    assert [f.class_ for f in only.findings] == ["unallocated"]
    assert only.looked_for == ("unallocated",)


def _line(**more: Any) -> BillLine:
    usual: dict[str, Any] = dict.fromkeys(f.name for f in dataclasses.fields(BillLine))
    usual |= {"category": "Usage", "start": 0, "end": HOUR_S, "resource_id": "k1", "place": ""}
    return BillLine(**usual | {"effective_micro": 0, "billed_micro": 0} | more)


K1 = Machine("k1", "h100-sxm-80gb", (0,), (), "k1")
BOOK = (Price("h100-sxm-80gb", "commit_1y", 1.5), Price("h100-sxm-80gb", "commit_3y", 1.0))


def _bought(pricing: str, kinds: list[str], book: tuple[Price, ...] = BOOK) -> AuditAnswer:
    rows = [{"hour": h, "kind": kind, "engine": 0.5} for h, kind in enumerate(kinds)]
    lines = (_line(effective_micro=2_000_000, pricing_category=pricing),)
    return audit(facts(rows, machines=(K1,), lines=lines, prices=book))


def test_a_machine_bought_by_the_hour_all_day_should_be_committed() -> None:
    (found,) = _bought("Standard", ["used"] * 24).findings
    assert found.class_ == "wrong_commitment"
    assert found.usd_after_discounts == pytest.approx(24 * (2.0 - 1.5))
    assert found.usd_before == pytest.approx(24 * (3.0 - 1.5))
    assert "commit_1y" in found.action
    only_long = _bought("Standard", ["used"] * 24, BOOK[1:]).findings
    assert only_long[0].usd_after_discounts == pytest.approx(24.0)


@pytest.mark.parametrize(
    ("pricing", "kinds"),
    [("Dynamic", ["used"] * 24), ("Committed", ["used"] * 24), ("Standard", ["used"] * 12)],
)
def test_spot_committed_and_half_used_machines_should_not(pricing: str, kinds: list[str]) -> None:
    assert not _bought(pricing, kinds).findings


def test_hours_that_nobody_had_do_not_speak_for_a_commitment() -> None:
    found = _bought("Standard", ["used"] * 12 + ["unallocated"] * 12)
    assert {f.class_ for f in found.findings} == {"unallocated"}


def test_unused_lines_are_a_finding_a_commitment() -> None:
    unused = {"commitment_status": "Unused", "commitment_id": "ri-1", "resource_id": None}
    lines = (_line(effective_micro=3, **unused), _line(effective_micro=4_000_000, **unused))
    (found,) = audit(facts([{**OWNED}], lines=lines)).findings
    assert (found.class_, found.at_stake_usd_micro) == ("reservation_unused", 4_000_003)
    capacity = _line(effective_micro=5_000_000, reservation_status="Unused", resource_id="cr-1")
    assert audit(facts([{**OWNED}], lines=(capacity,))).findings[0].usd_before == 5.0


def test_data_transfer_of_a_workload_is_named_and_no_saving_is_made_up() -> None:
    sent = {"service_name": "Data Transfer", "effective_micro": 7_000_000, "resource_id": None}
    lines = (_line(tags='{"workload": "chat"}', **sent), _line(tags="[broken", **sent))
    (found,) = audit(facts([{**OWNED}], lines=lines)).findings
    assert (found.class_, found.scope.workload) == ("egress", "chat")
    assert (found.at_stake_usd_micro, found.usd_after_discounts) == (7_000_000, 0.0)


PLAN = read_plan(Path(__file__).resolve().parents[1] / "golden" / "plan.json")
PLANNED = PLAN.workloads[0]


def _on(gpu: str, **more: Any) -> AuditAnswer:
    rows = [{"workload": "chat", "gpu": gpu, "hour": h, "usd_micro": 10**9} for h in range(730)]
    renamed = {"chat": PLANNED.id}
    return audit(facts(rows, hours=730, plan=PLAN, plan_workloads=renamed), **more)


def test_a_plan_that_serves_it_on_a_cheaper_gpu_says_oversized() -> None:
    (found,) = _on("b300-sxm-268gb").findings
    assert found.class_ == "oversized"
    assert found.usd_after_discounts == pytest.approx(730_000.0 - PLANNED.usd_per_month)
    assert found.low < found.usd_after_discounts <= found.high


def test_a_workload_on_the_plans_own_gpu_is_not_oversized() -> None:
    assert not _on(PLANNED.placements[0].gpu).findings
    assert not _on("b300-sxm-268gb", off=["oversized"]).findings


def test_the_plans_head_room_takes_the_place_of_the_usual() -> None:
    busiest = max(PLANNED.capacity_per_hour or ()) / max(PLANNED.demand_per_hour)
    renamed = {"chat": PLANNED.id}
    rows = [{**row, "gpu": PLANNED.placements[0].gpu} for row in _servers(_of_day)]
    (found,) = audit(facts(rows, hours=192, plan=PLAN, plan_workloads=renamed)).findings
    assert found.class_ == "peak_sizing"
    assert f"{busiest:.3g} x" in found.because


def test_other_weights_on_the_same_gpu_are_a_matter_of_the_plan() -> None:
    gpu, planned = PLANNED.placements[0].gpu, PLANNED.placements[0].precision
    other = "INT8" if planned != "int8" else "FP8"
    rows = [{"workload": PLANNED.id, "gpu": gpu, "hour": h, "usd_micro": 10**9} for h in range(730)]

    def found(model: str) -> list[Finding]:
        named = [row | {"model": f"org/m-{model}"} for row in rows]
        return of_class(audit(facts(named, hours=730, plan=PLAN)), "wrong_precision")

    same = {placement.gpu for placement in PLANNED.placements} == {gpu}
    assert [f.usd_after_discounts for f in found(other)] == (
        [pytest.approx(730_000.0 - PLANNED.usd_per_month)] if same else []
    )
    assert not found("8B")
    assert not found(planned)


def test_a_kept_attempt_is_a_checkpoints_loss() -> None:
    attempt = Attempt("7", "FAILED", 1800, 3600, np.array([0]), np.array([0.5]), is_kept=True)
    every = {"chat": 1800.0}
    found = audit(facts([{**OWNED}], failed=(attempt,), checkpoint_every_s=every))
    assert [(f.class_, f.usd_after_discounts) for f in found.findings] == [("checkpoint_loss", 1.0)]
    assert "checkpoint_loss: no owner" in " ".join(audit(facts([{**OWNED}])).not_looked_for)


def test_a_price_of_another_seller_or_region_speaks_for_nothing() -> None:
    def saved(**of_price: str) -> bool:
        rows = [{"hour": h, "engine": 0.5} for h in range(24)]
        lines = (_line(effective_micro=2_000_000, resource_id="arn:aws:x/K1"),)
        sellers = {"k1": Seller("aws", "us-east-1")}
        book = (Price("h100-sxm-80gb", "commit_1y", 1.5, **of_price),)
        return bool(
            audit(facts(rows, machines=(K1,), lines=lines, prices=book, sellers=sellers)).findings
        )

    assert saved()
    assert saved(provider="aws", region="us-east-1")
    assert not saved(provider="gcp")
    assert not saved(region="eu-west-1")


def test_tags_are_a_mapping_or_a_list_of_pairs_and_teams_have_one_name() -> None:
    sent = {"service_name": "Network egress", "effective_micro": 7_000_000, "resource_id": None}
    tags = '[{"key": "workload", "value": "chat"}, {"key": "team", "value": "old"}]'
    (found,) = audit(facts([{**OWNED}], lines=(_line(tags=tags, **sent),),
                           team_aliases={"old": "new"})).findings  # fmt: skip
    assert (found.scope.team, found.scope.workload) == ("new", "chat")
