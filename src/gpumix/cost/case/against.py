"""Two options of a case against each other: what one saves, and when it has paid for itself."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from gpumix.cost.case.answer import count
from gpumix.cost.case.returns import crossings, discounted, payback_months, rate_of_return
from gpumix.cost.case.streams import Clock, cash_by_month, present_cost_of
from gpumix.domain.case import MOST_MONTHS, BreakEven, Case
from gpumix.domain.tco import Against, Crossing
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

_POINTS = 17
"""At which a break-even over a path is tried before it is closed in on."""


def against(case: Case, a: str, b: str) -> Against:
    """What option a saves against option b.

    Args:
        case: the case.
        a: name of the option that is asked about.
        b: name of the one it is held against.

    Source: definitions of NPV, rate of return and payback; docs/tco-case.md.
    """
    clock = Clock(case)
    rate = case.finance.cost_of_capital
    of_a, of_b = (count(case.options[name], case, clock).streams for name in (a, b))
    saved = cash_by_month(of_b, case.months) - cash_by_month(of_a, case.months)
    months, cash_a, cash_b = _running_on(case, a, b)
    more = cash_a - cash_b
    return Against(
        saved_cash=math.fsum(s.total for s in of_b) - math.fsum(s.total for s in of_a),
        npv=present_cost_of(of_b, rate) - present_cost_of(of_a, rate),
        irr=rate_of_return(saved, None, MONTHS_PER_YEAR),
        payback_months=payback_months(months, np.cumsum(more)),
        discounted_payback_months=payback_months(months, np.cumsum(discounted(more, rate))),
    )


def _running_on(case: Case, a: str, b: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Cash of both, running on past the horizon and reselling nothing: months, of a, of b."""
    end = max(MOST_MONTHS, case.months)
    clock = Clock(case, running_on=end)
    by_month = []
    for name in (a, b):
        streams = count(case.options[name], case, clock).streams
        by_month.append(cash_by_month([s for s in streams if s.category != "residual"], end))
    months = np.arange(end + 1.0)
    if case.finance.flows == "yearly":
        paid = months % MONTHS_PER_YEAR == 0.0
        paid |= (by_month[0] != 0.0) | (by_month[1] != 0.0)
        return months[paid], by_month[0][paid], by_month[1][paid]
    return months, by_month[0], by_month[1]


def payback(case: Case, asked: BreakEven) -> Crossing:
    """Months or hours after which the dearer start of one of two options is made up.

    Args:
        case: the case.
        asked: the two options, over `months` or `hours`.

    Source: Lenovo LP2225: capex / (rent - own), the zero of the ledger's difference.
    """
    a, b = asked.between
    months, cash_a, cash_b = _running_on(case, a, b)
    more = np.cumsum(cash_a - cash_b)
    found = payback_months(months, more if more[0] >= 0.0 else -more)
    if found is None:
        return Crossing(None, f"{a} and {b} never cost the same")
    hours = found * case.load.hours_per_year / MONTHS_PER_YEAR
    if asked.over == "hours":
        return Crossing(hours)
    of_month = case.load.hours_per_month or case.load.hours_per_year / MONTHS_PER_YEAR
    return Crossing(hours / of_month)


def crossing(
    between: tuple[str, ...],
    over: str,
    ends: tuple[float, float],
    costs: Callable[[float], tuple[float, float]],
) -> Crossing:
    """Where two present costs are equal as one input changes.

    Args:
        between: names of the two options.
        over: what the input is called.
        ends: lowest and highest value of the input.
        costs: present costs of both at a value of the input.

    Source: docs/tco-case.md, "Figures".
    """

    def need(value: float) -> float:
        one, other = costs(value)
        return one - other

    points = np.linspace(*ends, _POINTS)
    if found := crossings(need, points, most=1):
        return Crossing(found[0])
    a, b = between
    cheaper = a if need(ends[0]) < 0.0 else b
    return Crossing(None, f"{cheaper} is cheaper from {over} {ends[0]:g} to {ends[1]:g}")
