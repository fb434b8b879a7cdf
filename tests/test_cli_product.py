"""What a user of the installed command finds: version, example, starter, names, completion."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import gpumix
from gpumix import cli
from gpumix.inventory import EXAMPLE, starter_text

ROOT = Path(__file__).resolve().parents[1]


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gpumix", *arguments])
    try:
        cli.main()
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def said(*arguments: str, python: tuple[str, ...] = (), **variables: str) -> str:
    """Stdout of the program in a process of its own."""
    return subprocess.run(
        [sys.executable, *python, "-m", "gpumix", *arguments],
        capture_output=True,
        encoding="utf-8",
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", **variables},
    ).stdout


def test_version(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--version") == 0
    assert capsys.readouterr().out == f"gpumix {gpumix.__version__}\n"


def test_init_writes_to_stdout(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "init", "-") == 0
    assert capsys.readouterr().out == starter_text()
    assert not list(tmp_path.iterdir())


def test_the_example_of_the_package_is_the_one_of_the_repository() -> None:
    assert (ROOT / "examples" / EXAMPLE.name).read_bytes() == EXAMPLE.read_bytes()


def test_demo_plans_the_example_and_leaves_its_inventory(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    small = tmp_path / "small.yaml"
    small.write_text(
        """
horizon: {start: 2027-01, years: 1}
workloads:
  notes: {kind: batch, model: Qwen/Qwen3-8B, tokens_per_day: {input: 90M, output: 9M}}
supply:
  cloud: {gpus: [l40s-48gb], purchase: [on_demand]}
""",
        encoding="utf-8",
    )
    monkeypatch.setattr("gpumix.inventory.EXAMPLE", small)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "demo") == 0
    assert "gpumix explain gpumix-out/demo/plan.json notes" in capsys.readouterr().out.replace(
        "\\", "/"
    )
    made = Path("gpumix-out") / "demo"
    names = {path.name for path in made.iterdir()}
    assert names == {"plan.json", "report.html", "entries.csv", "problem.json", "small.yaml"}
    assert (made / "small.yaml").read_text(encoding="utf-8") == small.read_text(encoding="utf-8")
    assert run(monkeypatch, "plan", str(made), "--json") == 0
    again = json.loads(capsys.readouterr().out)
    kept = json.loads((made / "plan.json").read_text(encoding="utf-8"))
    assert {**again, "seconds": 0} == {**kept, "seconds": 0}


def test_explain_lists_every_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "explain", "--list") == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("  tpot_p95_s  ") for line in lines)
    assert any(line.startswith("  closed_loop  ") for line in lines)
    assert run(monkeypatch, "explain", "--list", "--json") == 0
    names = json.loads(capsys.readouterr().out)["names"]
    assert {one["kind"] for one in names} == {
        "quantity", "formula", "constant", "GPU", "model", "provider", "country"
    }  # fmt: skip
    assert run(monkeypatch, "explain") == 2
    assert "gpumix explain --list" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [("explain", "tpot_p95_s"), ("explain", "--list"), ("plan", "--help"), ("--help",)],
    ids=" ".join,
)
def test_stripped_docstrings_change_nothing(arguments: tuple[str, ...]) -> None:
    assert said(*arguments, python=("-OO",)) == said(*arguments)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("gpumix exp", ["export", "explain"]),
        ("gpumix prices list --gpu l40", ["l40s-48gb", "l40-48gb"]),
        ("gpumix compare Qwen/Qwen3-8", ["Qwen/Qwen3-8B"]),
        ("gpumix explain tpot_p9", ["tpot_p95_s"]),
        ("gpumix simulate --model x --gpu l40s", ["l40s-48gb"]),
        ("gpumix compare x --gpus l4-24gb,l40s", ["l4-24gb,l40s-48gb"]),
        ("gpumix prices list --provider lambd", ["lambda"]),
    ],
)
def test_the_shell_completes_names(words: str, offered: list[str]) -> None:
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split()) - 1)}
    code = "import sys; sys.argv = ['gpumix']; from gpumix.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **asked, "_GPUMIX_COMPLETE": "complete_bash"},
    )
    assert done.stdout.split() == offered, done.stderr
