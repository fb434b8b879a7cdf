"""Bills as AWS, Google Cloud and Azure export them of their own, told in the columns of FOCUS.

What becomes what stands in data/bill_columns.csv: a value is a column, a sum, difference or product
of columns, or a word after `=`; a row counts for lines of the type `when`, and not where the column
`unless` is filled; the last row that counts is taken. `Unused` of a commitment's fee is a line of
its own. All three clouds export FOCUS too, which is to be preferred.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from gpumix.catalog.tables import Row, read_packaged

KIND_OF_LINE: Final = {
    "aws": "line_item_line_item_type",
    "gcp": "cost_type",
    "azure": "chargeType",
}
"""The column that says what a line is."""
KNOWN_BY: Final = {
    "aws": ("line_item_usage_start_date", "line_item_unblended_cost"),
    "gcp": ("usage_start_time", "cost", "cost_type"),
    "azure": ("costInBillingCurrency", "chargeType", "date"),
}
"""Columns that no other export has."""
UNUSED: Final = "Unused"
_COSTS: Final = ("BilledCost", "EffectiveCost", "ListCost", UNUSED)
_DROP: Final = "drop"
_NEXT_DAY: Final = " + day"
_TERMS: Final = re.compile(r" ([-+*]) ")
_AMERICAN: Final = re.compile(r"(\d\d)/(\d\d)/(\d{4})$")


@dataclass(frozen=True, slots=True)
class _Rule:
    """A row of the table."""

    provider: str
    focus: str
    when: str
    unless: str
    value: str


@functools.cache
def _rules() -> tuple[_Rule, ...]:
    return read_packaged("bill_columns.csv", _rule)


def _rule(row: Row) -> _Rule:
    provider = row.choice("provider", tuple(KNOWN_BY))
    texts = (row.text("when"), row.text("unless"), row.required_text("value"))
    return _Rule(provider, row.required_text("focus"), *texts)


def provider_of(header: Sequence[str]) -> str | None:
    """Whose own export a table with these columns is; None where it is none.

    >>> provider_of(["cost", "cost_type", "usage_start_time"]), provider_of(["EffectiveCost"])
    ('gcp', None)
    """
    names = set(header)
    return next((one for one, needed in KNOWN_BY.items() if names.issuperset(needed)), None)


def focus_lines(provider: str, cells: Mapping[str, Any]) -> Iterator[dict[str, str | None]]:
    """A line of an export as lines of FOCUS: one, none (the other half of another line), or two
    where a commitment's fee holds what of it was not used.

    Raises: ValueError where the type of the line is unknown or a cost is no number.
    """
    kind = cells.get(KIND_OF_LINE[provider]) or ""
    mine = [one for one in _rules() if one.provider == provider and one.when in ("", kind)]
    found: dict[str, str | None] = {}
    for rule in sorted(mine, key=lambda one: one.when != ""):
        if not (rule.unless and cells.get(rule.unless)):
            found[rule.focus] = _value(rule, cells)
    if "ChargeCategory" not in found:
        raise ValueError(f"{KIND_OF_LINE[provider]} {str(kind)[:40]!r} is unknown")
    unused = found.pop(UNUSED, None)
    if found["ChargeCategory"] != _DROP:
        yield found
    if unused and Decimal(unused) != 0:
        status = {"ChargeCategory": "Usage", "CommitmentDiscountStatus": "Unused"}
        yield {**found, **status, "BilledCost": "0", "EffectiveCost": unused, "ResourceId": None}


def _value(rule: _Rule, cells: Mapping[str, Any]) -> str | None:
    if rule.value.startswith("="):
        return rule.value[1:]
    if rule.value.endswith(_NEXT_DAY):
        start = _moment(_text(_at(cells, rule.value.removesuffix(_NEXT_DAY))))
        return start and (datetime.fromisoformat(start) + timedelta(days=1)).isoformat()
    if rule.focus in _COSTS:
        return _number(rule.value, cells)
    text = _text(_at(cells, rule.value))
    return _moment(text) if rule.focus.startswith("ChargePeriod") else text


def _number(terms: str, cells: Mapping[str, Any]) -> str | None:
    """A sum, difference or product of columns; None where the first is empty."""
    first, *rest = _TERMS.split(terms)
    total = _decimal(_at(cells, first))
    if total is None:
        return None
    for sign, name in zip(rest[::2], rest[1::2], strict=True):
        term = _decimal(_at(cells, name))
        if sign == "*":
            if term is None:
                return None
            total *= term
        else:
            total += (term or Decimal(0)) * (1 if sign == "+" else -1)
    return str(total)


def _at(cells: Mapping[str, Any], path: str) -> Any:
    """The cell of a column, or the part of a nested one: `sku.id`, or `credits.amount` of each."""
    if path in cells:
        return cells[path]
    column, _, key = path.partition(".")
    nested = cells.get(column)
    if not key or nested is None:
        return None
    if isinstance(nested, str):
        try:
            nested = json.loads(nested)
        except ValueError:
            raise ValueError(f"{column} is no JSON") from None
    if isinstance(nested, list):
        return [one.get(key) for one in nested if isinstance(one, dict)]
    return nested.get(key) if isinstance(nested, dict) else None


def _decimal(cell: Any) -> Decimal | None:
    """A number, or the sum of a list of them. Raises: ValueError."""
    if isinstance(cell, list):
        return sum((_decimal(one) or Decimal(0) for one in cell), Decimal(0))
    if cell in (None, ""):
        return None
    try:
        return Decimal(str(cell))
    except InvalidOperation:
        raise ValueError(f"{str(cell)[:40]!r} is not a number") from None


def _text(cell: Any) -> str | None:
    if cell in (None, ""):
        return None
    if isinstance(cell, dict | list):
        return json.dumps(cell)
    return str(cell)


def _moment(text: str | None) -> str | None:
    """A time as FOCUS writes it; Azure writes days as 10/18/2026, Google a zone as ` UTC`."""
    if text is None:
        return None
    if match := _AMERICAN.match(text):
        text = f"{match[3]}-{match[1]}-{match[2]}"
    return text.removesuffix(" UTC")
