"""Files that once misled: their known answers, as a user asks for them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from gpumix import cli
from gpumix.files import read_columns

KNOWN = Path(__file__).resolve().parents[1] / "cases" / "known"


def run(monkeypatch: pytest.MonkeyPatch, case: str, *arguments: str) -> int:
    monkeypatch.chdir(KNOWN / case)
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_a_trace_in_seconds_is_read_in_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fractions of a millisecond, and a minute of traffic that would last 60 ms."""
    case = "p07-trace-in-seconds"
    (check,) = json.loads((KNOWN / case / "case.json").read_text())["checks"]
    assert run(monkeypatch, case, *check["run"]) == 0
    answer = json.loads(capsys.readouterr().out)
    ((name, low, high),) = check["json"]
    assert low <= answer[name] <= high
    assert "seconds.jsonl: timestamp read as seconds" in " ".join(answer["defaults"])
    assert "blocks of 16 tokens" in " ".join(answer["defaults"])


def test_results_of_four_gpus_are_stored_as_of_four(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The file says 4 x L40S: a quarter of the truth must not be stored as one."""
    case = "p08-results-name-their-gpus"
    asked = ["calibrate", "results.json", "--gpu", "l40s-48gb", "--store", str(tmp_path / "store")]
    assert run(monkeypatch, case, *asked, "--json") == 0
    (deployment,) = json.loads(capsys.readouterr().out)["deployments"]
    assert "on 4 x l40s-48gb" in deployment["deployment"]
    stored = read_columns(tmp_path / "store" / "measurements.csv")
    assert set(zip(stored["n_gpus"], stored["tp"], stored["dp"], strict=True)) == {("4", "1", "4")}
    for contradiction in (["--n-gpus", "1"], ["--tp", "4"], ["--gpu", "h100-sxm-80gb"]):
        assert run(monkeypatch, case, *asked, *contradiction, "--confirm") == 2
        assert "L40S" in (said := capsys.readouterr().err) or "4 GPUs" in said or "'4'" in said
