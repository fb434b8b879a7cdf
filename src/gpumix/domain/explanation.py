"""What `gpumix explain` says of a printed quantity."""

from __future__ import annotations

from dataclasses import dataclass

from gpumix.domain.plan import Placement


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

    `shown_in` is the unit it prints in, `related` are names to look at next.
    """

    name: str
    label: str
    unit: str
    shown_in: str
    definition: str
    example: str
    formula: Formula | None
    related: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A name that can be explained: a `quantity` or a `formula` and what it is in one line; or a
    `GPU`, `model`, `provider`, `country`, whose name says it."""

    name: str
    kind: str
    summary: str


@dataclass(frozen=True, slots=True)
class PlacementExplanation:
    """Why one placement of a plan is as fast as it is; `formula` computes its speed."""

    workload: str
    model: str
    placement: Placement
    formula: Formula | None
