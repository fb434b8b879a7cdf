"""Commitments in the mix problem: each one as a term, and a site that is opened as a group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gpumix import mix
from gpumix.cost.case.streams import present_cost_of
from gpumix.cost.finance import months_worth
from gpumix.cost.staff import SiteStaff
from gpumix.domain.workload import Inventory
from gpumix.plan.cash import Calendar, in_limited_years, limited_years
from gpumix.plan.cohorts import Cohort, cohorts_of, freed_usd
from gpumix.plan.cycle import Cycle
from gpumix.supply.supply import Supply
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Terms:
    """Commitments of an inventory as the mix problem knows them, over the periods of a cycle, at a
    cost of capital [1/year]; `staff` looks after the sites."""

    inventory: Inventory
    cycle: Cycle
    rate_per_year: float
    staff: tuple[SiteStaff, ...]

    def of(self, supply: Supply) -> tuple[mix.Term, ...]:
        """Every commitment of a supply. What is sold at once is none: it serves nowhere, and all
        costs count from the best sale, all cash from that at once."""
        found, blocks = [], list(enumerate(self.cycle.blocks))
        posts_usd, freed = self._posts_usd(supply), self.freed_usd(supply)
        sold = self._cash_at_once(supply)
        for cohort in self._cohorts(supply):
            start, until = cohort.start, cohort.until
            if not until:
                continue
            posts = posts_usd * months_worth(self.rate_per_year, start, until)
            cash = in_limited_years(self.inventory, cohort.streams) - sold
            salaries = [posts_usd * n for n in self._months_in(start, until)]
            found.append(
                mix.Term(
                    cohort.id,
                    tuple(i for i, block in blocks if start <= block.period.start < until),
                    cohort.usd + freed + posts,
                    cohort.capex_usd,
                    tuple((cash + np.array(salaries)).tolist()),
                )
            )
        return tuple(found)

    def freed_usd(self, supply: Supply) -> float:
        """What the best sale of one counts for [USD]."""
        return freed_usd(supply, self.cycle.periods, self.rate_per_year)

    def opened(self, staff: SiteStaff, there: Mapping[str, Supply]) -> mix.Group | None:
        """A site that is paid for once it holds a server: its least staff, less the network that an
        only server does without, at the most: all of them, by resource, are priced with it."""
        rate = self.rate_per_year
        fixed = staff.least > staff.per_server
        paid = [staff.paid(np.ones(self.cycle.periods[-1].end))] if fixed else []
        both = [
            (full, only)
            for supply in there.values()
            if supply.alone is not None
            for full, only in zip(
                self._cohorts(supply), self._cohorts(supply.as_only()), strict=True
            )
        ]
        usd = present_cost_of(paid, rate) - max((f.usd - o.usd for f, o in both), default=0.0)
        if usd <= 0.0 or not there:
            return None
        networks = [self._cash(full) - self._cash(only) for full, only in both]
        cash = in_limited_years(self.inventory, paid)
        cash = cash - np.max(networks, axis=0) if networks else cash
        return mix.Group(f"staff of {staff.site}", tuple(there), usd, cash=tuple(cash.tolist()))

    def cash_limits(
        self, supplies: Iterable[Supply], margin_usd: Mapping[int, float]
    ) -> tuple[mix.CashLimit, ...]:
        """The limits on the cash of a year, each lower by a margin [USD]: of what is left once all
        that may be sold at once is."""
        standing = [s.count * self._cash_at_once(s) for s in supplies if s.count]
        sold = np.sum(standing, axis=0) if standing else np.zeros(len(self.inventory.limits.cash))
        calendar, rate = Calendar.of(self.inventory), self.rate_per_year
        return tuple(
            mix.CashLimit(
                f"{year}",
                most_usd - margin_usd.get(year, 0.0) - float(sold_usd),
                tuple(
                    calendar.share_of(year, block.period) / block.period.worth(rate)
                    for block in self.cycle.blocks
                ),
            )
            for (year, most_usd), sold_usd in zip(self.inventory.limits.cash, sold, strict=True)
        )

    def _cohorts(self, supply: Supply) -> tuple[Cohort, ...]:
        return cohorts_of(supply, self.cycle.periods, self.rate_per_year)

    def _cash(self, cohort: Cohort) -> FloatArray:
        return in_limited_years(self.inventory, cohort.streams)

    def _cash_at_once(self, supply: Supply) -> FloatArray:
        """Cash of what stands and is sold at once; 0 where it cannot be."""
        if supply.count and (first := self._cohorts(supply)[0]).until == 0:
            return self._cash(first)
        return np.zeros(len(self.inventory.limits.cash))

    def _months_in(self, start: int, until: int) -> list[int]:
        calendar = Calendar.of(self.inventory)
        years = limited_years(self.inventory)
        return [calendar.months_in(year, start, until) for year in years]

    def _posts_usd(self, supply: Supply) -> float:
        """What staff costs a month with each instance, where it goes by the server [USD]."""
        own = next((one for one in self.staff if one.site == supply.site), None)
        if own is None or own.least > own.per_server:
            return 0.0
        return own.per_server * supply.servers_per_instance * own.salary_usd / MONTHS_PER_YEAR
