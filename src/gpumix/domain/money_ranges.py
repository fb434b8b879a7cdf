"""By how much the figures behind a plan's money may be off: rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


class Acts(StrEnum):
    """What an uncertain figure does to an entry, or to the whole."""

    PRICE = "price"
    PATH = "path"
    CAPITAL = "capital"
    SPEED = "speed"
    GROWTH = "growth"


@dataclass(frozen=True, slots=True)
class MoneyRange:
    """A row of `money_ranges.csv`: by how much a kind of figure may be off, as factors of what the
    plan is computed with.

    It acts on entries whose category or item is one of `categories` (all where there are none), of
    lines paid for in one of the ways `purchases`; `each` names what has a figure of its own: every
    `provider`, every `currency`. A `path` is the factor of a year's change, taken once for each
    whole year. Of what has no ends of its own, such as the speed, these are None.
    """

    name: str
    acts: Acts
    categories: frozenset[str]
    purchases: frozenset[str]
    each: str
    unit: str
    low: float | None
    typical: float
    high: float | None
    least: float | None
    most: float | None
    source: str
    as_of: date
    sourced: bool
