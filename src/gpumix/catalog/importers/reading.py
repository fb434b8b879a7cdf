"""What a reader of one format hands on: quotes as the file writes them, and what is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from gpumix.catalog.importers.cells import Grid, read_grid
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Purchase
from gpumix.domain.price_import import CommitmentUse, ListDiscount, MoneyCredit, RefusedPrice

NO_GPU = "no GPU"
"""Reason of rows that rent no GPU: most rows of a general price list."""


@dataclass(frozen=True, slots=True)
class Quote:
    """One price, names and money as in the file; `settle` makes an offer of it.

    `price` is per hour of an instance, or of one GPU where `per_gpu`, in `currency`. `gpus` and
    `memory_gib` (of one GPU) are None where the file has none. `as_of` is the day the price was
    true, None where the file has no date; `since` is the day from which a list names it, which
    tells two rows of one list apart. `is_statistic` marks a median of a marketplace's offers.
    """

    place: str
    provider: str
    instance: str
    gpu: str
    gpus: float | None
    region: str
    purchase: Purchase
    price: float | None
    as_of: date | None
    currency: str = "USD"
    per_gpu: bool = False
    memory_gib: float | None = None
    term_months: int = 0
    upfront_share: float = 0.0
    since: date | None = None
    is_primary: bool = True
    is_statistic: bool = False
    basis: Basis = Basis.MEASURED
    note: str = ""


@dataclass(slots=True)
class Reading:
    """What one file holds, filled by its reader."""

    quotes: list[Quote] = field(default_factory=list)
    refused: list[RefusedPrice] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    discounts: list[ListDiscount] = field(default_factory=list)
    credits: list[MoneyCredit] = field(default_factory=list)
    commitments: list[CommitmentUse] = field(default_factory=list)

    def refuse(self, place: str, reason: str, what: str = "") -> None:
        """Note a row that gives no price."""
        self.refused.append(RefusedPrice(place, reason, what))


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: where it lies, its text, and the name that places give it."""

    path: Path
    text: str
    name: str


def committed(months: int) -> tuple[Purchase, int]:
    """The kind of purchase of a commitment of so long, and its length in months."""
    return Purchase.of_term(months), months


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A JSON or YAML value as an object; an empty one where it is something else."""
    return value if isinstance(value, Mapping) else {}


def as_text(value: Any) -> str:
    """A JSON or YAML value as text; empty where it is null."""
    return "" if value is None else str(value).strip()


def table_in(source: Source, columns: frozenset[str], reading: Reading) -> Grid:
    """The table of a file whose header names these columns; rows of another width are refused.

    Raises: InputError where it is no such table.
    """
    grid = read_grid(source.text, source.name, columns)
    for place in grid.ragged:
        reading.refuse(place, "row has another number of cells than the header")
    return grid
