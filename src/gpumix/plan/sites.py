"""What a site pays once for all its servers: in the search by the first and by each one more, in
the accounts by what stands there month by month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix import mix
from gpumix.cost.case.streams import Stream, present_cost_of
from gpumix.cost.finance import months_worth
from gpumix.cost.site_charges import SiteCharges, SiteLoad
from gpumix.cost.staff import SiteStaff
from gpumix.plan.cohorts import cohorts_of
from gpumix.plan.periods import Period
from gpumix.supply.supply import Supply
from gpumix.units import MONTHS_PER_YEAR


@dataclass(frozen=True, slots=True)
class SiteCosts:
    """Who looks after a site, and what else it pays once it is open."""

    site: str
    staff: SiteStaff | None = None
    charges: SiteCharges | None = None

    def paid(self, load: SiteLoad) -> tuple[Stream, ...]:
        """Everything that is the site's and no server's, for what stands there."""
        staff = () if self.staff is None else (self.staff.paid(load.servers),)
        return (*staff, *(self.charges.paid(load) if self.charges else ()))

    def each_usd(self, supply: Supply, start: int, until: int, rate_per_year: float) -> float:
        """Present cost of what an instance adds between two months: posts where they go by the
        server, and its draw under load where the peak is charged [USD]."""
        return self._posts_usd(supply) * months_worth(rate_per_year, start, until) + self._peak_usd(
            supply, start, until, rate_per_year
        )

    def _posts_usd(self, supply: Supply) -> float:
        """Staff of each instance, where it goes by the server [USD a month]."""
        staff = self.staff
        if staff is None or staff.least > staff.per_server:
            return 0.0
        posts = staff.per_server * supply.servers_per_instance
        return posts * staff.salary_usd / MONTHS_PER_YEAR

    def _peak_usd(self, supply: Supply, start: int, until: int, rate_per_year: float) -> float:
        charges, draw = self.charges, supply.draw
        if charges is None or draw is None or charges.tariff is None:
            return 0.0
        demand = charges.tariff.demand
        if demand is None:
            return 0.0
        alone = replace(charges.tariff, fixed_per_day=0.0, demand=replace(demand, minimum_kw=0.0))
        paid = replace(charges, tariff=alone).tariff_paid(_of_one(supply, start, until))
        return present_cost_of(paid, rate_per_year)

    def opening(
        self, supplies: Iterable[Supply], periods: tuple[Period, ...], rate_per_year: float
    ) -> float:
        """Present cost of the site at its smallest server, from the first month in which one can
        stand there, less what that server adds (`each_usd`) and the network that an only server
        does without: at the most, all of them are priced with it [USD]."""
        own, end = list(supplies), periods[-1].end
        if not own:
            return 0.0
        first = min(0 if supply.count else supply.lead_months for supply in own)
        one = min(own, key=lambda s: s.draw.load_kw if s.draw else 0.0)
        load = _of_one(one, first, end)
        usd = (
            0.0 if self.charges is None else present_cost_of(self.charges.paid(load), rate_per_year)
        )
        usd -= self._peak_usd(one, first, end, rate_per_year)
        if self.staff is not None and self.staff.least > self.staff.per_server:
            usd += present_cost_of([self.staff.paid(load.servers)], rate_per_year)
        return usd - max((_network_usd(s, periods, rate_per_year) for s in own), default=0.0)


def site_costs(staff: Sequence[SiteStaff], charges: Sequence[SiteCharges]) -> tuple[SiteCosts, ...]:
    """What is known of each site, together."""
    people = {one.site: one for one in staff}
    paid = {one.site: one for one in charges}
    return tuple(SiteCosts(s, people.get(s), paid.get(s)) for s in dict.fromkeys([*people, *paid]))


def opened(
    costs: SiteCosts,
    resources: Sequence[mix.Resource],
    supply: Sequence[Supply],
    periods: tuple[Period, ...],
    rate_per_year: float,
) -> mix.Group | None:
    """The site as a group of the mix that is paid for once any of its resources is held."""
    own = [(r.id, s) for r, s in zip(resources, supply, strict=True) if s.site == costs.site]
    usd = costs.opening([s for _, s in own], periods, rate_per_year)
    ids = tuple(id for id, _ in own)
    capex_usd = costs.charges.fit_out_usd if costs.charges and ids else 0.0
    if usd <= 0.0 and capex_usd <= 0.0:
        return None
    return mix.Group(f"site {costs.site}", ids, max(usd, 0.0), capex=capex_usd)


def _of_one(supply: Supply, start: int, until: int) -> SiteLoad:
    """A site with one instance, at work in every month between two."""
    there = np.zeros(until)
    there[start:] = 1.0
    draw = supply.draw
    nameplate_kw, load_kw = (draw.nameplate_kw, draw.load_kw) if draw else (0.0, 0.0)
    return SiteLoad(there * supply.servers_per_instance, there * nameplate_kw, there * load_kw)


def _network_usd(supply: Supply, periods: tuple[Period, ...], rate_per_year: float) -> float:
    """The most that a server costs less where it stands alone [USD]."""
    if supply.alone is None:
        return 0.0
    full = cohorts_of(supply, periods, rate_per_year)
    only = cohorts_of(supply.as_only(), periods, rate_per_year)
    return max(a.usd - b.usd for a, b in zip(full, only, strict=True))
