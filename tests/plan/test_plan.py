"""The main job end to end on small inventories: the accounts add up and every promise is kept."""

from __future__ import annotations

import json
import math
import re
from datetime import date
from pathlib import Path

import pytest

from gpumix import catalog, mix
from gpumix.domain.gpu import family_of
from gpumix.domain.offer import OLD
from gpumix.domain.plan import Plan
from gpumix.errors import Infeasible, InputError
from gpumix.files import write_columns
from gpumix.inventory import read_inventory
from gpumix.inventory.results import Stated
from gpumix.plan.effort import WORK
from gpumix.plan.plan import Planned, plan
from gpumix.predict.inference import predict_inference
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.verbs.calibrate import calibrate

TODAY = date(2026, 11, 24)

CLOUD = """
name: small
horizon: {start: 2027-01, years: 2}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    tier: premium
    traffic: {profile: azure-conv, peak_requests_per_s: 20, growth_per_year: 0.5}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  assistant:
    kind: chat
    model: Qwen/Qwen2.5-7B-Instruct
    traffic: {input_tokens: 800, output_tokens: 200, requests_per_s: 6}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 500M, output: 40M}
    window: "22:00-06:00"
  adapters:
    kind: finetune
    method: lora
    model: Qwen/Qwen2.5-7B-Instruct
    tokens: 50M
    runs_per_month: 8
    finish_within: 24 h
supply:
  cloud:
    gpus: [h100-sxm-80gb, a100-sxm-80gb, l40s-48gb]
    purchase: [on_demand, spot, reserved_1y]
limits: {spot_share: 0.3}
"""

SITE = """
name: bank
horizon: {start: 2027-01, years: 3}
report_currency: BDT
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 60}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
    residency: BD
supply:
  cloud: {gpus: [h100-sxm-80gb]}
  on_prem:
    dhaka: {country: BD, racks: 3, kw_per_rack: 12, gpus: [l40s-48gb, h100-sxm-80gb]}
limits: {capex_usd: 600000}
"""


ALONE = """
name: alone
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {input_tokens: 800, output_tokens: 200, requests_per_s: 6}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
supply:
  cloud:
    gpus: [h100-sxm-80gb, l40s-48gb]
    purchase: [on_demand]
"""


def planned(tmp_path: Path, text: str) -> Planned:
    path = tmp_path / "inventory.yaml"
    path.write_text(text, encoding="utf-8")
    loaded = catalog.load()
    return plan(read_inventory(path, loaded, TODAY), loaded, work=WORK["quick"])


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    return planned(tmp_path_factory.mktemp("cloud"), CLOUD)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Planned:
    return planned(tmp_path_factory.mktemp("site"), SITE)


def test_the_costs_add_up(cloud: Planned) -> None:
    found = cloud.plan
    lines = math.fsum(line.usd_horizon for line in found.mix)
    parts = math.fsum(usd for part in found.costs for usd in part.usd_by_year)
    workloads = math.fsum(w.usd_per_month for w in found.workloads) * found.years * 12
    assert lines == pytest.approx(found.horizon_usd, rel=1e-9)
    assert parts == pytest.approx(found.horizon_usd, rel=1e-9)
    assert workloads == pytest.approx(found.horizon_usd, rel=1e-9)
    assert found.monthly_usd == pytest.approx(found.horizon_usd / 24)


def test_the_accounts_agree_with_the_mix_problem(cloud: Planned) -> None:
    """The plan's dollars are drawn from counts apart from the solver's objective."""
    solved = mix.solve(cloud.problem, gap=0.005)
    assert solved.cost == pytest.approx(cloud.plan.horizon_usd, rel=1e-6)
    assert cloud.plan.bound <= cloud.plan.horizon_usd


def test_capacity_covers_demand_in_every_hour(cloud: Planned) -> None:
    served = [w for w in cloud.plan.workloads if w.capacity_per_hour is not None]
    assert {w.id for w in served} == {"chat", "assistant"}
    for workload in served:
        pairs = zip(workload.demand_per_hour, workload.capacity_per_hour or (), strict=True)
        assert all(capacity >= demand * (1 - 1e-6) for demand, capacity in pairs)


def test_promises_are_kept_and_premium_on_the_pessimistic_end(cloud: Planned) -> None:
    for workload in cloud.plan.workloads:
        assert all(check.kept for check in workload.slo)
    chat = workload_of(cloud.plan, "chat")
    assert all(check.predicted.high <= check.limit_s * 1.001 for check in chat.slo)


def test_premium_never_runs_on_spot(cloud: Planned) -> None:
    spot = {line.resource for line in cloud.plan.mix if line.purchase == "spot"}
    chat = workload_of(cloud.plan, "chat")
    assert not spot & {placement.resource for placement in chat.placements}


def test_unit_costs_times_units_are_the_workload_cost(cloud: Planned) -> None:
    adapters = workload_of(cloud.plan, "adapters")
    assert adapters.usd_per_run is not None
    total = adapters.usd_per_run * sum(adapters.units_per_year)
    assert total == pytest.approx(adapters.usd_per_month * 24)
    assert sum(adapters.units_per_year) == pytest.approx(2 * 96)
    nightly = workload_of(cloud.plan, "nightly")
    assert nightly.usd_per_mtok_input is not None
    assert nightly.usd_per_mtok_output is not None
    by_kind = nightly.usd_per_mtok_input * 500 + nightly.usd_per_mtok_output * 40
    assert by_kind * 365 * 2 == pytest.approx(nightly.usd_per_month * 24, rel=1e-6)


def test_placements_share_the_work(cloud: Planned) -> None:
    for workload in cloud.plan.workloads:
        assert math.fsum(p.share for p in workload.placements) == pytest.approx(1.0)
    for line in cloud.plan.mix:
        assert 0.0 <= line.utilisation <= 1.0


def test_no_restriction_is_much_cheaper_than_the_plan(cloud: Planned) -> None:
    names = {a.name for a in cloud.plan.regret}
    assert {"all cloud", *(f"all {family_of(line.gpu)}" for line in cloud.plan.mix)} <= names
    for alternative in cloud.plan.regret:
        if alternative.horizon_usd is not None:
            least = 0.0 if alternative.breaks else cloud.plan.bound
            assert alternative.horizon_usd >= least * (1 - 1e-9)
        else:
            assert alternative.reason


def test_every_price_has_source_and_date(cloud: Planned) -> None:
    assert all(a.source for a in cloud.plan.assumptions)
    good = catalog.load().ageing.by_kind
    for line in cloud.plan.mix:
        assert line.price_as_of is not None
        assert line.age_days == max((cloud.plan.as_of - line.price_as_of).days, 0)
        kind = "reserved" if line.term_months else line.purchase
        assert (OLD in line.marks) is (line.age_days > good[line.tier, kind].days)


def test_no_line_has_an_invented_price(cloud: Planned) -> None:
    """A term that nobody lists is a target to ask a quote for, never a line."""
    assert not any(line.derived or line.estimated for line in cloud.plan.mix)
    assert cloud.plan.targets
    for target in cloud.plan.targets:
        assert target.term_months == 12
        assert target.usd_per_gpu_hour > target.usual_usd_per_gpu_hour
        assert target.saves_usd_per_month > 0.0


def test_the_problem_is_the_same_on_every_processor(site: Planned) -> None:
    assert mix.settled(site.problem) == site.problem


def test_two_runs_print_the_same_plan(tmp_path: Path, site: Planned) -> None:
    again = plan_to_dict(planned(tmp_path, SITE).plan) | {"seconds": 0}
    assert json.dumps(again) == json.dumps(plan_to_dict(site.plan) | {"seconds": 0})


def test_plan_json_is_read_back(cloud: Planned) -> None:
    text = json.dumps(plan_to_dict(cloud.plan), allow_nan=False)
    assert plan_from_dict(json.loads(text)) == cloud.plan


def test_residency_and_budget_bind(site: Planned) -> None:
    found = site.plan
    assert {line.country for line in found.mix} == {"BD"}
    assert 0.0 < found.capex_usd <= 600_000
    assert {part.name for part in found.costs} >= {"server", "staff", "resale", "idle energy"}
    assert found.fx_per_usd > 100


def test_classes_of_work_add_up_to_the_plan(cloud: Planned) -> None:
    found = cloud.plan
    assert {c.work for c in found.by_class} == {"real time", "batch", "tuning"}
    usd = math.fsum(c.usd_per_month for c in found.by_class)
    assert usd == pytest.approx(found.monthly_usd, rel=1e-9)
    assert math.fsum(c.share for c in found.by_class) == pytest.approx(1.0)
    hours = math.fsum(x.mean_count * x.gpus_per_instance * 730.0 for x in found.mix)
    assert math.fsum(c.gpu_hours_per_month for c in found.by_class) == pytest.approx(
        hours, rel=1e-3
    )
    served = math.fsum(w.usd_per_month for w in found.workloads if w.id in ("chat", "assistant"))
    (real_time,) = (c for c in found.by_class if c.work == "real time")
    assert real_time.usd_per_month == pytest.approx(served)


def test_rules_follow_from_the_candidates(cloud: Planned) -> None:
    """Every number of a rule is that of its workload's candidates, and the flips agree with it."""
    assert {rule.workload for rule in cloud.plan.rules} == {w.id for w in cloud.plan.workloads}
    flips = {b.what: b.value for b in cloud.plan.break_evens if b.quantity == "usd_per_gpu_hour"}
    told = 0
    for rule in cloud.plan.rules:
        plan_of = workload_of(cloud.plan, rule.workload)
        cost = {c.gpu: c.unit_cost_usd or math.inf for c in plan_of.candidates}
        most = max(plan_of.placements, key=lambda p: p.share)
        assert rule.gpu == most.gpu or len(plan_of.placements) > 2
        assert rule.gpu in rule.sentence
        if rule.next_gpu is None:
            continue
        assert cost[rule.next_gpu] == min(c.unit_cost_usd or math.inf for c in plan_of.candidates
                                          if not c.chosen)  # fmt: skip
        above = cost[rule.next_gpu] * rule.load / cost[rule.gpu]
        if above <= 1.0:
            assert rule.wins_above_load == pytest.approx(above)
        else:
            assert rule.wins_above_load is None
        if rule.wins_below_usd_per_gpu_hour is not None:
            told += 1
            price = (rule.next_usd_per_gpu_hour or 0.0) * cost[rule.gpu] / cost[rule.next_gpu]
            assert rule.wins_below_usd_per_gpu_hour == pytest.approx(price)
            assert flips[f"{rule.workload} moves to {rule.next_gpu} below"] == pytest.approx(price)
    assert told == len(flips) > 0


def test_conflicting_limits_are_named_with_a_way_out(tmp_path: Path) -> None:
    with pytest.raises(Infeasible) as caught:
        planned(tmp_path, SITE.replace("capex_usd: 600000", "capex_usd: 20000"))
    keys = [limit.key for limit in caught.value.conflict]
    assert "limits.capex" in keys
    assert "workloads.chat.traffic.peak_requests_per_s" in keys
    ways = [str(way) for way in caught.value.ways_out]
    assert any(re.match(r"limits\.capex: [0-9,]+ USD instead of 20,000 USD", way) for way in ways)


def test_a_promise_that_nothing_keeps_names_the_nearest_gpu(tmp_path: Path) -> None:
    with pytest.raises(Infeasible) as caught:
        planned(tmp_path, ALONE.replace("ttft_p95: 1500 ms", "ttft_p95: 1 ms"))
    assert caught.value.exit_code == 3
    keys = [limit.key for limit in caught.value.conflict]
    assert keys == ["workloads.chat.model", "workloads.chat.slo.ttft_p95"]
    assert "comes nearest" in str(caught.value)
    (way,) = caught.value.ways_out
    assert str(way).startswith("workloads.chat.slo.ttft_p95: ")


def test_owned_servers_that_the_racks_cannot_feed_are_refused(tmp_path: Path) -> None:
    """Three racks of 12 kW feed three servers of 10.2 kW; a fourth needs more than they give."""

    def owned(gpus: int) -> Planned:
        text = f"  owned: {{dhaka: {{h100-sxm-80gb: {gpus}}}}}\nlimits: {{capex_usd: 600000}}"
        return planned(tmp_path, SITE.replace("limits: {capex_usd: 600000}", text))

    assert any(line.purchase == "owned" for line in owned(24).plan.mix)
    with pytest.raises(InputError, match=r"the owned servers need 40\.8 kW of racks"):
        owned(32)


def test_software_of_an_unknown_name_is_told(tmp_path: Path) -> None:
    text = ALONE.replace("kind: chat\n", "kind: chat\n    engine: vlm\n")
    found = planned(tmp_path, text).plan
    assert "chat: unknown engine 'vlm'; using a typical engine's constants; did you mean vllm?" in (
        found.warnings
    )


def test_a_model_that_fits_nowhere_is_refused(tmp_path: Path) -> None:
    text = ALONE.replace("meta-llama/Llama-3.1-8B-Instruct", "moonshotai/Kimi-K2-Instruct")
    with pytest.raises(Infeasible, match="fits no GPU"):
        planned(tmp_path, text.replace("h100-sxm-80gb, l40s-48gb", "l4-24gb"))


def workload_of(found: Plan, name: str):  # type: ignore[no-untyped-def]
    return next(w for w in found.workloads if w.id == name)


def test_levers_save_on_served_work_and_name_where(cloud: Planned) -> None:
    by_id = {w.id: w for w in cloud.plan.workloads}
    for workload in by_id.values():
        assert all(0.0 < lever.saving_share < 1.0 for lever in workload.levers)
    assert any(lever.name == "FP8 weights" for lever in by_id["assistant"].levers)
    lever = by_id["assistant"].levers[0]
    best = min(c.unit_cost_usd for c in by_id["assistant"].candidates if c.unit_cost_usd)
    assert lever.unit_cost_usd == pytest.approx(best * (1.0 - lever.saving_share))
    assert " x " in lever.note


def test_own_measurements_move_a_plan(tmp_path: Path) -> None:
    """Chats measured faster than predicted on every GPU: the plan costs less."""
    kept = tmp_path / "kept"
    for i, gpu in enumerate(("h100-sxm-80gb", "l40s-48gb")):
        asked = {
            "gpu": gpu, "model": "meta-llama/Llama-3.1-8B-Instruct", "tp": "1",
            "engine": "vllm", "input_len": "900",
            "output_len": "200", "load": "concurrency", "load_value": "32",
            "metric": "output_tok_s_total",
        }  # fmt: skip
        columns = {name: [value] for name, value in asked.items()}
        value = predict_inference(columns)["value"][0] * 1.4
        path = tmp_path / f"{i}.csv"
        write_columns(path, columns | {"value": [f"{value:.6g}"]})
        calibrate([path], Stated(), kept)
    text = ALONE.replace("requests_per_s: 6", "requests_per_s: 60")
    before = planned(tmp_path, text).plan
    loaded = catalog.load(measured=kept)
    found = plan(read_inventory(tmp_path / "inventory.yaml", loaded, TODAY), loaded).plan
    assert found.horizon_usd < 0.95 * before.horizon_usd
    assert "moved +" in workload_of(found, "chat").placements[0].note
