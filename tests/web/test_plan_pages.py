"""`/whatif`, `/diff`, `/guard`, `/export`: a plan asked further, and the files that it gives."""

from __future__ import annotations

import io
import json
import re
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from tests.export import launch_fixture
from tests.guard import guard_fixture
from tests.report import money_fixture
from tests.web import web_fixture
from tests.web.test_pages import words_of
from typer.testing import CliRunner

from gpumix import fields
from gpumix.catalog import load
from gpumix.cli import app
from gpumix.export.bundle import TARGETS as EXPORTED
from gpumix.report.export import plan_to_dict, to_json
from gpumix.verbs import export as export_verb
from gpumix.verbs import guard as guard_verb
from gpumix.verbs.launches import ReadPlan
from gpumix.web.made_files import guard_targets, holds, made


@pytest.fixture
def held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[TestClient, Path]:
    """A server over the plan of guard_fixture, whose name means harm, and the plan's folder."""
    folder = tmp_path / "shown"
    path = folder / "team" / "plan.json"
    path.parent.mkdir(parents=True)
    path.write_text(to_json(plan_to_dict(guard_fixture.made_plan())), encoding="utf-8")
    read = ReadPlan(path, guard_fixture.made_plan(), load(), guard_fixture.LAUNCHES)
    monkeypatch.setattr(guard_verb, "read_launches", lambda _: read)
    started = replace(read, launches=(launch_fixture.CHAT, launch_fixture.STRANGE))
    monkeypatch.setattr(export_verb, "read_launches", lambda _: started)
    made.cache_clear()
    return web_fixture.client(web_fixture.application(folder)), path.parent


def test_a_difference_is_what_the_command_line_prints(ask: TestClient, shown: Path) -> None:
    command = ["diff", str(shown / "dhaka"), str(shown / "hostile"), "--fail-if", "gpus>1"]
    printed = CliRunner().invoke(app, [*command, "--json"])
    asked = {"before": "dhaka", "after": "hostile", "fail_if": "gpus>1"}
    assert ask.get("/api/v1/diff", params=asked).json() == json.loads(printed.stdout)
    text = CliRunner().invoke(app, [*command, "--format", "md"]).stdout
    assert ask.get("/diff.md", params=asked).text == text
    page = ask.get("/diff", params=asked)
    assert "Fails: gpus&gt;1" in page.text
    assert page.text.count("selected") == 2


def test_a_difference_needs_two_plans_that_are_here(ask: TestClient, tmp_path: Path) -> None:
    web_fixture.write_plan(tmp_path / "shown", "alone")
    alone = web_fixture.client(web_fixture.application(tmp_path / "shown"))
    assert "Two plans are needed" in alone.get("/diff").text
    assert ask.get("/api/v1/diff?before=dhakka").status_code == 404
    refused = ask.get("/api/v1/diff", params={"fail_if": "cost>1"})
    assert refused.status_code == 422
    assert "cost" in refused.text


def test_what_if_shows_the_flips_of_the_plan_by_the_registry(tmp_path: Path) -> None:
    plan = money_fixture.plan()
    web_fixture.write_plan(tmp_path / "shown", "dhaka", plan=plan)
    ask = web_fixture.client(web_fixture.application(tmp_path / "shown"))
    found = ask.get("/whatif.json?folder=dhaka").json()
    assert found["name"] == plan.name
    assert found["horizon_usd"] == plan.horizon_usd
    words = words_of(ask.get("/whatif?folder=dhaka").text)
    for flip in found["money"]["flips"]:
        assert flip["name"] in words
        assert flip["value"] is None or f"{flip['against']}" in words
    for bar in found["money"]["tornado"]:
        for end in ("low_usd", "high_usd"):
            own = fields.field(end, "TornadoBar")
            assert fields.format_value(own, bar[end]) in words
    for option in found["money"]["options"]:
        assert fields.format_value("present_cost_usd", option["present_cost_usd"]) in words
    assert "Present cost, one input at a time" in words
    assert words.index("The decision flips first with") < words.index("Decision flips if")


def test_guard_says_what_each_file_holds_and_gives_it(held: tuple[TestClient, Path]) -> None:
    ask, folder = held
    answer = ask.get("/api/v1/guard", params={"targets": "quota,kueue,slurm"}).json()
    page = ask.get("/guard?targets=quota,kueue,slurm")
    words = words_of(page.text)
    for one in answer["files"]:
        assert holds("guard")[one["target"]] in words
        assert f"path={one['name']}" in page.text
    out = folder.parent.parent / "out"
    command = ["guard", str(folder), "--for", "quota,kueue,slurm", "--out", str(out)]
    assert CliRunner().invoke(app, command).exit_code == 0
    stated = "targets=quota,kueue,slurm"
    raw = ask.get(f"/api/v1/guard/files.zip?{stated}").content
    assert raw == ask.get(f"/api/v1/guard/files.zip?{stated}").content
    with zipfile.ZipFile(io.BytesIO(raw)) as archive:
        texts = {name: archive.read(name) for name in archive.namelist()}
    assert texts == {path.name: path.read_bytes() for path in out.iterdir()}
    one = ask.get(f"/api/v1/guard/file?{stated}&path=quota.yaml")
    assert one.content == texts["quota.yaml"]
    assert one.headers["content-disposition"] == 'attachment; filename="quota.yaml"'


def test_export_is_what_the_command_line_prints(held: tuple[TestClient, Path]) -> None:
    ask, folder = held
    out = folder.parent.parent / "launch"
    printed = CliRunner().invoke(app, ["export", str(folder), "--out", str(out), "--json"])
    assert ask.get("/api/v1/export").json() == json.loads(printed.stdout)
    page = ask.get("/export").text
    paths = re.findall(r"path=([^\"&]+)\"", page)
    assert len(paths) > 5
    for path in paths:
        text = ask.get(f"/api/v1/export/file?path={path}").content
        assert text == (out / path.replace("%2F", "/")).read_bytes()


def test_every_target_says_what_it_holds() -> None:
    assert tuple(holds("guard")) == guard_verb.TARGETS
    assert tuple(holds("export")) == tuple(EXPORTED)
    assert set(guard_targets()) <= set(guard_verb.TARGETS)


@pytest.mark.parametrize("verb", ["guard", "export"])
def test_files_of_a_hostile_plan_are_text_and_no_path_is_opened(
    held: tuple[TestClient, Path], verb: str
) -> None:
    ask, folder = held
    for path in ("../plan.json", "/etc/hosts", "..%2f..%2fx", "plan.json", "index.json\x00", ""):
        answer = ask.get(f"/api/v1/{verb}/file", params={"path": path})
        assert answer.status_code == 404, path
        assert str(folder) not in answer.text
    for asked in ({"folder": "../team"}, {"targets": "<script>alert(1)</script>"}):
        answer = ask.get(f"/{verb}", params=asked)
        assert answer.status_code in (404, 422)
        assert "<script>alert" not in answer.text
    page = ask.get(f"/{verb}").text
    assert not re.search(r"<script(?![^>]*\bsrc=\"/static/)", page)
    assert guard_fixture.HOSTILE not in page
    assert sorted(path.name for path in folder.iterdir()) == ["plan.json"]


def test_a_plan_that_cannot_be_held_says_why(ask: TestClient) -> None:
    answer = ask.get("/guard?folder=dhaka")
    assert answer.status_code == 422
    assert "inventory" in answer.text
