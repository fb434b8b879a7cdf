"""What is known of every constant of coefficients.json: meaning, prior, fit, rows that moved it.

Meanings are in constant_words.csv; the record of the fit, constants.csv and constants_moved.csv,
is written by tools/fit_record.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from gpumix.catalog.evidence import load_coefficients
from gpumix.catalog.tables import packaged
from gpumix.domain.explanation import Constant, MovedBy
from gpumix.errors import DataError
from gpumix.files import read_rows
from gpumix.perf.interval import interval

SECTIONS = ("inference", "training", "media", "power")
FROM_OTHER_TABLES = {"inference": ("memory",), "training": ("memory", "optimizer")}
"""Tables that coefficients.json does not hold: memory_terms.csv."""

EVERY_NAME = "*"
"""Of a table whose constants all have one meaning."""

Path4 = tuple[str, str, str, str]


@cache
def load_constants(folder: Path | None = None) -> Mapping[Path4, Constant]:
    """Every constant by section, table, key and name.

    Raises: DataError where one has no meaning.
    """
    words = {
        (row["section"], row["table"], row["name"]): row
        for row in read_rows(packaged("constant_words.csv", folder))
    }
    record = {_path(row): row for row in read_rows(packaged("constants.csv", folder))}
    moved: dict[Path4, list[MovedBy]] = {}
    for row in read_rows(packaged("constants_moved.csv", folder)):
        moved.setdefault(_path(row), []).append(
            MovedBy(
                row["kind"], row["group"], int(row["rows"]), float(row["share"]),
                float(row["without"]),
            )
        )  # fmt: skip
    coefficients = load_coefficients(folder)
    found: dict[Path4, Constant] = {}
    for section in SECTIONS:
        for table, keys in getattr(coefficients, section).items():
            if table in FROM_OTHER_TABLES.get(section, ()):
                continue
            for key, names in keys.items():
                for name, value in names.items():
                    path = section, table, key, name
                    said = words.get((section, table, name)) or words.get(
                        (section, table, EVERY_NAME)
                    )
                    if said is None:
                        raise DataError(f"constant_words.csv: {'.'.join(path)} has no meaning")
                    told = record.get(path, {})
                    found[path] = _constant(path, value, said, told, moved.get(path, []))
    return found


def _path(row: Mapping[str, str]) -> Path4:
    return row["section"], row["table"], row["key"], row["name"]


def _constant(
    path: Path4,
    value: float,
    words: Mapping[str, str],
    record: Mapping[str, str],
    moved: list[MovedBy],
) -> Constant:
    prior = _number(record, "prior")
    return Constant(
        ".".join(path), words["unit"], words["meaning"], record.get("basis") or "set",
        prior, *_ends(prior, _number(record, "prior_sigma")),
        value, *_ends(value, _number(record, "sigma")),
        int(record["rows"]) if record.get("rows") else None, _number(record, "bound"),
        record.get("source") or words["source"], tuple(moved),
    )  # fmt: skip


def _number(row: Mapping[str, str], name: str) -> float | None:
    return float(row[name]) if row.get(name) else None


def _ends(value: float | None, sigma: float | None) -> tuple[float | None, float | None]:
    """Ends of the 80 % interval, where there is one."""
    if value is None or sigma is None:
        return None, None
    low, high = interval(value, sigma)
    return float(low), float(high)
