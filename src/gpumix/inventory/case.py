"""A case file of `gpumix tco` -> its tree, and the tree -> the record that is counted.

The tree is what variants, ranges and break-evens change by path; `parse_case` reads one as often as
they ask. Shapes and bounds are domain/case.py's, held against the tree by pydantic; what they
cannot say is case_rules.py's.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, get_args, get_type_hints

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from gpumix.domain.case import Case
from gpumix.domain.quantities import shown
from gpumix.errors import Hint, InputError, Problem, shortened
from gpumix.inventory.case_rules import case_faults
from gpumix.inventory.yaml import MOST_BYTES, Document, KeyPath, parse
from gpumix.reading import read_text

_FEW_KEYS = 14
_WORDS = {
    "missing": "needs the key {key!r}",
    "missing_keyword_only_argument": "needs the key {key!r}",
    "greater_than": "must be above {gt}, got {value}",
    "greater_than_equal": "must be at least {ge}, got {value}",
    "less_than_equal": "must be at most {le}, got {value}",
    "dataclass_type": "expected keys with values, got {value}",
    "mapping_type": "expected keys with values, got {value}",
    "dict_type": "expected keys with values, got {value}",
    "tuple_type": "expected a list, got {value}",
    "float_parsing": "expected a number, got {value}",
    "float_type": "expected a number, got {value}",
    "int_parsing": "expected a whole number, got {value}",
    "int_type": "expected a whole number, got {value}",
    "int_from_float": "expected a whole number, got {value}",
    "string_type": "expected text, got {value}",
    "bool_parsing": "expected true or false, got {value}",
    "bool_type": "expected true or false, got {value}",
    "finite_number": "must be finite, got {value}",
    "too_short": "is empty",
}


_TRUE_OR_FALSE = ("whole", "included", "gross_up", "require_sourced")


def read_case(path: Path) -> Document:
    """The tree of a case file with the line of every key.

    Raises: InputError where the file cannot be read, is no YAML, or is no case.
    """
    fix = "docs/tco-case.md says what a case holds"
    missing = "`gpumix init case.yaml --template tco-frankfurt` writes one to start from"
    text = read_text(path, fix, missing, most_bytes=MOST_BYTES)
    document = parse(text, str(path), numbers_as_keys=True)
    if not isinstance(document.data, dict):
        what = "is empty" if document.data is None else "is not made of keys with values"
        raise InputError(Problem(str(path), what, fix))
    if "workloads" in document.data and "tco" not in document.data:
        fix = "`gpumix plan` reads an inventory; a case starts with `tco: 1`"
        raise InputError(Problem(str(path), "is an inventory, not a case", fix))
    return document


def parse_case(tree: Mapping[str, Any], document: Document, today: date, part: str = "") -> Case:
    """The record of a tree; `part` is the variant or range that places are named after.

    Raises: InputError with every problem of the tree.
    """
    problems = [
        Problem(".".join(map(str, path)), f"is not finite: {shown(value)}")
        for path, value in _numbers(tree, ())
        if not math.isfinite(value)
    ]
    problems += [
        Problem(placed(document, path, part), f"expected a number, got {shown(value)}")
        for path, value in _truths(tree, ())
    ]
    full = _in_full(tree)
    case: Case | None
    cut: list[KeyPath] = []
    try:
        case = _adapter().validate_python(full)
    except ValidationError as error:
        problems += _problems(error, document, part)
        case, cut = _rest(full, error)
    problems += [
        Problem(placed(document, fault.path, part), fault.message, fault.fix)
        for fault in (() if case is None else case_faults(case, today))
        if not any(fault.path[: len(path)] == path for path in cut)
    ]
    if problems or case is None:
        raise InputError({(p.place, p.message): p for p in problems}.values())
    return case


def _rest(full: dict[str, Any], error: ValidationError) -> tuple[Case | None, list[KeyPath]]:
    """The case without what is wrong in it, so that what else is wrong is said too, and the paths
    that were cut out or replaced; None where nothing can be read without them."""
    cut: list[KeyPath] = []
    for item in error.errors(include_url=False):
        *above, last = (step for step in item["loc"] if not _is_type(step))
        here: Any = full
        for step in above:
            here = here[step]
        if item["type"] == "literal_error":
            here[last] = item["ctx"]["expected"].split("'")[1] if last != "tco" else 1
        elif isinstance(here, dict):
            here.pop(last, None)
        cut.append((*above, last))
    try:
        return _adapter().validate_python(full), cut
    except (ValidationError, LookupError):
        return None, cut


@functools.cache
def _adapter() -> TypeAdapter[Case]:
    return TypeAdapter(Case)


def _numbers(here: Any, path: KeyPath) -> list[tuple[KeyPath, float]]:
    if isinstance(here, Mapping):
        return [n for key, value in here.items() for n in _numbers(value, (*path, str(key)))]
    if isinstance(here, list):
        return [n for i, value in enumerate(here) for n in _numbers(value, (*path, i))]
    return [(path, here)] if isinstance(here, float) else []


def _truths(here: Any, path: KeyPath) -> list[tuple[KeyPath, bool]]:
    """Every true or false that stands where a number or a word belongs."""
    if isinstance(here, Mapping):
        return [t for key, value in here.items() for t in _truths(value, (*path, str(key)))]
    if isinstance(here, list):
        return [t for i, value in enumerate(here) for t in _truths(value, (*path, i))]
    named = str(path[-1]).rpartition(".")[2] if path else ""
    return [(path, here)] if isinstance(here, bool) and named not in _TRUE_OR_FALSE else []


def _in_full(tree: Mapping[str, Any]) -> dict[str, Any]:
    """The tree with its short forms written out: one price for {all: price}, one for a list."""
    full: dict[str, Any] = copy.deepcopy(dict(tree))
    _each(full, "source", _as_list)
    for currency in _maps(full, "finance", "fx"):
        for name in currency:
            _each(currency, name, lambda rate: {"now": rate} if _is_number(rate) else rate)
    for tariff in _maps(full, "site", "tariff"):
        tariff_in_full(tariff)
    for options in _maps(full, "options"):
        for option in options.values():
            if isinstance(option, dict):
                _option_in_full(option)
    return full


def tariff_in_full(tariff: dict[str, Any]) -> None:
    """Write out the short forms of a tariff: one price for {all: price}, one for a list."""
    _each(tariff, "energy", _by_slot)
    _each(tariff, "demand", lambda charge: {"price": charge} if _is_number(charge) else charge)
    for demand in _maps(tariff, "demand"):
        _each(demand, "price", _as_list)
    for slots in _maps(tariff, "slots"):
        for name in slots:
            _each(slots, name, lambda slot: {"share": slot} if _is_number(slot) else slot)
            for slot in _maps(slots, name):
                for key in ("months", "days"):
                    _each(slot, key, _as_list)


def _option_in_full(option: dict[str, Any]) -> None:
    for metered in _maps(option, "metered"):
        _each(metered, "kwh", _by_slot)
        _each(metered, "peak_kw", _as_list)
    lines = option.get("lines")
    for line in lines if isinstance(lines, list) else ():
        if isinstance(line, dict):
            _each(line, "of", _as_list)
            _each(line, "residual", lambda left: {"share": left} if _is_number(left) else left)


def _maps(tree: dict[str, Any], *keys: str) -> list[dict[str, Any]]:
    """The mapping below these keys, if there is one."""
    here: Any = tree
    for key in keys:
        here = here.get(key) if isinstance(here, dict) else None
    return [here] if isinstance(here, dict) else []


def _each(tree: dict[str, Any], key: str, write: Any) -> None:
    if tree.get(key) is not None:
        tree[key] = write(tree[key])


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _by_slot(value: Any) -> Any:
    return value if isinstance(value, dict) else {"all": value}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _problems(error: ValidationError, document: Document, part: str) -> list[Problem]:
    return [_problem(item, document, part) for item in error.errors(include_url=False)]


def _problem(item: ErrorDetails, document: Document, part: str) -> Problem:
    path, message, fix = in_words(item)
    return Problem(placed(document, path, part), message, fix)


def in_words(item: ErrorDetails) -> tuple[KeyPath, str, str | Hint]:
    """What pydantic refuses in a case: at which key, what is wrong, and the fix."""
    path = tuple(step for step in item["loc"] if not _is_type(step))
    kind, value = item["type"], item["input"]
    fix: str | Hint = ""
    limits = {k: f"{v:g}" for k, v in item.get("ctx", {}).items() if isinstance(v, float | int)}
    if kind == "unexpected_keyword_argument":
        known = keys_at(path[:-1])
        message = f"unknown key {shortened(str(path[-1]))}"
        few = f"known: {', '.join(known)}" if 0 < len(known) <= _FEW_KEYS else ""
        fix = Hint(str(path[-1]), known, few)
    elif kind in _WORDS:
        message = _WORDS[kind].format(key=path[-1] if path else "", value=shown(value), **limits)
        path = path[:-1] if kind.startswith("missing") else path
    elif kind == "literal_error":
        names = item["ctx"]["expected"].replace(" or ", ", ").replace("'", "").split(", ")
        message = f"unknown {path[-1]} {shown(value)}"
        fix = Hint(str(value), names, f"known: {', '.join(names)}")
    else:
        message = f"{item['msg'][:1].lower()}{item['msg'][1:]}, got {shown(value)}"
    return path, message, fix


def _is_type(step: str | int) -> bool:
    """Whether pydantic names a type here (of a union), not a key."""
    return isinstance(step, str) and step in ("float", "int", "str", "[key]")


def placed(document: Document, path: KeyPath, part: str = "") -> str:
    """The path in words with its line, after the variant it belongs to."""
    place = document.place(path)
    return f"{part}: {place}" if part else place


@functools.cache
def keys_at(path: KeyPath) -> tuple[str, ...]:
    """Known keys of the mapping at this path, by walking the records."""
    here: Any = Case
    for step in path:
        inner = _inner(here)
        if inner is not None and not dataclasses.is_dataclass(here):
            here = inner  # a name of the user's own, an item of a list
            continue
        hints = get_type_hints(here) if dataclasses.is_dataclass(here) else {}
        if step not in hints:
            return ()
        here = hints[str(step)]
    here = here if dataclasses.is_dataclass(here) else _record_within(here)
    return tuple(f.name for f in dataclasses.fields(here)) if here is not None else ()


def _inner(annotation: Any) -> Any:
    """What a mapping or a list of records holds."""
    found = [a for a in get_args(annotation) if a is not type(None)]
    return next((a for a in reversed(found) if _record_within(a) is not None), None)


def _record_within(annotation: Any) -> Any:
    if isinstance(annotation, type) and dataclasses.is_dataclass(annotation):
        return annotation
    return next((r for r in map(_record_within, get_args(annotation)) if r is not None), None)
