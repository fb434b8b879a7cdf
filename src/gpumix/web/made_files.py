"""Files that are made of a plan to be downloaded: in memory, nothing is written where it is served.

A name from a request is only ever compared with the names of what was made.
"""

from __future__ import annotations

import functools
import importlib.util
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpumix.domain.exported import Exported
from gpumix.domain.guard import GuardAnswer
from gpumix.errors import unknown_name
from gpumix.files import read_rows
from gpumix.web.folders import Listed
from gpumix.web.problems import NotHere
from gpumix.web.shown import Answer

_HOLDS = Path(__file__).parent.parent / "data" / "web_holds.csv"
_KEPT = 8
_NEEDS: Final = {"grafana": "grafana_foundation_sdk"}
"""Targets of guard that need a library of their own."""
_EARLIEST: Final = (1980, 1, 1, 0, 0, 0)
"""The date of every file in an archive: the same plan gives the same bytes."""


@dataclass(frozen=True, slots=True)
class MadeFiles:
    """What a verb said of its files, its JSON, and the files by their path."""

    found: GuardAnswer | Exported
    data: Answer
    texts: Mapping[str, str]


@functools.cache
def holds(verb: str) -> Mapping[str, str]:
    """What the file of each target holds a fleet to, or says (data/web_holds.csv)."""
    return {row["target"]: row["holds"] for row in read_rows(_HOLDS) if row["verb"] == verb}


def guard_targets() -> tuple[str, ...]:
    """Targets of guard whose library is installed."""
    every = holds("guard")
    return tuple(t for t in every if t not in _NEEDS or importlib.util.find_spec(_NEEDS[t]))


@functools.lru_cache(maxsize=_KEPT)
def made(verb: str, one: Listed, targets: str) -> MadeFiles:
    """The files of a verb for a plan and some targets, kept while the plan's file does not change.

    Raises: InputError for unknown targets and plans that start nothing.
    """

    from gpumix.verbs.export import export_plan
    from gpumix.verbs.guard import guard_files, without_folder

    if verb == "guard":
        held = guard_files(one.path, targets or ",".join(guard_targets()))
        return MadeFiles(held.answer, without_folder(held.answer), held.texts)
    found = export_plan(one.path, targets or None)
    return MadeFiles(found.exported, json.loads(found.json), found.texts)


def one_text(of: MadeFiles, path: str) -> str:
    """The text of the file of that path. Raises: NotHere, with the nearest."""
    if path not in of.texts:
        raise NotHere(unknown_name("file", "file", path, of.texts))
    return of.texts[path]


def archive(of: MadeFiles) -> bytes:
    """All files as one zip, the same bytes for the same plan."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as writer:
        for path, text in sorted(of.texts.items()):
            writer.writestr(zipfile.ZipInfo(path, _EARLIEST), text, zipfile.ZIP_DEFLATED)
    return out.getvalue()
