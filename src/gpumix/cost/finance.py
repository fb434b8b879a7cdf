"""Time value of money: present values, rates of return, payments, and when buying pays back.

Rates are per period and cash flows one a period, the first one now (a spreadsheet's NPV
discounts the first flow too). Money that comes in is positive, money that goes out negative.
"""

from __future__ import annotations

import math

import numpy as np

from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray, Value, choose


def discount_factor(rate: Value, years: Value) -> Value:
    """Worth today of 1 USD in n years: (1 + r)^-n.

    Args:
        rate: cost of capital r per year [1].
        years: n [years].

    Source: definition of present value.

    >>> round(discount_factor(0.13, 5.0), 4)
    0.5428
    """
    factor: Value = (1.0 + rate) ** -years
    return factor


def months_worth(rate: float, start: int, end: int) -> float:
    """Worth today of 1 USD at the end of each of some months: sum of (1 + r)^(-m / 12).

    Of a whole horizon it is what a level cost a month is the present cost over.

    Args:
        rate: cost of capital r per year [1].
        start: months before the first of them [months].
        end: the last month m [months].

    Source: definition of present value; 29.985 at 13 % over 36 months.

    >>> round(months_worth(0.13, 0, 36), 3), months_worth(0.0, 12, 24)
    (29.985, 12.0)
    """
    worth: FloatArray = (1.0 + rate) ** (-np.arange(start + 1.0, end + 1.0) / MONTHS_PER_YEAR)
    return float(np.sum(worth))


def annuity_factor(rate: Value, years: Value) -> Value:
    """Share of a sum that equal yearly payments amount to: r / (1 - (1 + r)^-n); 1/n at r = 0.

    Args:
        rate: interest r per year [1], above -1.
        years: number n of payments [years].

    Source: PyPSA, `annuity`.

    >>> round(annuity_factor(0.07, 25.0), 4)
    0.0858
    """
    interest = np.asarray(rate) != 0.0
    discount: Value = -np.expm1(-years * np.log1p(rate))
    return choose(interest, rate / choose(interest, discount, 1.0), 1.0 / years)


def level_cost_per_year(
    present: float, rate_per_year: float, years: float, payments_per_year: float = 12.0
) -> float:
    """Equal cost of a year with the same present cost: k P i / (1 - (1 + i)^(-k n)).

    i = (1 + r)^(1/k) - 1. At r = 0 it is P / n.

    Args:
        present: present cost P [currency of the answer].
        rate_per_year: cost of capital r [1].
        years: n over which it is spread [years].
        payments_per_year: k, each at the end of its part of the year.

    Source: PyPSA, `annuity`; Hamilton 2008, cost of power in large-scale data centers.

    >>> round(level_cost_per_year(1.0, 0.07, 25.0, payments_per_year=1.0), 4)
    0.0858
    """
    rate = math.expm1(math.log1p(rate_per_year) / payments_per_year)
    return payments_per_year * present * float(annuity_factor(rate, payments_per_year * years))
