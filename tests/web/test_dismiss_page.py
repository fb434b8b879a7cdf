"""`/audit`: a finding is dismissed by lines to paste; the server writes nothing into the folder."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import pytest
import yaml
from fastapi.testclient import TestClient
from tests.web import web_fixture

from gpumix.domain.fleet import DISMISSED_FILE

sys.path.append(str(Path(__file__).resolve().parents[2] / "tools"))
import plant_fleet

UNTIL = "2999-01-01"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("dismiss") / "shown" / "fleet"
    plant_fleet.write(made, seed=2, days=2, step_s=600)
    (made / "expected.json").unlink()
    return made


@pytest.fixture(scope="module")
def asks(folder: Path) -> TestClient:
    return web_fixture.client(web_fixture.application(folder.parent))


def _lines(page: str) -> str:
    (found,) = re.findall(r"<pre><code>(.*?)</code></pre>", page, re.S)
    return html.unescape(found)


def test_the_page_gives_lines_which_dismiss_once_they_are_pasted(
    asks: TestClient, folder: Path
) -> None:
    names = sorted(path.name for path in folder.iterdir())
    first = asks.get("/audit.json").json()["findings"][0]
    hostile = web_fixture.HOSTILE
    asked = {"dismiss": first["id"], "who": "Rahima", "reason": hostile, "until": UNTIL}
    page = asks.get("/audit", params=asked).text
    assert "<script>alert" not in page
    assert sorted(path.name for path in folder.iterdir()) == names
    file = folder / DISMISSED_FILE
    file.write_text(_lines(page), encoding="utf-8")
    try:
        assert yaml.safe_load(file.read_text())["dismissed"][0]["reason"] == hostile
        found = asks.get("/audit.json").json()
        assert [one["finding"]["id"] for one in found["dismissed"]] == [first["id"]]
        assert first["id"] not in {one["id"] for one in found["findings"]}
        shown = asks.get("/audit").text
        assert "Dismissed, in no sum" in shown
        assert html.escape(hostile, quote=False) in shown.replace("&#39;", "'")
    finally:
        file.unlink()


def test_what_is_left_to_say_is_said_at_once(asks: TestClient) -> None:
    first = asks.get("/audit.json").json()["findings"][0]["id"]
    refused = asks.get("/audit.json", params={"dismiss": first, "until": "2020-01-01"})
    assert refused.status_code == 422
    assert {one["path"] for one in refused.json()["problems"]} == {"who", "reason", "until"}
    unknown = asks.get("/audit.json", params={"dismiss": "egress-1"})
    assert unknown.status_code == 404


def test_nothing_is_dismissed_by_a_form_that_is_sent(asks: TestClient) -> None:
    assert asks.post("/audit", data={"dismiss": "x"}).status_code == 405
