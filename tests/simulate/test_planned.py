"""A plan's own replicas run again: the plan's figures, digit for digit, and what may be asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.domain.proof import KEPT, NOT_KEPT, PlanSimulation, ReplayedSlo
from gpumix.errors import InputError
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.plan.nights import nights_of
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.serving.kept import MOST_REQUESTS
from gpumix.simulate.planned import PlanQuestion, run_plan

INVENTORY = """
name: small
horizon: {start: 2027-01, years: 2}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: servegen-chat, peak_requests_per_s: 20, growth_per_year: 40%}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  part:
    kind: chat
    model: Qwen/Qwen2.5-0.5B-Instruct
    traffic: {requests_per_s: 0.2, input_tokens: 300, output_tokens: 60}
    slo: {ttft_p95: 3 s}
    gpus: [h100-sxm-80gb]
  vectors:
    kind: embedding
    model: BAAI/bge-m3
    traffic: {input_tokens: 300, requests_per_s: 5}
    slo: {e2e_p95: 1 s}
  art: {kind: media, model: black-forest-labs/FLUX.1-dev, steps: 28, latency: 15 s,
    traffic: {profile: servegen-chat, peak_requests_per_s: 0.2}}
  video: {kind: media, model: Wan-AI/Wan2.1-T2V-14B, steps: 50, frames: 81, resolution: 832x480,
    latency: 25 min, gpus: [h100-sxm-80gb], traffic: {peak_requests_per_s: 0.002}}
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 500M, output: 40M}
    window: "22:00-06:00"
  index: {kind: embedding, model: BAAI/bge-m3, tokens_per_day: 3000M}
  tuning: {kind: finetune, method: lora, model: Qwen/Qwen2.5-7B-Instruct, tokens: 200M,
    runs_per_month: 8, finish_within: 12 h}
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand]}
"""
SERVED = ("chat", "part", "vectors", "art", "video")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Plan:
    """As it comes back from its file."""
    path: Path = tmp_path_factory.mktemp("small") / "team.yaml"
    path.write_text(INVENTORY, encoding="utf-8")
    made = planner.plan(read_inventory(path, catalog, date(2026, 11, 24)), catalog).plan
    return plan_from_dict(json.loads(json.dumps(plan_to_dict(made))))


def simulated(plan: Plan, catalog: Catalog, workload: str, **asked: object) -> PlanSimulation:
    assert plan.inventory is not None
    nights = next(nights_of(w) for w in plan.inventory.workloads if w.id == workload)
    return run_plan(PlanQuestion(workload, **asked), plan, catalog, nights)  # type: ignore[arg-type]


def replayed(plan: Plan, workload: str) -> Sequence[ReplayedSlo]:
    found = next(w.replay for w in plan.workloads if w.id == workload)
    assert found is not None
    return found.slo


@pytest.mark.parametrize("workload", SERVED)
def test_with_the_plans_own_seed_the_figures_are_those_of_its_replay(
    workload: str, plan: Plan, catalog: Catalog
) -> None:
    found = simulated(plan, catalog, workload)
    assert not found.warnings
    for promise, slo in zip(found.slo, replayed(plan, workload), strict=True):
        assert (promise.name, promise.limit_s) == (slo.name, slo.limit_s)
        assert promise.simulated_s == slo.worst_s
        assert promise.standard_error_s == slo.standard_error_s
        assert promise.requests == slo.requests
        assert (promise.verdict == KEPT) == slo.kept
        worst = next(hour for hour in found.simulated_hours if promise in hour.slo)
        assert (worst.year, worst.hour) == (slo.worst_year, slo.worst_hour)


def test_what_the_replay_keeps_holds_at_least_with_its_confidence(plan: Plan) -> None:
    for workload in plan.workloads:
        for check in workload.slo:
            assert (check.p_kept is not None) == check.replayed
            if check.p_kept is not None and check.kept and check.confidence is not None:
                assert check.confidence - 1e-9 <= check.p_kept <= 0.99
    by_name = {w.id: w.slo for w in plan.workloads}
    assert by_name["art"][0].p_kept == pytest.approx(0.8, abs=0.15)  # just kept at the prediction


@pytest.mark.parametrize("workload", ["chat", "art"])
def test_at_the_speed_that_p_kept_stands_for_the_promise_just_holds(
    workload: str, plan: Plan, catalog: Catalog
) -> None:
    """The promise whose crossing lies inside the interval, in the hour that the plan names."""
    written = next(w for w in plan.workloads if w.id == workload)
    check = min(written.slo, key=lambda one: one.p_kept or 1.0)
    slo = next(one for one in replayed(plan, workload) if one.name == check.name)
    assert check.p_kept is not None
    assert 0.5 <= check.p_kept < 0.99
    found = simulated(
        plan, catalog, workload, hour=slo.worst_hour, year=slo.worst_year + 1,
        confidence=check.p_kept,
    )  # fmt: skip
    (promise,) = (one for one in found.slo if one.name == check.name)
    assert promise.simulated_s == pytest.approx(promise.limit_s, rel=0.06)


def test_other_traffic_gives_other_figures_of_as_many_requests_as_are_asked_for(
    plan: Plan, catalog: Catalog
) -> None:
    for workload in ("chat", "vectors"):
        one = simulated(plan, catalog, workload, seed=7, requests=5000)
        other = simulated(plan, catalog, workload, seed=8, requests=5000)
        assert one == simulated(plan, catalog, workload, seed=7, requests=5000)
        assert [p.simulated_s for p in one.slo] != [p.simulated_s for p in other.slo]
        assert all(0.8 * 5000 < p.requests <= MOST_REQUESTS for p in one.slo)  # more where in doubt


def test_an_hour_of_a_year_is_run_at_its_own_demand(plan: Plan, catalog: Catalog) -> None:
    assert plan.inventory is not None
    demand = plan.inventory.workloads[0].demand
    assert demand is not None
    for year, growth in ((1, 1.0), (2, 1.4)):
        (hour,) = simulated(plan, catalog, "chat", hour=40, year=year).simulated_hours
        assert (hour.year, hour.hour) == (year - 1, 40)
        assert hour.units_per_hour == pytest.approx(growth * demand.units_per_hour[40])
    hours = simulated(plan, catalog, "art", hour=40).simulated_hours
    assert [(h.year, h.hour) for h in hours] == [(0, 40), (1, 40)]


@pytest.mark.parametrize("workload", ["chat", "vectors", "art", "index", "nightly"])
def test_more_confidence_is_slower(workload: str, plan: Plan, catalog: Catalog) -> None:
    slow, fast = (
        simulated(plan, catalog, workload, confidence=c, requests=3000) for c in (0.95, 0.5)
    )
    assert (slow.confidence, fast.confidence) == (0.95, 0.5)
    for late, soon in zip(slow.slo, fast.slo, strict=True):
        assert late.simulated_s is not None
        assert soon.simulated_s is not None
        assert late.simulated_s > 1.01 * soon.simulated_s


def test_each_kind_of_work_says_at_what_confidence_it_was_planned(
    plan: Plan, catalog: Catalog
) -> None:
    asked = {"hour": 40, "year": 1, "requests": 2000}
    assert simulated(plan, catalog, "chat", **asked).confidence == 0.8
    assert simulated(plan, catalog, "art", **asked).confidence == pytest.approx(0.8)


def test_a_nights_volume_is_done_inside_its_window(plan: Plan, catalog: Catalog) -> None:
    found = simulated(plan, catalog, "nightly")
    (promise,) = found.slo
    assert promise.name == "finish_within"
    assert promise.limit_s == 8 * 3600.0
    assert 0.0 < (promise.simulated_s or 0.0) <= promise.limit_s
    assert promise.verdict == KEPT
    assert {hour.hour % 24 for hour in found.simulated_hours} == {22}
    (flat,) = simulated(plan, catalog, "index").slo
    assert flat.limit_s == 24 * 3600.0
    assert flat.verdict == KEPT


def test_too_few_replicas_are_not_kept(plan: Plan, catalog: Catalog) -> None:
    """Of chat and of nightly work as well: a tenth of the replicas' speed."""
    for workload in ("chat", "nightly"):
        written = next(w for w in plan.workloads if w.id == workload)
        slow = tuple(
            replace(
                hours, running=tuple(replace(r, slowdown=10.0 * r.slowdown) for r in hours.running)
            )
            for hours in written.planned_hours
        )
        lame = replace(plan, workloads=(replace(written, planned_hours=slow),))
        found = simulated(lame, catalog, workload, requests=3000)
        assert not found.is_kept
        assert NOT_KEPT in [p.verdict for p in found.slo]
        assert any("today's data" in warning for warning in found.warnings)


def test_everything_a_question_gets_wrong_is_told_at_once(plan: Plan, catalog: Catalog) -> None:
    question = PlanQuestion("chatt", hour=168, year=3, confidence=0.4, requests=3)
    with pytest.raises(InputError) as raised:
        run_plan(question, plan, catalog)
    places = [problem.place for problem in raised.value.problems]
    assert places == ["--hour", "--year", "--confidence", "--requests", "--workload"]
    assert "chat" in str(raised.value)


def test_a_training_job_and_an_older_plan_have_no_hours(plan: Plan, catalog: Catalog) -> None:
    with pytest.raises(InputError, match="training job"):
        run_plan(PlanQuestion("tuning"), plan, catalog)
    old = replace(plan, workloads=tuple(replace(w, planned_hours=()) for w in plan.workloads))
    with pytest.raises(InputError, match="does not record"):
        run_plan(PlanQuestion("chat"), old, catalog)
    with pytest.raises(InputError, match="no replicas of nightly run then"):
        run_plan(PlanQuestion("nightly", hour=12), plan, catalog, [(22, 23)])
