"""Rates of return with all their roots, paybacks, and where two costs cross."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpumix.domain.tco import Irr
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

_LOWEST_RATE, _HIGHEST_RATE = -0.9999, 1e4
_RATES_TRIED = 4000
_STEPS = 200
_CLOSE = 1e-14


def crossings(
    need: Callable[[float], float], points: FloatArray, most: int | None = None
) -> list[float]:
    """Where a function is zero between points [n] in order: each change of sign.

    Args:
        need: the function.
        points: where it is tried.
        most: how many are wanted; all by default.

    Source: Dowell and Jarratt 1971 (the Illinois rule).

    >>> crossings(lambda x: x * x - 2.0, np.array([0.0, 1.0, 2.0]))
    [1.414213562373095]
    """
    found: list[float] = []
    low, at_low = float(points[0]), need(float(points[0]))
    for point in points[1:]:
        high = float(point)
        at_high = need(high)
        if at_low == 0.0:
            found.append(low)
        elif at_low * at_high < 0.0:
            found.append(_root(need, low, high, at_low, at_high))
        if most is not None and len(found) >= most:
            return found
        low, at_low = high, at_high
    return [*found, low] if at_low == 0.0 else found


def _root(
    need: Callable[[float], float], low: float, high: float, at_low: float, at_high: float
) -> float:
    """The zero between two points of unlike sign: the chord, with the Illinois rule that halves the
    value of an end that stays, so that neither end is kept for long."""
    for _ in range(_STEPS):
        point = (low * at_high - high * at_low) / (at_high - at_low)
        if not low < point < high:
            point = 0.5 * (low + high)
        if point in (low, high) or high - low <= _CLOSE * max(abs(low), abs(high)):
            break
        at_point = need(point)
        if at_point == 0.0:
            return point
        if at_point * at_high < 0.0:
            low, at_low = high, at_high
        else:
            at_low *= 0.5
        high, at_high = point, at_point
        if low > high:
            low, at_low, high, at_high = high, at_high, low, at_low
    return 0.5 * (low + high)


def rate_of_return(flows: FloatArray, near: float | None, periods_per_year: float) -> Irr:
    """Rates at which the present value of flows is zero, and the one that counts.

    One root is the answer; of several, the one nearest `near`; else none.

    Args:
        flows: one a period, the first now; money in is positive, shape (n,).
        near: rate a year that tells which of several roots is meant.
        periods_per_year: periods of a year.

    Source: numpy-financial, `irr`; several roots: Descartes' rule of signs.

    >>> round(rate_of_return(np.array([-100.0, 110.0]), None, 1.0).value, 12)
    0.1
    """
    if not (flows > 0.0).any() or not (flows < 0.0).any():
        return Irr(None, (), "the flows never change sign")
    times = np.arange(flows.size) / periods_per_year
    scale = float(np.abs(flows).max())

    def worth(log_growth: FloatArray) -> FloatArray:
        factors = np.exp(-np.multiply.outer(log_growth, times))
        value: FloatArray = factors @ flows / (scale * factors.max(axis=-1))
        return value

    tried = np.linspace(np.log1p(_LOWEST_RATE), np.log1p(_HIGHEST_RATE), _RATES_TRIED)
    at = worth(tried)
    roots = tuple(
        float(np.expm1(root))
        for low in np.flatnonzero(np.sign(at[:-1]) * np.sign(at[1:]) <= 0.0)
        for root in crossings(lambda x: float(worth(np.asarray(x))), tried[low : low + 2])
    )
    roots = tuple(dict.fromkeys(roots))
    if not roots:
        return Irr(None, (), "no rate makes the present value zero")
    if len(roots) == 1:
        return Irr(roots[0], roots, "")
    if near is None:
        return Irr(None, roots, "several rates make it zero: name one with irr_near")
    return Irr(min(roots, key=lambda root: abs(root - near)), roots, "")


def payback_months(months: FloatArray, more: FloatArray) -> float | None:
    """When the dearer start is made up: first month at which cumulative `more` falls to zero.

    Straight between dates of payment; 0 where it is never above; None where it never falls.

    Args:
        months: dates of payment in order [months], shape (n,).
        more: cumulative cost of one option above the other's at each, shape (n,).

    Source: definition of payback.

    >>> payback_months(np.array([0.0, 12.0, 24.0]), np.array([100.0, 40.0, -20.0]))
    20.0
    """
    if not (more > 0.0).any():
        return 0.0
    first = int(np.argmax(more > 0.0))
    after = np.flatnonzero(more[first:] <= 0.0)
    if not after.size:
        return None
    end = first + int(after[0])
    step = months[end] - months[end - 1]
    return float(months[end - 1] + step * more[end - 1] / (more[end - 1] - more[end]))


def discounted(amounts: FloatArray, rate_per_year: float) -> FloatArray:
    """Amounts by month [n], each at its worth at the start.

    Args:
        amounts: at the start and the end of each month.
        rate_per_year: cost of capital [1].

    Source: definition of present value.
    """
    worth: FloatArray = amounts * (1.0 + rate_per_year) ** (
        -np.arange(amounts.size) / MONTHS_PER_YEAR
    )
    return worth
