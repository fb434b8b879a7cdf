"""Commitments in the mix problem: each one as a term, and a site that is opened as a group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from gpumix import mix
from gpumix.cost.case.streams import present_cost_of
from gpumix.domain.workload import Inventory
from gpumix.plan.cash import Calendar, in_limited_years
from gpumix.plan.cohorts import Cohort, cohorts_of, freed_usd
from gpumix.plan.cycle import Cycle
from gpumix.plan.sites import SiteCosts
from gpumix.supply.supply import Supply
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Terms:
    """Commitments of an inventory as the mix problem knows them, over the periods of a cycle, at a
    cost of capital [1/year]; `sites` are what the sites cost."""

    inventory: Inventory
    cycle: Cycle
    rate_per_year: float
    sites: tuple[SiteCosts, ...]

    def of(self, supply: Supply) -> tuple[mix.Term, ...]:
        """Every commitment of a supply. What is sold at once is none: it serves nowhere, and all
        costs count from the best sale, all cash from that at once."""
        found, blocks = [], list(enumerate(self.cycle.blocks))
        freed, sold = self.freed_usd(supply), self._cash_at_once(supply)
        site = next((one for one in self.sites if one.site == supply.site), None)
        for cohort in self._cohorts(supply):
            start, until = cohort.start, cohort.until
            if not until:
                continue
            adds = site.of_each(supply, start, until) if site else ()
            cash = in_limited_years(self.inventory, (*cohort.streams, *adds)) - sold
            found.append(
                mix.Term(
                    cohort.id,
                    tuple(i for i, block in blocks if start <= block.period.start < until),
                    cohort.usd + freed + present_cost_of(adds, self.rate_per_year),
                    cohort.capex_usd,
                    tuple(cash.tolist()),
                )
            )
        return tuple(found)

    def freed_usd(self, supply: Supply) -> float:
        """What the best sale of one counts for [USD]."""
        return freed_usd(supply, self.cycle.periods, self.rate_per_year)

    def opened(self, site: SiteCosts, there: Mapping[str, Supply]) -> mix.Group | None:
        """A site that is paid for once it holds a server: what it costs at its smallest, less the
        network that an only server does without, at the most: all of them, by resource, are priced
        with it."""
        if not there:
            return None
        rate, paid = self.rate_per_year, site.opening(there.values(), self.cycle.periods[-1].end)
        both = [
            (full, only)
            for supply in there.values()
            if supply.alone is not None
            for full, only in zip(
                self._cohorts(supply), self._cohorts(supply.as_only()), strict=True
            )
        ]
        usd = present_cost_of(paid, rate) - max((f.usd - o.usd for f, o in both), default=0.0)
        networks = [self._cash(full) - self._cash(only) for full, only in both]
        cash = in_limited_years(self.inventory, paid)
        cash = cash - np.max(networks, axis=0) if networks else cash
        if usd <= 0.0 and not site.fit_out_usd and not cash.any():
            return None
        return mix.Group(
            f"site {site.site}",
            tuple(there),
            max(usd, 0.0),
            cash=tuple(cash.tolist()),
            capex=site.fit_out_usd,
        )

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
