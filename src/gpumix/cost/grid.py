"""What a site's own tariff asks for the peak of its servers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gpumix.cost.book import Book
from gpumix.cost.case.power import demand_charge
from gpumix.cost.energy import facility_power_kw
from gpumix.cost.premises import pue, server_draw_kw
from gpumix.domain.case import Tariff
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Server
from gpumix.domain.site import Site
from gpumix.units import MONTHS_PER_YEAR

DEMAND = "demand"
"""Part of a server's yearly cost that its draw adds to the site's bill."""


def demand_usd_per_kw_year(tariff: Tariff) -> float:
    """What each kW of a peak that is reached in every month costs a year, tax included [USD/kW].

    The minimum is the site's, not a server's: it is left out.

    Args:
        tariff: prices of electricity in USD.

    Source: `cost.case.power.demand_charge`.
    """
    if tariff.demand is None:
        return 0.0
    each = demand_charge(replace(tariff.demand, minimum_kw=0.0), np.ones(int(MONTHS_PER_YEAR)))
    return float(each.sum()) * (1.0 + tariff.tax)


def demand_usd_per_year(server: Server, site: Site, book: Book, hot_humid: bool = False) -> float:
    """Charge for what a server adds to the site's peak: its draw under load x PUE [USD/year].

    It ranks servers; the bill is of the whole site's peak (`SiteCharges`).

    Args:
        server: the server; it is taken to work at full load in some part of every month.
        site: the site with its tariff.
        book: takes the figures down; holds the table of cost parameters.
        hot_humid: whether air cooling works against the climate.

    Source: `demand_usd_per_kw_year`.
    """
    if site.tariff is None or site.tariff.demand is None or site.power_included:
        return 0.0
    usd_per_kw = demand_usd_per_kw_year(site.tariff)
    peak_kw = facility_power_kw(
        server_draw_kw(server, book.defaults)[1], pue(site, book, hot_humid)
    )
    charge = f"{usd_per_kw:,.2f} USD a year for each kW of peak"
    book.note("demand charge", charge, Basis.ASSUMED, "the inventory")
    if least_kw := site.tariff.demand.minimum_kw:
        text = f"{least_kw:g} kW are billed at the least, whatever the site holds"
        book.note("demand charge, minimum", text, Basis.ASSUMED, "the inventory")
    return usd_per_kw * peak_kw
