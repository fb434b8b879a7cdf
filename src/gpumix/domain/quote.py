"""What a team was told: quotations for hardware, and exchange rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from gpumix.domain.case import Exchange, Jump

INCLUDES: Final = ("network", "storage", "support", "tax", "installation")
"""What a quotation's price may hold besides the server, so that it is not added again."""

HARDWARE_DAYS: Final = 365
"""Days for which a price of hardware is good, where its quotation states no last day."""


@dataclass(frozen=True, slots=True)
class StatedRate:
    """Units of a currency for a dollar on a day, as the team states them, and how they go on after
    the plan's start."""

    currency: str
    per_usd: float
    as_of: date
    drift_per_year: float = 0.0
    jumps: tuple[Jump, ...] = ()

    @property
    def path(self) -> Exchange | None:
        """Units for a dollar in each month of a plan; None where they stay the same."""
        if not self.drift_per_year and not self.jumps:
            return None
        return Exchange(now=self.per_usd, drift_per_year=self.drift_per_year, jumps=self.jumps)


@dataclass(frozen=True, slots=True)
class Quote:
    """A dated offer of somebody to sell GPUs in servers.

    `price` of all `gpus` in its own `currency`, `usd` the same in dollars. `tax` names the customs
    line of the site that is laid on it; empty = that of servers. It holds until the end of
    `valid_until`, None = not stated.
    """

    item: str
    gpu: str
    gpus: int
    price: float
    currency: str
    usd: float
    tax: str
    includes: tuple[str, ...]
    as_of: date
    valid_until: date | None

    def usd_for(self, gpus: int) -> float:
        """Price of that many of its GPUs, in proportion [USD]."""
        return self.usd * gpus / self.gpus

    @property
    def words(self) -> str:
        """The quotation in words: what it is for, its price as written, what it includes."""
        until = f", valid until {self.valid_until}" if self.valid_until else ""
        holds = f", includes {', '.join(self.includes)}" if self.includes else ""
        price = f"{self.price:,.10g} {self.currency} for {self.gpus}"
        return f"quotation {self.item}, {price}{until}{holds}"
