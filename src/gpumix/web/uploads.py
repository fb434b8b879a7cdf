"""What a browser sends to be planned: read as text, held against what may be sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

from gpumix.errors import InputError, Problem
from gpumix.inventory.yaml import parse
from gpumix.web.limits import limits

_OUTSIDE: Final = re.compile(r"^\s*(?:[/\\~]|[A-Za-z]:[/\\])|(?:^|[/\\])\.\.(?:[/\\]|$)")
"""An absolute path, one of a home, or one that climbs."""
_NAME: Final = "inventory"


def checked_inventory(raw: bytes, name: str = _NAME) -> str:
    """The text of an inventory or a case that may be read here.

    Files that it names are looked for in a folder that holds nothing else, and a name that leads
    out of a folder is refused: no file of this machine is read for somebody else.

    Raises: InputError where it is too large, no UTF-8, no YAML, or names a file elsewhere.
    """
    if len(raw) > limits().inventory_bytes:
        most = limits().inventory_bytes // 2**20
        raise InputError(Problem(name, f"is larger than {most} MiB"))
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(Problem(name, "is not UTF-8 text", "send the YAML file")) from None
    if not text.strip():
        raise InputError(Problem(name, "is empty", "start from an example"))
    document = parse(text, name, numbers_as_keys=True, several_lines=True)
    refuse_outside(document.data, document.place)
    return text


def refuse_outside(data: Any, place: Callable[[tuple[str | int, ...]], str]) -> None:
    """Refuse a document with a text that leads out of its folder; `place` names that of a path.

    Raises: InputError with every such text.
    """
    problems = [
        Problem(place(path), f"{words!r:.60} leads out of the folder", "leave it out")
        for path, words in _texts(data, ())
        if _OUTSIDE.search(words)
    ]
    if problems:
        raise InputError(problems)


def name_of(text: str) -> str:
    """The name that an inventory gives itself; empty where it has none."""
    data = parse(text, _NAME, numbers_as_keys=True, several_lines=True).data
    found = data.get("name", "") if isinstance(data, dict) else ""
    return found if isinstance(found, str) else ""


def _texts(data: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(data, str):
        yield path, data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield from _texts(value, (*path, key))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from _texts(value, (*path, index))
