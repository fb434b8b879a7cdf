"""What a site pays once for all its servers: in the search by the first and by each one more, in
the accounts by what stands there month by month."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.cost.case.streams import Stream
from gpumix.cost.site_charges import SiteCharges, SiteLoad
from gpumix.cost.staff import SiteStaff
from gpumix.supply.supply import Supply


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

    def each(self, supply: Supply, start: int, until: int) -> tuple[Stream, ...]:
        """What an instance adds between two months: posts where they go by the server, and its draw
        under load where the peak is charged."""
        return (*self._posts(supply, start, until), *self._peak(supply, start, until))

    def _posts(self, supply: Supply, start: int, until: int) -> tuple[Stream, ...]:
        staff = self.staff
        if staff is None or staff.least > staff.per_server:
            return ()
        by_server = replace(staff, least=0.0, whole=False)
        return (by_server.paid(_of_one(supply, start, until).servers),)

    def _peak(self, supply: Supply, start: int, until: int) -> tuple[Stream, ...]:
        charges, draw = self.charges, supply.draw
        if charges is None or draw is None or charges.tariff is None:
            return ()
        demand = charges.tariff.demand
        if demand is None:
            return ()
        alone = replace(charges.tariff, fixed_per_day=0.0, demand=replace(demand, minimum_kw=0.0))
        return replace(charges, tariff=alone).tariff_paid(_of_one(supply, start, until))

    def opening(self, supplies: Sequence[Supply], end: int) -> tuple[Stream, ...]:
        """What the site pays with its smallest server, from the first month in which one can stand
        there to the end, less what that server adds (`each`)."""
        first = min(_first_month(supply) for supply in supplies)
        one = min(supplies, key=lambda s: s.draw.load_kw if s.draw else 0.0)
        load = _of_one(one, first, end)
        paid = list(self.charges.paid(load)) if self.charges else []
        if self.staff is not None and self.staff.least > self.staff.per_server:
            paid.append(self.staff.paid(load.servers))
        return (*paid, *(stream.counted(-1.0) for stream in self._peak(one, first, end)))


def _first_month(supply: Supply) -> int:
    """The first in which an instance can stand."""
    if supply.count:
        return 0
    return supply.starts[0] if supply.starts else supply.lead_months


def site_costs(staff: Sequence[SiteStaff], charges: Sequence[SiteCharges]) -> tuple[SiteCosts, ...]:
    """What is known of each site, together."""
    people = {one.site: one for one in staff}
    paid = {one.site: one for one in charges}
    return tuple(SiteCosts(s, people.get(s), paid.get(s)) for s in dict.fromkeys([*people, *paid]))


def _of_one(supply: Supply, start: int, until: int) -> SiteLoad:
    """A site with one instance, at work in every month between two."""
    there = np.zeros(until)
    there[start:] = 1.0
    draw = supply.draw
    nameplate_kw, load_kw = (draw.nameplate_kw, draw.load_kw) if draw else (0.0, 0.0)
    return SiteLoad(there * supply.servers_per_instance, there * nameplate_kw, there * load_kw)
