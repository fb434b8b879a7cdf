"""What a site pays once for all its servers: in the search by the first and by each one more, in
the accounts by what stands there month by month."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.cost.case.streams import Stream
from gpumix.cost.site_charges import SiteCharges, SiteLoad
from gpumix.cost.staff import SiteStaff
from gpumix.domain.offer import Purchase
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

    @property
    def fit_out_usd(self) -> float:
        """Capital that its opening takes [USD]."""
        return self.charges.fit_out_usd if self.charges else 0.0

    def of_each(self, supply: Supply, start: int, until: int) -> tuple[Stream, ...]:
        """What an instance adds between two months: posts where they go by the server, and its draw
        under load where the peak is charged."""
        load = _of_one(supply, start, until)
        goes_by_server = self.staff is not None and self.staff.least <= self.staff.per_server
        posts = (self.staff.paid(load.servers),) if self.staff and goes_by_server else ()
        return (*posts, *self._peak(load))

    def _peak(self, load: SiteLoad) -> tuple[Stream, ...]:
        """Demand charge for a load beside others: without the minimum and what is charged by the
        day."""
        charges = self.charges
        if charges is None or charges.tariff is None or charges.tariff.demand is None:
            return ()
        demand = replace(charges.tariff.demand, minimum_kw=0.0)
        beside = replace(charges.tariff, fixed_per_day=0.0, demand=demand)
        return replace(charges, tariff=beside).tariff_paid(load)

    def opening(self, supplies: Iterable[Supply], end: int) -> tuple[Stream, ...]:
        """What the site pays at its smallest server, from the first month in which one can stand
        there to the end, less what that server adds (`of_each`)."""
        own = list(supplies)
        first = min(
            0 if s.count and s.purchase is Purchase.OWNED else (s.starts or (s.lead_months,))[0]
            for s in own
        )
        one = min(own, key=lambda s: s.draw.load_kw if s.draw else 0.0)
        load = _of_one(one, min(first, end), end)
        fixed = self.staff is not None and self.staff.least > self.staff.per_server
        return (
            *((self.staff.paid(load.servers),) if self.staff and fixed else ()),
            *(self.charges.paid(load) if self.charges else ()),
            *(stream.counted(-1.0) for stream in self._peak(load)),
        )


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
