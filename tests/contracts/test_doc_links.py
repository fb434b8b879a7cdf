"""Every page that the code or another page points to exists, and so does the section it names."""

from __future__ import annotations

import re
import runpy
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

anchor = runpy.run_path(str(Path(__file__).parents[2] / "tools" / "build_docs.py"))["anchor"]

ROOT = Path(__file__).resolve().parents[2]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
TEXTS = [
    *PAGES,
    *(
        path
        for path in sorted((ROOT / "src").rglob("*"))
        if path.suffix in {".py", ".yaml", ".j2", ".csv"} and not path.name.startswith("evidence_")
    ),
]
"""Pages and sources; the rows of evidence name pages of the repositories they come from."""

LINK = re.compile(r"!?\[[^\]\n]*\]\(([^)\s]+)\)")
CITED = re.compile(
    r"(?<![\w./-])(docs/[\w./-]+?\.md)(?![\w@])(?:,\s+\"((?:[^\"\n]|\n\s+)+)\")?", re.MULTILINE
)
PLACE = re.compile(r"`((?:src|tests|docs|tools|\.github)/[\w./-]*)`(?:, `(\w+)`)?")
"""A place that CONTRIBUTING.md names: `path`, or `path`, `name in it`."""
HEADING = re.compile(r"^#{1,6}\s+(.+?)\s*$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```\s*$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")


def _prose(path: Path) -> str:
    return FENCE.sub("", path.read_text(encoding="utf-8"))


@cache
def _headings(path: Path) -> tuple[str, ...]:
    return tuple(HEADING.findall(_prose(path)))


@cache
def _anchors(path: Path) -> frozenset[str]:
    """Anchors as a forge makes them: a heading met again gets -1, -2."""
    found: dict[str, int] = {}
    anchors = set()
    for heading in _headings(path):
        name = anchor(heading.replace("`", ""))
        seen = found.get(name, 0)
        anchors.add(f"{name}-{seen}" if seen else name)
        found[name] = seen + 1
    return frozenset(anchors)


def _broken(path: Path) -> list[str]:
    """Relative links of a page that lead nowhere."""
    broken = []
    for target in LINK.findall(CODE.sub("", _prose(path))):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, fragment = unquote(target).partition("#")
        aim = (path.parent / file).resolve() if file else path
        if not aim.exists():
            broken.append(f"{target}: no such file")
        elif fragment and aim.suffix == ".md" and fragment not in _anchors(aim):
            broken.append(f"{target}: no such section")
    return broken


def _unresolved(text: str) -> list[str]:
    """Citations `docs/page.md` or `docs/page.md, "Section"` that name nothing."""
    wrong = []
    for page, section in CITED.findall(text):
        path = ROOT / page
        if not path.exists():
            wrong.append(f"{page}: no such page")
        elif section and re.sub(r"\s+", " ", section) not in _headings(path):
            wrong.append(f"{page}: no section {section!r}")
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    assert _broken(page) == []


def test_cited_pages_and_sections_exist() -> None:
    wrong = {
        str(path.relative_to(ROOT)): found
        for path in TEXTS
        if (found := _unresolved(path.read_text(encoding="utf-8")))
    }
    assert wrong == {}


def test_contributing_names_places_that_exist() -> None:
    places = PLACE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"))
    assert len(places) > 20
    made_up = {"src/gpumix/verbs/NAME.py", "src/gpumix/cli/NAME.py"}
    assert [p for p in places if p[0] not in made_up and not _is_there(*p)] == []


def _is_there(place: str, name: str) -> bool:
    path = ROOT / place
    if not name:
        return path.exists()
    return path.is_file() and re.search(rf"\b{name}\b", path.read_text("utf-8")) is not None


def test_citations_name_sections_by_title() -> None:
    numbered = re.compile(r"docs/[\w-]+\.md\s+sections?\s+\d")
    assert [p for p in TEXTS if numbered.search(p.read_text(encoding="utf-8"))] == []


def test_every_page_is_in_the_index() -> None:
    indexes = {ROOT / "docs" / "index.md", ROOT / "docs" / "decisions" / "index.md"}
    linked = {
        (index.parent / target.partition("#")[0]).resolve()
        for index in indexes
        for target in LINK.findall(index.read_text(encoding="utf-8"))
    }
    assert set(PAGES) - linked - {ROOT / "docs" / "index.md"} == set()


def test_broken_links_and_citations_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A title\n[a](#a-title) [b](#none) [c](gone.md) [d](page.md#a-title)\n")
    assert _broken(page) == ["#none: no such section", "gone.md: no such file"]
    cited = 'Source: docs/cost.md, "Import\n    tax"; docs/cost.md, "No such"; docs/none.md.'
    assert _unresolved(cited) == [
        "docs/cost.md: no section 'No such'",
        "docs/none.md: no such page",
    ]
    assert _unresolved("nvidia/x docs/performance-summary.md@067f987df0") == []
