"""How wrong the cost may be: errors of speed and of assumed prices together."""

from __future__ import annotations

import math

from gpumix.cost.case.streams import present_cost_of
from gpumix.plan.accounts import rent_of
from gpumix.plan.interpret import Answer


def price_range_usd(answer: Answer) -> tuple[float, float]:
    """By how much the plan's rent could be lower and higher, as its assumed prices are [USD].

    Prices are assumed to be wrong in the same direction, so what they do to lines adds up.
    """
    lower = higher = 0.0
    for line in answer.lines:
        offer = line.supply.offer
        if offer is None or not offer.usd_per_instance_hour:
            continue
        price = offer.usd_per_instance_hour
        rent = present_cost_of(rent_of(line), line.rate_per_year)
        if offer.low_usd_per_instance_hour:
            lower += rent * max(1.0 - offer.low_usd_per_instance_hour / price, 0.0)
        if offer.high_usd_per_instance_hour:
            higher += rent * max(offer.high_usd_per_instance_hour / price - 1.0, 0.0)
    return lower, higher


def cost_interval_usd(
    answer: Answer, fast_usd: float | None, slow_usd: float | None
) -> tuple[float, float]:
    """Ends of the cost's interval [USD]; `fast_usd` and `slow_usd` is the cost at either end of
    every speed's interval.

    Errors of speed and of prices do not know of each other: on each side the root of the sum of
    their squares.
    """
    usd = answer.usd
    lower, higher = price_range_usd(answer)
    below = math.hypot(max(usd - (fast_usd or usd), 0.0), lower)
    above = math.hypot(max((slow_usd or usd) - usd, 0.0), higher)
    return max(usd - below, 0.0), usd + above
