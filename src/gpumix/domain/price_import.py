"""What a foreign price file gave: the offers kept, what became of its other rows, what to know."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gpumix.domain.offer import Offer


@dataclass(frozen=True, slots=True)
class RefusedPrice:
    """A row that gave no offer. `reason` is the same for all rows of a kind, `what` is this row."""

    place: str
    reason: str
    what: str


@dataclass(frozen=True, slots=True)
class SupersededPrice:
    """A price that another row of the same machine, place and kind replaced, and that row."""

    place: str
    offer: Offer
    by: str
    why: str


@dataclass(frozen=True, slots=True)
class ListDiscount:
    """A discount on list prices: no rate by itself. `share` is off the list price [0-1]."""

    place: str
    provider: str
    instance: str
    gpu: str
    region: str
    share: float
    text: str
    until: date | None


@dataclass(frozen=True, slots=True)
class MoneyCredit:
    """Money given once; `amount` is negative, in `currency`."""

    place: str
    provider: str
    amount: float
    currency: str
    what: str
    until: date | None


@dataclass(frozen=True, slots=True)
class CommitmentUse:
    """How much of a commitment a bill used [USD of effective cost]; utilisation [0-1]."""

    commitment: str
    provider: str
    used_usd: float
    unused_usd: float
    utilisation: float


@dataclass(frozen=True, slots=True)
class MedianMove:
    """Median price of a GPU over providers [USD per GPU-hour], before and after an import."""

    gpu: str
    purchase: str
    rows: int
    before: float | None
    after: float


@dataclass(frozen=True, slots=True)
class FileRead:
    """One file of an import: its format, and how many of its rows went where."""

    name: str
    format: str
    rows: int
    kept: int
    superseded: int
    refused: int


@dataclass(frozen=True, slots=True)
class ImportedPrices:
    """Everything that `gpumix prices import` found in its files, and the sheet it wrote."""

    sheet: str
    sheet_rows: int
    files: tuple[FileRead, ...]
    offers: tuple[Offer, ...]
    superseded: tuple[SupersededPrice, ...]
    refused: tuple[RefusedPrice, ...]
    warnings: tuple[str, ...]
    discounts: tuple[ListDiscount, ...]
    credits: tuple[MoneyCredit, ...]
    commitments: tuple[CommitmentUse, ...]
    medians: tuple[MedianMove, ...]


@dataclass(frozen=True, slots=True)
class AskedSource:
    """A public source that was asked: offers it gave, or why none, and the newest day of its
    prices that the sheet holds."""

    name: str
    offers: int
    last_good: date | None
    failure: str


@dataclass(frozen=True, slots=True)
class RefreshedPrices:
    """What `gpumix prices refresh` found, source by source, and the import it made of it."""

    sources: tuple[AskedSource, ...]
    found: ImportedPrices
