"""The ledger: every amount is a dated entry, and every total is made of entries."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gpumix.cost.finance import annuity_factor, discount_factor
from gpumix.domain.ledger import Entry
from gpumix.units import MONTHS_PER_YEAR


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
