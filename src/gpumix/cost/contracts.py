"""What contracts with a cloud do to its bill: discounts that end, support, taxes, credits, data."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from datetime import date, timedelta

from gpumix.units import KILO, MONTHS_PER_YEAR
from gpumix.values import Value


def months_until(start: date, last_day: date, horizon_months: float) -> float:
    """Months of a horizon up to the end of a day, the last month by its days.

    Args:
        start: first day of the horizon.
        last_day: the day, which still counts.
        horizon_months: length of the horizon [months]; the result lies between 0 and this.

    Source: the calendar; every month of a plan is as long as any other.

    >>> months_until(date(2027, 1, 1), date(2027, 6, 30), 24.0)
    6.0
    >>> months_until(date(2027, 1, 1), date(2027, 6, 15), 24.0)
    5.5
    """
    end = last_day + timedelta(days=1) if last_day < date.max else last_day
    whole = (end.year - start.year) * MONTHS_PER_YEAR + end.month - start.month
    part = (end.day - start.day) / calendar.monthrange(end.year, end.month)[1]
    return min(max(whole + part, 0.0), horizon_months)


def lasting_discount(discount: Value, months: Value, horizon_months: Value) -> Value:
    """Mean discount over a horizon of one that ends within it: d m / N.

    The mean of m months at p (1 - d) and N - m months at p is p (1 - d m / N).

    Args:
        discount: share d off the price, 0-1 [1].
        months: months m of the horizon in which it holds [months].
        horizon_months: length N of the horizon [months].

    Source: mean price over months of equal use.

    >>> round(lasting_discount(0.2, 6.0, 24.0), 6)
    0.05
    """
    return discount * months / horizon_months


def billed_usd(usd: Value, discount: Value, support_share: Value, tax_share: Value) -> Value:
    """What a list price comes to on the bill: p (1 - d) (1 + s) (1 + t).

    Args:
        usd: list price p [USD].
        discount: share d off it, 0-1 [1].
        support_share: support s as a share of what is left [1].
        tax_share: taxes t on the bill that do not come back [1].

    Source: order of a cloud bill: usage net of discounts, support on it, taxes on both.

    >>> round(billed_usd(100.0, 0.1, 0.03, 0.15), 3)
    106.605
    """
    return usd * (1.0 - discount) * (1.0 + support_share) * (1.0 + tax_share)


def data_usd_per_month(tb: Value, usd_per_gb: Value) -> Value:
    """A month's cost of data sent out or kept: TB x 1000 x price of a GB.

    Args:
        tb: data sent out in a month, or kept during it [TB].
        usd_per_gb: price of a GB sent, or of a GB kept for a month [USD].

    Source: how providers bill egress and storage, decimal GB.

    >>> data_usd_per_month(40.0, 0.09)
    3600.0
    """
    return tb * KILO * usd_per_gb


def credited_by_year(
    rent_usd: Sequence[float], credit_usd: float, months: float
) -> tuple[float, ...]:
    """What a credit pays of the rent of each year: all of it, year after year, while it lasts.

    Of the year in which it ends only the months before count.

    Args:
        rent_usd: rent of each year of the horizon that no other credit pays [USD].
        credit_usd: the credit [USD].
        months: months of the horizon until it ends [months].

    Source: a credit is drawn by each bill in full until it is spent or ends.

    >>> credited_by_year([12_000.0, 12_000.0], 15_000.0, 24.0)
    (12000.0, 3000.0)
    >>> credited_by_year([12_000.0, 12_000.0], 15_000.0, 6.0)
    (6000.0, 0.0)
    """
    left, paid = credit_usd, []
    for year, rent in enumerate(rent_usd):
        share = min(max(months / MONTHS_PER_YEAR - year, 0.0), 1.0)
        paid.append(min(left, max(rent, 0.0) * share))
        left -= paid[-1]
    return tuple(paid)
