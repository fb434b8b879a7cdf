"""The day from which a daily series is another: Page's CUSUM, held to the median of a week.

A series holds log ratios, one a day: 0 where the fleet is as it was planned. It has shifted where
both say so at its end: the cumulative sum stands above its threshold, and the median of the last
week is further from 0 than is tolerated. What came and went is no drift any more.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from gpumix.loop.rules import Rules
from gpumix.values import FloatArray

_MAD_TO_SIGMA = 1.4826
"""Standard deviation of a normal over its median absolute deviation."""
_MEDIAN_ERROR = math.sqrt(math.pi / 2.0)
"""Standard error of a median over that of a mean, of a normal."""
_Z80 = 1.2816
_SIEGMUND = 1.166
"""What the discreteness of steps adds to the threshold. Source: Siegmund 1985, Sequential Analysis,
section 2.6."""


@dataclass(frozen=True, slots=True)
class Level:
    """Where a series stands in its last week: the median of its log ratios and its 80 % interval.

    `since` is the position of the first day of the shift; None where there is none.
    """

    median: float
    low: float
    high: float
    since: int | None


def level_of(
    ratios: FloatArray, below: float, above: float, rules: Rules, origin: float = 0.0
) -> Level | None:
    """Where log `ratios` [days] stand, and whether they have shifted from `origin`.

    Down by more than `below` or up by more than `above` (log ratios, at least 0) is a shift. None
    where there are too few days.
    """
    if len(ratios) < rules.days("least_days"):
        return None
    sigma = max(_sigma(ratios), rules.of("all", "least_sigma"))
    week = ratios[-rules.days("week_days") :]
    median = float(np.median(week))
    half = _Z80 * _MEDIAN_ERROR * sigma / math.sqrt(len(week))
    moved = median - origin
    since = None
    for sign, tolerance in ((1.0, above), (-1.0, below)):
        if sign * moved > tolerance:
            since = _since(sign * (ratios - origin), sigma, tolerance, rules)
    return Level(median, median - half, median + half, since)


def before(ratios: FloatArray, rules: Rules) -> float | None:
    """The level that a series had at first: the median of its first days, None of a short one."""
    days = min(rules.days("before_days"), len(ratios) // 2)
    return float(np.median(ratios[:days])) if days >= rules.days("least_days") else None


def _since(rises: FloatArray, sigma: float, tolerance: float, rules: Rules) -> int | None:
    """The first day of the shift at the end; None where the sum ends below its threshold.

    The day after the last on which the sum was 0 is near it (Page 1954); of the days about that
    one it is the one that parts the series best into two levels.
    """
    allowance = max(rules.of("all", "allowance_sigmas") * sigma, tolerance / 2.0)
    total, since = 0.0, 0
    for day, rise in enumerate(rises.tolist()):
        total = max(0.0, total + rise - allowance)
        if total == 0.0:
            since = day + 1
    if total <= rules.of("all", "threshold_sigmas") * sigma:
        return None
    return _parting(rises, since, rules.days("week_days")) if since else 0


def _parting(rises: FloatArray, about: int, week: int) -> int:
    """The day within a week of `about` that parts a series into two levels of least squares."""
    first = max(about - 2 * week, 0)
    days = np.arange(max(about - week, first + 1), min(about + week, len(rises)))
    gains = [
        (day - first) * (len(rises) - day) * (rises[day:].mean() - rises[first:day].mean()) ** 2
        for day in days.tolist()
    ]
    return int(days[int(np.argmax(gains))]) if gains else about


def _sigma(ratios: FloatArray) -> float:
    """Standard deviation of a day, from the differences of days: a shift does not widen it."""
    steps = np.diff(ratios)
    if len(steps) == 0:
        return 0.0
    return float(_MAD_TO_SIGMA * np.median(np.abs(steps)) / math.sqrt(2.0))


def days_between_false_alarms(allowance: float, threshold: float) -> float:
    """Mean days until a CUSUM of both sides alarms on independent normal noise [days].

    1 / (2 / L), with L = (exp(2 k b) - 2 k b - 1) / (2 k^2) and b = h + 1.166.

    Args:
        allowance: k [standard deviations].
        threshold: h [standard deviations].

    Source: Siegmund 1985, Sequential Analysis, eq. 2.56; Montgomery, table 9.3: 465 for h = 5.

    >>> round(days_between_false_alarms(0.5, 5.0))
    469
    """
    b = threshold + _SIEGMUND
    one_side = (math.exp(2.0 * allowance * b) - 2.0 * allowance * b - 1.0) / (2.0 * allowance**2)
    return one_side / 2.0
