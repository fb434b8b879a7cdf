"""Plans over REST and by forms: queued, followed, cancelled; what may not be planned."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.web import web_fixture

from gpumix.errors import InputError
from gpumix.web.jobs import WORK
from gpumix.web.limits import limits
from gpumix.web.uploads import checked_inventory

WORDS = "name: {}\nworkloads: {{}}\n"


def asked(ask: TestClient, name: str) -> dict[str, Any]:
    answer = ask.post("/api/v1/plans", json={"inventory": WORDS.format(name), "name": name})
    assert answer.status_code == 202, answer.text
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json()['id']}"
    return dict(answer.json())


def ended(ask: TestClient, id: str) -> dict[str, Any]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        found = dict(ask.get(f"/api/v1/jobs/{id}").json())
        if found["state"] not in ("waiting", "running"):
            return found
        time.sleep(0.02)
    raise AssertionError(f"job {id} does not end")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "shown"


def test_a_plan_is_made_and_shown(folder: Path) -> None:
    with web_fixture.opened(web_fixture.application(folder)) as ask:
        job = ended(ask, asked(ask, "team")["id"])
        assert job["state"] == "done"
        assert job["progress"] == "thinking"
        assert ask.get(job["plan"]).json()["name"] == "Dhaka SaaS"
        assert ask.get(f"/jobs/{job['id']}").status_code == 303
        (shown,) = ask.get("/api/v1").json()["plans"]
        assert shown.startswith("team-")
        assert ask.get("/api/v1/jobs").json()[0]["id"] == job["id"]
    assert [one.name for one in folder.iterdir()] == [shown]


def test_a_form_leads_to_its_job(folder: Path) -> None:
    with web_fixture.opened(web_fixture.application(folder)) as ask:
        sent = {"inventory": ("../../my team.yaml", WORDS.format("x").encode())}
        answer = ask.post("/plan", files=sent, data={"effort": "quick"})
        assert answer.status_code == 303
        id = answer.headers["location"].rpartition("/")[2]
        assert ended(ask, id)["name"] == "my-team"
        example = ask.post("/plan", data={"example": "lab"})
        assert ended(ask, example.headers["location"].rpartition("/")[2])["state"] == "done"
        assert ask.post("/plan", data={"example": "nope"}).status_code == 422
        assert ask.post("/plan", data={}).status_code == 422


def test_what_is_wrong_with_an_inventory_is_told(folder: Path) -> None:
    with web_fixture.opened(web_fixture.application(folder)) as ask:
        job = ended(ask, asked(ask, "wrong")["id"])
        assert job["state"] == "failed"
        assert job["problems"][0] == {
            "path": "workloads", "message": "is empty", "did_you_mean": None
        }  # fmt: skip
        page = ask.get(f"/jobs/{job['id']}").text
        assert "is empty" in page
        crashed = ended(ask, asked(ask, "crash")["id"])
        assert "without an answer" in crashed["problems"][0]["message"]
    assert list(folder.iterdir()) == []


def test_cancelled_jobs_leave_nothing(folder: Path) -> None:
    with web_fixture.opened(web_fixture.application(folder)) as ask:
        running, waiting = asked(ask, "sleep")["id"], asked(ask, "sleep")["id"]
        assert (folder / WORK).is_dir()
        assert ask.delete(f"/api/v1/jobs/{waiting}").json()["state"] == "cancelled"
        assert ask.get(f"/jobs/{running}").status_code == 200
        assert ask.post(f"/jobs/{running}/cancel").status_code == 303
        assert ended(ask, running)["state"] == "cancelled"
        assert ask.delete("/api/v1/jobs/nope").status_code == 404
    assert list(folder.iterdir()) == []


def test_a_long_queue_is_refused_and_not_waited_for(folder: Path) -> None:
    few = dataclasses.replace(limits(), queued_jobs=2)
    with web_fixture.opened(web_fixture.application(folder, bounds=few)) as ask:
        first = asked(ask, "sleep")["id"]
        until = time.monotonic() + 20
        while ask.get(f"/api/v1/jobs/{first}").json()["state"] != "running":
            assert time.monotonic() < until
        started = time.monotonic()
        codes = [
            ask.post("/api/v1/plans", json={"inventory": WORDS.format("sleep")}).status_code
            for _ in range(50)
        ]
        assert codes == [202, 202] + [429] * 48
        assert time.monotonic() - started < 10
        refused = ask.post("/api/v1/plans", json={"inventory": WORDS.format("sleep")})
        assert refused.headers["retry-after"] == "60"
        assert "cancel" in refused.json()["problems"][0]["message"]
    assert not (folder / WORK).exists() or not list((folder / WORK).iterdir())


def test_a_job_that_takes_too_long_is_ended(folder: Path) -> None:
    short = dataclasses.replace(limits(), job_s=1)
    with web_fixture.opened(web_fixture.application(folder, bounds=short)) as ask:
        job = ended(ask, asked(ask, "sleep")["id"])
        assert job["state"] == "failed"
        assert "took longer" in job["problems"][0]["message"]


ALIASES = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (ALIASES, "more than 100,000"),
        ("a: " + "[" * 200, "nested too deeply"),
        ("!!python/object/apply:os.system [ls]", "no tags"),
        ("prices: /etc/passwd\n", "leads out of the folder"),
        ("prices: ../../other.csv\n", "leads out of the folder"),
        ("workloads: {chat: {model: {config: ~/x.json}}}\n", "leads out of the folder"),
        ("prices: 'C:\\secret.csv'\n", "leads out of the folder"),
        ("", "is empty"),
        ("a: 1\na: 2\n", "written twice"),
    ],
)
def test_what_may_not_be_planned(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        checked_inventory(text.encode())


def test_binary_and_large_uploads_are_refused() -> None:
    with pytest.raises(InputError, match="UTF-8"):
        checked_inventory(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="larger than 5 MiB"):
        checked_inventory(b"#" * (limits().inventory_bytes + 1))


def test_models_and_notes_with_slashes_and_dots_are_not(folder: Path) -> None:
    text = "model: Qwen/Qwen3-32B\nsource: https://a.example/b..c\nnote: as low as possible...\n"
    assert checked_inventory(text.encode()) == text


@pytest.mark.slow
def test_the_real_planner_makes_a_folder_as_the_command_line_does(folder: Path) -> None:
    from gpumix.web.app import create_app
    from gpumix.web.settings import Settings

    text = web_fixture.EXAMPLE.read_text(encoding="utf-8")
    with web_fixture.opened(create_app(Settings(folder))) as ask:
        id = ask.post("/api/v1/plans", json={"inventory": text, "name": "demo"}).json()["id"]
        until = time.monotonic() + 600
        while ask.get(f"/api/v1/jobs/{id}").json()["state"] in ("waiting", "running"):
            assert time.monotonic() < until
            time.sleep(0.5)
        job = ask.get(f"/api/v1/jobs/{id}").json()
        assert job["state"] == "done", job
        assert ask.get(job["plan"]).json()["name"] == "Inference-first SaaS"
    (made,) = folder.iterdir()
    names = {one.name for one in made.iterdir()}
    assert {"plan.json", "report.html", "entries.csv", "problem.json"} <= names
