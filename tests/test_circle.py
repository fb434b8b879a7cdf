"""Once round: plan, export, guard, a fleet that follows with one drift, observe, attribute, audit,
drift, replan, diff; by the commands of docs/circle.md, in its order."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "circle.md").read_text(encoding="utf-8")
DRIFTED = 4
"""Exit code of a fleet that is not its plan's any more."""


def _commands() -> list[str]:
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line for kind, block in blocks if not kind for line in block.splitlines()]


def _run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    words = shlex.split(command)
    words = [sys.executable, *(["-m", "gpumix"] if words[0] == "gpumix" else []), *words[1:]]
    words = [str(ROOT / word) if word.startswith("tools/") else word for word in words]
    ours = {"PYTHONPATH": str(ROOT / "src"), "COLUMNS": "120"}
    return subprocess.run(
        words, cwd=folder, env={**os.environ, **ours}, capture_output=True, text=True, check=False
    )


@pytest.mark.slow
def test_the_circle_of_the_page_closes(tmp_path: Path) -> None:
    inventory = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert inventory
    (tmp_path / "team.yaml").write_text(inventory.group(1), encoding="utf-8")
    commands = _commands()
    verbs = [command.split()[1] for command in commands]
    assert verbs == [
        "plan", "export", "guard", "tools/follow_plan.py", "observe", "attribute", "audit",
        "drift", "replan", "diff",
    ]  # fmt: skip
    told = {}
    for verb, command in zip(verbs, commands, strict=True):
        done = _run(command, tmp_path)
        assert done.returncode == (DRIFTED if verb == "drift" else 0), (command, done.stderr)
        told[verb] = done.stdout
    drift = _run(f"{commands[7]} --json --no-solve", tmp_path)
    findings = json.loads(drift.stdout)["findings"]
    assert [(f["kind"], f["scope"]["workload"]) for f in findings] == [("demand", "chat")]
    assert findings[0]["since"].startswith("2026-09-28")
    before, after = (
        json.loads((tmp_path / name / "plan.json").read_text(encoding="utf-8"))
        for name in ("plan", "again")
    )
    assert after["monthly_usd"] > before["monthly_usd"]
    assert all(c["kept"] for w in after["workloads"].values() for c in w["slo"])
    for folder, index in (("start", "index.json"), ("hold", "guard.json")):
        files = json.loads((tmp_path / folder / index).read_text(encoding="utf-8"))["files"]
        assert files
    assert "demand" in told["diff"]
