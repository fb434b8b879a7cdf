"""`gpumix drift` as a user meets it: exit codes, JSON, words, and bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gpumix import cli
from gpumix.domain.drift import DriftAnswer, DriftCheck, DriftCost, DriftScope
from gpumix.verbs import drift as verb

DEMAND = DriftCheck(
    "demand", DriftScope(workload="chat"), "plan", "requests/h", 1000.0, 1500.0, 0.5, 0.45, 0.55,
    -0.13, 0.15, 28, "2026-09-28T00:00:00Z",
    cost=DriftCost(400.0, True, ("on_demand:b:l40s: 2 -> 3",)),
)  # fmt: skip
VERSION = DriftCheck(
    "version", DriftScope(workload="chat"), "before", "version of the engine", None, None, None,
    None, None, None, None, 28, "2026-09-28T00:00:00Z",
    names={"what": "engine", "before": "0.10.2", "now": "0.11.0"},
    cost=DriftCost(None, False, (), "as predicted"),
)  # fmt: skip
PRICE = DriftCheck(
    "price", DriftScope(gpu="l40s-48gb", offer="on_demand:b:l40s"), "plan", "USD per GPU-hour",
    0.8, 0.8, 0.0, 0.0, 0.0, -0.05, 0.05, 28,
)  # fmt: skip


def answer(*findings: DriftCheck) -> DriftAnswer:
    total = 1400.0 if findings else None
    return DriftAnswer(
        1, "team", "2026-09-07T00:00:00Z", "2026-10-05T00:00:00Z", "USD", findings, (PRICE,),
        ("prices: there is no bill",), (), 9556.0, 1000.0, 1000.0 if findings else None, total,
    )  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, found: DriftAnswer | None, *more: str) -> int:
    if found is not None:
        monkeypatch.setattr(verb, "drift", lambda *_: found)
    monkeypatch.setattr(sys, "argv", ["gpumix", "drift", "fleet", "--plan", "p.json", *more])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


def test_a_fleet_that_holds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, answer()) == 0
    out = capsys.readouterr().out
    assert "team holds: 1 checks over 28 days" in out
    assert "once in 9,556 days" in out
    assert "Not looked at: prices" in out


def test_a_fleet_that_drifted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, answer(DEMAND, VERSION)) == 4
    out = " ".join(capsys.readouterr().out.split())
    assert "USD 1,400 a month instead of 1,000 (+400)" in out
    assert "chat: demand +50%, 1,500 requests/h (1,000 planned) since 2026-09-28." in out
    assert "USD +400 a month; on_demand:b:l40s: 2 -> 3" in out
    assert "engine 0.10.2 became 0.11.0 since 2026-09-28" in out
    assert "It changes nothing in the plan: as predicted" in out


def test_json_is_one_document(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, answer(DEMAND), "--json") == 4
    found = json.loads(capsys.readouterr().out)
    assert (found["schema_version"], found["drifted"]) == (1, True)
    assert found["findings"][0]["cost"]["usd_per_month"] == 400.0
    assert found["checks"][0]["since"] is None


def test_a_plan_that_is_none(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, None) == 2
    assert "p.json" in capsys.readouterr().err


def test_calibrate_takes_files_or_a_fleet(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["--fleet", "f"], ["--fleet", "f", "--plan", "p", "a.csv"], []):
        monkeypatch.setattr(sys, "argv", ["gpumix", "calibrate", *words])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 2
    told = capsys.readouterr().err
    assert "go together" in told
    assert "name result files, or --fleet" in told
