"""A plan's mix chosen again at other prices and loads: as a job, a page and a link."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.web import web_fixture
from tests.web.test_jobs import ended
from tests.web.test_pages import words_of

from gpumix import fields
from gpumix.domain.what_if import WhatIf
from gpumix.errors import InputError
from gpumix.verbs.what_if import names_of, read_solved, what_if
from gpumix.web.app import create_app
from gpumix.web.settings import Settings

YEAR_H = 365.0 * 24.0
DAY_SHARE = 100.0 / 168.0


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a plan that has its mix problem beside it."""
    folder = tmp_path_factory.mktemp("whatif") / "shown"
    web_fixture.write_problem(web_fixture.write_plan(folder, "team"))
    return folder


@pytest.fixture(scope="module")
def ask(shown: Path) -> Iterator[TestClient]:
    """A client of a server with real processes."""
    with web_fixture.opened(create_app(Settings(shown))) as one:
        yield one


def hours(instances: float) -> float:
    """Instance-hours of a year with so many by day and half of them by night."""
    return instances * YEAR_H * (DAY_SHARE + (1.0 - DAY_SHARE) / 2.0)


def test_a_dearer_gpu_flips_the_mix_and_a_little_dearer_does_not(shown: Path) -> None:
    problem = read_solved(shown / "team" / "problem.json")
    stays = what_if(problem, WhatIf(prices={"l4-24gb": 1.4}))
    assert stays.mix == ()
    assert stays.before_usd == pytest.approx(hours(10))
    assert stays.after_usd == pytest.approx(stays.kept_usd) == pytest.approx(1.4 * hours(10))
    flips = what_if(problem, WhatIf(prices={"one": 2.0}))
    assert flips.after_usd == pytest.approx(1.5 * hours(10))
    assert flips.kept_usd == pytest.approx(2.0 * hours(10))
    counts = {line.gpu: (line.before_count, line.after_count) for line in flips.mix}
    assert counts == {"l4-24gb": (10, 0), "l40s-48gb": (0, 10)}
    assert sum(line.after_usd_per_month for line in flips.mix) == pytest.approx(
        1.5 * hours(10) / 12.0, rel=1e-3
    )


def test_less_than_a_plans_own_two_percent_is_no_flip(shown: Path) -> None:
    problem = read_solved(shown / "team" / "problem.json")
    assert what_if(problem, WhatIf(prices={"l4-24gb": 1.52})).mix == ()


def test_a_load_that_the_plans_mix_does_not_carry(shown: Path) -> None:
    problem = read_solved(shown / "team" / "problem.json")
    found = what_if(problem, WhatIf(loads={"chat": 1.5}))
    assert found.kept_usd is None
    assert found.breaks == ("demand:chat",)
    assert found.after_usd == pytest.approx(1.5 * hours(10), rel=0.05)
    none = what_if(problem, WhatIf(without=("l4-24gb",), loads={"all": 2.0}))
    assert none.after_usd is None
    assert "demand:chat" in none.conflict


def test_every_unknown_name_is_told_at_once(shown: Path) -> None:
    problem = read_solved(shown / "team" / "problem.json")
    assert "l4-24gb" in names_of(problem).resources
    asked = WhatIf({"l4": 2.0}, {"chatt": 2.0}, ("spot",), 1e6)
    with pytest.raises(InputError) as caught:
        what_if(problem, asked)
    places = [one.place for one in caught.value.problems]
    assert places == ["price_of", "load_of", "without", "budget_usd"]


def test_a_question_is_a_job_whose_answer_is_a_page(ask: TestClient, shown: Path) -> None:
    asked = {"price_of": "l4-24gb", "price": 200}
    told = ask.post("/api/v1/whatif", json=asked)
    assert told.status_code == 202
    job = ended(ask, told.json()["id"])
    assert job["state"] == "done", job
    answer = ask.get(job["answer"])
    solved: dict[str, Any] = answer.json()["solved"]
    page = ask.get(job["answer"].removeprefix("/api/v1"))
    words = words_of(page.text)
    assert "The mix flips" in words
    for name in ("before_usd", "kept_usd", "after_usd"):
        assert fields.format_value("horizon_usd", solved[name]) in words
    for line in solved["mix"]:
        assert line["resource"] in words
    assert [one.name for one in shown.iterdir()] == ["team"]
    assert sorted(one.name for one in (shown / "team").iterdir()) == [
        "entries.csv", "plan.json", "problem.json"
    ]  # fmt: skip
    again = ask.post("/api/v1/whatif", json=asked)
    assert again.json()["id"] == job["id"]


def test_a_link_waits_for_its_answer_and_then_is_it(ask: TestClient, shown: Path) -> None:
    link = "/whatif?folder=team&load_of=chat&load=150"
    texts = []
    with web_fixture.opened(create_app(Settings(shown))) as other:
        for one in (ask, other):
            first = one.get(link)
            assert first.status_code == 303
            place = first.headers["location"]
            ended(one, place.rpartition("/")[2])
            back = one.get(place)
            assert back.status_code == 303
            assert back.headers["location"].startswith("/whatif?folder=team")
            texts.append(one.get(link).text)
    assert texts[0] == texts[1]
    assert "no longer covers the load of chat" in texts[0]
    twin = ask.get("/whatif.json?load=130")
    assert twin.status_code == 202
    assert twin.headers["location"].startswith("/api/v1/jobs/")


def test_what_cannot_be_asked_is_told(ask: TestClient, shown: Path) -> None:
    web_fixture.write_plan(shown.parent / "bare", "old")
    os.symlink("/etc/hostname", shown.parent / "bare" / "old" / "problem.json")
    bare = web_fixture.client(web_fixture.application(shown.parent / "bare"))
    assert "holds no problem.json" in bare.get("/whatif?load=150").text
    assert "Choose again" not in bare.get("/whatif").text
    assert "Choose again" in ask.get("/whatif").text
    nothing = ask.post("/api/v1/whatif", json={})
    assert nothing.status_code == 422
    assert "changes nothing" in nothing.text
    wrong = ask.get("/api/v1/whatif?load_of=chatt&load=150")
    assert wrong.status_code == 422
    assert wrong.json()["problems"][0]["did_you_mean"] is not None
    for bad in ("price=0", "load=nan", "load=inf", "budget_usd=-1", "price=1e9"):
        assert ask.get(f"/api/v1/whatif?{bad}").status_code == 422, bad
