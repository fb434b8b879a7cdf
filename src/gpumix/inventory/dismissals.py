"""`dismissed.yaml` beside a fleet -> what its people decided to leave as it is, and until when."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from gpumix.domain.fleet import Dismissal
from gpumix.domain.quantities import shown
from gpumix.errors import Hint, InputError, Problem, shortened
from gpumix.inventory.yaml import Document, parse
from gpumix.reading import read_text

_WORDS: Final = ("finding", "who", "reason")
_DAYS: Final = ("when", "until")
_NUMBERS: Final = ("per_month", "grows")
_KEYS: Final = (*_WORDS, *_DAYS, *_NUMBERS)
_FIX: Final = "docs/audit.md says what a dismissal holds"


def read_dismissals(path: Path) -> tuple[Dismissal, ...]:
    """The dismissals of a file; none where there is no file.

    Raises: InputError with every problem of the file.
    """
    if not path.exists():
        return ()
    document = parse(read_text(path, _FIX), str(path))
    listed = document.data.get("dismissed") if isinstance(document.data, dict) else None
    if not isinstance(listed, list) or set(document.data) != {"dismissed"}:
        raise InputError(Problem(str(path), "is not a list under the key `dismissed`", _FIX))
    problems = [p for i, one in enumerate(listed) for p in _problems(one, i, document)]
    problems += _twice(listed, document)
    if problems:
        raise InputError(problems)
    return tuple(_dismissal(one) for one in listed)


def _dismissal(one: Mapping[str, Any]) -> Dismissal:
    return Dismissal(
        finding=one["finding"],
        who=one["who"],
        reason=one["reason"],
        when=date.fromisoformat(one["when"]),
        until=date.fromisoformat(one["until"]),
        per_month=float(one["per_month"]),
        grows=float(one["grows"]),
    )


def _problems(one: Any, index: int, document: Document) -> Iterator[Problem]:
    def problem(name: str, message: str, fix: str | Hint = "") -> Problem:
        path = ("dismissed", index, name) if name else ("dismissed", index)
        return Problem(f"{document.name}: {document.place(path)}", message, fix)

    if not isinstance(one, dict):
        yield problem("", f"is not made of keys with values: {shown(one)}", _FIX)
        return
    for name in one:
        if name not in _KEYS:
            yield problem(name, "unknown key", Hint(name, _KEYS))
    for name in _KEYS:
        value = one.get(name)
        if value is None:
            yield problem(name, "is missing", _FIX)
        elif name in _WORDS and not (isinstance(value, str) and value.strip()):
            yield problem(name, f"expected text, got {shown(value)}")
        elif name in _DAYS and not _is_day(value):
            yield problem(name, f"expected a day, got {shown(value)}", "2027-01-31")
        elif name in _NUMBERS and not _is_amount(value):
            yield problem(name, f"expected a number of at least 0, got {shown(value)}")


def _twice(listed: list[Any], document: Document) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, one in enumerate(listed):
        name = one.get("finding") if isinstance(one, dict) else None
        if not isinstance(name, str):
            continue
        if name in seen:
            place = document.place(("dismissed", index, "finding"))
            what = f"{shortened(name)} is dismissed twice"
            yield Problem(f"{document.name}: {place}", what, "keep one of them")
        seen.add(name)


def _is_day(value: Any) -> bool:
    try:
        date.fromisoformat(value)
    except (TypeError, ValueError):
        return False
    return True


def _is_amount(value: Any) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and math.isfinite(value) and value >= 0
