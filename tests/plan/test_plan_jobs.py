"""Training jobs as options of the plan: gangs, deadlines at P90, programmes, what would help."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.evidence import Basis
from gpumix.domain.job import JobPlan, JobWay, winner
from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Kind, SpotTerms, Tier, TrainingRun, Workload
from gpumix.errors import Infeasible, InputError
from gpumix.inventory import read_inventory
from gpumix.options.option import Option
from gpumix.options.runs import Job, Reliability, predict_run
from gpumix.options.training import job_options
from gpumix.options.training_levers import changes_of
from gpumix.options.training_refusals import what_would_help, why_not
from gpumix.plan.formulate import holds, outlasts_a_week
from gpumix.plan.plan import Planned, plan
from gpumix.supply.supply import Supply

TODAY = date(2026, 11, 24)
RUN = TrainingRun(
    method="pretrain", tokens=100e9, seq_len=4096, global_batch=1024, finish_within_h=None,
    runs_per_year=1.0, stack="megatron", lora_rank=16, gpus=64,
)  # fmt: skip
WORKLOAD = Workload(
    id="base", kind=Kind.PRETRAIN, model="Qwen/Qwen2.5-32B-Instruct", precisions=("bf16",),
    kv_precision="", engine="vllm", tier=Tier.STANDARD, demand=None, run=RUN, slos=(),
    window=tuple(range(168)), countries=(), gpus=(),
)  # fmt: skip
NAMES = ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb")
INVENTORY = """
name: frontier
horizon: {start: 2027-01, years: 1}
workloads:
  base:
    kind: pretrain
    model: Qwen/Qwen2.5-32B-Instruct
    tokens: 300B
    n_gpus: 64
    global_batch: 1024
    finish_within: 80 d
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
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def options(catalog: Catalog, tier: Tier = Tier.STANDARD, **changes: Any) -> dict[str, Option]:
    """Options by GPU of the run at its one count."""
    workload = replace(WORKLOAD, run=replace(RUN, **changes), tier=tier)
    gpus = [catalog.gpus[name] for name in NAMES]
    found = job_options(workload, gpus, dict.fromkeys(NAMES, 8), catalog)
    return {option.gpu: option for option in found}


def planned(tmp_path: Path, catalog: Catalog, text: str) -> Planned:
    path = tmp_path / "inventory.yaml"
    path.write_text(text, encoding="utf-8")
    return plan(read_inventory(path, catalog, TODAY), catalog)


def test_options_tell_layout_links_and_finish(catalog: Catalog) -> None:
    for option in options(catalog).values():
        assert option.serves
        assert "exchange between replicas" in option.note
        assert "P90" in option.note


def test_deadline_holds_at_p90_speed_error_included(catalog: Catalog) -> None:
    job = Job.of(RUN, catalog.models[WORKLOAD.model], catalog)
    run = predict_run(job, catalog.gpus["h100-sxm-80gb"], 64, 8, "bf16")
    done = run.steady(job)
    assert done.p90_h / done.expected_h == pytest.approx(1.0 / run.low, rel=0.05)
    limit_h = 0.5 * (done.expected_h + done.p90_h)
    late = options(catalog, finish_within_h=limit_h)["h100-sxm-80gb"]
    assert not late.serves
    assert "P90 finish" in late.reason
    assert late.shortfall == pytest.approx(done.p90_h / limit_h)
    assert options(catalog, finish_within_h=done.p90_h * 1.001)["h100-sxm-80gb"].serves


def test_spot_keeps_its_own_deadline(catalog: Catalog) -> None:
    job = Job.of(RUN, catalog.models[WORKLOAD.model], catalog)
    run = predict_run(job, catalog.gpus["h100-sxm-80gb"], 64, 8, "bf16")
    limit_h = 0.5 * (run.steady(job).p90_h + run.spot(job).p90_h)
    option = options(catalog, finish_within_h=limit_h)["h100-sxm-80gb"]
    assert option.serves
    assert option.spot_units_per_hour is None
    (check,) = option.spot_slos
    assert not check.kept


def test_programme_new_fleet_queue_and_padding(catalog: Catalog) -> None:
    plain = options(catalog)["h100-sxm-80gb"]
    programme = options(catalog, programme_factor=1.5)["h100-sxm-80gb"]
    assert programme.units_per_hour == pytest.approx(plain.units_per_hour / 1.5)
    padded = options(catalog, token_fill=0.5)["h100-sxm-80gb"]
    assert padded.units_per_hour == pytest.approx(plain.units_per_hour / 2.0, rel=0.01)
    young = options(catalog, new_fleet=True)["h100-sxm-80gb"]
    assert young.units_per_hour < plain.units_per_hour
    queued = options(catalog, queue_h=48.0, finish_within_h=1e5)["h100-sxm-80gb"]
    now = options(catalog, finish_within_h=1e5)["h100-sxm-80gb"]
    assert queued.units_per_hour == pytest.approx(now.units_per_hour)
    waited = queued.slos[0].predicted.value - now.slos[0].predicted.value
    assert waited == pytest.approx(48 * 3600)


def test_calendar_value_never_enters_the_speed_or_cost(catalog: Catalog) -> None:
    plain = options(catalog)["h100-sxm-80gb"]
    valued = options(catalog, calendar_usd_per_day=9000.0)["h100-sxm-80gb"]
    assert valued.units_per_hour == plain.units_per_hour
    assert valued.note == plain.note


def test_asynchronous_checkpoints_help_on_spot(catalog: Catalog) -> None:
    plain = options(catalog)["h100-sxm-80gb"].spot_units_per_hour
    beside = options(catalog, checkpoint="async")["h100-sxm-80gb"].spot_units_per_hour
    assert plain is not None
    assert beside is not None
    assert beside > plain


def test_the_predicted_rate_is_that_of_undisturbed_runs(catalog: Catalog) -> None:
    for gpu, option in options(catalog, programme_factor=1.5).items():
        if option.serves:
            assert option.rate is not None, gpu
            assert option.units_per_hour < option.rate.value < 1.5 * option.units_per_hour


def test_premium_is_planned_at_the_pessimistic_end(catalog: Catalog) -> None:
    plain, sure = (
        options(catalog, tier)["a100-sxm-80gb"] for tier in (Tier.STANDARD, Tier.PREMIUM)
    )
    assert plain.rate is not None
    assert plain.rate.basis is Basis.CALIBRATED
    low = plain.rate.low / plain.rate.value
    assert sure.units_per_hour / plain.units_per_hour == pytest.approx(low, rel=0.02)


def supply(size: int, count: int = 0) -> Supply:
    return Supply(
        f"x{size}", "h100-sxm-80gb", size, Purchase.ON_DEMAND, "p", "r", None, 8.0, None,
        Basis.MEASURED, "s", count=count,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("gpus", "size", "held"),
    [(8, 8, True), (64, 8, True), (64, 16, True), (64, 1, False), (8, 1, False), (8, 4, False),
     (4, 8, True), (24, 16, False)],
)  # fmt: skip
def test_gangs_are_whole_nodes(gpus: int, size: int, held: bool) -> None:
    option = Option("base", "h100-sxm-80gb", gpus, 1, "bf16", units_per_hour=0.1)
    assert holds(supply(size), option, WORKLOAD) is held


def test_runs_longer_than_the_week_do_not_live_off_idle_hours() -> None:
    option = Option("base", "h100-sxm-80gb", 64, 1, "bf16", units_per_hour=1 / 169.0)
    assert outlasts_a_week(option, WORKLOAD)
    assert not outlasts_a_week(replace(option, units_per_hour=1 / 167.0), WORKLOAD)


@pytest.fixture(scope="module")
def frontier(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Planned:
    return planned(tmp_path_factory.mktemp("frontier"), catalog, INVENTORY)


def test_the_plan_shows_every_gpu_side_by_side(frontier: Planned) -> None:
    base = next(w for w in frontier.plan.workloads if w.id == "base")
    by_gpu = {c.gpu: c for c in base.candidates}
    assert set(by_gpu) == set(NAMES)
    assert all(c.gpus == 64 and c.tokens_per_s_per_gpu for c in by_gpu.values())
    assert by_gpu["l40s-48gb"].unit_cost_usd is None
    assert "over pcie" in by_gpu["l40s-48gb"].reason
    assert all(check.kept for check in base.slo)
    assert base.usd_per_run is not None


def test_a_run_once_a_year_pays_for_its_own_time(frontier: Planned) -> None:
    """Rented for as long as it takes, in instances of eight: a gang's hours, no more."""
    base = next(w for w in frontier.plan.workloads if w.id == "base")
    (placement,) = base.placements
    line = next(x for x in frontier.plan.mix if x.resource == placement.resource)
    assert line.gpus_per_instance == 8
    hours = 1.0 / placement.units_per_hour
    assert base.usd_per_run == pytest.approx(64 * line.usd_per_gpu_hour * hours, rel=0.02)


def test_a_deadline_that_nothing_keeps_says_what_would(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(Infeasible) as caught:
        planned(tmp_path, catalog, INVENTORY.replace("80 d", "9 d"))
    keys = {limit.key for limit in caught.value.conflict}
    assert keys >= {"workloads.base.finish_within", "workloads.base.n_gpus"}
    assert "comes nearest" in str(caught.value)
    changes = [way.changes[0] for way in caught.value.ways_out if way.changes]
    by_key = {change.stated.key: change.value for change in changes}
    assert "workloads.base.finish_within" in by_key
    assert int(by_key["workloads.base.n_gpus"]) > 64


def test_a_model_too_large_says_what_would_fit(tmp_path: Path, catalog: Catalog) -> None:
    text = INVENTORY.replace("method: lora", "method: full\n    n_gpus: 1")
    with pytest.raises(Infeasible) as caught:
        planned(tmp_path, catalog, text)
    assert caught.value.conflict[0].key == "workloads.adapters.model"
    ways = " | ".join(map(str, caught.value.ways_out))
    assert "LoRA" in ways or "n_gpus" in ways


def test_more_gpus_than_the_batch_and_layers_allow(catalog: Catalog) -> None:
    """8 sequences x 64 layers x TP8 keep 4,096 GPUs busy; 8,192 have no layout."""
    changed = {"gpus": 8192, "global_batch": 8}
    assert not any(o.serves for o in options(catalog, **changed).values())
    job = Job.of(replace(RUN, **changed), catalog.models[WORKLOAD.model], catalog)
    ways = what_would_help(job, [catalog.gpus[n] for n in NAMES], ("bf16",), None)
    assert any(way.startswith("n_gpus: ") for way in ways)
    assert any("a larger global_batch" in way for way in ways)


def test_more_gpus_than_layers_allow_is_told_by_the_plan(tmp_path: Path, catalog: Catalog) -> None:
    many = INVENTORY.replace("n_gpus: 64", "n_gpus: 8192")
    text = many.replace("global_batch: 1024", "global_batch: 8")
    with pytest.raises(Infeasible) as caught:
        planned(tmp_path, catalog, text)
    assert "workloads.base.n_gpus" in [limit.key for limit in caught.value.conflict]
    assert "no layout" in str(caught.value)
    ways = " | ".join(map(str, caught.value.ways_out))
    assert "n_gpus: " in ways
    assert "a larger global_batch" in ways


def test_levers_change_one_thing_each() -> None:
    run = replace(
        RUN, method="full", stack="hf-deepspeed", token_fill=0.6, activation_ckpt="full",
        finish_within_h=100.0,
    )  # fmt: skip
    changes = list(changes_of(replace(WORKLOAD, run=run)))
    names = " | ".join(change.name for change in changes)
    for part in (
        "LoRA instead of full", "QLoRA", "FP8", "Packed", "Stack fsdp", "checkpointing",
        "Asynchronous", "Another count", "1.5 x",
    ):  # fmt: skip
        assert part in names
    for change in changes:
        same_run = change.workload.run == run
        same_precision = change.workload.precisions == WORKLOAD.precisions
        assert same_run != same_precision


def test_levers_of_the_plan_are_predicted_anew(frontier: Planned) -> None:
    base = next(w for w in frontier.plan.workloads if w.id == "base")
    fp8 = next(lever for lever in base.levers if lever.name == "FP8 training")
    assert 0.1 < fp8.saving_share < 0.6


def test_the_frontier_example_has_gangs_of_three_kinds_side_by_side(catalog: Catalog) -> None:
    """Its whole plan takes too long for a test; its pre-training's options do not."""
    path = Path(__file__).resolve().parents[2] / "examples" / "frontier.yaml"
    inventory = read_inventory(path, catalog, TODAY)
    kinds = {workload.kind for workload in inventory.workloads}
    assert {Kind.PRETRAIN, Kind.CHAT, Kind.FINETUNE, Kind.BATCH, Kind.EMBEDDING} <= kinds
    base = next(w for w in inventory.workloads if w.kind is Kind.PRETRAIN)
    base = replace(base, gpus=())
    gpus = [catalog.gpus[name] for name in NAMES]
    found = {o.gpu: o for o in job_options(base, gpus, dict.fromkeys(NAMES, 8), catalog)}
    assert found["h100-sxm-80gb"].serves
    assert not found["l40s-48gb"].serves
    assert "over pcie" in found["l40s-48gb"].reason
    assert base.run is not None
    assert base.run.gpus == 64
    assert catalog.models[base.model].params_total_b > 30


VALUE = 5000.0


@pytest.fixture(scope="module")
def pretraining(catalog: Catalog) -> tuple[Planned, JobPlan]:
    """The pre-training of the frontier example, planned alone on all that is on offer."""
    path = Path(__file__).resolve().parents[2] / "examples" / "frontier.yaml"
    inventory = read_inventory(path, catalog, TODAY)
    anywhere = replace(inventory.workloads[0], gpus=(), tier=Tier.STANDARD)
    assert inventory.cloud is not None
    cloud = replace(inventory.cloud, gpus=None, purchases=(Purchase.ON_DEMAND, Purchase.SPOT))
    rented = replace(inventory, workloads=(anywhere,), sites=(), quotes=(), cloud=cloud)
    found = plan(rented, catalog)
    (workload,) = found.plan.workloads
    assert workload.job is not None
    return found, workload.job


def test_the_frontier_job_keeps_its_deadline_at_p90(
    pretraining: tuple[Planned, JobPlan],
) -> None:
    found, job = pretraining
    (workload,) = found.plan.workloads
    limit_s = 120 * 86400.0
    (check,) = workload.slo
    assert (check.name, check.limit_s) == ("finish_p90", limit_s)
    chosen = [way for way in job.ways if way.chosen]
    assert chosen
    for way in chosen:
        assert way.kept
        assert way.finish_expected_s < way.finish_p90_s <= limit_s
        assert way.finish_p90_s == pytest.approx(check.predicted.value)
    assert all(way.kept == (way.finish_p90_s <= limit_s) for way in job.ways)


def test_cash_and_calendar_are_told_apart(pretraining: tuple[Planned, JobPlan]) -> None:
    found, job = pretraining
    (workload,) = found.plan.workloads
    (used,) = [way for way in job.ways if way.chosen]
    assert job.calendar_usd_per_day == VALUE
    assert job.calendar_usd == pytest.approx(VALUE * job.finish_expected_s / 86400)
    assert workload.usd_per_run == pytest.approx(used.usd_per_run, rel=0.02)
    for way in job.ways:
        assert way.calendar_usd == pytest.approx(VALUE * way.finish_expected_s / 86400)


def test_who_wins_without_and_with_the_value_of_a_day(
    pretraining: tuple[Planned, JobPlan],
) -> None:
    _, job = pretraining
    cheapest, best = winner(job.pareto, 0.0), winner(job.pareto, VALUE)
    assert cheapest is not None
    assert best is not None
    in_time = [way for way in job.ways if way.kept]
    assert cheapest.usd_per_run == min(way.usd_per_run for way in in_time)
    totals = {(w.gpu, w.purchase): w.usd_per_run + w.calendar_usd for w in in_time}
    assert totals[best.gpu, best.purchase] == min(totals.values())
    assert best.finish_expected_s < cheapest.finish_expected_s


@pytest.mark.parametrize("valued", [False, True])
def test_at_the_break_even_ratio_both_cost_the_same(
    pretraining: tuple[Planned, JobPlan], valued: bool
) -> None:
    _, job = pretraining

    def total(way: JobWay, usd: float) -> float:
        return usd + (way.calendar_usd if valued else 0.0)

    base = job.ways[0]
    for way in job.ways:
        ratio = way.break_even_with_time if valued else way.break_even_cash
        repriced = way.usd_per_run * ratio / way.ratio_now
        if ratio > 0.0:
            assert total(way, repriced) == pytest.approx(total(base, base.usd_per_run))
        else:
            assert total(way, 0.0) >= total(base, base.usd_per_run)


def test_the_plan_tells_why_l40s_loses_beside_h100_and_a100(
    pretraining: tuple[Planned, JobPlan],
) -> None:
    _, job = pretraining
    h100, a100, l40s = (next(w for w in job.ways if w.gpu == name) for name in NAMES)
    assert h100.gpus == a100.gpus == l40s.gpus == 64
    assert l40s.within_share > 2.0 * max(h100.within_share, a100.within_share)
    assert l40s.between_share < 0.05
    sentence = next(words for words in job.why if words.startswith("64 x l40s-48gb"))
    assert "all-reduce within a replica over PCIe" in sentence
    assert sentence.endswith("and scales")


def test_spot_terms_of_the_inventory_replace_the_one_figure(
    tmp_path: Path, catalog: Catalog
) -> None:
    text = INVENTORY + (
        "    spot:\n"
        "      any: {mean_uptime: 8 h, availability: 0.9}\n"
        "      h100-sxm-80gb: {mean_uptime: 1 h, availability: 50 %}\n"
    )
    path = tmp_path / "inventory.yaml"
    path.write_text(text, encoding="utf-8")
    inventory = read_inventory(path, catalog, TODAY)
    assert inventory.cloud is not None
    assert set(inventory.cloud.spot) == {
        SpotTerms(None, 8.0, 0.9),
        SpotTerms("h100-sxm-80gb", 1.0, 0.5),
    }
    rel = Reliability.from_defaults(catalog.defaults, inventory.cloud.spot)
    assert rel.spot_terms("h100-sxm-80gb").mtti_h == 1.0
    assert rel.spot_terms("l40s-48gb").mtti_h == 8.0
    assert rel.spot_useful_share("l40s-48gb") > rel.spot_useful_share("h100-sxm-80gb")
    run = inventory.workloads[0].run
    assert run is not None
    own, usual = (
        Job.of(replace(run, spot=spot), catalog.models[WORKLOAD.model], catalog)
        for spot in (run.spot, ())
    )
    h100, a100 = (predict_run(own, catalog.gpus[name], 64, 8, "bf16") for name in NAMES[:2])
    assert h100.spot(own).expected_h > 1.5 * h100.spot(usual).expected_h
    assert a100.spot(own).expected_h < a100.spot(usual).expected_h
    told = {a.subject: a for a in plan(inventory, catalog).plan.assumptions}
    assert "jobs: spot_mtti" not in told
    assert told["spot: h100-sxm-80gb"].source == "inventory, supply.cloud.spot"


def test_spot_terms_name_known_gpus(tmp_path: Path, catalog: Catalog) -> None:
    path = tmp_path / "inventory.yaml"
    path.write_text(
        INVENTORY + "    spot: {h1000: {mean_uptime: 1 h, availability: 0.5}}\n", encoding="utf-8"
    )
    with pytest.raises(InputError, match="h1000"):
        read_inventory(path, catalog, TODAY)


def test_without_terms_the_plan_says_that_spot_is_one_figure(
    pretraining: tuple[Planned, JobPlan],
) -> None:
    found, _ = pretraining
    told = {a.subject: a.value for a in found.plan.assumptions}
    for name in ("jobs: spot_mtti", "jobs: spot_availability"):
        assert "one figure for all GPUs, sizes and providers" in told[name]
    (gang,) = found.plan.workloads[0].placements
    assert gang.gpus == 64
    assert "spot" in gang.resource
    assert any("may be unobtainable on spot" in warning for warning in found.plan.warnings)


def test_gangs_of_1024_are_tried_where_half_as_many_are_late(catalog: Catalog) -> None:
    gpu, run = catalog.gpus["h100-sxm-80gb"], replace(RUN, gpus=None, tokens=10e12)
    job = Job.of(run, catalog.models[WORKLOAD.model], catalog)
    half, all_ = (predict_run(job, gpu, n, 8, "bf16").steady(job).p90_h for n in (512, 1024))
    late = replace(WORKLOAD, run=replace(run, finish_within_h=0.5 * (half + all_)))
    found = job_options(late, [gpu], {gpu.id: 8}, catalog)
    assert [option.gpus for option in found if option.serves] == [1024]


@pytest.mark.parametrize(
    ("model", "gpu", "count", "changes", "way"),
    [  # eight of these hold no such model, however large the batch is
        ("meta-llama/Llama-3.1-70B-Instruct", "l40s-48gb", 8,
         {"method": "full", "global_batch": 4}, "GPUs"),
        # a batch of two cannot keep a thousand GPUs busy, whatever their memory
        ("Qwen/Qwen2.5-7B-Instruct", "h100-sxm-80gb", 1024,
         {"method": "lora", "global_batch": 2}, "a global_batch of 1024 or more"),
    ],
)  # fmt: skip
def test_the_batch_is_blamed_only_where_it_is_what_rules_layouts_out(
    catalog: Catalog, model: str, gpu: str, count: int, changes: dict[str, Any], way: str
) -> None:
    job = Job.of(replace(RUN, gpus=None, **changes), catalog.models[model], catalog)
    told = why_not(job, catalog.gpus[gpu], count, ("bf16",))
    assert way in told
    assert ("global_batch of" in told) is ("global_batch of" in way)
