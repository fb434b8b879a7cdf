"""What a server of one's own is worth over time, as entries of the ledger."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from gpumix.cost.case.streams import present_cost_of, stream_of
from gpumix.cost.finance import level_cost_per_year
from gpumix.domain.case import Residual
from gpumix.domain.evidence import Basis
from gpumix.domain.ledger import Entry
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

SALE, RESALE_OF_KEPT = "sale", "resale of what stood before"
"""What the sale of a server that stands brings, during the plan or at its end."""


def residual_share(residual: Residual, age_months: FloatArray) -> FloatArray:
    """What is left of a price by age [months]: a share, straight between stated ages (1 when new,
    on along the last line to 0), (1 - d)^years, or 10^(-d x years).

    Args:
        residual: the rule.
        age_months: ages [months].

    Source: alpha-one-index (36 and 60 months, rows residual_value_* of data/tco_defaults.csv);
    Epoch AI (0.14 orders of magnitude a year).

    >>> at_36_and_60 = Residual(after_months={36: 0.275, 60: 0.1})
    >>> residual_share(at_36_and_60, np.array([48.0])).round(4).tolist()
    [0.1875]
    """
    years = age_months / MONTHS_PER_YEAR
    if residual.after_months is not None:
        ages = (0.0, *(float(a) for a in sorted(residual.after_months)))
        shares = (1.0, *(residual.after_months[a] for a in sorted(residual.after_months)))
        if len(ages) > 1:
            slope = (shares[-1] - shares[-2]) / (ages[-1] - ages[-2])
            beyond = np.maximum(shares[-1] + slope * (age_months - ages[-1]), 0.0)
            inside = np.interp(age_months, ages, shares)
            return np.where(age_months > ages[-1], beyond, inside)
    if residual.decline_per_year is not None:
        return np.asarray((1.0 - residual.decline_per_year) ** years)
    if residual.ooms_per_year is not None:
        return np.asarray(10.0 ** (-residual.ooms_per_year * years))
    return np.full_like(age_months, residual.share or 0.0)


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
        after_36, after_60 = self.shares
        rule = Residual(after_months={36: after_36, 60: after_60})
        return float(residual_share(rule, np.array([months]))[0])

    def bought(self, option: str, start: int, end: int) -> tuple[Entry, ...]:
        """Entries of a purchase that arrives in a month and is sold before another [months]."""
        paid = [self._entry(option, start, *part) for part in self.paid]
        back = start + self.refund_lag_months
        paid.append(self._entry(option, back, "tax refund", "advance taxes back", -self.refund_usd))
        return (*(e for e in paid if e.amount), self._residual(option, end, end - start))

    def sale(self, option: str, month: int) -> tuple[Entry, ...]:
        """The sale of what stands at the start of a month."""
        sold = self._entry(option, month, "residual", SALE, -self.resale_usd(month))
        return (sold,) if sold.amount else ()

    def kept(self, option: str, end: int) -> tuple[Entry, ...]:
        """What stands and is kept is sold as the plan ends [months], like what it buys."""
        kept = replace(self._residual(option, end, end), item=RESALE_OF_KEPT)
        return (kept,) if kept.amount else ()

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
        present = present_cost_of([stream_of(entry) for entry in stay], self.rate_per_year)
        return years * level_cost_per_year(present, self.rate_per_year, years, payments_per_year=1)
