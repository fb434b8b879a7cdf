"""When a commitment begins and ends: a cohort a supply and start, priced by the ledger.

A cohort starts with a period and serves to the end of one. A term shorter than its period is
renewed within it; where the end of a term falls inside a period, terms in a row are offered too, as
many as end with a period or outlast the horizon. Months that are paid after the horizon are owed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gpumix.cost.case.streams import Stream, paid_monthly, present_cost_of, stream_of
from gpumix.cost.grid import DEMAND
from gpumix.cost.hardware import RESALE_OF_KEPT, SALE, Hardware
from gpumix.domain.offer import Purchase
from gpumix.plan.periods import Period
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_MONTH, MONTHS_PER_YEAR
from gpumix.values import FloatArray

RENTAL = {
    Purchase.ON_DEMAND: "on-demand rental",
    Purchase.SPOT: "spot rental",
    Purchase.API: "APIs, by the token",
    Purchase.RESERVED_1Y: "reserved rental (1 year)",
    Purchase.RESERVED_3Y: "reserved rental (3 years)",
    Purchase.RESERVED: "reserved rental (other terms)",
}
OWED = "owed past the horizon"
FREED = (SALE, RESALE_OF_KEPT)
"""What sales of what stands bring, during the plan and at its end."""
_CAPITAL = "capital"
"""Part of a server's yearly cost that only ranks supplies: a plan counts the purchase itself."""

_ENERGY = "idle energy"
_CATEGORIES = {"facility": "room", _ENERGY: "energy"}


@dataclass(frozen=True, slots=True)
class Cohort:
    """One instance of a supply, in service from the month `start` until before `until`, and paid
    until before `paid_until`.

    `streams` are what is paid for it and when, `usd` is their present cost. Rent for months after
    the horizon is owed. A sale counts by what it brings; what is kept is sold at the horizon's end.
    `cash_usd` moves on the day it starts, or is sold (then below 0); `capex_usd` binds the budget.
    """

    start: int
    until: int
    paid_until: int
    streams: tuple[Stream, ...]
    usd: float
    cash_usd: float = 0.0
    capex_usd: float = 0.0

    @property
    def id(self) -> str:
        """Its months: `0-12`."""
        return f"{self.start}-{self.paid_until}"


@lru_cache(maxsize=8192)
def cohorts_of(
    supply: Supply, periods: tuple[Period, ...], rate_per_year: float = 0.0
) -> tuple[Cohort, ...]:
    """All cohorts of a committed supply over these periods at a cost of capital. Of owned servers
    the first is sold at once, the last stays to the end; what has no price, or is always on, only
    stays."""
    horizon, hardware = periods[-1].end, supply.hardware
    make = _Maker(supply, horizon, rate_per_year)
    starts = [period.start for period in periods if supply.may_start(period.start)]
    if supply.always_on and supply.purchase.is_cloud:
        return (make.reserved(0, horizon, horizon),)
    if not supply.purchase.is_cloud:
        if hardware is None or supply.always_on:
            return (make.kept(),)
        if supply.purchase is Purchase.BUY:
            return tuple(make.bought(hardware, start) for start in starts)
        sold = (make.sold(hardware, start) for start in starts)
        return (*sold, make.kept())
    if supply.until_month is not None:
        until = supply.until_month
        return (make.reserved(0, min(until, horizon), until),)
    spans = _terms(supply, periods) if supply.term_months else iter([(starts[0], horizon, horizon)])
    return tuple(make.reserved(*span) for span in spans)


def changes_of(supplies: Iterable[Supply]) -> set[int]:
    """Months in which what can be had changes: orders arrive, commitments that run already end, and
    those in which alone something may be bought, reserved or sold."""
    found: set[int] = set()
    for supply in supplies:
        if supply.starts is not None:
            found |= set(supply.starts)
        elif supply.purchase is Purchase.BUY:
            found.add(supply.lead_months)
        if supply.until_month is not None:
            found.add(supply.until_month)
    return found


def freed_usd(supply: Supply, periods: tuple[Period, ...], rate_per_year: float = 0.0) -> float:
    """What the best sale of an owned server counts for [USD], that at the start where there may be
    one; 0 where none can be sold."""
    cohorts = cohorts_of(supply, periods, rate_per_year)
    best = cohorts[0].usd if cohorts[0].until == 0 else min(one.usd for one in cohorts)
    return max(-best, 0.0)


def _terms(supply: Supply, periods: tuple[Period, ...]) -> Iterator[tuple[int, int, int]]:
    """(start, end of service, end of payment) of terms in a row [months]."""
    term, edges, horizon = supply.term_months, {p.end for p in periods}, periods[-1].end
    for period in periods:
        if not supply.may_start(period.start):
            continue
        served = 0
        terms = math.ceil(period.months / term)
        while True:
            end = period.start + terms * term
            until = max(edge for edge in edges if edge <= end)
            if until > served:
                yield period.start, until, end
                served = until
            if end in edges or end >= horizon:
                break
            terms += 1


@dataclass(frozen=True, slots=True)
class _Maker:
    """Cohorts of one supply, over a horizon [months] at a cost of capital [1/year]."""

    supply: Supply
    horizon: int
    rate_per_year: float

    def reserved(self, start: int, until: int, paid_until: int) -> Cohort:
        """A rental for a term or several in a row, of which a share may be paid as each begins."""
        supply = self.supply
        upfront = supply.offer.upfront_share if supply.offer else 0.0
        term = supply.term_months or paid_until - start
        streams = [
            self._rent(np.array([float(month)]), upfront * min(term, paid_until - month), False)
            for month in range(start, paid_until, term)
            if upfront
        ]
        months = np.arange(start + 1.0, paid_until + 1.0)
        if upfront < 1.0:
            streams.append(self._rent(months[months <= self.horizon], 1.0 - upfront, True))
            streams.append(self._rent(months[months > self.horizon], 1.0 - upfront, True))
        cash_usd = streams[0].total if upfront else 0.0
        return self._cohort(start, until, paid_until, streams, cash_usd)

    def bought(self, hardware: Hardware, start: int) -> Cohort:
        """A server that arrives in a month and is sold at the horizon's end."""
        paid = hardware.bought(self.supply.id, start, self.horizon)
        streams = [*map(stream_of, paid), *self._standing(start, self.horizon)]
        cash_usd = hardware.paid_usd
        return self._cohort(start, self.horizon, self.horizon, streams, cash_usd, cash_usd)

    def kept(self) -> Cohort:
        """What stands, to the end."""
        hardware, end = self.supply.hardware, self.horizon
        left = hardware.kept(self.supply.id, end) if hardware else ()
        return self._cohort(0, end, end, [*self._standing(0, end), *map(stream_of, left)])

    def sold(self, hardware: Hardware, until: int) -> Cohort:
        """What stands, until it is sold."""
        sale = hardware.sale(self.supply.id, until)
        streams = [*self._standing(0, until), *map(stream_of, sale)]
        return self._cohort(0, until, until, streams, -hardware.resale_usd(until))

    def _cohort(
        self,
        start: int,
        until: int,
        paid_until: int,
        streams: Sequence[Stream],
        cash_usd: float = 0.0,
        capex_usd: float = 0.0,
    ) -> Cohort:
        paid = tuple(stream for stream in streams if stream.months.size)
        usd = present_cost_of(paid, self.rate_per_year)
        return Cohort(start, until, paid_until, paid, usd, cash_usd, capex_usd)

    def _rent(self, months: FloatArray, share: float, closes: bool) -> Stream:
        """Rent of a share of a month in each of some [months]."""
        supply = self.supply
        late = bool(months.size) and months[0] > self.horizon
        stream = paid_monthly(
            "rent",
            OWED if late else RENTAL[supply.purchase],
            "instance-hour",
            supply.usd_per_instance_hour,
            np.full_like(months, HOURS_PER_MONTH * share),
            months,
            source=supply.source,
            basis=supply.basis,
            as_of=supply.as_of,
        )
        return replace(stream, closes=closes)

    def _standing(self, start: int, end: int) -> list[Stream]:
        """What a server costs while it stands."""
        supply = self.supply
        months = np.arange(start + 1.0, end + 1.0)
        # counted by the purchase itself, and by the site's bill
        apart = (DEMAND, _CAPITAL) if supply.hardware else (DEMAND,)
        return [
            paid_monthly(
                _CATEGORIES.get(name, name),
                name,
                "server-year",
                usd * supply.energy_change.factors(months - 1.0) if name == _ENERGY else usd,
                np.full_like(months, 1.0 / MONTHS_PER_YEAR),
                months,
                source=supply.source,
                basis=supply.basis,
                as_of=supply.as_of,
            )
            for name, usd in supply.usd_per_instance_year
            if name not in apart and usd
        ]
