"""Custom work through a whole plan: served and by the day, in its own unit, and run again."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pytest

from gpumix import cli

INVENTORY = """
name: render farm
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  render:
    kind: custom
    unit: frames
    rates: {l40s-48gb: 1200, l4-24gb: 400}
    time_cv: 0.5
    traffic: {requests_per_s: 0.5}
    latency: 9 s
  etl:
    kind: custom
    unit: rows
    rates: {l40s-48gb: {rate: 20M, cv: 0.05}}
    per_day: 100M
    window: "20:00-06:00"
    finish_within: 8 h
supply:
  cloud: {providers: [runpod], gpus: [l40s-48gb, l4-24gb], purchase: [on_demand]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inventory: Path = tmp_path_factory.mktemp("farm") / "team.yaml"
    inventory.write_text(INVENTORY, encoding="utf-8")
    assert run("plan", str(inventory), "--out", str(inventory.parent / "plan")) == 0
    return inventory.parent / "plan"


def run(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["gpumix", *arguments])
        try:
            cli.main()
        except SystemExit as stop:
            return int(stop.code or 0)
    return 0


def test_the_plan_is_in_the_units_of_the_work(folder: Path) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    render, etl = plan["workloads"]["render"], plan["workloads"]["etl"]
    assert (render["unit"], render["cost_unit"]) == ("frame", "USD per frame")
    for one in (render, etl):
        units = math.fsum(one["units_per_year"])
        usd = one["usd_per_month"] * 12.0
        assert one["usd_per_unit"] == pytest.approx(usd / units, rel=0.01)
        assert (one["usd_per_mtok_total"], one["usd_per_sample"], one["levers"]) == (None, None, [])
    [promise] = render["slo"]
    assert (promise["name"], promise["kept"], promise["replayed"]) == ("e2e_p95", True, True)
    assert promise["predicted"]["basis"] == "measured"
    reasons = {one["gpu"]: one["reason"] for one in etl["candidates"]}
    assert reasons["l4-24gb"] == "`rates` of the workload has none of it"
    told = {one["subject"]: one for one in plan["assumptions"]}
    assert told["speed: etl"]["value"] == "2e+07 rows/h on 1 x l40s-48gb, spread 5%"
    assert told["speed: render"]["basis"] == "measured"
    assert "speed: engine" not in told


def test_the_report_names_the_unit(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert "/ frame" in text
    assert "frames/s at peak" in text


def test_simulate_runs_what_was_planned(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for workload in ("render", "etl"):
        asked = ("simulate", "--plan", str(folder), "--workload", workload, "--json")
        assert run(*asked) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["workload"] == workload
        assert found["unit"] == {"render": "frame", "etl": "row"}[workload]
    assert found["confidence"] == pytest.approx(0.8, abs=0.01)


def test_needs_that_nothing_on_offer_has_name_what_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = tmp_path / "team.yaml"
    text = INVENTORY.replace("time_cv: 0.5", "needs: {display: true}")
    inventory.write_text(text.replace("gpus: [l40s-48gb, l4-24gb]", "gpus: [l4-24gb]"))
    assert run("plan", str(inventory), "--out", str(tmp_path / "plan")) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert "no GPU on offer has it: l4-24gb has no display output" in said
    assert "l40s-48gb" in said.partition("a way out")[2]


def test_a_plan_whose_rates_somebody_spoiled_is_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = json.loads((folder / "plan.json").read_text())
    plan["inventory"]["workloads"][0]["rates"][0]["gpu"] = "l99"
    plan["inventory"]["workloads"][1]["unit_name"] = ""
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    assert run("simulate", "--plan", str(tmp_path), "--workload", "render") == 2
    said = capsys.readouterr().err
    assert "unknown GPU 'l99'" in said
    assert "unit_name: must go with kind custom" in said


def test_explain_says_that_the_speed_is_measured(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("explain", str(folder / "plan.json"), "etl") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "etl on 1 x l40s-48gb" in said
    assert "measured." in said
    assert "bound by" not in said
