"""What means harm, sent through a server's own sockets: each is refused in words."""

from __future__ import annotations

import dataclasses
import io
import json
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="gpumix[web] is not installed")
import uvicorn
from tests.web import web_fixture

from gpumix.report.views import charts
from gpumix.web import guarding
from gpumix.web.limits import limits

HEAD = "POST {} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\n{}\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A server that waits one second for a body."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    patch = pytest.MonkeyPatch()
    patch.setattr(guarding, "limits", lambda: dataclasses.replace(limits(), body_s=1))
    folder = tmp_path_factory.mktemp("hostile") / "shown"
    app = web_fixture.application(folder)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield port
    server.should_exit = True
    thread.join(10)
    patch.undo()


def told(port: int, head: str, body: bytes = b"") -> tuple[int, str]:
    """Status and body of a server's answer to bytes that are sent as they are."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as link:
        link.sendall(head.encode() + body)
        raw = b""
        while part := link.recv(65_536):
            raw += part
            if b"\r\n\r\n" in raw and raw.endswith((b"}", b"</html>\n", b"</html>")):
                break
    first, _, rest = raw.decode().partition("\r\n")
    return int(first.split()[1]), rest.partition("\r\n\r\n")[2]


def test_a_gigabyte_is_refused_before_it_is_sent(port: int) -> None:
    started = time.monotonic()
    status, words = told(port, HEAD.format("/plan", port, f"Content-Length: {2**30}\r\n"))
    assert status == 413
    assert "MiB" in json.loads(words)["problems"][0]["message"]
    assert time.monotonic() - started < 5.0


@pytest.mark.parametrize("path", ["/plan", "/api/v1/plans", "/api/v1/whatif"])
def test_a_body_that_trickles_is_not_waited_for(port: int, path: str) -> None:
    kind = "multipart/form-data; boundary=x" if path == "/plan" else "application/json"
    head = HEAD.format(path, port, f"Content-Length: 1000\r\nContent-Type: {kind}\r\n")
    started = time.monotonic()
    status, words = told(port, head, b"--x\r\n")
    assert status == 408
    assert "took longer than 1 s" in words
    assert time.monotonic() - started < 10.0


def test_an_archive_that_unfolds_is_no_inventory(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("inventory.yaml", b"a" * 50_000_000)
    ask = web_fixture.client(web_fixture.application(tmp_path / "shown"))
    form = ask.post("/plan", files={"inventory": ("team.zip", packed.getvalue())})
    assert form.status_code == 422
    assert "UTF-8" in form.text
    squeezed = {"content-type": "application/yaml", "content-encoding": "gzip"}
    rest = ask.post("/api/v1/plans", content=b"\x1f\x8b\x08\x00" + b"\x00" * 20, headers=squeezed)
    assert rest.status_code == 422


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: &a [x,x]\n" + "".join(f"b{i}: &b{i} [*{'a' if not i else f'b{i - 1}'}, "
         f"*{'a' if not i else f'b{i - 1}'}]\n" for i in range(40)), "more than"),
        ("!!python/object/apply:os.system [id]", "tags"),
        ("model: '{{7*7}}'\nworkloads: {a: {prices: ../../etc/passwd}}", "leads out"),
    ],
)  # fmt: skip
def test_yaml_that_means_harm_is_refused_by_rest_and_form(
    tmp_path: Path, text: str, words: str
) -> None:
    ask = web_fixture.client(web_fixture.application(tmp_path / "shown"))
    started = time.monotonic()
    for answer in (
        ask.post("/api/v1/plans", json={"inventory": text}),
        ask.post("/plan", data={"text": text}),
    ):
        assert answer.status_code == 422
        assert words in answer.text
    assert time.monotonic() - started < 10.0
    assert not (tmp_path / "shown").exists() or not list((tmp_path / "shown").iterdir())


def test_a_form_of_many_fields_is_refused(tmp_path: Path) -> None:
    ask = web_fixture.client(web_fixture.application(tmp_path / "shown"))
    answer = ask.post("/plan", files={f"f{i}": (None, "x") for i in range(50)})
    assert answer.status_code == 400


def test_deep_json_is_refused(tmp_path: Path) -> None:
    ask = web_fixture.client(web_fixture.application(tmp_path / "shown"))
    deep = "[" * 20_000
    sent = {"content": deep, "headers": {"content-type": "application/json"}}
    for address in ("/api/v1/plans", "/api/v1/whatif"):
        assert ask.post(address, **sent).status_code == 422, address


def test_names_within_a_chart_are_text() -> None:
    row = {"name": "<script>alert(1)</script>", "usd": 1.0, "text": "<svg onload=alert(1)>"}
    svg = charts.as_svg(charts.named_bars([row], ""))
    assert "<script" not in svg
    assert "<svg onload" not in svg
    assert "script" in svg


def test_a_job_may_not_fill_the_memory() -> None:
    pytest.importorskip("resource", reason="Windows bounds no memory")
    code = (
        "from gpumix.web.child import _bound_memory\n"
        "_bound_memory(200 * 2**20)\n"
        "try:\n    b'x' * (400 * 2**20)\nexcept MemoryError:\n    print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
