"""What a check of prices finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What one rule says of one row: its line, the rule's name, what is wrong and the fix."""

    line: int
    rule: str
    what: str
    fix: str


@dataclass(frozen=True, slots=True)
class PriceCheck:
    """The rows of a price table, how many may be used, and what was found in the others.

    A row is refused by one rule or several; a marked row is among the accepted ones.
    """

    name: str
    rows: int
    accepted: int
    refused: tuple[Finding, ...]
    marked: tuple[Finding, ...]
