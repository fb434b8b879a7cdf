"""The built site: whole, asks no other host for anything, opens from its folder."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from doc_page import DOCS, ROOT

sys.path.insert(0, str(ROOT / "tools"))

from build_site import build, linked, places

CONFIG = tomllib.loads((ROOT / "zensical.toml").read_text(encoding="utf-8"))["project"]
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
LOADED = {"img": "src", "script": "src", "iframe": "src", "source": "src", "link": "href"}
"""Attributes whose address a browser loads by itself; of links all but those below."""
NOT_LOADED = {"canonical", "next", "prev", "edit", "alternate"}
ASKED_FOR = ("mermaid", "pyodide", "glightbox", "ace-", "termynal")
"""Classes of a page for which the theme's script would load code of another host."""


class Reader(HTMLParser):
    """What a page loads, where it leads, what can be led to, its classes and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = {""}
        self.classes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.anchors |= {own[name] for name in ("id", "name") if name in own}
        self.classes |= set(own.get("class", "").split())
        if tag in LOADED and LOADED[tag] in own and own.get("rel") not in NOT_LOADED:
            self.loaded.append(own[LOADED[tag]])
        self.loaded += re.findall(r"url\(([^)]+)\)", own.get("style", ""))
        self.loaded += [part.split()[0] for part in own.get("srcset", "").split(",") if part]
        if tag == "a" and "href" in own:
            self.links.append(own["href"])


def nav(items: Any) -> Iterator[str]:
    """Pages that the navigation names."""
    for item in items:
        for aim in item.values():
            yield from [aim] if isinstance(aim, str) else nav(aim)


def test_the_navigation_names_every_page_once_and_no_other() -> None:
    named = list(nav(CONFIG["nav"]))
    decisions = {p for p in places().values() if re.match(r"decisions/\d", p)}
    assert sorted(named) == sorted(set(places().values()) - decisions)


def test_links_lead_where_the_site_has_the_page(tmp_path: Path) -> None:
    text = "[a](../README.md#verbs) [b](cost.md) [c](../src/gpumix/py.typed) [d](https://x.org)"
    assert linked(text, DOCS / "index.md", tmp_path) == (
        "[a](about.md#verbs) [b](cost.md) [c](files/src/gpumix/py.typed) [d](https://x.org)"
    )
    assert (tmp_path / "files/src/gpumix/py.typed").exists()
    root = "[a](docs/cost.md) [b](docs/decisions) [c](LICENSE)\n```\n[d](docs/cost.md)\n```\n"
    assert linked(root, ROOT / "README.md", tmp_path) == (
        "[a](cost.md) [b](decisions/index.md) [c](files/LICENSE.txt)\n```\n[d](docs/cost.md)\n```\n"
    )
    inner = linked("[a](../cost.md)", DOCS / "decisions" / "index.md", tmp_path)
    assert inner == "[a](../cost.md)"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("zensical") is None:
        pytest.skip("gpumix[docs] is not installed")
    folder = tmp_path_factory.mktemp("site")
    assert build(folder) == 0
    return folder / "build" / "site"


def test_no_page_loads_anything_from_another_host(site: Path) -> None:
    for path in site.rglob("*.html"):
        if path.name == "404.html":  # of a server alone, with addresses from its root
            continue
        page = Reader(path.read_text(encoding="utf-8"))
        assert len(page.loaded) > 2
        for address in page.loaded:
            assert not re.match(r"(?!data:)[\w+.-]+:|//|/", address), (path.name, address)
            if not address.startswith("data:"):
                assert (path.parent / unquote(address.partition("?")[0])).exists(), address
        assert not [c for c in page.classes if c.startswith(ASKED_FOR)], path.name
    for path in site.rglob("*.css"):
        asked = re.findall(r"url\(\s*[\"']?([^)\"']+)|@import\s+(\S+)", path.read_text("utf-8"))
        assert not [a for a in asked if re.match(r"\w+:(?<!data:)|//", a[0] or a[1])], path.name


def test_every_link_within_the_site_leads_to_a_page_and_its_part(site: Path) -> None:
    pages = {p: Reader(p.read_text("utf-8")) for p in site.rglob("*.html") if p.name != "404.html"}
    assert len(pages) >= len(places())
    lost = []
    for path, page in pages.items():
        for link in page.links:
            if re.match(r"[a-z]+:|/", link):
                continue
            file, _, part = unquote(link).partition("#")
            aim = (path.parent / file).resolve() if file else path
            known = pages[aim].anchors if aim in pages else {""}
            if not aim.exists() or part not in known:
                lost.append((path.name, link))
    assert lost == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
def test_a_browser_opens_it_from_its_folder_with_an_empty_console(
    site: Path, tmp_path: Path
) -> None:
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
        "--host-resolver-rules=MAP * ~NOTFOUND", f"--user-data-dir={tmp_path}", "--dump-dom",
        (site / "architecture.html").as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert "The house" in done.stdout
    assert [line for line in done.stderr.splitlines() if "CONSOLE" in line] == []
