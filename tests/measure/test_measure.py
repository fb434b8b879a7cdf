"""What a measurement is worth, the script that makes it, and calibrate reading what that leaves."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from gpumix import cli
from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.domain.worth import Worth
from gpumix.errors import InputError
from gpumix.inventory.results import Stated
from gpumix.measure.worth import worth_of
from gpumix.predict.inference import predict_inference
from gpumix.report.bench_script import bench_script
from gpumix.report.views.worth import command_lines, worth_table, worth_words
from gpumix.verbs.calibrate import calibrate
from gpumix.verbs.measure import measure_file
from gpumix.verbs.plan import plan_into

FAKE = Path(__file__).with_name("fake_bench.py")
TEAM = """
name: team
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    precision: PRECISION
    traffic: {profile: azure-conv, peak_requests_per_s: 60}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
supply:
  cloud: {providers: [verda], gpus: [l40s-48gb], purchase: [on_demand]}
"""
NAME = "chat-l40s-48gb-tp1-bf16"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    """The folder of a plan, and the plan."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "team.yaml").write_text(TEAM.replace("PRECISION", "bf16"), encoding="utf-8")
    return folder / "out", plan_into(folder / "out", folder / "team.yaml").plan


def asked_of(plan: Plan, catalog: Catalog, **changes: object) -> Worth:
    """What measuring is worth to the plan if its workload were another."""
    assert plan.inventory is not None
    (chat,) = plan.inventory.workloads
    other = replace(plan.inventory, workloads=(replace(chat, **changes),))  # type: ignore[arg-type]
    return worth_of(plan, other, catalog)


def measured_with(script: str, folder: Path, worth: Worth, catalog: Catalog) -> Path:
    """Run the script where the engines' commands are stand-ins; the folder of its results."""
    (one,) = worth.measurements
    bin_folder = folder / "bin"
    bin_folder.mkdir()
    for name in ("vllm", "python", "trtllm-serve", "curl"):
        inner = "exit 0" if name == "curl" else f'exec {sys.executable} {FAKE} "$@"'
        (bin_folder / name).write_text(f"#!/bin/sh\n{inner}\n", encoding="utf-8")
        (bin_folder / name).chmod(0o755)
    loads = [str(point.concurrency) for point in one.points]
    row = {
        "gpu": one.gpu, "model": one.model, "tp": str(one.tp), "engine": one.engine, "n_gpus": "1",
        "input_len": str(one.input_tokens), "output_len": str(one.output_tokens),
        "weight_precision": one.precision, "load": "concurrency", "metric": "output_tok_s_total",
    }  # fmt: skip
    table = {name: [cell] * len(loads) for name, cell in row.items()} | {"load_value": loads}
    rates = predict_inference(table, catalog=catalog).value.tolist()
    (folder / "rates.json").write_text(json.dumps(dict(zip(loads, rates, strict=True))))
    (folder / "measure.sh").write_text(script, encoding="utf-8")
    env = os.environ | {
        "PATH": f"{bin_folder}:{os.environ['PATH']}", "RATES": str(folder / "rates.json")
    }  # fmt: skip
    done = subprocess.run(
        ["sh", "measure.sh", one.name], cwd=folder, env=env, capture_output=True, text=True
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert one.calibrate in done.stdout
    return folder / "results" / one.name


def test_it_pays_to_be_surer(planned: tuple[Path, Plan]) -> None:
    folder, plan = planned
    worth = measure_file(folder)
    (one,) = worth.measurements
    assert one.name == NAME
    assert one.pays
    assert one.interval_after < 0.8 * one.interval_now
    assert one.rent_usd is not None
    assert worth.together is not None
    assert worth.together.names == (NAME,)
    assert one.rent_usd < one.saves_usd_per_month < 0.5 * plan.monthly_usd
    # confidence costs what lies between 0.5 and 0.8: no measurement saves more than that
    half, usual, _ = (c.usd_per_month for c in plan.confidence_costs)
    assert half is not None
    assert usual is not None
    assert one.saves_usd_per_month <= (usual - half) * 1.02
    assert "Measuring chat-l40s-48gb-tp1-bf16 saves $" in worth_words(worth)
    assert [row[1].text for row in worth_table(worth).rows] == ["yes"]
    assert one.points[0].command in command_lines(worth)


def test_none_pays_where_nobody_pays_to_be_sure(
    planned: tuple[Path, Plan], catalog: Catalog
) -> None:
    _, plan = planned
    worth = asked_of(plan, catalog, confidence=0.5)
    assert worth.together is None
    assert [m.pays for m in worth.measurements] == [False]
    assert "None pays" in worth_words(worth)


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm"])
def test_what_the_script_leaves_narrows_the_interval(
    engine: str, planned: tuple[Path, Plan], tmp_path: Path, catalog: Catalog
) -> None:
    _, plan = planned
    worth = asked_of(plan, catalog, engine=engine)
    results = measured_with(bench_script(worth), tmp_path, worth, catalog)
    (one,) = worth.measurements
    words = shlex.split(one.calibrate)
    stated = {words[i]: words[i + 1] for i in range(3, len(words), 2)}
    found = calibrate(
        sorted(results.iterdir()),
        Stated(
            gpu=stated["--gpu"], model=stated["--model"], tp=stated["--tp"],
            weight_precision=stated["--precision"], engine=stated["--engine"],
        ),
        tmp_path / "kept",
    )  # fmt: skip
    assert len(found.files) == 3
    (deployment,) = found.deployments
    assert engine in deployment.deployment
    assert deployment.interval_after < 0.8 * deployment.interval_before
    # the interval is then what was said that measuring leaves, and there is less left to gain
    (again,) = asked_of(plan, catalog.with_measured(tmp_path / "kept"), engine=engine).measurements
    assert again.interval_now == pytest.approx(one.interval_after, rel=0.1)
    assert again.saves_usd_per_month < 0.5 * one.saves_usd_per_month


def test_a_quantised_checkpoint_must_be_named(planned: tuple[Path, Plan], catalog: Catalog) -> None:
    _, plan = planned
    script = bench_script(asked_of(plan, catalog))
    assert "CHECKPOINT" not in script
    other = replace(plan.workloads[0].placements[0], precision="int4")
    of_int4 = replace(plan, workloads=(replace(plan.workloads[0], placements=(other,)),))
    script = bench_script(asked_of(of_int4, catalog, precisions=("int4",)))
    assert (
        ': "${CHECKPOINT:?name a checkpoint of meta-llama/Llama-3.1-8B-Instruct in int4}"' in script
    )
    assert 'vllm serve "$CHECKPOINT" --served-model-name meta-llama/' in script


def test_an_engine_without_a_known_benchmark_says_so(
    planned: tuple[Path, Plan], catalog: Catalog
) -> None:
    worth = asked_of(planned[1], catalog, engine="lmdeploy")
    (one,) = worth.measurements
    assert one.note == "no benchmark of lmdeploy is known: use your own at these loads"
    assert command_lines(worth) == []
    assert one.points[0].concurrency > 0


def test_the_script_refuses_other_names(planned: tuple[Path, Plan], tmp_path: Path) -> None:
    measure_file(planned[0], folder=tmp_path)
    for arguments, told in (([], "usage"), (["other"], "no measurement is called other")):
        done = subprocess.run(
            ["sh", str(tmp_path / "measure.sh"), *arguments], capture_output=True, text=True
        )
        assert (done.returncode, told in done.stderr) == (2, True)


def test_a_plan_of_other_data_is_refused(planned: tuple[Path, Plan], catalog: Catalog) -> None:
    _, plan = planned
    other = replace(plan.workloads[0].placements[0], gpu="h100-sxm-80gb")
    moved = replace(plan, workloads=(replace(plan.workloads[0], placements=(other,)),))
    with pytest.raises(InputError, match="nothing on offer does chat as the plan says"):
        asked_of(moved, catalog)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    with pytest.raises(SystemExit) as stop:
        cli.main()
    return int(stop.value.code or 0)


def test_the_command(
    planned: tuple[Path, Plan],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = str(planned[0])
    assert run(monkeypatch, "measure", folder, "--out", str(tmp_path), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["measurements"][0]["name"] == NAME
    assert (tmp_path / "measure.sh").read_text(encoding="utf-8").startswith("#!/bin/sh")
    assert run(monkeypatch, "measure", folder) == 0
    assert "vllm bench serve" in capsys.readouterr().out
    (tmp_path / "other.json").write_text("{}", encoding="utf-8")
    for wrong in ("none.json", str(tmp_path / "other.json"), str(tmp_path / "none.yaml")):
        assert run(monkeypatch, "measure", wrong) == 2
        assert "gpumix: " in capsys.readouterr().err
