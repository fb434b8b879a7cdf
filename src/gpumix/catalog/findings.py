"""What the gate knows when it looks, and how it names what it finds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from gpumix.catalog.bands import Bands
from gpumix.catalog.validity import Ageing
from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import Offer
from gpumix.domain.price_check import Finding
from gpumix.errors import Problem

Placed = tuple[Offer, int]
"""An offer and the line it was read from."""


@dataclass(frozen=True, slots=True)
class Known:
    """What rows are compared with: GPUs by id, bands, offers of the other layers, how long prices
    are good, and the day. No price is of a day after `latest`."""

    gpus: Mapping[str, Gpu]
    bands: Bands
    offers: Sequence[Offer]
    ageing: Ageing
    today: date
    latest: date = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "latest", max((self.today, *(o.as_of for o in self.offers))))


def named(offer: Offer) -> str:
    """An offer as messages call it."""
    words = (offer.provider, offer.instance, offer.region, offer.gpu, kind(offer))
    return " ".join(word for word in words if word)


def kind(offer: Offer) -> str:
    """The purchase, and the length of a commitment that has no short name."""
    months = f" {offer.term_months} months" if offer.purchase.value == "reserved" else ""
    return f"{offer.purchase.value}{months}"


def problems_in(findings: Iterable[Finding], table: str) -> list[Problem]:
    """Findings as problems of a table's lines."""
    return [Problem(f"{table} line {one.line}", one.what, one.fix) for one in findings]
