"""Folders that the server shows: what lies in its own folder, found by listing it.

A name from a request is only ever compared with that list, so no path from a request is opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from gpumix.domain.plan import PLAN_JSON
from gpumix.errors import InputError, unknown_name
from gpumix.web.problems import NotHere

ANSWER = "answer.json"
"""What a verb's --json prints, within the folder of a job's result."""
_SOURCES = (".csv", ".parquet", ".txt", ".gz", ".jsonl")
_MOST_LISTED = 500
_LONGEST_SLUG = 40


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder by name, and when it was last written (seconds since 1970)."""

    name: str
    path: Path
    changed_s: float

    @property
    def changed(self) -> str:
        """Day and minute, UTC."""
        return datetime.fromtimestamp(self.changed_s, UTC).strftime("%Y-%m-%d %H:%M")


def plans(folder: Path) -> list[Listed]:
    """Folders with a plan, the newest first; the folder itself where it is one."""
    return _listed(folder, lambda path: (path / PLAN_JSON).is_file(), PLAN_JSON)


def fleets(folder: Path) -> list[Listed]:
    """Folders that hold a fleet or the sources of one, the newest first.

    Raises: InputError where what reads fleets (gpumix[fleet]) is not installed.
    """
    from gpumix.telemetry.store import FLEET_FILE

    return _listed(folder, lambda path: _is_fleet(path, FLEET_FILE), "")


def fleet_names(folder: Path) -> list[str]:
    """Names of the folders of fleets; none where gpumix[fleet] is not installed."""
    try:
        return [one.name for one in fleets(folder)]
    except InputError:
        return []


def chosen(listed: Iterable[Listed], name: str, kind: str) -> Listed:
    """The one of that name. Raises: NotHere, with the nearest names."""
    known = {one.name: one for one in listed}
    if name not in known:
        raise NotHere(unknown_name("folder", kind, name, known))
    return known[name]


def slug(words: str) -> str:
    """Words as the name of a folder: letters, digits and hyphens.

    >>> slug("../../Team A: chat.yaml"), slug("...")
    ('team-a-chat', 'plan')
    """
    bare = words.lower().removesuffix(".yaml").removesuffix(".yml")
    return re.sub(r"[^a-z0-9]+", "-", bare).strip("-")[:_LONGEST_SLUG].strip("-") or "plan"


def _is_fleet(path: Path, fleet_file: str) -> bool:
    if (path / fleet_file).is_file():
        return True
    if (path / PLAN_JSON).is_file() or (path / ANSWER).is_file():
        return False
    names = [one.name for one in path.iterdir() if one.is_file()]
    return any(name.endswith(_SOURCES) for name in names) and len(names) > 1


def _listed(folder: Path, is_meant: Callable[[Path], bool], dated_by: str) -> list[Listed]:
    if not folder.is_dir():
        return []
    root = folder.resolve()
    found = []
    for path in [folder, *sorted(folder.iterdir())[:_MOST_LISTED]]:
        inside = path.is_dir() and path.resolve().is_relative_to(root)
        if inside and not path.name.startswith(".") and is_meant(path):
            name = root.name if path == folder else path.name
            found.append(Listed(name, path, (path / dated_by).stat().st_mtime))
    return sorted(found, key=lambda one: (-one.changed_s, one.name))
