"""Time value of money: present values, rates of return, payments, and when buying pays back.

Rates are per period and cash flows one a period, the first one now (a spreadsheet's NPV
discounts the first flow too). Money that comes in is positive, money that goes out negative.
"""

from __future__ import annotations

import numpy as np

from gpumix.values import Value, choose


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
