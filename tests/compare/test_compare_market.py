"""A comparison keeps to what may be used, and says what stands in the way of the rest."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from gpumix.catalog import load
from gpumix.compare.market import whole_market
from gpumix.compare.training import TrainQuestion, compare_train
from gpumix.domain.comparison import Comparison
from gpumix.domain.offer import Purchase
from gpumix.domain.training_comparison import TrainingComparison
from gpumix.domain.workload import TrainingRun
from gpumix.errors import InputError
from gpumix.report import export, markdown
from gpumix.report.views import comparison as view
from gpumix.report.views import training as training_view
from gpumix.verbs.compare import PictureWords, compare_names

KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known" / "p19-compare-keeps-the-inventory"
TODAY = date(2026, 11, 24)

CHAT = """
  chat: {kind: chat, model: meta-llama/Llama-3.1-8B-Instruct,
    traffic: {input_tokens: 1000, output_tokens: 200, requests_per_s: 2},
    slo: {ttft_p95: 2 s, tpot_p95: 60 ms}"""
JOB = """
  job: {kind: finetune, method: lora, model: meta-llama/Llama-3.1-8B-Instruct, tokens: 100M,
    runs_per_month: 4, finish_within: 2 d}"""
IMAGES = """
  images: {kind: media, model: black-forest-labs/FLUX.1-dev, images_per_day: 1000, latency: 60 s}"""

ROOM = """  on_prem: {room: {country: DE, racks: 1, kw_per_rack: 12}}
  owned: {room: {l40s-48gb: 8}}"""


def inventory(folder: Path, workloads: str, supply: str) -> str:
    """A small inventory file."""
    file = folder / "team.yaml"
    head = "name: t\nhorizon: {start: 2027-01, years: 1}\nas_of: 2026-11-24\n"
    file.write_text(f"{head}workloads:{workloads}\nsupply:\n{supply}\n", encoding="utf-8")
    return str(file)


def compared(what: str, workload: str | None = None, **changes: Any) -> Any:
    asked: dict[str, Any] = {
        "gpus": None, "input_tokens": None, "output_tokens": None, "slo": None,
        "precision": None, "engine": "vllm",
    }  # fmt: skip
    return compare_names(what, workload, **{**asked, **changes})


# -- what an inventory allows ----------------------------------------------------------------


def test_p19_only_gpus_that_workload_and_cloud_allow() -> None:
    case = json.loads((KNOWN / "case.json").read_text(encoding="utf-8"))
    ((_, _, allowed),) = case["checks"][0]["json"]
    found = compared(str(KNOWN / "team.yaml"), "support")
    assert {row.gpu for row in found.rows} <= set(allowed)
    assert {winner.gpu for winner in found.winners} <= set(allowed)
    assert found.price_rule == "cheapest that the inventory allows the workload"
    # aws lists no other prices of these than its own
    assert {row.price.providers for row in found.rows if row.price} == {1}


def test_what_may_be_reserved_alone_is_compared_at_its_reserved_price(tmp_path: Path) -> None:
    supply = "  cloud: {providers: [aws], purchase: [%s]}"
    reserved = compared(inventory(tmp_path, CHAT + "}", supply % "reserved"), "chat")
    by_the_hour = compared(inventory(tmp_path, CHAT + "}", supply % "on_demand"), "chat")
    prices = {row.gpu: row.price.usd_per_gpu_hour for row in by_the_hour.rows if row.price}
    both = [row for row in reserved.rows if row.price and row.gpu in prices]
    assert both
    assert all(row.price.usd_per_gpu_hour < prices[row.gpu] for row in both if row.price)


def test_of_an_own_room_only_its_gpus_are_compared(tmp_path: Path) -> None:
    found = compared(inventory(tmp_path, CHAT + "}", ROOM), "chat")
    assert [(row.gpu, row.status) for row in found.rows] == [("l40s-48gb", "serves")]


def test_a_gpu_asked_for_that_may_not_be_used_says_why(tmp_path: Path) -> None:
    text = CHAT + ", gpus: [h100-sxm-80gb, l40s-48gb]}"
    file = inventory(tmp_path, text, "  cloud: {providers: [aws], purchase: [on_demand]}")
    found = compared(file, "chat", gpus="h100-sxm-80gb,a100-sxm-80gb,mi300x-192gb")
    rows = {row.gpu: row for row in found.rows}
    assert rows["h100-sxm-80gb"].status == "serves"
    for refused in ("a100-sxm-80gb", "mi300x-192gb"):
        assert rows[refused].status == "not allowed"
        assert rows[refused].requests_per_s is None
        assert "`gpus` of the workload" in rows[refused].reason
    page = markdown.comparison_markdown(found)
    assert "not allowed" in page
    written = {row["gpu"]: row["status"] for row in export.answer_to_dict(found)["rows"]}
    assert written["mi300x-192gb"] == "not allowed"


def test_a_gpu_that_the_cloud_does_not_have_says_so(tmp_path: Path) -> None:
    file = inventory(tmp_path, CHAT + "}", "  cloud: {providers: [aws], purchase: [on_demand]}")
    (row,) = compared(file, "chat", gpus="mi300x-192gb").rows
    assert (row.status, row.reason) == ("not allowed", "`supply` of the inventory has none of it")


def test_residency_keeps_the_work_off_gpus_that_are_elsewhere(tmp_path: Path) -> None:
    rooms = """  on_prem:
    here: {country: DE, racks: 1, kw_per_rack: 12}
    there: {country: US, racks: 1, kw_per_rack: 12}
  owned: {here: {l40s-48gb: 8}, there: {a100-pcie-80gb: 8}}"""
    file = inventory(tmp_path, CHAT + ", residency: [DE]}", rooms)
    found = compared(file, "chat", gpus="l40s-48gb,a100-pcie-80gb")
    rows = {row.gpu: row for row in found.rows}
    assert rows["l40s-48gb"].status == "serves"
    assert rows["a100-pcie-80gb"].status == "not allowed"
    assert "residency" in rows["a100-pcie-80gb"].reason


def test_an_inventory_where_nothing_may_run_the_workload_is_refused(tmp_path: Path) -> None:
    supply = "  cloud: {providers: [aws], purchase: [on_demand]}"
    file = inventory(tmp_path, CHAT + ", gpus: [mi300x-192gb]}", supply)
    with pytest.raises(InputError, match="nothing in this inventory may run it"):
        compared(file, "chat")


# -- training --------------------------------------------------------------------------------

RUN = TrainingRun(
    method="lora", tokens=52e6, seq_len=512, global_batch=None, finish_within_h=None,
    runs_per_year=1.0, stack="torchtune", lora_rank=16, gpus=None,
)  # fmt: skip


def trained(gpus: tuple[str, ...], priced: bool = True, **changes: Any) -> TrainingComparison:
    run = replace(RUN, **changes)
    asked = TrainQuestion("meta-llama/Llama-2-7b-hf", run, ("bf16",), gpus, (1,))
    market = whole_market(gpus, load(), TODAY, (Purchase.ON_DEMAND, Purchase.SPOT))
    return compare_train(asked, load(), TODAY, market if priced else replace(market, prices={}))


def test_a_run_on_aws_by_the_hour_is_told_by_the_hour_alone(tmp_path: Path) -> None:
    file = inventory(tmp_path, JOB, "  cloud: {providers: [aws], purchase: [on_demand]}")
    found = compared(file, "job")
    assert {p.purchase for run in found.runs for p in run.purchases} == {"on_demand"}
    assert {run.gpu for run in found.runs} <= {
        one.gpu for one in load().listed if one.provider == "aws"
    }
    (drawn,) = training_view.cost_tables(found)
    assert drawn.title.startswith("On demand, cheapest first")


def test_a_run_on_a_gpu_that_may_not_be_used_is_not_allowed(tmp_path: Path) -> None:
    file = inventory(tmp_path, JOB, "  cloud: {providers: [aws], purchase: [on_demand]}")
    found = compared(file, "job", gpus="h100-sxm-80gb,mi300x-192gb")
    refused = [run for run in found.runs if run.gpu == "mi300x-192gb"]
    assert refused
    assert {run.status for run in refused} == {"not allowed"}
    assert "not allowed" in markdown.training_markdown(found)


def test_a_gang_is_whole_machines_of_the_inventory(tmp_path: Path) -> None:
    found = compared(inventory(tmp_path, JOB, ROOM), "job", gpus="l40s-48gb")
    runs = {run.gpus: run for run in found.runs}
    assert [p.purchase for p in runs[8].purchases] == ["owned"]
    assert "Owned, cheapest first" in [drawn.title for drawn in training_view.cost_tables(found)]


def test_p12_a_missing_price_is_not_a_missed_deadline() -> None:
    found = trained(("rtx3090-24gb",), False, finish_within_h=720.0)
    (run,) = found.runs
    assert (run.fits, run.status, run.purchases) == (True, "no price", ())
    assert not found.ways_out
    page = markdown.training_markdown(found)
    assert "only a price is missing" in page
    assert "finish in time;" not in page
    late = trained(("rtx3090-24gb",), False, finish_within_h=0.1)
    assert [r.status for r in late.runs] == ["too late"]
    assert late.ways_out
    assert "No GPU type and count can finish in time" in markdown.training_markdown(late)


def test_no_part_without_bf16_pretrains_in_it() -> None:
    """A 33B model: neither the V100 nor the T4 is offered, whatever the count."""
    run = replace(RUN, method="pretrain", tokens=600e9, seq_len=4096, global_batch=1024)
    run = replace(run, stack="megatron")
    gpus = ("t4-16gb", "v100-sxm-32gb", "h100-sxm-80gb")
    asked = TrainQuestion("Qwen/Qwen2.5-32B-Instruct", run, ("bf16",), gpus, (64, 512))
    found = compare_train(asked, load(), TODAY)
    status = {(r.gpu, r.status) for r in found.runs if r.gpus == 512}
    expected = {("t4-16gb", "not supported"), ("v100-sxm-32gb", "not supported")}
    assert status == expected | {("h100-sxm-80gb", "serves")}
    old = next(r for r in found.runs if r.gpu == "t4-16gb")
    assert (old.reason, old.fix) == ("t4-16gb has no bf16", "precision: fp16")
    fp16 = compare_train(replace(asked, precisions=("fp16",), counts=(512,)), load(), TODAY)
    assert next(r for r in fp16.runs if r.gpu == "v100-sxm-32gb").fits


def test_each_table_of_costs_has_the_order_that_it_states() -> None:
    gpus = ("h100-sxm-80gb", "a100-sxm-80gb", "l40s-48gb", "rtx4090-24gb")
    tables = training_view.cost_tables(trained(gpus))
    assert [drawn.title for drawn in tables] == [
        "On demand, cheapest first",
        "On spot, cheapest first",
    ]
    for drawn in tables:
        names = [column.name for column in drawn.columns]
        costs = [row[names.index("usd_per_run")].text for row in drawn.rows]
        usd = [float(cost.strip("$").replace(",", "")) for cost in costs]
        assert usd == sorted(usd)


# -- text: causes ----------------------------------------------------------------------------


def test_the_causes_of_no_answer_are_told_apart() -> None:
    found: Comparison = compared(
        "meta-llama/Llama-3.1-70B-Instruct", gpus="t4-16gb,l40s-48gb,h100-sxm-80gb",
        slo="ttft_p95=2s,tpot_p95=9ms",
    )  # fmt: skip
    causes = {row.gpu: row.status for row in found.rows}
    assert causes["t4-16gb"] == "does not fit"
    assert causes["l40s-48gb"] == "misses its promise"
    drawn = view.unfit_table(found)
    column = [c.name for c in drawn.columns].index("status")
    assert {row[column].text for row in drawn.rows} >= {"does not fit", "misses its promise"}


# -- images ----------------------------------------------------------------------------------


def test_images_by_model_take_seconds_and_cost_their_share_of_the_price() -> None:
    found = compared(
        "black-forest-labs/FLUX.1-dev", gpus="h100-sxm-80gb,l40s-48gb",
        picture=PictureWords(resolution="1024x1024", steps=28),
    )  # fmt: skip
    assert found.sample == "1024x1024, 28 steps"
    rows = {row.gpu: row for row in found.rows}
    fast, slow = rows["h100-sxm-80gb"], rows["l40s-48gb"]
    assert fast.sample_s.value < slow.sample_s.value
    for row in rows.values():
        assert row.sample_s.low < row.sample_s.value < row.sample_s.high
        hourly = row.price.usd_per_gpu_hour * row.tp
        assert row.usd_per_sample[-1] == pytest.approx(hourly * row.sample_s.value / 3600.0)


def test_images_of_an_inventory_keep_to_what_it_allows(tmp_path: Path) -> None:
    file = inventory(tmp_path, IMAGES, "  cloud: {providers: [aws], purchase: [on_demand]}")
    found = compared(file, "images", gpus="h100-sxm-80gb,mi300x-192gb")
    rows = {row.gpu: row for row in found.rows}
    assert rows["h100-sxm-80gb"].sample_s
    assert rows["mi300x-192gb"].status == "not allowed"
