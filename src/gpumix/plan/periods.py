"""Stretches of the horizon in which nothing changes, and the demand of each.

Demand grows at the start of a year, workloads come and go, ordered servers arrive, commitments end:
every such month starts a period. Within one nothing is worth starting later than at its beginning,
so these are the only months at which a plan buys, reserves, lets go or sells.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gpumix.cost.finance import months_worth
from gpumix.domain.workload import Inventory, Workload
from gpumix.units import HOURS_PER_WEEK, HOURS_PER_YEAR, MONTHS_PER_YEAR
from gpumix.values import FloatArray

WEEKS_PER_YEAR = HOURS_PER_YEAR / HOURS_PER_WEEK


@dataclass(frozen=True, slots=True)
class Period:
    """Months of the horizon from `start` on (0 = first), all within one year of it."""

    start: int
    months: int

    @property
    def end(self) -> int:
        """The first month after it."""
        return self.start + self.months

    @property
    def year(self) -> int:
        """The year of the horizon that it lies in (0 = first)."""
        return int(self.start // MONTHS_PER_YEAR)

    @property
    def share_of_year(self) -> float:
        """Its length [years]."""
        return self.months / MONTHS_PER_YEAR

    @property
    def ends(self) -> FloatArray:
        """The ends of its months, in months after the plan's start [months]."""
        return np.arange(self.start + 1.0, self.end + 1.0)

    def worth(self, rate_per_year: float) -> float:
        """What 1 USD spread over its months is worth at the plan's start [USD]."""
        return months_worth(rate_per_year, self.start, self.end) / self.months

    @property
    def name(self) -> str:
        """`y2` for a whole year, `y2m4` for what starts in its fourth month or is shorter."""
        whole = self.months == MONTHS_PER_YEAR
        return f"y{self.year + 1}" + ("" if whole else f"m{self.start % int(MONTHS_PER_YEAR) + 1}")


def periods_of(inventory: Inventory, changes: Iterable[int] = ()) -> tuple[Period, ...]:
    """The periods of a horizon; `changes` are months at which something else changes."""
    horizon = months_of(inventory)
    edges = {*range(0, horizon, int(MONTHS_PER_YEAR)), horizon}
    for workload in inventory.workloads:
        edges |= {workload.from_month, workload.until_month or horizon}
        edges |= set(_growing(workload, horizon))
    edges |= set(changes)
    return tuple(Period(a, b - a) for a, b in pairwise(sorted(e for e in edges if e <= horizon)))


def months_of(inventory: Inventory) -> int:
    """Length of the horizon [months]."""
    return inventory.months


def _growing(workload: Workload, horizon: int) -> range:
    """Months within the horizon's years in which demand grows."""
    first = workload.grows_in_month
    grows = first and workload.demand is not None and workload.demand.growth_per_year
    return range(first, horizon if grows else first, int(MONTHS_PER_YEAR))


def whole_year(year: int) -> Period:
    """A year of the horizon (0 = first), whatever changes in it."""
    return Period(year * int(MONTHS_PER_YEAR), int(MONTHS_PER_YEAR))


def first_month(workload: Workload) -> Period:
    """The month in which a workload starts."""
    return Period(workload.from_month, 1)


def active_months(workload: Workload, period: Period) -> int:
    """Months of a period in which a workload runs."""
    until = period.end if workload.until_month is None else workload.until_month
    return max(min(period.end, until) - max(period.start, workload.from_month), 0)


def growth(workload: Workload, period: Period) -> float:
    """Demand of a period over that of the workload's first year: (1 + growth_per_year)^years; 0
    where the workload does not run."""
    if not active_months(workload, period):
        return 0.0
    years = _years_grown(workload, period.start) - _years_grown(workload, workload.from_month)
    return (1.0 + workload.demand.growth_per_year) ** years if workload.demand else 1.0


def _years_grown(workload: Workload, month: int) -> int:
    """How often demand has grown by a month of the plan, the month 0 of a plain one left out."""
    return (month - workload.grows_in_month) // int(MONTHS_PER_YEAR)


def work_per_week(workload: Workload, period: Period) -> float:
    """Units that arrive in one week of a period."""
    demand = workload.demand
    return growth(workload, period) * sum(demand.units_per_hour) if demand else 0.0


def units_in(workload: Workload, period: Period) -> float:
    """Units that arrive in a period."""
    years = active_months(workload, period) / MONTHS_PER_YEAR
    return work_per_week(workload, period) * WEEKS_PER_YEAR * years


def units_by_year(workload: Workload, months: int) -> tuple[float, ...]:
    """Units that arrive in each year of a horizon of so many months."""
    year, grows = int(MONTHS_PER_YEAR), workload.grows_in_month
    found = []
    for start in range(0, months, year):
        end = min(start + year, months)
        edges = sorted({start, end, *([start + grows] if start + grows < end else [])})
        parts = (Period(a, b - a) for a, b in pairwise(edges))
        found.append(sum(units_in(workload, part) for part in parts))
    return tuple(found)


def busiest_week(workload: Workload, periods: Iterable[Period]) -> float:
    """The most units that arrive in a week."""
    return max((work_per_week(workload, period) for period in periods), default=0.0)


def units_of(workload: Workload, periods: Iterable[Period]) -> float:
    """Units that arrive in some periods."""
    return math.fsum(units_in(workload, period) for period in periods)
