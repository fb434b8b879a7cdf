"""`gpumix simulate --plan`: its answer, its exit codes, and what it does not take."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gpumix import cli

INVENTORY = """
name: vectors
horizon: {start: 2027-01, years: 1}
workloads:
  vectors:
    kind: embedding
    model: BAAI/bge-m3
    traffic: {input_tokens: 300, requests_per_s: 5}
    slo: {e2e_p95: 1 s}
supply:
  cloud: {gpus: [l40s-48gb], purchase: [on_demand]}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    inventory: Path = tmp_path_factory.mktemp("vectors") / "team.yaml"
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


def test_it_prints_each_promise_and_ends_with_0(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ("simulate", "--plan", str(folder), "--workload", "vectors")
    assert run(*asked) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "vectors keeps 1 of 1 promises at 80 % confidence" in said
    assert "the plan's own" in said
    assert run(*asked, "--json", "--seed", "3", "--requests", "5000", "--hour", "9") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["seed"] == 3
    (promise,) = found["slo"]
    assert promise["verdict"] == "kept"
    assert promise["simulated_s"] < promise["limit_s"] == 1.0
    assert [hour["hour"] for hour in found["simulated_hours"]] == [9]


def test_a_promise_that_is_not_kept_ends_with_3(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    plan["inventory"]["workloads"][0]["slos"][0]["limit_s"] = 0.01
    changed = tmp_path / "plan.json"
    changed.write_text(json.dumps(plan), encoding="utf-8")
    assert run("simulate", "--plan", str(changed), "--workload", "vectors") == 3
    assert "not kept" in capsys.readouterr().out


def test_what_is_no_plan_and_what_does_not_go_with_one_end_with_2(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = ("--plan", str(folder / "plan.json"))
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}", encoding="utf-8")
    for arguments, words in (
        ((*plan, "--workload", "vector"), ("unknown workload", "vectors")),
        ((*plan, "--workload", "x", "--hour", "168", "--year", "0"), ("--hour", "--year", "x")),
        ((*plan,), ("--workload: is missing",)),
        (
            (*plan, "--workload", "vectors", "--gpu", "x", "--tp", "2"),
            ("--gpu: does", "--tp: does"),
        ),
        (("--plan", str(wrong), "--workload", "x"), ("is not a plan",)),
        (("--plan", str(tmp_path / "x.yaml"), "--workload", "x"), ("is not a plan.json",)),
        (("--model", "m", "--hour", "3"), ("--hour: goes with --plan alone",)),
        ((), ("--model: is missing", "--gpu: is missing")),
    ):
        assert run("simulate", *arguments) == 2
        said = capsys.readouterr().err
        assert all(word in said for word in words), (arguments, said)
