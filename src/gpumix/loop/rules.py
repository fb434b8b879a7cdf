"""Thresholds of data/drift_rules.csv."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from gpumix.errors import InputError, Problem, unknown_name
from gpumix.files import read_columns

RULES: Final = Path(__file__).parents[1] / "data" / "drift_rules.csv"
_COLUMNS: Final = ("check", "name", "value")


@dataclass(frozen=True, slots=True)
class Rules:
    """Thresholds by check and name."""

    values: Mapping[tuple[str, str], float]

    def of(self, check: str, name: str) -> float:
        """A threshold."""
        return self.values[check, name]

    def days(self, name: str) -> int:
        """A threshold in days that holds for every check."""
        return int(self.values["all", name])


def read_rules(own: Path | None = None) -> Rules:
    """The packaged thresholds, with those of a file of the same columns over them.

    Raises: InputError for an unknown threshold, a missing column or a value that is no number.
    """
    values = _read(RULES)
    stated = _read(own) if own else {}
    unknown = [
        unknown_name(str(own), "rule", " ".join(key), [" ".join(k) for k in values])
        for key in stated
        if key not in values
    ]
    if unknown:
        raise InputError(unknown)
    return Rules(values | stated)


def _read(path: Path) -> dict[tuple[str, str], float]:
    columns = read_columns(path)
    if missing := [name for name in _COLUMNS if name not in columns]:
        told = ", ".join(missing)
        raise InputError(Problem(str(path), f"has no column {told}", f"as {RULES.name}"))
    found: dict[tuple[str, str], float] = {}
    problems = []
    for check, name, text in zip(*(columns[c] for c in _COLUMNS), strict=True):
        number = _number(text)
        if number is None:
            fix = "write a number above 0"
            problems.append(Problem(f"{path}: {check} {name}", f"is {text[:40]!r}", fix))
        else:
            found[check, name] = number
    if problems:
        raise InputError(problems)
    return found


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0.0 < value < float("inf") else None
