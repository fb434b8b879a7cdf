"""What `gpumix explain` says of a printed quantity."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Formula:
    """A function that computes a quantity, as its own docstring tells it.

    `path` is dotted, `signature` as written in Python, `summary` the first line, `text` the
    rest without the source, `source` the paper, data sheet or table it stands on.
    """

    path: str
    signature: str
    summary: str
    text: str
    source: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A quantity with its unit, meaning and formula (None for inputs and choices).

    `shown_in` is the unit it prints in, `related` are names to look at next, `page` is where
    the documents tell more.
    """

    name: str
    label: str
    unit: str
    shown_in: str
    definition: str
    example: str
    formula: Formula | None
    related: tuple[str, ...]
    page: str
