"""In a real browser: nothing is asked of another host, nothing is refused, nothing is cut off."""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("uvicorn", reason="gpumix[web] is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

import uvicorn  # noqa: E402
from tests.web import web_fixture  # noqa: E402

PAGES = ("/", "/plan?folder=dhaka", "/fit?gpus=h100-sxm-80gb")


@pytest.fixture(scope="module")
def address(shown: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = web_fixture.application(shown)
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(10)


def looked_at(address: str, folder: Path, *options: str) -> tuple[str, str]:
    """What the browser made of a page, and what its console said."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={folder}",
        "--dump-dom", *options, address,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return done.stdout, "\n".join(console)


@pytest.mark.parametrize("page", PAGES)
def test_the_console_stays_empty_at_phone_width(address: str, tmp_path: Path, page: str) -> None:
    made, console = looked_at(f"{address}{page}", tmp_path, "--window-size=360,800")
    assert "<h1" in made
    assert console == ""


def test_moving_a_slider_changes_the_answer_and_the_address(address: str) -> None:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("requestfailed", lambda request: faults.append(request.url))
        hosts: set[str] = set()
        page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
        page.goto(f"{address}/own?case=tco-dhaka")
        before = page.inner_text("#answer .headline")
        page.focus("#f-hardware")
        for _ in range(4):
            page.keyboard.press("ArrowLeft")
        page.wait_for_function(
            "before => document.querySelector('#answer .headline').innerText !== before",
            arg=before,
        )
        page.wait_for_url("**hardware=80**")
        moved = page.inner_text("#answer .headline")
        assert page.inner_text("output[for=f-hardware]") == "80 %"
        page.goto(page.url)
        assert page.inner_text("#answer .headline") == moved
        browser.close()
    assert faults == []
    assert hosts == {address.removeprefix("http://")}


@pytest.mark.parametrize(("width_px", "media"), [(360, "screen"), (1017, "print")])
def test_no_page_is_wider_than_a_phone_or_a_sheet_of_paper(
    address: str, width_px: int, media: str
) -> None:
    """A4 lies on its side, less its margins; what is wider is cut off in a PDF."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width_px, "height": 800})
        page.emulate_media(media=media)
        for path in (*PAGES, "/own", "/explain/ttft_p95_s", "/nope"):
            page.goto(f"{address}{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width_px, path
        browser.close()
