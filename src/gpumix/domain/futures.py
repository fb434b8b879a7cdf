"""Other growth and other prices that a plan is tried in: rows of a table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Future:
    """A row of `scenarios.csv`: another growth, or another path of prices, and where it is from."""

    growth_factor: float
    price_change_per_year: float
    source: str
    as_of: date
    sourced: bool

    @property
    def is_own(self) -> bool:
        """Whether it is the inventory's own: its growth at prices that stay."""
        return self.growth_factor == 1.0 and not self.price_change_per_year
