"""Files of an earlier run beside new ones: two plans in one folder would be applied together."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from gpumix.errors import InputError, Problem

_NAMED = 3


def refuse_stale(folder: Path, index: str, key: str, names: Collection[str], verb: str) -> None:
    """Raise InputError where a file would be left that an earlier `index` of the folder lists.

    `key` is that of a file's path in the index, `names` are the paths that `verb` is to write.
    """
    try:
        before = json.loads((folder / index).read_text(encoding="utf-8"))
        listed = {str(file[key]) for file in before["files"]}
    except (OSError, ValueError, KeyError, TypeError):
        return
    folders = {path.partition("/")[0] for path in listed if "/" in path}
    inside = {
        found.relative_to(folder).as_posix()
        for part in folders
        for found in (folder / part).rglob("*")
        if found.is_file()
    }
    alone = {path for path in listed if "/" not in path and (folder / path).is_file()}
    if stale := sorted((inside | alone) - set(names)):
        more = f" and {len(stale) - _NAMED} more" if len(stale) > _NAMED else ""
        text = f"holds files of an earlier {verb}: {', '.join(stale[:_NAMED])}{more}"
        raise InputError(Problem(str(folder), text, "move them away, or name another folder"))
