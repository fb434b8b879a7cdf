"""What a server of one's own is worth over time, as entries of the ledger."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from gpumix.cost.ledger import level_cost_per_year
from gpumix.domain.evidence import Basis
from gpumix.domain.ledger import Entry
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import Value, choose

SALE, GIVEN_UP = "sale", "resale given up"
"""What the sale of a server that stands brings, and what it would have fetched at the end."""


def residual_share(years: Value, after_36_months: float, after_60_months: float) -> Value:
    """Resale value after n years as a share of the price.

    Straight from 1 when new through the values at 36 and 60 months, on along the last line to 0.

    Args:
        years: age n [years].
        after_36_months: share at 36 months [1].
        after_60_months: share at 60 months, at most that at 36 [1].

    Source: rows residual_value_36m and residual_value_60m of data/tco_defaults.csv.

    >>> round(residual_share(4.0, 0.275, 0.1), 4)
    0.1875
    """
    early = 1.0 - (1.0 - after_36_months) / 3.0 * years
    late = after_36_months - (after_36_months - after_60_months) / 2.0 * (years - 3.0)
    share: Value = choose(np.asarray(years) < 3.0, early, np.maximum(late, 0.0))
    return share


@dataclass(frozen=True, slots=True)
class Hardware:
    """One server: what it costs to buy [USD], and what it fetches when it is sold.

    `paid` is the cash at its purchase: category, item and USD of each part. `refund_usd` of its
    taxes come back after `refund_lag_months`. `new_usd` is the price that resale is a share of,
    `shares` that share after 36 and 60 months [0-1]. `age_months` is its age when the plan starts;
    `sell_usd` what somebody offers for it then, in place of the share. `rate_per_year` is the cost
    of capital.
    """

    new_usd: float
    rate_per_year: float
    shares: tuple[float, float]
    source: str
    basis: Basis
    as_of: date | None = None
    paid: tuple[tuple[str, str, float], ...] = ()
    refund_usd: float = 0.0
    refund_lag_months: float = 0.0
    age_months: float = 0.0
    sell_usd: float | None = None

    @property
    def paid_usd(self) -> float:
        """Cash at its purchase [USD]."""
        return math.fsum(usd for _, _, usd in self.paid)

    def resale_usd(self, months: float) -> float:
        """What it fetches so many months after the purchase, or the plan's start [USD].

        An offer stated for the start falls as the share does.
        """
        share = self._share(self.age_months + months)
        if self.sell_usd is None:
            return self.new_usd * share
        now = self._share(self.age_months)
        return self.sell_usd * (share / now if now else float(months == 0.0))

    def _share(self, months: float) -> float:
        return float(residual_share(months / MONTHS_PER_YEAR, *self.shares))

    def bought(self, option: str, start: int, end: int) -> tuple[Entry, ...]:
        """Entries of a purchase that arrives in a month and is sold before another [months]."""
        paid = [self._entry(option, start, *part) for part in self.paid]
        back = start + self.refund_lag_months
        paid.append(self._entry(option, back, "tax refund", "advance taxes back", -self.refund_usd))
        return (*(e for e in paid if e.amount), self._residual(option, end, end - start))

    def sale(self, option: str, month: int, end: int) -> tuple[Entry, ...]:
        """Entries of a sale of what stands at the start of a month, against keeping it to the
        `end` [months]: what it would still fetch then is given up."""
        sold = self._entry(option, month, "residual", SALE, -self.resale_usd(month))
        lost = self._entry(option, end, "residual", GIVEN_UP, self.resale_usd(end))
        return tuple(e for e in (sold, replace(lost, closes=True)) if e.amount)

    def _residual(self, option: str, month: int, held_months: float) -> Entry:
        usd = -self.resale_usd(held_months)
        return replace(self._entry(option, month, "residual", "resale", usd), closes=True)

    def _entry(self, option: str, month: float, category: str, item: str, usd: float) -> Entry:
        return Entry(
            month=month,
            option=option,
            category=category,
            item=item,
            quantity=1.0,
            unit="server",
            price=usd,
            source=self.source,
            basis=self.basis,
            as_of=self.as_of,
        )

    def capital_usd(self, entries: tuple[Entry, ...], start: int, end: int) -> float:
        """What capital tied up between two months costs: its level cost for every year of that."""
        years = (end - start) / MONTHS_PER_YEAR
        if years <= 0.0:
            return 0.0
        stay = [replace(entry, month=entry.month - start) for entry in entries]
        return years * level_cost_per_year(stay, self.rate_per_year, years, payments_per_year=1)
