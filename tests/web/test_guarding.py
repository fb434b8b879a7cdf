"""Who may ask, and what is refused: names, forms of others, sizes, slow bodies, hostile words."""

from __future__ import annotations

import base64
import csv
import io
from pathlib import Path
from typing import Any

import anyio
import pytest
from fastapi.testclient import TestClient
from tests.web import web_fixture

from gpumix.errors import InputError
from gpumix.web import guarding
from gpumix.web.guarding import POLICY, Guard
from gpumix.web.limits import Limits, limits
from gpumix.web.settings import Settings, checked_settings
from gpumix.web.shown import plain_csv

TOKEN = "a-token-that-nobody-guesses"


def test_every_answer_forbids_what_is_not_the_servers_own(ask: TestClient) -> None:
    for address in ("/", "/own", "/nope", "/static/site.css", "/api/v1", "/own.csv"):
        headers = ask.get(address).headers
        assert headers["content-security-policy"] == POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert "set-cookie" not in headers
    assert "unsafe" not in POLICY


@pytest.mark.parametrize("host", ["rebound.example", "127.0.0.1.evil.example:8642", ""])
def test_another_sites_name_is_refused(ask: TestClient, host: str) -> None:
    answer = ask.get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "name" in answer.json()["problems"][0]["message"]


@pytest.mark.parametrize("host", ["localhost:8642", "127.0.0.1", "[::1]:8642"])
def test_its_own_names_are_not(ask: TestClient, host: str) -> None:
    assert ask.get("/api/v1", headers={"host": host}).status_code == 200


def test_a_form_of_another_site_is_refused(ask: TestClient) -> None:
    sent: dict[str, Any] = {"data": {"example": "demo"}}
    other = {"origin": "https://evil.example"}
    assert ask.post("/plan", headers=other, **sent).status_code == 403
    assert ask.post("/plan", headers={"sec-fetch-site": "cross-site"}, **sent).status_code == 403
    assert ask.post("/plan", headers={"origin": "null"}, **sent).status_code == 403


def test_a_token_is_asked_of_every_request(tmp_path: Path) -> None:
    ask = web_fixture.client(web_fixture.application(tmp_path / "shown", TOKEN, host="0.0.0.0"))
    assert ask.get("/api/v1").status_code == 401
    assert ask.get("/static/site.css").status_code == 401
    assert ask.get("/api/v1").headers["www-authenticate"].startswith("Basic ")
    assert ask.get("/api/v1", headers={"authorization": "Bearer wrong"}).status_code == 401
    assert ask.get("/api/v1", headers={"authorization": "Basic ???"}).status_code == 401
    assert ask.get("/api/v1", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
    basic = base64.b64encode(f"me:{TOKEN}".encode()).decode()
    assert ask.get("/api/v1", headers={"authorization": f"Basic {basic}"}).status_code == 200


def test_other_hosts_need_a_token(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="token"):
        checked_settings(tmp_path, "0.0.0.0", 8642, None, 1)
    short = tmp_path / "short.txt"
    short.write_text("abc", encoding="utf-8")
    with pytest.raises(InputError, match="16 characters"):
        checked_settings(tmp_path, "0.0.0.0", 8642, short, 1)
    good = tmp_path / "good.txt"
    good.write_text(f"{TOKEN}\n", encoding="utf-8")
    assert checked_settings(tmp_path, "0.0.0.0", 8642, good, 1).token == TOKEN


def test_what_is_too_large_is_refused_unread(ask: TestClient) -> None:
    said = {"content-length": str(2**30)}
    assert ask.post("/plan", headers=said, content=b"").status_code == 413
    assert ask.post("/jobs/x/cancel", content=b"x" * 100_000).status_code == 413

    def endless() -> Any:
        for _ in range(100):
            yield b"x" * 100_000

    answer = ask.post("/api/v1/plans", content=endless())
    assert answer.status_code == 413
    assert "MiB" in answer.json()["problems"][0]["message"]


def test_a_body_that_does_not_come_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    quick = Limits(**{name: getattr(limits(), name) for name in Limits.__slots__} | {"body_s": 0})
    monkeypatch.setattr(guarding, "limits", lambda: quick)
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()

    async def never() -> Any:
        await anyio.sleep(60)

    async def keep(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "method": "POST", "path": "/plan",
        "headers": [(b"host", b"127.0.0.1:8642")],
    }  # fmt: skip
    anyio.run(lambda: Guard(app, Settings(tmp_path))(scope, never, keep))
    assert sent[0]["status"] == 408


@pytest.mark.parametrize(
    "folder", ["../../etc", "..", "/etc", "dhaka/../..", "%2e%2e", ".", "dhaka\x00", ".jobs"]
)
def test_no_path_leads_out_of_the_folder(ask: TestClient, folder: str) -> None:
    pages = ("plan", "plan.json", "site", "fleet", "audit", "api/v1/plan", "whatif", "guard",
             "export.csv", "api/v1/guard/files.zip")  # fmt: skip
    for address in (f"/{page}" for page in pages):
        assert ask.get(address, params={"folder": folder}).status_code in (404, 422), address


@pytest.mark.parametrize(
    "address",
    ["/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py", "/explain/..%2f..",
     "/examples/..%2f..%2fx.yaml", "/api/v1/plans/..%2f..%2fetc/entries.csv"],
)  # fmt: skip
def test_no_address_leads_to_a_file(ask: TestClient, address: str) -> None:
    answer = ask.get(address)
    assert answer.status_code in (404, 422)
    assert "import" not in answer.text


def test_a_folder_that_is_a_link_to_elsewhere_is_not_shown(tmp_path: Path) -> None:
    outside = web_fixture.write_plan(tmp_path, "outside")
    folder = tmp_path / "shown"
    folder.mkdir()
    (folder / "inside").symlink_to(outside)
    ask = web_fixture.client(web_fixture.application(folder))
    assert ask.get("/api/v1").json()["plans"] == []
    assert ask.get("/plan?folder=inside").status_code == 404


def test_hostile_names_are_text_wherever_they_stand(ask: TestClient) -> None:
    for address in ("/plan?folder=hostile", "/plan.md?folder=hostile"):
        page = ask.get(address).text
        assert "<script>alert" not in page
        assert "alert(1)" in page
        assert "{{7*7}}" in page.replace("\\", "")
    script = "<script>alert(1)</script>"
    for address in (f"/explain/{script}", f"/compare?model={script}", "/plan?folder={{7*7}}",
                    "/prices?gpu=<svg onload=alert(1)>", f"/fit?{script}=1"):  # fmt: skip
        answer = ask.get(address)
        assert answer.status_code in (404, 422)
        assert "<script>alert" not in answer.text
        assert "<svg onload" not in answer.text
        assert "49" not in answer.text.partition("<h1")[2]


def test_a_plan_with_a_mark_that_turns_words_round_is_refused(tmp_path: Path) -> None:
    web_fixture.write_plan(tmp_path / "shown", "turned", "safe\u202etxt.exe")
    ask = web_fixture.client(web_fixture.application(tmp_path / "shown"))
    answer = ask.get("/plan")
    assert answer.status_code == 422
    assert "U+202E" in answer.text
    assert "\u202e" not in answer.text
    assert str(tmp_path) not in answer.text
    assert ask.get("/").status_code == 200


def test_no_cell_of_a_csv_is_a_formula() -> None:
    words = "name,usd\n=cmd(),-5\n+1 apple,1e-3\n@x,-\n\ttab,-1.5e3\n"
    rows = list(csv.reader(io.StringIO(plain_csv(words))))
    assert [row[0] for row in rows[1:]] == ["'=cmd()", "'+1 apple", "'@x", "'\ttab"]
    assert [row[1] for row in rows[1:]] == ["-5", "1e-3", "-", "-1.5e3"]


def test_a_file_of_the_machine_is_no_model(ask: TestClient) -> None:
    answer = ask.get("/api/v1/compare", params={"model": "/etc/hosts.yaml"})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["path"] == "model"


def test_a_defect_tells_a_reader_nothing_of_the_machine(tmp_path: Path) -> None:
    app = web_fixture.application(tmp_path / "shown")

    @app.get("/broken")
    def broken() -> None:
        raise KeyError("secret of the code")

    answer = web_fixture.client(app).get("/broken")
    assert answer.status_code == 500
    assert "defect" in answer.text
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"] == POLICY
