"""Look at the pages of a running server with a browser: nothing refused, nothing cut off, axe-core.

Used by `make face`. Needs playwright, a Chromium and npm (axe-core is fetched into dist/axe, never
into the wheel); where one is missing the look is left out, and that is said.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

AXE = "axe-core@4.14.1"
FOLDER = Path(__file__).resolve().parent.parent / "dist" / "axe"
WIDTHS = (360, 1280)
SEVERE = ("serious", "critical")


def missing() -> str:
    """What is not here; empty where all is."""
    if importlib.util.find_spec("playwright") is None:
        return "playwright is not installed"
    if _chromium() is None:
        return "no Chromium on this machine"
    return "" if shutil.which("npm") or list(FOLDER.glob("*.tgz")) else "npm is not installed"


def faults(address: str, pages: tuple[str, ...]) -> Iterator[str]:
    """Everything that is wrong with some pages, a line each."""
    from playwright.sync_api import sync_playwright

    script = _axe()
    with sync_playwright() as driver:
        options = ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
        browser = driver.chromium.launch(executable_path=_chromium(), args=options)
        for path in pages:
            for width in WIDTHS:
                yield from _console(browser, address + path, width)
            yield from _axe_faults(browser, address + path, script)
        browser.close()


def _console(browser: Any, url: str, width: int) -> Iterator[str]:
    page = browser.new_page(viewport={"width": width, "height": 800})
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("requestfailed", lambda request: said.append(f"{request.url} failed"))
    page.goto(url)
    wide = page.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        yield f"{url} is {wide} px wide at {width} px"
    page.emulate_media(media="print")
    if not page.pdf():
        yield f"{url} does not print"
    yield from (f"{url} at {width} px: {words}" for words in said)
    page.close()


def _axe_faults(browser: Any, url: str, script: str) -> Iterator[str]:
    """Its own policy refuses a script from outside, so this look is without it."""
    page = browser.new_context(bypass_csp=True).new_page()
    page.goto(url)
    page.add_script_tag(content=script)
    for found in page.evaluate("axe.run(document)")["violations"]:
        if found["impact"] in SEVERE:
            first = found["nodes"][0]["html"]
            yield f"{url}: {found['id']} ({found['impact']}), {len(found['nodes'])} times: {first}"
    page.close()


def _axe() -> str:
    """The text of axe-core, fetched once."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not list(FOLDER.glob("*.tgz")):
        subprocess.run(["npm", "pack", "--silent", AXE], cwd=FOLDER, check=True)
    with tarfile.open(next(FOLDER.glob("*.tgz"))) as archive:
        member = archive.extractfile("package/axe.min.js")
        return member.read().decode("utf-8") if member else ""


def _chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("google-chrome")
