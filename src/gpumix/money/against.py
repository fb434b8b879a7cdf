"""The plan against one alternative: what it saves, and when it has paid for itself."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gpumix.cost.case.returns import discounted, payback_months, rate_of_return
from gpumix.cost.case.streams import cash_by_month, present_cost_of
from gpumix.domain.case import MOST_MONTHS
from gpumix.domain.ledger import Entry
from gpumix.domain.money import MoneyAgainst
from gpumix.domain.tco import Spread
from gpumix.money.held import Option, streams_of
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

_ONCE = frozenset({"hardware", "network", "storage", "spares", "installation", "tax", "tax refund"})
"""Categories that do not recur by themselves, unless they close a month."""


def against(
    plan: Option, other: Option, npv: Spread, months: int, rate_per_year: float
) -> MoneyAgainst:
    """What the plan saves against an alternative.

    Args:
        plan: the plan.
        other: the alternative.
        npv: where the NPV lies over the draws [USD].
        months: length of the horizon.
        rate_per_year: cost of capital [1].

    Source: definitions of NPV, rate of return and payback; docs/tco-case.md.
    """
    ours, theirs = streams_of(plan.entries), streams_of(other.entries)
    saved = cash_by_month(theirs, months) - cash_by_month(ours, months)
    end = max(MOST_MONTHS, months)
    more = running_on(plan.entries, months, end) - running_on(other.entries, months, end)
    dates = np.arange(end + 1.0)
    return MoneyAgainst(
        name=other.name,
        saved_cash_usd=math.fsum(s.total for s in theirs) - math.fsum(s.total for s in ours),
        npv_usd=present_cost_of(theirs, rate_per_year) - present_cost_of(ours, rate_per_year),
        npv=npv,
        irr=rate_of_return(saved, None, MONTHS_PER_YEAR),
        payback_months=payback_months(dates, np.cumsum(more)),
        discounted_payback_months=payback_months(dates, np.cumsum(discounted(more, rate_per_year))),
        breaks=other.breaks,
    )


def running_on(entries: Sequence[Entry], months: int, end: int) -> FloatArray:
    """Cash at the start and the end of each month [end + 1] where nothing is resold and what recurs
    in the last year goes on as it is [USD].

    Args:
        entries: of an option.
        months: length of the horizon, whole years.
        end: last month.

    Source: docs/tco-case.md, "Figures" (payback).
    """
    kept = [entry for entry in entries if entry.category != "residual"]
    once = [entry for entry in kept if not _recurs(entry)]
    bills = [entry for entry in kept if _recurs(entry) and entry.month <= months]
    cash: FloatArray = cash_by_month(streams_of(bills), months)
    later = np.resize(_last_year([b for b in bills if b.closes], months), end - months)
    on = np.concatenate([cash, later])
    for name in dict.fromkeys(bill.option for bill in bills):
        opening = [bill for bill in bills if bill.option == name and not bill.closes]
        on[months:end] += np.resize(_terms(opening, months), end - months)
    out: FloatArray = on + cash_by_month(streams_of(once), end)
    return out


def _last_year(bills: Sequence[Entry], months: int) -> FloatArray:
    """What closes the months of the last year [12]."""
    return cash_by_month(streams_of(bills), months)[-int(MONTHS_PER_YEAR) :]


def _terms(bills: Sequence[Entry], months: int) -> FloatArray:
    """What an option pays on first days that comes again: of its last year, or of the whole horizon
    where its terms are longer and none begins in that."""
    whole: FloatArray = cash_by_month(streams_of(bills), months)[:-1]
    year = whole[-int(MONTHS_PER_YEAR) :]
    return year if year.any() else whole


def _recurs(entry: Entry) -> bool:
    """Whether a payment comes again each month, or with each term."""
    return entry.closes or entry.category not in _ONCE
