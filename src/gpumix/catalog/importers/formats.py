"""The formats that are read: how a file of each is known, and its reader."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

from gpumix.catalog.importers import (
    aws_index,
    aws_savings_plan,
    azure_retail,
    cyclenerd,
    ewyluda,
    focus_bill,
    gpuhunt,
    negotiated,
    page_capture,
    skypilot,
    toolshedlabs,
)
from gpumix.catalog.importers.cells import head_rows, is_header
from gpumix.catalog.importers.names import Names
from gpumix.catalog.importers.reading import Reading, Source, as_mapping
from gpumix.errors import InputError, Problem
from gpumix.reading import parse_json, read_text

AUTO: Final = "auto"
_OWN: Final = frozenset({"provider", "gpu", "gpus_per_instance"})
"""Columns of a price sheet of gpumix."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of price file. `columns` are those of its header, none where it is no table."""

    name: str
    what: str
    read: Callable[[Source, Names, date], Reading]
    columns: frozenset[str] = frozenset()
    has_dates: bool = True


def _plain(reader: Callable[[Source], Reading]) -> Callable[[Source, Names, date], Reading]:
    return lambda source, names, today: reader(source)


def _read_bill(source: Source, names: Names, today: date) -> Reading:
    return focus_bill.read(source, frozenset(name for _, name in names.machines))


FORMATS: Final = {
    one.name: one
    for one in (
        Format("skypilot", "a SkyPilot catalogue", _plain(skypilot.read), skypilot.COLUMNS, False),
        Format("gpuhunt", "a gpuhunt catalogue", _plain(gpuhunt.read), gpuhunt.COLUMNS, False),
        Format("azure-retail", "a page of the Azure Retail Prices API", _plain(azure_retail.read)),
        Format(
            "aws-savings-plan",
            "an AWS savings plan list",
            _plain(aws_savings_plan.read),
            aws_savings_plan.COLUMNS,
        ),
        Format("aws-index", "an AWS EC2 price list", _plain(aws_index.read), aws_index.COLUMNS),
        Format("focus", "a FOCUS bill", _read_bill, focus_bill.COLUMNS),
        Format("ewyluda", "observations of gpu-price-index", _plain(ewyluda.read), ewyluda.COLUMNS),
        Format("toolshedlabs", "the feed of gpu-price-feed", _plain(toolshedlabs.read)),
        Format(
            "cyclenerd",
            "pricing.yml of Cyclenerd's calculator",
            lambda source, names, today: cyclenerd.read(source, names),
        ),
        Format("page", "a captured price page", _plain(page_capture.read)),
        Format(
            "negotiated",
            "a quotation sheet",
            lambda source, names, today: negotiated.read(source, today),
        ),
    )
}
"""By name, in the order in which a file is tried."""


def detect(text: str, name: str) -> str:
    """The name of the format that a text is in. Raises: InputError where it is none of them."""
    head = text.lstrip()
    if not head:
        raise InputError(Problem(name, "is empty"))
    found = _json_format(text, name) if head[0] in "{[" else _table_format(text, name)
    if found:
        return found
    if "compute:" in text and "cost:" in text:
        return "cyclenerd"
    known = ", ".join(FORMATS)
    raise InputError(Problem(name, "is in no known price format", f"known: {known}"))


def _json_format(text: str, name: str) -> str:
    try:
        value: Any = parse_json(text, name)
    except InputError:
        first = as_mapping(parse_json(text.lstrip().splitlines()[0], f"{name} line 1"))
        return "toolshedlabs" if "cheapest" in first else ""
    if isinstance(value, list):
        value = {"Items": value} if value and "retailPrice" in as_mapping(value[0]) else {}
    kinds = {"Items": "azure-retail", "rows": "page", "cheapest": "toolshedlabs"}
    return next((kind for key, kind in kinds.items() if key in as_mapping(value)), "")


def _table_format(text: str, name: str) -> str:
    rows = head_rows(text, name)
    for one in FORMATS.values():
        if one.columns and any(is_header(row, one.columns) for row in rows):
            return one.name
    if any(is_header(row, _OWN) for row in rows[:1]):
        raise InputError(
            Problem(name, "is a price sheet of gpumix already", "use it as it is (`prices:`)")
        )
    return "negotiated" if any(negotiated.is_quotation(row) for row in rows) else ""


def foreign_format_hint(path: Path) -> Problem | None:
    """What a file is that was given as a price sheet, and the command that imports it; None where
    it is in no other tool's format, or cannot be read."""
    try:
        found = FORMATS[detect(read_text(path), path.name)]
    except InputError:
        return None
    dated = "" if found.has_dates else " --as-of YYYY-MM-DD"
    command = f"gpumix prices import {path} --format {found.name}{dated} --out prices.csv"
    return Problem(
        str(path),
        f"is {found.what}, not a price sheet of gpumix",
        f"import it: `{command}`" + ("" if found.has_dates else ", with the day of the prices"),
    )


def read_files(
    paths: Sequence[Path], format_name: str, names: Names, today: date
) -> list[tuple[Source, Format, Reading]]:
    """Each file with its format and what it holds. Raises: InputError with every file's problem."""
    found: list[tuple[Source, Format, Reading]] = []
    problems: list[Problem] = []
    alike = len({path.name for path in paths}) < len(paths)
    for path in paths:
        label = Path(str(path)) if alike else Path(path.name)
        try:
            text = read_text(path, "name a file", "name the file to import")
            kind = FORMATS[detect(text, str(label)) if format_name == AUTO else format_name]
            source = Source(path, text, str(label))
            found.append((source, kind, kind.read(source, names, today)))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found
