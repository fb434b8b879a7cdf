"""The documentation as a site: `python tools/build_site.py` writes build/site, strictly.

The pages in docs/ and those beside README.md become one folder, build/pages; a link that leads to
another file of the repository leads to a copy of it there. Then zensical builds them (extra
`gpumix[docs]`); a warning is a failure. zensical's plugin `offline` is not used: it has every page
load a script of another host. Opened from its folder the site has no search; served, it has.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
CONFIG = "zensical.toml"
_LINK = re.compile(r"(\]\()([^)\s]+)(\))")
_FENCE = re.compile(r"(^```.*?^```\s*$)", re.MULTILINE | re.DOTALL)


def places() -> dict[Path, str]:
    """Where each page stands in the site, by its file: README.md is about.md there."""
    root = {path: f"{path.stem.lower()}.md" for path in sorted(ROOT.glob("*.md"))}
    root[ROOT / "README.md"] = "about.md"  # a README would be a folder's index
    docs = {path: path.relative_to(DOCS).as_posix() for path in sorted(DOCS.rglob("*.md"))}
    return root | docs


def linked(text: str, page: Path, into: Path) -> str:
    """A page's text with links as the site has them; what it links to is copied into `into`."""
    known = places()
    up = "../" * known[page].count("/")

    def moved(found: re.Match[str]) -> str:
        target, _, fragment = found[2].partition("#")
        if not target or re.match(r"[a-z]+:", target):
            return found[0]
        aim = (page.parent / unquote(target)).resolve()
        if aim.is_dir() and (aim / "index.md").is_file():
            aim /= "index.md"
        place = known.get(aim) or _copied(aim, into)
        return f"{found[1]}{up}{place}{'#' if fragment else ''}{fragment}{found[3]}"

    parts = _FENCE.split(text)
    return "".join(p if p.startswith("```") else _LINK.sub(moved, p) for p in parts)


def gather(into: Path) -> None:
    """Write every page, and what pages link to, into an empty folder."""
    shutil.rmtree(into, ignore_errors=True)
    for page, place in places().items():
        path = into / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(linked(page.read_text(encoding="utf-8"), page, into), encoding="utf-8")


def _copied(aim: Path, into: Path) -> str:
    """Copy a file that is not a page; where it is in the site."""
    kept = aim.relative_to(DOCS) if aim.is_relative_to(DOCS) else "files" / aim.relative_to(ROOT)
    place = into / kept
    if not place.suffix:
        place = place.with_suffix(".txt")  # LICENSE: a browser shows it
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(aim, place)
    return place.relative_to(into).as_posix()


def build(folder: Path) -> int:
    """Gather the pages in a folder and build the site beside them; what zensical returns."""
    gather(folder / "build" / "pages")
    shutil.rmtree(folder / "build" / "site", ignore_errors=True)
    if folder != ROOT:
        shutil.copyfile(ROOT / CONFIG, folder / CONFIG)
    command = [sys.executable, "-m", "zensical", "build", "--strict", "--clean"]
    return subprocess.run(command, cwd=folder, check=False).returncode


if __name__ == "__main__":
    sys.exit(build(ROOT))
