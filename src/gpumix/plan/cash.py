"""Cash of the calendar years of a plan, and the limits that an inventory puts on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.cost.case.streams import Stream, cash_by_year
from gpumix.domain.workload import Inventory
from gpumix.plan.periods import Period, months_of
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

TOLERANCE_USD = 0.01
"""By how much the cash of a year may exceed its limit: rounding of sums, nothing else."""


@dataclass(frozen=True, slots=True)
class Calendar:
    """The years of the calendar in which a plan runs: its first, the month of that in which it
    starts (0 = January), and its length [months]."""

    first: int
    first_month: int
    months: int

    @classmethod
    def of(cls, inventory: Inventory) -> Calendar:
        """That of an inventory."""
        start = inventory.start
        return cls(start.year, start.month - 1, months_of(inventory))

    @property
    def years(self) -> tuple[int, ...]:
        """Its years."""
        last = (self.first_month + self.months - 1) // int(MONTHS_PER_YEAR)
        return tuple(range(self.first, self.first + last + 1))

    def cash(self, streams: Sequence[Stream]) -> dict[int, float]:
        """Cash of each year [USD]; what is owed past the horizon, in the last."""
        usd = cash_by_year(streams, self.months, self.first_month)
        return dict(zip(self.years, usd.tolist(), strict=True))

    def months_in(self, year: int, start: int, until: int) -> int:
        """How many of the plan's months from `start` until before `until` lie in a year."""
        begins = (year - self.first) * int(MONTHS_PER_YEAR) - self.first_month
        return max(min(until, begins + int(MONTHS_PER_YEAR)) - max(start, begins), 0)

    def share_of(self, year: int, period: Period) -> float:
        """The share of a period that lies in a year (0-1)."""
        return self.months_in(year, period.start, period.end) / period.months


def limited_years(inventory: Inventory) -> tuple[int, ...]:
    """The years whose cash is limited, the first first."""
    return tuple(year for year, _ in inventory.limits.cash)


def in_limited_years(inventory: Inventory, streams: Sequence[Stream]) -> FloatArray:
    """Cash of some payments in each year whose cash is limited [USD]."""
    if not inventory.limits.cash:
        return np.zeros(0)
    by_year = Calendar.of(inventory).cash(streams)
    return np.array([by_year[year] for year in limited_years(inventory)])


def over_limit_usd(inventory: Inventory, streams: Sequence[Stream]) -> Mapping[int, float]:
    """By how much payments exceed the limit of each year in which they do [USD]."""
    paid = in_limited_years(inventory, streams)
    return {
        year: float(usd - most)
        for (year, most), usd in zip(inventory.limits.cash, paid, strict=True)
        if usd > most + TOLERANCE_USD
    }
