"""`gpumix export` on plans: what it writes, what it refuses, its exit codes."""

from __future__ import annotations

import functools
import hashlib
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gpumix import cli
from gpumix.errors import InputError
from gpumix.export.bundle import TARGETS
from gpumix.plan.effort import WORK
from gpumix.verbs.export import export_plan
from gpumix.verbs.launches import read_launches
from gpumix.verbs.plan import plan_into

TEAM = """
name: "team: one"
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    precision: [fp8]
    traffic: {profile: azure-conv, peak_requests_per_s: 60}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
  tuning:
    kind: finetune
    method: lora
    model: Qwen/Qwen2.5-7B-Instruct
    tokens: 20M
    runs_per_month: 2
    finish_within: 48 h
supply:
  cloud: {providers: [verda], gpus: [l40s-48gb], purchase: [on_demand]}
"""


_read_once = functools.cache(read_launches)


@pytest.fixture(autouse=True)
def read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each plan.json is read once for all tests: that takes seconds."""
    monkeypatch.setattr("gpumix.verbs.export.read_launches", _read_once)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a plan."""
    folder = tmp_path_factory.mktemp("team")
    (folder / "team.yaml").write_text(TEAM, encoding="utf-8")
    plan_into(folder / "out", folder / "team.yaml", work=WORK["quick"])
    return folder / "out"


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_plan_is_exported_for_all_that_apply(planned: Path, tmp_path: Path) -> None:
    made = export_plan(planned, folder=tmp_path / "launch")
    written = contents(tmp_path / "launch")
    assert {path: text.encode() for path, text in made.texts.items()} == written
    assert {file.target for file in made.exported.files} == {
        "vllm", "compose", "kserve", "dynamo", "sky", "dstack"
    }  # fmt: skip
    sha = hashlib.sha256((planned / "plan.json").read_bytes()).hexdigest()
    assert made.exported.origin.sha256 == sha
    assert made.exported.origin.plan == "team: one"


def test_replicas_are_those_of_the_plan(planned: Path) -> None:
    (chat, tuning) = _read_once(planned).launches
    assert (chat.provider, chat.purchase, chat.waits) == ("verda", "on_demand", False)
    assert (tuning.waits, tuning.is_job) == (True, True)
    assert 1 <= tuning.peak_replicas <= tuning.line_gpus
    assert max(chat.by_hour) * chat.gpus <= chat.line_gpus
    service = yaml.safe_load(export_plan(planned, "kserve").texts["kserve/chat-l40s-48gb.yaml"])
    assert service["spec"]["replicas"] == max(chat.by_hour)
    policy = yaml.safe_load(export_plan(planned, "sky").texts["sky/chat-l40s-48gb.yaml"])
    policy = policy["service"]["replica_policy"]
    held = chat.gpus_per_instance // chat.gpus
    assert policy["max_replicas"] == -(-max(chat.by_hour) // held)
    assert policy["target_qps_per_replica"] == pytest.approx(
        chat.units_per_hour * held / 3600, rel=0.01
    )


def test_the_same_plan_gives_the_same_bytes(planned: Path, tmp_path: Path) -> None:
    export_plan(planned, folder=tmp_path / "one")
    export_plan(planned / "plan.json", folder=tmp_path / "two")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    before = contents(tmp_path / "one")
    export_plan(planned, folder=tmp_path / "one")
    assert contents(tmp_path / "one") == before


def test_json_is_the_index(
    planned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = str(tmp_path / "out")
    assert run(monkeypatch, "export", str(planned), "--out", out, "--for", "sky", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said == json.loads((tmp_path / "out" / "index.json").read_text(encoding="utf-8"))
    assert said["schema_version"] == "1.0"
    assert [file["target"] for file in said["files"]] == ["sky", "sky"]


def test_words_name_each_target(
    planned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = str(tmp_path / "out")
    assert run(monkeypatch, "export", str(planned), "--out", out, "--for", "vllm,dstack") == 0
    said = capsys.readouterr().out.splitlines()
    assert said[:2] == ["vllm: 1 launch, 1 not written", "dstack: 2 launches"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--for", "vllm,kube,swarm"], "--for: unknown target 'kube'"),
        (["--for", "vllm,kube,swarm"], "--for: unknown target 'swarm'"),
        (["--for", "sglang"], "sglang starts nothing of this plan: chat-l40s-48gb planned on vllm"),
        (["--for", ","], "--for: names nothing"),
    ],
)
def test_bad_targets_end_with_code_2_and_no_files(
    words: list[str],
    message: str,
    planned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, "export", str(planned), "--out", str(out), *words) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_an_unknown_target_is_answered_with_those_known(
    planned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run(monkeypatch, "export", str(planned), "--out", str(tmp_path / "o"), "--for", "nomad")
    assert f"known: {', '.join(TARGETS)}" in capsys.readouterr().err


def test_what_is_not_a_plan_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inventory = tmp_path / "team.yaml"
    inventory.write_text(TEAM, encoding="utf-8")
    assert run(monkeypatch, "export", str(inventory), "--out", str(tmp_path / "out")) == 2
    assert "is not a plan.json" in capsys.readouterr().err


def test_files_of_an_earlier_export_are_not_left_beside_new_ones(
    planned: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "out"
    assert run(monkeypatch, "export", str(planned), "--out", str(out)) == 0
    before = contents(out)
    assert run(monkeypatch, "export", str(planned), "--out", str(out), "--for", "vllm") == 2
    assert "holds files of an earlier export" in capsys.readouterr().err
    assert contents(out) == before
    shutil.rmtree(out / "vllm")
    (out / "notes.txt").write_text("mine", encoding="utf-8")
    assert run(monkeypatch, "export", str(planned), "--out", str(out)) == 0
    assert contents(out) == {**before, "notes.txt": b"mine"}


def test_a_plan_that_starts_nothing_is_refused(
    planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All its work is done by APIs."""
    nothing = replace(_read_once(planned), launches=())
    monkeypatch.setattr("gpumix.verbs.export.read_launches", lambda _: nothing)
    with pytest.raises(InputError, match="holds nothing that any target starts"):
        export_plan(planned, folder=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_a_file_is_refused(
    planned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "out").write_text("x", encoding="utf-8")
    assert run(monkeypatch, "export", str(planned), "--out", str(tmp_path / "out")) == 2
