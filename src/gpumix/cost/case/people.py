"""Staff and loans of an option."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from gpumix.cost.case.size import Size
from gpumix.cost.case.streams import Clock, Stream
from gpumix.cost.finance import annuity_factor
from gpumix.domain.case import STAFFED, Financing, Loan, Option
from gpumix.units import MONTHS_PER_YEAR


def posts(least: float, per_server: float, servers: float, *, whole: bool) -> float:
    """Posts that a site fills: max(least, per server x servers), rounded up where posts are whole.

    Args:
        least: posts of an open site, however few its servers [posts].
        per_server: posts that one server takes.
        servers: servers that stand there.
        whole: whether a post is charged whole.

    Source: docs/tco-case.md, "The file".

    >>> posts(0.5, 0.015, 100, whole=False), posts(0.5, 0.015, 100, whole=True)
    (1.5, 2.0)
    """
    needed = max(least, per_server * servers)
    return float(math.ceil(needed - 1e-9)) if whole else needed


def staff_of(option: Option, size: Size, clock: Clock) -> list[Stream]:
    """Salaries of the people who look after an option's servers; none for what is rented.

    Args:
        option: the option.
        size: its servers.
        clock: months of the ledger.

    Source: docs/tco-case.md, "The file".
    """
    staff = clock.case.site.staff
    if staff is None or option.kind not in STAFFED or not staff.salary:
        return []
    starts, ends = clock.periods()
    count = posts(staff.least, staff.per_server, size.servers, whole=staff.whole)
    quantity = count * (ends - starts) / MONTHS_PER_YEAR
    rate = clock.rates(staff.currency, ends)
    price = np.full_like(ends, staff.salary)
    return [
        Stream(
            category="staff",
            item="staff",
            months=ends,
            quantity=quantity,
            price=price,
            rate=rate,
            amounts=quantity * price * rate,
            closes=True,
            unit="post-year",
            currency=staff.currency or clock.case.finance.currency,
            source=staff.source,
            basis=staff.basis,
            as_of=staff.as_of,
        )
    ]


def level_payment(principal: float, rate: float, periods: float) -> float:
    """Equal payment at each period's end that pays a loan back: P i / (1 - (1 + i)^-n); P/n at 0.

    Args:
        principal: P.
        rate: interest i of a period [1].
        periods: n.

    Source: numpy-financial, `pmt`.

    >>> round(level_payment(200_000.0, 0.075 / 12, 180), 4)
    1854.0247
    """
    return principal * annuity_factor(rate, periods)


def periods_of(principal: float, rate: float, payment: float) -> float | None:
    """Payments that pay a loan back: -ln(1 - P i / A) / ln(1 + i); None where interest eats them.

    Args:
        principal: P.
        rate: interest i of a period [1].
        payment: A.

    Source: numpy-financial, `nper`.

    >>> round(periods_of(8_000.0, 0.07 / 12, 150.0), 5)
    64.07335
    """
    if rate == 0.0:
        return principal / payment
    if principal * rate >= payment:
        return None
    return -math.log1p(-principal * rate / payment) / math.log1p(rate)


def answered(loan: Loan) -> tuple[str, float | None]:
    """What a loan leaves open: `payment` or `periods`, and its value.

    Args:
        loan: its principal and rate, and one of the two.

    Source: numpy-financial, `pmt`, `nper`.
    """
    if loan.periods is not None:
        return "payment", level_payment(loan.principal, loan.rate_per_period, loan.periods)
    payment = loan.payment or 0.0
    return "periods", periods_of(loan.principal, loan.rate_per_period, payment)


def financed(financing: Financing, paid: Sequence[Stream], clock: Clock) -> list[Stream]:
    """A loan on the hardware: received when it is bought, paid back monthly; what is still owed at
    the end of the horizon is paid then.

    Args:
        financing: share, rate a year, years.
        paid: payments of the option's lines.
        clock: months of the ledger.

    Source: numpy-financial, `pmt`.
    """
    found = []
    rate, periods = financing.rate / MONTHS_PER_YEAR, financing.years * MONTHS_PER_YEAR
    hardware = [s for s in paid if s.category == "hardware" and not s.closes]
    for stream in hardware:
        for month, amount in zip(stream.months, stream.amounts, strict=True):
            principal = float(amount) * financing.loan_share
            payment = level_payment(principal, rate, periods)
            starts, ends = clock.periods(int(month), int(month + periods))
            found.append(_loan("loan", np.array([month]), np.array([-principal]), clock, False))
            found.append(_loan("loan payment", ends, payment * (ends - starts), clock, True))
            left = month + periods - clock.end
            if left > 0.0:
                owed = payment / annuity_factor(rate, left)
                end = np.array([float(clock.end)])
                found.append(_loan("loan still owed", end, np.array([owed]), clock, True))
    return found


def _loan(item: str, months: np.ndarray, amounts: np.ndarray, clock: Clock, closes: bool) -> Stream:
    ones = np.ones_like(months)
    return Stream(
        category="financing",
        item=item,
        months=months,
        quantity=ones,
        price=amounts,
        rate=ones,
        amounts=amounts,
        closes=closes,
        unit="payment",
        currency=clock.case.finance.currency,
    )
