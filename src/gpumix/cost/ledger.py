"""The ledger: every amount is a dated entry, and every total is made of entries."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from gpumix.cost.finance import annuity_factor, discount_factor
from gpumix.domain.evidence import Basis
from gpumix.units import MONTHS_PER_YEAR


@dataclass(frozen=True, slots=True)
class Entry:
    """One amount of an option: what is paid, when, and where its price comes from.

    `month` months after the start; paid at the end of that month where it `closes` it (what
    recurs, a resale), else on the day after: of month 12 the first falls in the first year, the
    second in the second. `amount` is positive where it is paid and negative where it is received,
    in the currency of the answer; `price` is in its own `currency`, `rate` what one of it is worth
    in that of the answer.
    """

    month: float
    option: str
    category: str
    item: str
    quantity: float
    unit: str
    price: float
    source: str
    basis: Basis
    as_of: date | None = None
    currency: str = "USD"
    rate: float = 1.0
    closes: bool = False

    @property
    def amount(self) -> float:
        """Quantity x price x rate [currency of the answer]."""
        return self.quantity * self.price * self.rate


def cash(entries: Iterable[Entry]) -> float:
    """Sum of the amounts, whenever they are paid.

    Args:
        entries: of one option.

    Source: definition of cash.
    """
    return math.fsum(entry.amount for entry in entries)


def cash_by_year(entries: Iterable[Entry], years: int) -> tuple[float, ...]:
    """Amounts by year of the horizon; what is paid after it is in none.

    Args:
        entries: of one option.
        years: length of the horizon [years].

    Source: the calendar of the horizon; what is paid on its last day belongs to its last year.
    """
    by_year: list[list[float]] = [[] for _ in range(years)]
    for entry in entries:
        year = int(entry.month // MONTHS_PER_YEAR)
        if entry.closes and entry.month and entry.month % MONTHS_PER_YEAR == 0:
            year -= 1
        if 0 <= year < years:
            by_year[year].append(entry.amount)
    return tuple(math.fsum(amounts) for amounts in by_year)


def cash_after(entries: Iterable[Entry], months: float) -> float:
    """Amounts that are paid after the horizon: what a commitment still owes then.

    Args:
        entries: of one option.
        months: length of the horizon [months].

    Source: the calendar of the horizon, as `cash_by_year`.
    """
    return math.fsum(
        e.amount for e in entries if e.month > months or (e.month == months and not e.closes)
    )


def present_cost(entries: Iterable[Entry], rate_per_year: float) -> float:
    """Worth of all amounts at the start: sum of amount x (1 + r)^(-month / 12).

    Args:
        entries: of one option.
        rate_per_year: cost of capital r [1].

    Source: definition of present value.
    """
    return math.fsum(
        e.amount * float(discount_factor(rate_per_year, e.month / MONTHS_PER_YEAR)) for e in entries
    )


def level_cost_per_year(
    entries: Iterable[Entry], rate_per_year: float, years: float, payments_per_year: int = 12
) -> float:
    """Cost of a year if equal payments replace the entries: k P i / (1 - (1 + i)^(-k n)).

    P is the present cost, i = (1 + r)^(1/k) - 1. At r = 0 it is the sum / n.

    Args:
        entries: of one option.
        rate_per_year: cost of capital r [1].
        years: n over which it is spread [years].
        payments_per_year: k, each at the end of its part of the year.

    Source: PyPSA, `annuity`; Hamilton 2008, cost of power in large-scale data centers.
    """
    rate = (1.0 + rate_per_year) ** (1.0 / payments_per_year) - 1.0
    factor = float(annuity_factor(rate, payments_per_year * years))
    return payments_per_year * present_cost(entries, rate_per_year) * factor
