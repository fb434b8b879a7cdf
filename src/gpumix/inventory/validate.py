"""Parsed YAML -> the schema's records, with every problem in the user's words.

One bad value must not hide another, so what the schema refuses is cut out and the rest is read on.
"""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from gpumix.domain.quantities import shown
from gpumix.errors import Hint, Problem, shortened
from gpumix.inventory.schema import InventorySpec
from gpumix.inventory.yaml import Document, KeyPath

_STAND_INS: dict[str, Any] = {
    "horizon": {},
    "start": "2027-01",
    "years": 1,
    "supply": {"cloud": {}},
    "workloads": {},
    "country": "US",
    "racks": 1,
    "kw_per_rack": 1,
}
"""For required keys that are absent or had to be cut out, so that what stands beside them is read;
never part of an answer."""

_ABSENT = object()
_FEW_KEYS = 12
_WORDS = {
    "dict_type": "expected keys with values",
    "model_type": "expected keys with values",
    "list_type": "expected a list",
    "string_type": "expected text",
    "string_too_short": "expected a name",
    "string_too_long": "must be at most {max_length} characters long",
    "invalid_key": "expected text as a key",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "too_short": "is an empty list",
    "greater_than": "must be above {gt}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
}


@dataclass(frozen=True, slots=True)
class Checked:
    """What could be read, the problems of the rest, and the key paths it lacks or stands in for."""

    spec: InventorySpec | None
    problems: tuple[Problem, ...]
    cut: tuple[KeyPath, ...] = ()

    def lacks(self, path: KeyPath) -> bool:
        """Whether this part was cut out."""
        return any(path[: len(cut)] == cut for cut in self.cut)

    def lacks_part_of(self, path: KeyPath) -> bool:
        """Whether something within was cut out, so that what is missing there means nothing."""
        return any(cut[: len(path)] == path for cut in self.cut)


def check(document: Document) -> Checked:
    """The inventory as far as it can be read; `spec` is None where nothing can."""
    if not isinstance(document.data, dict):
        what = "is empty" if document.data is None else "is not made of keys with values"
        fix = "`gpumix init` writes a starter inventory"
        return Checked(None, (Problem(document.name, what, fix),))
    data = copy.deepcopy(document.data)
    problems: tuple[Problem, ...] = ()
    cut: list[KeyPath] = []
    while True:
        try:
            return Checked(InventorySpec.model_validate(data), problems, tuple(cut))
        except ValidationError as error:
            details = error.errors(include_url=False)
        if not cut:  # later errors only follow from what was cut out
            problems = _problems(details, document)
        paths = {_path_to_cut(item, data): None for item in details}  # in order, each once
        outer = [p for p in paths if not any(p[:depth] in paths for depth in range(len(p)))]
        if not all(_cut_out(data, path) for path in outer):
            return Checked(None, problems)
        cut += outer


def _path_to_cut(item: ErrorDetails, data: Any) -> KeyPath:
    """The key to cut: a list as a whole; what lacks a key, unless something can stand in for it."""
    path = _written_path(item["loc"], data)
    if item["type"] == "missing" and path[-1] not in _STAND_INS:
        path = path[:-1]
    here = data
    for depth, part in enumerate(path):
        if isinstance(here, list):
            return path[:depth]
        here = here.get(part)
    return path


def _cut_out(data: Any, path: KeyPath) -> bool:
    """Remove the value at this path, or put what stands in for it; False where neither is there."""
    if not path:
        return False
    here = data
    for part in path[:-1]:
        here = here[part]
    if here.pop(path[-1], _ABSENT) is not _ABSENT:
        return True
    if path[-1] in _STAND_INS:
        here[path[-1]] = copy.deepcopy(_STAND_INS[str(path[-1])])
        return True
    return False


def _problems(details: Iterable[ErrorDetails], document: Document) -> tuple[Problem, ...]:
    found: dict[tuple[str, str], Problem] = {}
    for item in details:
        problem = _problem(item, document)
        found.setdefault((problem.place, problem.message), problem)
    return tuple(found.values())


def _problem(item: ErrorDetails, document: Document) -> Problem:
    path, kind, value = _written_path(item["loc"], document.data), item["type"], item["input"]
    message = item["msg"].removeprefix("Value error, ")
    fix: str | Hint = ""
    if kind == "string_pattern_mismatch":
        message = f"expected a size such as 1024x1024, got {shown(value)}"
    elif kind == "extra_forbidden":
        message = f"unknown key {shortened(str(path[-1]))}"
        known = _keys_at(path[:-1])
        all_keys = f"known: {', '.join(known)}" if 0 < len(known) <= _FEW_KEYS else ""
        fix = Hint(str(path[-1]), known, all_keys)
    elif kind == "missing":
        path, message = path[:-1], f"needs the key {item['loc'][-1]!r}"
    elif kind in ("enum", "literal_error") and isinstance(value, str):
        expected = item["ctx"]["expected"]
        message = f"unknown {_name_of(path)} {shortened(value)}"
        names = expected.replace(" or ", ", ").replace("'", "").split(", ")
        fix = Hint(value, names, f"known: {', '.join(names)}")
    elif kind in _WORDS:
        limits = {
            key: f"{v:g}" for key, v in item.get("ctx", {}).items() if isinstance(v, float | int)
        }
        message = _WORDS[kind].format_map(limits)
        if kind != "too_short":
            message += f", got {shown(value)}"
    return Problem(document.place(path), message, fix)


def _written_path(loc: Iterable[Any], data: Any) -> KeyPath:
    """The part of pydantic's location that stands in the file (no union or type tags)."""
    path: list[str | int] = []
    here = data
    parts = [part for part in loc if part != "[key]"]
    for index, part in enumerate(parts):
        if isinstance(here, list) and isinstance(part, int) and part < len(here):
            here = here[part]
            path.append(part)
        elif isinstance(here, dict):
            written = _key_in(here, part)
            if written is not _ABSENT:
                here = here[written]
                path.append(written)
            elif index == len(parts) - 1:
                path.append(part)
    return tuple(path)


def _key_in(mapping: Mapping[Any, Any], part: Any) -> Any:
    """The key that is written so; `_ABSENT` where there is none."""
    if part in mapping:
        return part
    return next((key for key in mapping if str(key) == str(part)), _ABSENT)


@functools.cache
def _keys_at(path: KeyPath) -> tuple[str, ...]:
    """Known keys of the mapping at this path, by walking the schema."""
    here: type[BaseModel] | None = InventorySpec
    parts = iter(path)
    for part in parts:
        if isinstance(part, int):  # an item of a list
            continue
        if here is None or part not in here.model_fields:
            return ()
        annotation = here.model_fields[str(part)].annotation
        while get_origin(annotation) is dict:
            next(parts, None)  # a name of the user's own
            annotation = get_args(annotation)[1]
        here = _model_within(annotation)
    if here is None:
        return ()
    return tuple(field.alias or name for name, field in here.model_fields.items())


def _model_within(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((m for m in map(_model_within, get_args(annotation)) if m is not None), None)


def _name_of(path: KeyPath) -> str:
    """What one value of this key is called."""
    return next(str(part) for part in reversed(path) if isinstance(part, str))
