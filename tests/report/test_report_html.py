"""The HTML report: one file, no other host, nothing of a user's taken for markup."""

from __future__ import annotations

import dataclasses
import functools
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import plan_fixture
import pytest

from gpumix.report import html

LOADING = {"src", "href", "srcset", "action", "data", "poster", "formaction", "background"}


class Page(HTMLParser):
    """What a browser would see: what it loads, the tags, the text and the styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []
        self.handlers: list[str] = []
        self.titles: list[str] = []
        self.classes: list[str] = []
        self.scripts: list[str] = []
        self.styles: list[str] = []
        self.words: list[str] = []
        self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._inside = tag
        for name, value in attrs:
            if name.removeprefix("xlink:") in LOADING and value:
                self.loads.append(value)
            if name.startswith("on"):
                self.handlers.append(name)
            if name == "class" and value:
                self.classes += value.split()
            if name == "title" and value:
                self.titles.append(value)
            if name == "style" and value:
                self.styles.append(value)

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        kinds = {"script": self.scripts, "style": self.styles}
        kinds.get(self._inside, self.words).append(data)


@functools.cache
def page_text() -> str:
    return html.plan_html(plan_fixture.plan())


@functools.cache
def hostile_text() -> str:
    return html.plan_html(plan_fixture.hostile_plan())


def test_nothing_is_loaded_from_anywhere() -> None:
    page = Page(page_text())
    outside = [url for url in page.loads if not url.startswith(("#", "data:"))]
    assert outside == ["entries.csv"]  # a link to the file beside it
    styles = "\n".join(page.styles)
    assert "@import" not in styles
    assert re.findall(r"url\((?!['\"]?(?:#|data:))", styles) == []
    assert "data:" in page.loads[0]  # the favicon, or browsers ask for one
    assert "default-src 'none'" in page_text()


def test_specifications_hold_their_data() -> None:
    own = Page(page_text()).scripts[-1]
    assert '"url"' not in own
    assert "$schema" not in own


def test_the_file_is_small_enough_to_mail() -> None:
    assert len(page_text().encode()) < 2_000_000


def test_markup_of_users_is_text() -> None:
    kind, evil = Page(page_text()), Page(hostile_text())
    assert evil.tags.count("script") == kind.tags.count("script") == 2
    assert evil.handlers == kind.handlers == []
    assert evil.tags.count("img") == 0
    assert evil.tags.count("style") == 1
    assert '<script>alert("x")</script>' in "".join(evil.words)
    assert "</script>" not in evil.scripts[-1]


def test_reads_without_scripts() -> None:
    before_scripts = page_text().partition("<script>")[0]
    specs = Page(page_text()).scripts[-1]
    assert before_scripts.count("<svg ") == len(set(re.findall(r'"(chart-[a-z0-9-]+)": ', specs)))


def test_a_manager_and_an_engineer_find_theirs() -> None:
    words = " ".join(Page(page_text()).words)
    for expected in (
        "16 h100-sxm-80gb reserved 3 years",
        "$25,169",
        "BDT 3.08M",
        "330–519",
        "copilot keeps no TPOT p99 below 80 ms on l40s-48gb",
        "TTFT p95 of 2.9 s at the lowest load, the limit is 800 ms",
        "PUE at dhaka",
        "no date given",
        "1 USD = 122.3 BDT (2026-10-01)",
    ):
        assert expected in words
    for evidence in ("measured", "calibrated", "modelled", "assumed"):
        assert f'{evidence}"><span class="tag">' in page_text()


def test_columns_carry_their_definitions() -> None:
    titles = Page(page_text()).titles
    assert "95th percentile of the time to first token." in titles


def test_two_renderings_are_the_same() -> None:
    assert html.plan_html(plan_fixture.plan()) == page_text()


def test_a_bare_plan_still_makes_a_page() -> None:
    bare = dataclasses.replace(
        plan_fixture.plan(),
        workloads=(),
        regret=(),
        break_evens=(),
        assumptions=(),
        warnings=(),
        costs=(),
        mix=(),
    )
    words = " ".join(Page(html.plan_html(bare)).words)
    assert "No GPU at all" in words
    assert "no assumptions recorded" in words


CHROMIUM = next(
    (b for b in ("chromium", "chromium-browser", "google-chrome") if shutil.which(b)), ""
)


@pytest.mark.skipif(not CHROMIUM, reason="no Chromium on this machine")
@pytest.mark.parametrize("hostile", [False, True])
def test_a_browser_draws_every_chart_and_reports_no_error(tmp_path: Path, hostile: bool) -> None:
    text = hostile_text() if hostile else page_text()
    watch = (
        "<script>addEventListener('error', e => {document.title = 'ERR ' + e.message});</script>"
    )
    policy = re.compile(r"<meta http-equiv.*?>")
    assert policy.search(text)
    path = tmp_path / "report.html"
    path.write_text(text.replace("<style>", f"{watch}<style>", 1), encoding="utf-8")
    command = [
        *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
        *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
        *("--disable-sync", f"--user-data-dir={tmp_path / 'profile'}"),
        *("--virtual-time-budget=8000", "--dump-dom", path.as_uri()),
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("Chromium does not start here")
    if "<html" not in done.stdout:
        pytest.skip(f"Chromium does not start here: {done.stderr[-200:]}")
    drawn = Page(done.stdout)
    specs = Page(text).scripts[-1]
    charts = set(re.findall(r'"(chart-[a-z0-9-]+)": ', specs))
    assert "ERR " not in done.stdout.partition("</title>")[0]
    assert drawn.classes.count("vega-embed") == len(charts)
    assert drawn.tags.count("svg") >= len(charts)
    assert drawn.tags.count("img") == 0
    assert "alert" not in " ".join(drawn.handlers)
