"""Many inventories and scenarios: the same plans as one by one, wherever they are computed."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gpumix import cli
from gpumix.domain.sweep import Sweep
from gpumix.errors import InputError
from gpumix.plan.effort import WORK
from gpumix.verbs.executors import Executor, executor
from gpumix.verbs.sweep import scenario_tasks, sweep, tasks_of

QUICK = WORK["quick"]
TEAM = """
name: renders
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  frames.v1:
    kind: custom
    unit: frames
    rates: {l40s-48gb: 120, h100-sxm-80gb: 300}
    traffic: {requests_per_s: 0.4}
    latency: 300 s
supply:
  cloud: {providers: [acme, nimbus], purchase: [on_demand]}
prices: rates.csv
scenarios:
  twice: {workloads.frames.v1.traffic.requests_per_s: 0.8}
  nimbus alone: {supply.cloud.providers: [nimbus]}
"""
SHEET = """provider,gpu,gpus_per_instance,purchase,usd_per_gpu_hour,as_of
acme,l40s-48gb,1,on_demand,1.0,2026-11-24
nimbus,h100-sxm-80gb,1,on_demand,3.0,2026-11-24
"""


def write(folder: Path, name: str, text: str = TEAM) -> Path:
    (folder / "rates.csv").write_text(SHEET, encoding="utf-8")
    path = folder / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def figures(found: Sweep) -> list[tuple[str, float | None]]:
    return [(one.name, one.monthly_usd) for one in found.plans]


def of_two(folder: Path, by: Executor, out: Path) -> Sweep:
    paths = [write(folder, "a"), write(folder, "b", TEAM.replace("0.4", "0.6"))]
    return sweep(tasks_of(paths), by, out, work=QUICK)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Sweep, Path]:
    folder = tmp_path_factory.mktemp("two")
    return of_two(folder, executor(workers=1), folder / "out"), folder / "out"


def plan_of(folder: Path) -> dict[str, object]:
    written: dict[str, object] = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    written.pop("seconds")
    return written


def test_each_inventory_has_a_row_and_a_folder(two: tuple[Sweep, Path]) -> None:
    found, out = two
    assert [(p.name, p.exit_code, p.promises_kept) for p in found.plans] == [
        ("a", 0, 1),
        ("b", 0, 1),
    ]
    assert found.exit_code == 0
    assert found.plans[0].monthly_usd == plan_of(out / "a")["monthly_usd"]
    assert found.plans[0].monthly_usd < (found.plans[1].monthly_usd or 0.0)
    assert (out / "b" / "report.html").is_file()


def test_several_processes_make_the_same_plans(two: tuple[Sweep, Path], tmp_path: Path) -> None:
    found = of_two(two[1].parent, executor(workers=2), tmp_path / "out")
    assert figures(found) == figures(two[0])
    for name in ("a", "b"):
        assert plan_of(tmp_path / "out" / name) == plan_of(two[1] / name)


def test_ray_makes_the_same_plans(two: tuple[Sweep, Path], tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="gpumix[ray] is not installed")
    found = of_two(two[1].parent, executor("ray", workers=1), tmp_path / "out")
    assert figures(found) == figures(two[0])
    for name in ("a", "b"):
        assert plan_of(tmp_path / "out" / name) == plan_of(two[1] / name)


def test_without_ray_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"gpumix\[ray\]"):
        executor("ray")
    with pytest.raises(InputError, match="nowhere known"):
        executor("moon")


def test_scenarios_change_values_and_nothing_else(tmp_path: Path) -> None:
    tasks = scenario_tasks(write(tmp_path, "team"))
    assert [task.name for task in tasks] == ["as written", "twice", "nimbus alone"]
    found = sweep(tasks, executor(workers=1), tmp_path / "out", work=QUICK)
    usd = [one.monthly_usd or 0.0 for one in found.plans]
    assert usd[1] > 1.5 * usd[0]
    twice = plan_of(tmp_path / "out" / "twice")["inventory"]
    assert isinstance(twice, dict)
    assert twice["workloads"][0]["demand"]["units_per_hour"][0] == pytest.approx(0.8 * 3600)


def test_every_scenario_is_read_before_any_is_planned(tmp_path: Path) -> None:
    wrong = TEAM.replace("[nimbus]}", "[nimmbus]}").replace(
        "traffic.requests", "trafic.requests", 1
    )
    with pytest.raises(InputError) as caught:
        scenario_tasks(write(tmp_path, "team", wrong))
    told = str(caught.value)
    assert "nimmbus" in told
    assert "names nothing that the inventory has" in told
    with pytest.raises(InputError, match="has no scenarios"):
        scenario_tasks(write(tmp_path, "plain", TEAM.partition("scenarios:")[0]))


def test_what_cannot_be_planned_is_a_row_and_the_rest_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = write(tmp_path, "good"), write(tmp_path, "bad", TEAM.replace("0.4", "many"))
    argv = ["gpumix", "plan", str(bad), str(good), "--effort", "quick", "--json",
            "--workers", "1", "--out", str(tmp_path / "out")]  # fmt: skip
    monkeypatch.setattr(sys, "argv", argv)
    with pytest.raises(SystemExit) as stop:
        cli.main()
    assert stop.value.code == 2
    told = json.loads(capsys.readouterr().out)
    assert told["schema_version"] == 1
    assert [p["status"] for p in told["plans"]] == ["cannot be used", "optimal"]
    assert "requests_per_s" in told["plans"][0]["reason"]
    assert not (tmp_path / "out" / "bad").exists()
    with pytest.raises(InputError, match="names several inventories"):
        tasks_of([good, tmp_path / "other" / "good.yaml"])
