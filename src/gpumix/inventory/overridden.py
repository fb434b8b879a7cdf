"""Scenarios of an inventory: names for values that stand in the place of others.

    scenarios:
      twice the traffic: {workloads.chat.traffic.peak_requests_per_s: 40}
      only owned: {supply.cloud: null}

A key is a path with points between its parts, a list's part its number from 0; names that hold
points themselves are found as they are.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from gpumix.errors import InputError, Problem
from gpumix.inventory.yaml import MOST_BYTES, Document, parse
from gpumix.reading import read_text

KEY: Final = "scenarios"
AS_WRITTEN: Final = "as written"
"""What the inventory itself is called beside its scenarios."""
NO_CHANGES: Final[Mapping[str, Any]] = MappingProxyType({})


def read_document(path: Path, changes: Mapping[str, Any] = NO_CHANGES) -> Document:
    """An inventory's YAML file, with values in the place of some of its own.

    Raises: InputError where it cannot be read, or a value's place is not there.
    """
    if_missing = f"`gpumix init {path}` writes a starter inventory"
    text = read_text(path, "name the inventory file", if_missing, most_bytes=MOST_BYTES)
    document = parse(text, path.name)
    return overridden(document, changes) if changes else document


def scenarios_of(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The scenarios of an inventory file by name; empty where it states none.

    Raises: InputError where it cannot be read, or a scenario is no list of keys and values.
    """
    document = read_document(path)
    stated = document.data.get(KEY) if isinstance(document.data, dict) else None
    if stated is None:
        return {}
    fix = "scenarios: {NAME: {workloads.chat.traffic.growth_per_year: 1.0}}"
    if not isinstance(stated, dict):
        raise InputError(
            Problem(document.place((KEY,)), "expected names with keys and values", fix)
        )
    problems = [
        Problem(document.place((KEY, str(name))), what, fix)
        for name, changes in stated.items()
        if (what := _wrong(str(name), changes))
    ]
    if problems:
        raise InputError(problems)
    return {str(name): changes for name, changes in stated.items()}


def _wrong(name: str, changes: object) -> str:
    if name == AS_WRITTEN:
        return "is what the inventory itself is called"
    if "/" in name or name.startswith("."):
        return "cannot be the name of a folder"
    is_read = isinstance(changes, dict) and changes and all(isinstance(k, str) for k in changes)
    return "" if is_read else "expected keys and values"


def overridden(document: Document, changes: Mapping[str, Any]) -> Document:
    """The document with values in the place of others.

    Raises: InputError with every key whose way is not there.
    """
    data, problems = copy.deepcopy(document.data), []
    if not isinstance(data, dict):
        return document
    for key, value in changes.items():
        if not _put(data, key, copy.deepcopy(value)):
            what = "names nothing that the inventory has"
            problems.append(Problem(f"{KEY}: {key}", what, "write the path of a key that it has"))
    if problems:
        raise InputError(problems)
    return replace(document, data=data)


def _put(data: Any, key: str, value: Any) -> bool:
    """Set what a path leads to; False where the way to it ends before its last part."""
    if isinstance(data, dict):
        for name in _beginnings(key):
            if name in data and name != key:
                return _put(data[name], key[len(name) + 1 :], value)
            if name in data or "." not in key:
                data[name] = value
                return True
        return False
    head, _, rest = key.partition(".")
    if not isinstance(data, list) or not head.isdigit() or int(head) >= len(data):
        return False
    if rest:
        return _put(data[int(head)], rest, value)
    data[int(head)] = value
    return True


def _beginnings(key: str) -> list[str]:
    """What a path may begin with, the longest first.

    >>> _beginnings("a.b.c")
    ['a.b.c', 'a.b', 'a']
    """
    parts = key.split(".")
    return [".".join(parts[:count]) for count in range(len(parts), 0, -1)]
