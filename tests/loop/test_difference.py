"""Two plans side by side, as people and workflows read them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from gpumix.cli import app
from gpumix.domain.evidence import Confirmation
from gpumix.domain.plan import Plan
from gpumix.loop.difference import FIGURES, difference
from gpumix.report.difference import comment_markdown, difference_json, difference_markdown
from gpumix.report.export import plan_to_dict, to_json
from gpumix.report.views.difference import headline
from replan_fixture import planned, team

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "</details> --> <img src=x> [x](http://e) `| @all"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return planned(team(tmp_path_factory.mktemp("old"), years=1))


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    path = team(tmp_path_factory.mktemp("new"), years=1)
    text = path.read_text(encoding="utf-8").replace("0.4,", "0.6,")
    path.write_text(text.replace("frames:", "shots:", 1), encoding="utf-8")
    renamed = planned(path)
    path.write_text(text, encoding="utf-8")
    grown = planned(path)
    assert renamed.monthly_usd == pytest.approx(grown.monthly_usd)
    return grown


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, old: Plan, new: Plan) -> tuple[Path, Path]:
    found = []
    for name, made in (("a", old), ("b", new)):
        folder = tmp_path_factory.mktemp(name)
        (folder / "plan.json").write_text(to_json(plan_to_dict(made)), encoding="utf-8")
        found.append(folder)
    return found[0], found[1]


def test_a_plan_and_itself_are_the_same(old: Plan) -> None:
    found = difference(old, old)
    assert found.is_same
    assert not found.inputs
    assert headline(found).startswith("The plans are the same")


def test_an_owner_of_an_assumption_is_no_reason_for_another_plan(old: Plan) -> None:
    assert old.inventory is not None
    owned = replace(old.inventory, confirmations=(Confirmation("frames: growth", "Ana"),))
    found = difference(old, replace(old, inventory=owned))
    assert found.is_same
    assert not found.inputs


def test_more_demand_is_told_with_its_dollars_and_the_reason(old: Plan, new: Plan) -> None:
    found = difference(old, new)
    cost = found.figure("monthly_usd")
    assert cost is not None
    assert cost.delta == new.monthly_usd - old.monthly_usd
    assert cost.delta > 0.0
    assert [(c.kind, c.what) for c in found.inputs] == [("demand", "workloads.frames.demand")]
    assert "1.5 x" in found.inputs[0].after
    (line,) = found.mix
    assert (line.before_count, line.after_count) == (old.mix[0].count, new.mix[0].count)
    assert "a month more" in headline(found)
    assert {f.name for f in found.figures} == set(FIGURES)


def test_workloads_that_came_and_went_and_broken_promises(old: Plan) -> None:
    (work,) = old.workloads
    broken = replace(work.slo[0], kept=False)
    other = replace(old, workloads=(replace(work, id="shots", slo=(broken,)),))
    found = difference(old, other)
    assert (found.workloads_added, found.workloads_removed) == (("shots",), ("frames",))
    assert [p.workload for p in found.broken] == ["shots"]
    assert "Newly broken: shots" in headline(found)


def test_words_of_the_inventory_are_text_and_no_markup(old: Plan, new: Plan) -> None:
    other = replace(new, name=HOSTILE, workloads=(replace(new.workloads[0], id=HOSTILE),))
    found = difference(old, other)
    for text in (comment_markdown(found, (), HOSTILE), difference_markdown(found, (HOSTILE,))):
        assert "<img" not in text.replace("\\<img", "")
        assert "[x](" not in text.replace("\\[x\\](", "")
        assert text.count("</details>") == text.count("<details>")
    assert " @all" not in comment_markdown(found)  # nobody is called
    marker = comment_markdown(found, (), HOSTILE).splitlines()[0]
    assert marker.startswith("<!-- gpumix diff ")
    assert marker.count("-->") == 1


def test_json_is_one_document_with_its_version(old: Plan, new: Plan) -> None:
    written = json.loads(to_json(difference_json(difference(old, new), ("x",))))
    assert next(iter(written)) == "schema_version"
    assert written["failed"] == ["x"]
    assert written["figures"][0]["share"] > 0.0


def run(*words: object) -> int:
    """A command's exit code."""
    code = app([str(word) for word in words], standalone_mode=False)
    return int(code or 0)


def test_exit_codes_and_files(
    folders: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = folders
    assert run("diff", a, b, "--json") == 0
    assert json.loads(capsys.readouterr().out)["failed"] == []
    assert run("diff", a, b / "plan.json", "--fail-if", "monthly_usd>+10%") == 4
    assert "Fails: monthly_usd>+10%" in capsys.readouterr().out
    assert run("diff", b, a, "--fail-if", "monthly_usd>+10%") == 0
    out = tmp_path / "out"
    assert run("diff", a, b, "--format", "github", "--out", out, "--fail-if", "gpus>1") == 4
    assert (out / "comment.md").read_text(encoding="utf-8").startswith("<!-- gpumix diff -->\n")
    assert "# renders" in (out / "summary.md").read_text(encoding="utf-8")


def test_the_action_compares_with_the_base_branch_without_keys_or_network(tmp_path: Path) -> None:
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    text = (ROOT / "action.yml").read_text(encoding="utf-8")
    assert action["runs"]["using"] == "composite"
    assert "secrets." not in text
    assert "token" not in text
    step = next(one for one in action["runs"]["steps"] if one.get("id") == "diff")
    assert "${{" not in step["run"]  # inputs reach the shell as variables alone
    repository = tmp_path / "repository"
    path = team(repository / "gpus", years=1)
    git(repository, "init", "--quiet")
    git(repository, "add", "-A")
    git(repository, "commit", "--quiet", "-m", "base")
    path.write_text(path.read_text(encoding="utf-8").replace("0.4,", "0.6,"), encoding="utf-8")
    binary = tmp_path / "bin"
    binary.mkdir()
    (binary / "gpumix").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gpumix "$@"\n')
    (binary / "gpumix").chmod(0o755)
    (tmp_path / "temp").mkdir()
    values = {
        "INVENTORY": "gpus/team.yaml", "BASE": "HEAD", "FAIL_IF": "monthly_usd>+10%",
        "EFFORT": "quick", "RUNNER_TEMP": str(tmp_path / "temp"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"), "GITHUB_OUTPUT": str(tmp_path / "output"),
        "PATH": f"{binary}{os.pathsep}{os.environ['PATH']}",
    }  # fmt: skip
    assert set(step["env"]) <= set(values)
    done = subprocess.run(
        ["bash", "-c", step["run"]], cwd=repository, env={**os.environ, **values}, check=False
    )
    assert done.returncode == 4
    assert "a month more" in (tmp_path / "summary").read_text(encoding="utf-8")
    output = dict(
        line.split("=", 1)
        for line in (tmp_path / "output").read_text(encoding="utf-8").splitlines()
    )
    comment = Path(output["comment"]).read_text(encoding="utf-8")
    assert comment.startswith("<!-- gpumix diff gpus/team.yaml -->")
    assert "monthly\\_usd\\>+10%" in comment


def git(folder: Path, *words: str) -> None:
    """A git command of nobody in particular."""
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, check=True)


def test_the_example_workflow_parses() -> None:
    page = (ROOT / "docs" / "diff.md").read_text(encoding="utf-8")
    workflow = yaml.safe_load(page.partition("```yaml\n")[2].partition("```")[0])
    steps = workflow["jobs"]["diff"]["steps"]
    inputs = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))["inputs"]
    used = next(one for one in steps if "gpumix" in one.get("uses", ""))
    assert set(used["with"]) <= set(inputs)
    assert "${{" not in steps[-1]["run"]
