"""Files of a plan before the programs that read them: promtool, amtool, a slurmdbd of its own."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import guard_fixture as made
import pytest
import slurm_servers
import yaml

from gpumix.guard.holding import Holding
from gpumix.guard.prometheus.files import ROUTE, RULES, TESTS, prometheus
from gpumix.guard.slurm import slurm

pytestmark = pytest.mark.real
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="needs promtool: apt-get install prometheus"
)
needs_amtool = pytest.mark.skipif(
    shutil.which("amtool") is None, reason="needs amtool: apt-get install prometheus-alertmanager"
)
needs_slurm = pytest.mark.skipif(
    bool(slurm_servers.missing()), reason=f"needs {', '.join(slurm_servers.missing())}"
)


@pytest.fixture(scope="module")
def held() -> Holding:
    return made.held()


@pytest.fixture
def folder(held: Holding, tmp_path: Path) -> Path:
    for one in prometheus(held)[0]:
        (tmp_path / one.name).write_text(one.text, encoding="utf-8")
    return tmp_path


def _run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


@needs_promtool
def test_promtool_accepts_the_rules_and_every_alert_fires(folder: Path) -> None:
    checked = _run(folder, "promtool", "check", "rules", RULES)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    tested = _run(folder, "promtool", "test", "rules", TESTS)
    assert tested.returncode == 0, tested.stdout + tested.stderr


@needs_promtool
@pytest.mark.parametrize(
    ("alert", "good", "bad"),
    [
        ("GpuIdle", "gpumix:gpu_engine_active:ratio < 0.05", "gpumix:gpu_engine_active:ratio < 0"),
        ("GpuIdle", "for: 60m", "for: 90m"),
        ("LowBatch", "<= 8", "<= 80"),
        ("PromiseAtRisk", "> on (namespace, promise) 0.9 *", "< on (namespace, promise) 0.9 *"),
        ("PoolDrift", "vector(8)", "vector(9)"),
        ("PoolDrift", "!= on (pool, resource)", "== on (pool, resource)"),
        ("QuotaMissing", "unless on (namespace, resource)", "and on (namespace, resource)"),
    ],
)
def test_a_mutated_rule_fails_its_tests(folder: Path, alert: str, good: str, bad: str) -> None:
    tests = yaml.safe_load((folder / TESTS).read_text(encoding="utf-8"))
    tests["tests"] = [one for one in tests["tests"] if one["name"].startswith(f"Gpumix{alert} ")]
    assert len(tests["tests"]) == 2
    (folder / TESTS).write_text(yaml.safe_dump(tests), encoding="utf-8")
    text = (folder / RULES).read_text(encoding="utf-8")
    assert good in text
    (folder / RULES).write_text(text.replace(good, bad), encoding="utf-8")
    assert _run(folder, "promtool", "test", "rules", TESTS).returncode != 0


@needs_promtool
def test_a_broken_rule_is_refused(folder: Path) -> None:
    text = (folder / RULES).read_text(encoding="utf-8")
    (folder / RULES).write_text(text.replace("sum by (namespace", "sum of (namespace"), "utf-8")
    assert _run(folder, "promtool", "check", "rules", RULES).returncode != 0


@needs_amtool
def test_amtool_accepts_the_route_and_follows_it(folder: Path, held: Holding) -> None:
    checked = _run(folder, "amtool", "check-config", ROUTE)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    label = held.stamp.label
    for labels, receiver in (
        ([f"gpumix_plan={label}", "severity=page"], f"gpumix-{label}-page"),
        ([f"gpumix_plan={label}", "severity=ticket"], f"gpumix-{label}-ticket"),
        (["severity=page"], "other"),
    ):
        command = ["amtool", "config", "routes", "test", f"--config.file={ROUTE}"]
        assert _run(folder, *command, *labels).stdout.strip() == receiver


@needs_amtool
def test_a_mutated_route_is_refused(folder: Path) -> None:
    text = (folder / ROUTE).read_text(encoding="utf-8")
    (folder / ROUTE).write_text(re.sub(r"- name: gpumix-\S+-page", "- name: x", text), "utf-8")
    assert _run(folder, "amtool", "check-config", ROUTE).returncode != 0


@pytest.fixture(scope="module")
def accounting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("slurm")
    with slurm_servers.slurmdbd(folder, ["h100", "a100", "l40s", "mi300x"]) as environment:
        yield environment


@needs_slurm
def test_slurm_holds_the_plan_however_often_it_is_told(
    held: Holding, accounting: dict[str, str], tmp_path: Path
) -> None:
    script = tmp_path / "slurm.sh"
    written, _ = slurm(held)
    script.write_text(written.text if written else "", encoding="utf-8")
    told = []
    for _ in range(2):
        done = subprocess.run(["bash", script], env=accounting, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        told.append(_accounts(accounting))
    assert told[0] == told[1]
    assert told[0]["gpumix-team"] == {
        "gres/gpu=44", "gres/gpu:a100=6", "gres/gpu:h100=16", "gres/gpu:l40s=14",
        "gres/gpu:mi300x=8",
    }  # fmt: skip
    assert told[0]["team-nightly"] == {"gres/gpu=18", "gres/gpu:h100=12", "gres/gpu:mi300x=6"}


@needs_slurm
def test_an_unknown_type_stops_the_script_before_it_changes_anything(
    held: Holding, accounting: dict[str, str], tmp_path: Path
) -> None:
    before = _accounts(accounting)
    script = tmp_path / "slurm.sh"
    written, _ = slurm(held)
    text = (written.text if written else "").replace("gpu:l40s", "gpu:l41s").replace("team", "t2")
    script.write_text(text, encoding="utf-8")
    done = subprocess.run(["bash", script], env=accounting, capture_output=True, text=True)
    assert done.returncode == 1
    assert "AccountingStorageTRES" in done.stderr
    assert _accounts(accounting) == before


def _accounts(environment: dict[str, str]) -> dict[str, set[str]]:
    command = ["sacctmgr", "-n", "-P", "show", "assoc", "format=Account,GrpTRES"]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    rows = (line.split("|") for line in told.stdout.splitlines())
    return {account: set(tres.split(",")) for account, tres in rows}
