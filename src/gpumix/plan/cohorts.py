"""When a commitment begins and ends: a cohort a supply and start, priced by entries of the ledger.

A cohort starts with a period and serves to the end of one. A term shorter than its period is
renewed within it; where the end of a term falls inside a period, terms in a row are offered too, as
many as end with a period or outlast the horizon. Months that are paid after the horizon are owed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from gpumix.cost.hardware import Hardware
from gpumix.cost.ledger import cash
from gpumix.domain.ledger import Entry
from gpumix.domain.offer import Purchase
from gpumix.plan.periods import Period
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_MONTH, MONTHS_PER_YEAR

RENTAL = {
    Purchase.ON_DEMAND: "on-demand rental",
    Purchase.SPOT: "spot rental",
    Purchase.API: "APIs, by the token",
    Purchase.RESERVED_1Y: "reserved rental (1 year)",
    Purchase.RESERVED_3Y: "reserved rental (3 years)",
    Purchase.RESERVED: "reserved rental (other terms)",
}
CAPITAL = "capital"
OWED = "owed past the horizon"
FREED = "freed by sales"

_CATEGORIES = {"facility": "room", "idle energy": "energy"}


@dataclass(frozen=True, slots=True)
class Cohort:
    """One instance of a supply, in service from the month `start` until before `until`, and paid
    until before `paid_until`.

    `entries` are what is paid for it and when; `parts` its cost as the plan counts it, by component
    and year of the horizon [USD]: rent as it is used, what is owed past the horizon in the last
    year, hardware at the level cost of its own stay. A sale counts by what it frees: the capital
    that would stay tied up until the horizon's end. `cash_usd` moves on the day it starts, or is
    sold (then below 0); `capex_usd` binds the budget.
    """

    start: int
    until: int
    paid_until: int
    entries: tuple[Entry, ...]
    parts: Mapping[str, tuple[float, ...]]
    cash_usd: float = 0.0
    capex_usd: float = 0.0

    @property
    def id(self) -> str:
        """Its months: `0-12`."""
        return f"{self.start}-{self.paid_until}"

    @property
    def usd(self) -> float:
        """Its cost in the plan [USD]."""
        return math.fsum(usd for years in self.parts.values() for usd in years)

    @property
    def owed_usd(self) -> float:
        """What is paid for months after the horizon [USD]."""
        return math.fsum(self.parts.get(OWED, ()))


@lru_cache(maxsize=8192)
def cohorts_of(supply: Supply, periods: tuple[Period, ...]) -> tuple[Cohort, ...]:
    """All cohorts of a committed supply over these periods. Of owned servers the first is sold at
    once, the last stays to the end; what has no price, or is always on, only stays."""
    horizon, hardware = periods[-1].end, supply.hardware
    if supply.always_on and supply.purchase.is_cloud:
        return (_reserved(supply, 0, horizon, horizon, horizon),)
    if not supply.purchase.is_cloud:
        if hardware is None or supply.always_on:
            return (_kept(supply, horizon),)
        if supply.purchase is Purchase.BUY:
            starts = [p.start for p in periods if p.start >= supply.lead_months]
            return tuple(_bought(supply, hardware, start, horizon) for start in starts)
        sold = (_sold(supply, hardware, period.start, horizon) for period in periods)
        return (*sold, _kept(supply, horizon))
    if supply.until_month is not None:
        until = supply.until_month
        return (_reserved(supply, 0, min(until, horizon), until, horizon),)
    term = supply.term_months
    spans = _terms(term, periods) if term else iter([(0, horizon, horizon)])
    return tuple(_reserved(supply, *span, horizon) for span in spans)


def changes_of(supplies: Iterable[Supply]) -> set[int]:
    """Months in which what can be had changes: orders arrive, commitments that run already end."""
    arrivals = {s.lead_months for s in supplies if s.purchase is Purchase.BUY}
    return arrivals | {s.until_month for s in supplies if s.until_month is not None}


def freed_at_once_usd(supply: Supply, periods: tuple[Period, ...]) -> float:
    """What the sale of an owned server at the start counts for [USD]; 0 where none can be sold."""
    first = cohorts_of(supply, periods)[0]
    return -first.usd if first.until == 0 else 0.0


def _terms(term: int, periods: tuple[Period, ...]) -> Iterator[tuple[int, int, int]]:
    """(start, end of service, end of payment) of terms in a row [months]."""
    edges, horizon = {p.end for p in periods}, periods[-1].end
    for period in periods:
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


def _by_year(start: int, end: int, horizon: int) -> list[tuple[int, int, int]]:
    """(year, first month, month after the last) of a stretch, cut at years; what is past the
    horizon counts with its last year."""
    year = int(MONTHS_PER_YEAR)
    last = horizon // year - 1
    cuts = [start, *range((start // year + 1) * year, end, year), end]
    return [(min(a // year, last), a, b) for a, b in pairwise(cuts) if b > a]


def _spread(per_month: float, start: int, end: int, horizon: int) -> tuple[float, ...]:
    """So much a month from one to another, by year of the horizon [USD]."""
    by_year = [0.0] * (horizon // int(MONTHS_PER_YEAR))
    for year, first, after in _by_year(start, end, horizon):
        by_year[year] += per_month * (after - first)
    return tuple(by_year)


def _reserved(supply: Supply, start: int, until: int, paid_until: int, horizon: int) -> Cohort:
    usd_per_month = supply.usd_per_instance_hour * HOURS_PER_MONTH
    upfront = supply.offer.upfront_share if supply.offer else 0.0
    within = min(paid_until, horizon)
    parts = {RENTAL[supply.purchase]: _spread(usd_per_month, start, within, horizon)}
    if paid_until > horizon:
        parts[OWED] = _spread(usd_per_month, horizon, paid_until, horizon)
    paid = [_rent(supply, start, paid_until - start, upfront, closes=False)] if upfront else []
    monthly = [
        _rent(supply, after, after - first, 1.0 - upfront, closes=True)
        for _, first, after in _by_year(start, paid_until, horizon)
        if upfront < 1.0
    ]
    return Cohort(start, until, paid_until, (*paid, *monthly), parts, cash_usd=cash(paid))


def _rent(supply: Supply, month: int, months: int, share: float, *, closes: bool) -> Entry:
    return Entry(
        month=month,
        option=supply.id,
        category="rent",
        item=supply.id,
        quantity=months * HOURS_PER_MONTH * share,
        unit="instance-hour",
        price=supply.usd_per_instance_hour,
        source=supply.source,
        basis=supply.basis,
        as_of=supply.as_of,
        closes=closes,
    )


def _bought(supply: Supply, hardware: Hardware, start: int, horizon: int) -> Cohort:
    paid = hardware.bought(supply.id, start, horizon)
    running, parts = _standing(supply, start, horizon, horizon)
    capital = hardware.capital_usd(paid, start, horizon) / (horizon - start)
    return Cohort(
        start,
        horizon,
        horizon,
        (*paid, *running),
        {CAPITAL: _spread(capital, start, horizon, horizon), **parts},
        cash_usd=hardware.paid_usd,
        capex_usd=hardware.paid_usd,
    )


def _kept(supply: Supply, horizon: int) -> Cohort:
    """What stands, to the end."""
    return Cohort(0, horizon, horizon, *_standing(supply, 0, horizon, horizon))


def _sold(supply: Supply, hardware: Hardware, until: int, horizon: int) -> Cohort:
    """What stands, until it is sold."""
    running, parts = _standing(supply, 0, until, horizon)
    kept = hardware.tied_up(supply.id, until, horizon)
    freed = hardware.capital_usd(kept, until, horizon) / (horizon - until)
    sale = hardware.sale(supply.id, until)
    return Cohort(
        0,
        until,
        until,
        (*running, sale),
        {**parts, FREED: _spread(-freed, until, horizon, horizon)},
        cash_usd=sale.amount,
    )


def _standing(
    supply: Supply, start: int, end: int, horizon: int
) -> tuple[tuple[Entry, ...], dict[str, tuple[float, ...]]]:
    """What a server costs while it stands: entries, and parts by year [USD]."""
    apart = CAPITAL if supply.hardware else ""  # priced by the stay
    yearly = [(name, usd) for name, usd in supply.usd_per_instance_year if name != apart]
    entries = tuple(
        Entry(
            month=after,
            option=supply.id,
            category=_CATEGORIES.get(name, name),
            item=name,
            quantity=(after - first) / MONTHS_PER_YEAR,
            unit="server-year",
            price=usd,
            source=supply.source,
            basis=supply.basis,
            as_of=supply.as_of,
            closes=True,
        )
        for name, usd in yearly
        for _, first, after in _by_year(start, end, horizon)
    )
    months = {name: usd / MONTHS_PER_YEAR for name, usd in yearly}
    return entries, {name: _spread(usd, start, end, horizon) for name, usd in months.items()}
