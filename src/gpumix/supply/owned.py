"""Servers on sites of one's own as supply: those that stand there and those that may be bought."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from gpumix.cost.book import Book
from gpumix.cost.capex import gpu_capex
from gpumix.cost.grid import DEMAND, demand_usd_per_year
from gpumix.cost.premises import servers_per_rack
from gpumix.cost.site_charges import SiteCharges, charges_of_site
from gpumix.cost.staff import SiteStaff, staff_of_site
from gpumix.cost.tco import ServerCost, onprem_server
from gpumix.domain.defaults import OWNED_AGE_MONTHS
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.gpu import Server
from gpumix.domain.offer import OWN_SITE, Purchase
from gpumix.domain.quote import Quote
from gpumix.domain.site import SERVER_TAXES, OwnedTerms, Site
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError, NoEstimate, Problem
from gpumix.supply.countries import country_of, months_until_back
from gpumix.supply.quoted import less_included, less_tax, quoted_price, without
from gpumix.supply.supply import Supplies, Supply
from gpumix.units import MONTHS_PER_YEAR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def own_servers(inventory: Inventory, catalog: Catalog) -> Supplies:
    """Supply of every site: owned servers, kept or sold, and servers that may be bought.

    Raises: InputError where a GPU comes in no known server or more stands than the racks feed.
    """
    problems: list[Problem] = []
    notes: list[str] = []
    found: list[Supply] = []
    staff: list[SiteStaff] = []
    charges: list[SiteCharges] = []
    for stated in inventory.sites:
        own = inventory.cost_of_capital
        site = stated if own is None else replace(stated, cost_of_capital=own)
        servers = {s.gpu: s for s in catalog.servers}
        place = f"supply.on_prem.{site.id}"
        for gpu in dict.fromkeys([*site.gpus, *(gpu for gpu, _ in site.owned)]):
            if gpu not in servers:
                known = ", ".join(sorted(servers))
                problems.append(Problem(place, f"no server is known for {gpu}", f"known: {known}"))
        if problems:
            continue
        standing = [_owned(site, servers[gpu], n, inventory, catalog) for gpu, n in site.owned]
        taken_kw = math.fsum(s.kw * s.count for s in standing)
        if taken_kw > site.capacity_kw * (1.0 + 1e-9):
            problems.append(
                Problem(
                    f"supply.owned.{site.id}",
                    f"the owned servers need {taken_kw:.1f} kW of racks",
                    f"{site.racks} racks of {site.kw_per_rack:g} kW give {site.capacity_kw:.1f} kW",
                )
            )
        found += standing
        staff.append(staff_of_site(site, country_of(site, catalog), catalog.defaults))
        outage_h = _outage_hours(site, catalog)
        charges.append(charges_of_site(site, outage_h, inventory.start.month - 1))
        for gpu in site.gpus:
            supply, note = _buyable(site, servers[gpu], inventory, catalog)
            found += [supply] if supply else []
            notes += [note] if note else []
        if site.outage_hours_per_year != 0 and not site.generator:
            notes.append(f"{site.id}: without a generator, work stops in every outage")
    if problems:
        raise InputError(problems)
    return Supplies(tuple(found), tuple(notes), staff=tuple(staff), sites=tuple(charges))


def _outage_hours(site: Site, catalog: Catalog) -> float:
    if site.outage_hours_per_year is not None:
        return site.outage_hours_per_year
    return country_of(site, catalog).outage_hours_per_year


def _buyable(
    site: Site, server: Server, inventory: Inventory, catalog: Catalog
) -> tuple[Supply | None, str]:
    if (site.lead_months or 0) >= inventory.months:
        return None, f"{site.id}: what is ordered arrives after the plan's end; nothing is bought"
    per_rack = servers_per_rack(server, site.kw_per_rack)
    if per_rack < 1:
        return None, (
            f"{site.id}: {server.id} takes {server.nameplate_kw:g} kW and {server.rack_u:g} U,"
            f" more than a rack of {site.kw_per_rack:g} kW gives"
        )
    quotes = [quote for quote in inventory.quotes if quote.gpu == server.gpu]

    def bought(alone: bool) -> Supply:
        price, cost = _cheapest(quotes, site, server, inventory, catalog, alone)
        kw = site.kw_per_rack / per_rack
        supply = _supply(site, server, cost, Purchase.BUY, price, kw, catalog)
        return replace(supply, lead_months=site.lead_months or 0)

    try:
        return replace(bought(False), alone=None if site.owned else bought(True)), ""
    except NoEstimate as error:
        return None, f"{site.id}: {error}"


def _cheapest(
    quotes: Sequence[Quote],
    site: Site,
    server: Server,
    inventory: Inventory,
    catalog: Catalog,
    alone: bool,
) -> tuple[Assumption, ServerCost]:
    """What a server costs to have and what that rests on: by the quotation with which a year costs
    least, or by the catalogue where the team has none. Raises: NoEstimate without a price."""
    if not quotes:
        price = gpu_capex(catalog.capex, server.gpu, server)
        return price[1], _cost(site, server, price, inventory, catalog, alone=alone)
    priced = []
    for quote in quotes:
        price = quoted_price(quote, server)
        cost = _cost(site, server, price, inventory, catalog, alone=alone, quote=quote)
        priced.append((price[1], cost))
    return min(priced, key=lambda found: found[1].fixed_usd_per_year)


def _owned(site: Site, server: Server, gpus: int, inventory: Inventory, catalog: Catalog) -> Supply:
    size = math.gcd(gpus, server.gpus)
    share = size / server.gpus
    part = replace(
        server,
        gpus=size,
        rack_u=server.rack_u * share,
        nameplate_kw=server.nameplate_kw * share,
        load_kw=None if server.load_kw is None else server.load_kw * share,
        idle_kw=None if server.idle_kw is None else server.idle_kw * share,
    )
    terms = site.terms_of(server.gpu)
    price = _price_new(part, catalog)
    cost = _cost(site, part, price, inventory, catalog, owned=True, terms=terms)
    stated = Assumption(
        f"{site.id}: {gpus} {server.gpu}", "already owned", Basis.MEASURED, "inventory"
    )
    supply = _supply(site, part, cost, Purchase.OWNED, stated, part.nameplate_kw, catalog)
    count = gpus // size
    return replace(supply, count=count, most=count, servers_per_instance=share)


def _price_new(server: Server, catalog: Catalog) -> tuple[float, Assumption] | None:
    """What it would cost new: what it fetches is a share of that; None where unknown."""
    try:
        return gpu_capex(catalog.capex, server.gpu, server)
    except NoEstimate:
        return None


def _cost(
    site: Site,
    server: Server,
    price: tuple[float, Assumption] | None,
    inventory: Inventory,
    catalog: Catalog,
    *,
    owned: bool = False,
    alone: bool = False,
    quote: Quote | None = None,
    terms: OwnedTerms | None = None,
) -> ServerCost:
    line = quote.tax if quote is not None and quote.tax else SERVER_TAXES
    country, defaults = country_of(site, catalog, line), catalog.defaults
    lag = months_until_back(site, line)
    priced = onprem_server if lag is None else partial(onprem_server, recovery_lag_months=lag)
    if site.power_included:
        defaults = without(["installation"], defaults, "the room: its rent includes the power")
    if quote is not None:
        country, defaults = less_tax(quote, country), less_included(quote, defaults)
    age = terms.age_months if terms else 0.0
    offered = terms.sell_usd if terms else None
    return priced(
        server,
        price,
        site,
        country,
        defaults,
        years=inventory.months / MONTHS_PER_YEAR,
        owned=owned,
        hot_humid=country.hot_humid,
        licences=inventory.licences,
        alone=alone,
        age_months=OWNED_AGE_MONTHS if age is None else age,
        sell_usd=None if offered is None else offered * server.gpus,
    )


def _supply(
    site: Site,
    server: Server,
    cost: ServerCost,
    purchase: Purchase,
    price: Assumption,
    kw: float,
    catalog: Catalog,
) -> Supply:
    book = Book(site.id, catalog.defaults)
    peak_usd = demand_usd_per_year(server, site, book, country_of(site, catalog).hot_humid)
    verb = "owned" if purchase is Purchase.OWNED else "buy"
    return Supply(
        id=f"{verb}:{site.id}:{server.gpus}x{server.gpu}",
        gpu=server.gpu,
        gpus_per_instance=server.gpus,
        purchase=purchase,
        provider=OWN_SITE,
        region=site.id,
        country=site.country,
        usd_per_instance_hour=0.0,
        as_of=price.as_of,
        basis=price.basis,
        source=price.source,
        site=site.id,
        usd_per_instance_year=(
            *cost.fixed_parts.items(),
            *([(DEMAND, peak_usd)] if peak_usd else ()),
        ),
        usd_per_gpu_busy_hour=cost.energy_usd_per_busy_hour / server.gpus,
        capex_usd=cost.capex_usd,
        kw=kw,
        assumptions=_unique((price, *cost.assumptions, *(book.assumptions if peak_usd else ()))),
        hardware=cost.hardware,
        draw=cost.draw,
        energy_change=cost.energy_change,
    )


def _unique(assumptions: Iterable[Assumption]) -> tuple[Assumption, ...]:
    return tuple(dict.fromkeys(assumptions))
