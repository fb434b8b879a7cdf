"""What a site costs once it is open, however few servers stand there; its peak and its room."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gpumix.cost.case.power import bill, billed_demand
from gpumix.cost.case.streams import Stream, paid_monthly, stepped
from gpumix.domain.case import Generator, Tariff
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.site import Site
from gpumix.units import HOURS_PER_DAY, HOURS_PER_YEAR, MONTHS_PER_YEAR
from gpumix.values import FloatArray

FIT_OUT = "fit-out"
"""What it takes to open a site, once."""

DAYS_PER_MONTH = HOURS_PER_YEAR / MONTHS_PER_YEAR / HOURS_PER_DAY


@dataclass(frozen=True, slots=True)
class ServerDraw:
    """What one server draws at the meter, idle and under load, and asks of the racks [kW]."""

    idle_kw: float
    load_kw: float
    nameplate_kw: float


@dataclass(frozen=True, slots=True)
class SiteLoad:
    """What stands on a site in each month of the horizon [n]: servers, their nameplates [kW] and
    the highest draw at its meter [kW]."""

    servers: FloatArray
    nameplate_kw: FloatArray
    peak_kw: FloatArray

    @property
    def open(self) -> slice:
        """Its months from the first server to the last; empty where none ever stands."""
        months = np.flatnonzero(self.servers > 0.0)
        return slice(int(months[0]), int(months[-1]) + 1) if months.size else slice(0, 0)


@dataclass(frozen=True, slots=True)
class SiteCharges:
    """What an open site pays beside its servers, in USD.

    The `fit_out_usd` on the day its first server arrives; every month the tariff's standing charge
    and demand charge for the peak of all its servers together, the rent of the `minimum_kw` of the
    room that nothing stands on, and the fuel that turns the generator through its outages. The
    plan's first month is the calendar month `first_month`, from 0.
    """

    site: str
    tariff: Tariff | None = None
    rent_usd_per_kw_month: float = 0.0
    minimum_kw: float = 0.0
    fit_out_usd: float = 0.0
    generator: Generator | None = None
    outage_hours_per_year: float = 0.0
    first_month: int = 0
    source: str = "the inventory"

    @property
    def assumptions(self) -> tuple[Assumption, ...]:
        """What the inventory states of it beside what its servers rest on."""
        per_day = self.tariff.fixed_per_day if self.tariff else 0.0
        stated = (
            ("fit-out", self.fit_out_usd, "USD"),
            ("standing charge", per_day, "USD a day"),
        )
        return tuple(
            Assumption(f"{self.site}: {what}", f"{usd:,.6g} {unit}", Basis.ASSUMED, self.source)
            for what, usd, unit in stated
            if usd
        )

    def paid(self, load: SiteLoad) -> tuple[Stream, ...]:
        """All of it over the horizon, for what stands there."""
        streams = (
            self._fit_out(load),
            *self.tariff_paid(load),
            self._empty_room(load),
            self._standby(load),
        )
        return tuple(stream for stream in streams if stream is not None and stream.amounts.any())

    def tariff_paid(self, load: SiteLoad) -> tuple[Stream, ...]:
        """Standing charge and demand charge, tax included."""
        tariff = self.tariff
        if tariff is None or not load.servers[load.open].size:
            return ()
        first, peak_kw = load.open.start, load.peak_kw[load.open]
        months = np.arange(first, load.open.stop, dtype=float)
        owed = bill(tariff, {}, peak_kw, DAYS_PER_MONTH, self.first_month + first)
        prices = stepped(tariff.price_change_per_year, months)
        days = np.full_like(months, DAYS_PER_MONTH)
        fixed = self._monthly(
            ("energy", "standing charge", "day"), days, owed.fixed * prices, months
        )
        if tariff.demand is None:
            return (fixed,)
        billed = billed_demand(tariff.demand, peak_kw)
        of = ("demand", "demand charge", f"{tariff.demand.unit} of the month's peak")
        return fixed, self._monthly(of, billed, owed.demand * prices, months)

    def _monthly(
        self, of: tuple[str, str, str], quantity: FloatArray, usd: FloatArray, months: FloatArray
    ) -> Stream:
        """Amounts at the end of months, as a quantity and its price."""
        price = np.divide(usd, quantity, out=np.zeros_like(usd), where=quantity > 0.0)
        category, item, unit = of
        return Stream(
            category=category,
            item=item,
            months=months + 1.0,
            quantity=quantity,
            price=price,
            rate=np.ones_like(usd),
            amounts=quantity * price,
            closes=True,
            unit=unit,
            source=self.source,
            basis=Basis.ASSUMED,
        )

    def _fit_out(self, load: SiteLoad) -> Stream | None:
        if not load.servers[load.open].size:
            return None
        usd, one = np.array([self.fit_out_usd]), np.ones(1)
        return Stream(
            category="installation",
            item=FIT_OUT,
            months=np.array([float(load.open.start)]),
            quantity=one,
            price=usd,
            rate=one,
            amounts=usd,
            closes=False,
            unit="site",
            source=self.source,
            basis=Basis.ASSUMED,
        )

    def _empty_room(self, load: SiteLoad) -> Stream:
        """Rent of what is missing to the least power that must be rented."""
        empty_kw = np.maximum(self.minimum_kw - load.nameplate_kw[load.open], 0.0)
        return self._each_month(
            load, "room", "room below its minimum", "kW-month", empty_kw, self.rent_usd_per_kw_month
        )

    def _standby(self, load: SiteLoad) -> Stream | None:
        """Fuel that the generator burns for its size, before it delivers anything."""
        if self.generator is None:
            return None
        an_hour = self.generator.litres_per_hour.per_rated_kw * self.generator.rated_kw
        litres = an_hour * self.outage_hours_per_year / MONTHS_PER_YEAR
        each = np.full(load.servers[load.open].size, litres)
        price = self.generator.diesel_price
        return self._each_month(load, "fuel", "generator, running idle", "l", each, price)

    def _each_month(
        self,
        load: SiteLoad,
        category: str,
        item: str,
        unit: str,
        quantity: FloatArray,
        price: float,
    ) -> Stream:
        months = np.arange(load.open.start + 1.0, load.open.stop + 1.0)
        evidence = {"source": self.source, "basis": Basis.ASSUMED}
        return paid_monthly(category, item, unit, price, quantity, months, **evidence)


def charges_of_site(site: Site, outage_hours_per_year: float, first_month: int) -> SiteCharges:
    """A site's own charges as it states them; one that has servers already needs no fit-out.

    Args:
        site: the site, its prices in USD.
        outage_hours_per_year: of its grid [h].
        first_month: calendar month in which the plan starts, from 0.

    Source: docs/cost.md, "Owning a server".
    """
    return SiteCharges(
        site=site.id,
        tariff=None if site.power_included else site.tariff,
        rent_usd_per_kw_month=site.facility_usd_per_kw_month or 0.0,
        minimum_kw=site.room_minimum_kw,
        fit_out_usd=0.0 if site.owned else site.fit_out_usd,
        generator=None if site.power_included else site.generator_set,
        outage_hours_per_year=outage_hours_per_year,
        first_month=first_month,
    )
