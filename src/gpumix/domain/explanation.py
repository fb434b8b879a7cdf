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
    """A name that can be explained: a `quantity`, a `formula` or a fitted `constant` and what it is
    in one line; or a `GPU`, `model`, `provider`, `country`, whose name says it."""

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


@dataclass(frozen=True, slots=True)
class MovedBy:
    """Rows that moved a fitted constant: of one source, GPU, engine or stack (`kind`, `group`).

    `rows` of them hang on the constant directly; `share` is theirs of all that groups of this kind
    move it; `without` is its value if they were left out, by one step from the slopes of the fit.
    """

    kind: str
    group: str
    rows: int
    share: float
    without: float


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of coefficients.json: `path` is section.table.key.name.

    `basis` is `fitted`, `derived` (from fitted ones, as `source` says) or `set` (not fitted).
    Prior and value stand with their 80 % intervals where these are known; `bound` is the physical
    bound at which the value stands; `source` is the prior's, or the value's where none is fitted.
    """

    path: str
    unit: str
    meaning: str
    basis: str
    prior: float | None
    prior_low: float | None
    prior_high: float | None
    value: float
    low: float | None
    high: float | None
    rows: int | None
    bound: float | None
    source: str
    moved: tuple[MovedBy, ...]
