"""Time value of money: present values, rates of return, payments, and when buying pays back.

Rates are per period and cash flows one a period, the first one now (a spreadsheet's NPV
discounts the first flow too). Money that comes in is positive, money that goes out negative.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from gpumix.cost.values import FloatArray, Value, choose
from gpumix.errors import NoEstimate
from gpumix.units import HOURS_PER_MONTH, MONTHS_PER_YEAR


def npv(rate: float, cashflows: Sequence[float] | FloatArray) -> float:
    """Net present value: sum of cf_t / (1 + r)^t, t from 0.

    Args:
        rate: discount rate r per period [1].
        cashflows: one flow a period, now first [USD].

    Source: numpy-financial, `npv`.

    >>> round(npv(0.08, [-40000, 5000, 8000, 12000, 30000]), 2)
    3065.22
    """
    flows = np.asarray(cashflows, dtype=float)
    return float(np.sum(flows * (1.0 + rate) ** -np.arange(flows.size, dtype=float)))


def irr(cashflows: Sequence[float] | FloatArray) -> float:
    """Internal rate of return per period: the one r > -1 with npv(r) = 0.

    Args:
        cashflows: one flow a period, now first [USD].

    Raises: NoEstimate where no rate or more than one gives a net present value of 0.

    Source: definition; all sign changes of the polynomial in 1 / (1 + r) are bracketed.

    >>> round(irr([-100, 39, 59, 55, 20]), 5)
    0.28095
    """
    rates = irr_all(cashflows)
    if len(rates) == 1:
        return rates[0]
    if not rates:
        raise NoEstimate("no internal rate of return: no rate makes these cash flows worth 0")
    listed = ", ".join(f"{rate:.4g}" for rate in rates)
    raise NoEstimate(
        f"{len(rates)} internal rates of return ({listed}): the cash flows change sign more than "
        "once; compare net present values at the cost of capital instead"
    )


def irr_all(cashflows: Sequence[float] | FloatArray) -> tuple[float, ...]:
    """Every internal rate of return above -1, ascending; empty where there is none.

    With y = ln(1 + r), f(y) = sum c_t e^(-t y). Between two roots of f lies a root of
    d/dy (e^(k y) f) = sum (k - t) c_t e^((k - t) y), whose coefficients change sign once less
    when k lies at a sign change of c. So the roots bracket each other all the way down, and no
    root at which f changes sign is missed.

    Args:
        cashflows: one flow a period, now first [USD].

    Source: Descartes' rule of signs with Rolle's theorem.

    >>> [round(rate, 4) for rate in irr_all([-100, 100, 0, -7])]
    [-0.6789, -0.0833]
    """
    flows = np.asarray(cashflows, dtype=float)
    periods = np.arange(flows.size, dtype=float)
    kept = flows != 0.0
    return tuple(float(np.expm1(y)) for y in _log_roots(periods[kept], flows[kept]))


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
    rate_, years_ = np.asarray(rate, dtype=float), np.asarray(years, dtype=float)
    discount = -np.expm1(-years_ * np.log1p(rate_))
    free = rate_ == 0.0
    factor: Value = choose(free, 1.0 / years_, rate_ / np.where(free, 1.0, discount))
    return factor


def pmt(rate: Value, periods: Value, principal: Value) -> Value:
    """Payment per period that repays a loan: -principal * annuity_factor.

    Args:
        rate: interest per period [1].
        periods: number of payments.
        principal: sum received now [USD]; the payment has the other sign.

    Source: numpy-financial, `pmt`.

    >>> round(pmt(0.075 / 12, 180.0, 200000.0), 2)
    -1854.02
    """
    return -principal * annuity_factor(rate, periods)


def nper(rate: float, payment: float, principal: float) -> float:
    """Number of payments that repay a loan: -ln(1 + r * principal / payment) / ln(1 + r).

    Args:
        rate: interest r per period [1], at least 0.
        payment: payment per period [USD], of the other sign than `principal`.
        principal: sum received now [USD].

    Raises: NoEstimate where the payments never repay it.

    Source: numpy-financial, `nper`.

    >>> round(nper(0.07 / 12, -150.0, 8000.0), 3)
    64.073
    """
    if payment * principal >= 0.0 or -payment / principal <= rate:
        raise NoEstimate(
            f"a payment of {abs(payment):,.2f} a period never repays {abs(principal):,.2f} at "
            f"{rate:.2%} a period"
        )
    if rate == 0.0:
        return -principal / payment
    return float(-np.log1p(rate * principal / payment) / np.log1p(rate))


def capital_charge_per_year(
    capex_usd: Value, residual_usd: Value, rate: Value, years: Value
) -> Value:
    """What capital tied up in equipment costs a year: (C - S (1+r)^-n) * annuity_factor(r, n).

    At r = 0 this is straight-line depreciation, (C - S) / n.

    Args:
        capex_usd: price C paid now [USD].
        residual_usd: resale value S after n years [USD].
        rate: cost of capital r per year [1].
        years: n [years].

    Source: PyPSA, `annuity`; Hamilton 2008, cost of power in large-scale data centers.

    >>> capital_charge_per_year(320000.0, 0.0, 0.0, 4.0)
    80000.0
    """
    lost_usd = capex_usd - residual_usd * discount_factor(rate, years)
    return lost_usd * annuity_factor(rate, years)


def break_even_hours(capex_usd: float, cloud_usd_per_hour: float, own_usd_per_hour: float) -> float:
    """Hours of use after which buying has cost less than renting: capex / (cloud - own).

    Capital costs nothing here; `break_even_months` counts it.

    Args:
        capex_usd: price of the equipment [USD].
        cloud_usd_per_hour: rent of as much from a cloud [USD/h].
        own_usd_per_hour: running cost of the owned one [USD/h].

    Raises: NoEstimate where running one's own costs as much as renting.

    Source: Lenovo Press LP2225, on-premise against cloud.

    >>> round(break_even_hours(833806.0, 98.32, 0.87))
    8556
    """
    if cloud_usd_per_hour <= own_usd_per_hour:
        raise NoEstimate(
            f"no break-even: renting at {cloud_usd_per_hour:,.2f} USD/h costs no more than owning "
            f"at {own_usd_per_hour:,.2f} USD/h"
        )
    return capex_usd / (cloud_usd_per_hour - own_usd_per_hour)


def break_even_months(
    capex_usd: float,
    cloud_usd_per_hour: float,
    own_usd_per_hour: float,
    rate: float,
    hours_per_month: float = HOURS_PER_MONTH,
) -> float:
    """Months after which NPV(rent) = NPV(buy): `nper` at the monthly rate (1 + r)^(1/12) - 1.

    Args:
        capex_usd: price of the equipment [USD].
        cloud_usd_per_hour: rent of as much from a cloud [USD/h].
        own_usd_per_hour: running cost of the owned one [USD/h].
        rate: cost of capital r per year [1].
        hours_per_month: hours in use a month [h].

    Raises: NoEstimate where the saving never repays the price.

    Source: docs/cost.md, "Buying against renting".

    >>> round(break_even_months(833806.0, 98.32, 0.87, 0.0), 2)
    11.72
    >>> round(break_even_months(833806.0, 98.32, 0.87, 0.13), 2)
    12.55
    """
    saving_usd = (cloud_usd_per_hour - own_usd_per_hour) * hours_per_month
    return nper(float(np.expm1(np.log1p(rate) / MONTHS_PER_YEAR)), -saving_usd, capex_usd)


def _log_roots(periods: FloatArray, flows: FloatArray) -> list[float]:
    """All y where sum c_t e^(-t y) = 0, ascending; `flows` holds no zeros."""
    signs = np.sign(flows)
    changes = np.flatnonzero(signs[1:] != signs[:-1])
    if changes.size == 0:
        return []
    pivot = 0.5 * (periods[changes[0]] + periods[changes[0] + 1])
    turning = _log_roots(periods, flows * (pivot - periods))
    size = float(np.max(np.abs(flows)))
    low = -np.log1p(size / abs(float(flows[-1])))  # Cauchy's bounds of a polynomial's roots
    high = np.log1p(size / abs(float(flows[0])))
    edges = [low, *(y for y in turning if low < y < high), high]
    roots = []
    for left, right in pairwise(edges):
        if _scaled(periods, flows, left) * _scaled(periods, flows, right) < 0.0:
            roots.append(_bisect(periods, flows, left, right))
    return roots


def _scaled(periods: FloatArray, flows: FloatArray, y: float) -> float:
    """Sum of c_t e^(-t y) over its largest term, so that long horizons do not overflow."""
    exponents = -periods * y + np.log(np.abs(flows))
    return float(np.sum(np.sign(flows) * np.exp(exponents - np.max(exponents))))


def _bisect(periods: FloatArray, flows: FloatArray, left: float, right: float) -> float:
    sign = _scaled(periods, flows, left)
    while True:
        middle = 0.5 * (left + right)
        if not left < middle < right:
            return middle
        if sign * _scaled(periods, flows, middle) > 0.0:
            left = middle
        else:
            right = middle
