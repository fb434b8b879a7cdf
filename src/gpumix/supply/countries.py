"""What a site's country asks and offers: its row of the table, or what the inventory states."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.cost.case.lines import tax_shares
from gpumix.domain.site import SERVER_TAXES, Country, Site, TaxStack

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

_STATED = "the inventory"


def country_of(site: Site, catalog: Catalog, taxes: str = SERVER_TAXES) -> Country:
    """The country of a site, with the site's customs line of this name where it states one."""
    country = catalog.countries.get(site.country) or _stated(site, catalog)
    stack = site.stack(taxes)
    return country if stack is None else _with_taxes(country, stack)


def months_until_back(site: Site, taxes: str = SERVER_TAXES) -> float | None:
    """Months until what customs pays back of a stated line is back, the mean by amount; None where
    the site states no line or nothing of it comes back."""
    stack = site.stack(taxes)
    back = _back(stack) if stack else {}
    total = math.fsum(back.values())
    if stack is None or not total:
        return None
    return math.fsum(back[tax.name] * tax.lag_months for tax in stack.taxes) / total


def _back(stack: TaxStack) -> dict[str, float]:
    """What comes back of each tax, as a share of the value."""
    shares = tax_shares(stack.taxes)
    return {tax.name: shares[tax.name] * tax.recoverable for tax in stack.taxes}


def _with_taxes(country: Country, stack: TaxStack) -> Country:
    return replace(
        country,
        import_tax_share=math.fsum(tax_shares(stack.taxes).values()),
        import_tax_advance_share=math.fsum(_back(stack).values()),
        flags=f"duty=S;{country.flags}",
        source=f"duty: taxes.{stack.name} of the inventory; {country.source}",
    )


def _stated(site: Site, catalog: Catalog) -> Country:
    """A country that no table knows, by what its site states; the reader saw to it that it does."""
    tariff, outages = site.usd_per_kwh or math.nan, site.outage_hours_per_year or 0.0
    currency = site.currency or "USD"
    per_usd, day = catalog.exchange_rate(currency)
    return Country(
        iso2=site.country,
        name=site.country,
        tariff_usd_per_kwh_low=tariff,
        tariff_usd_per_kwh=tariff,
        tariff_usd_per_kwh_high=tariff,
        carbon_g_per_kwh=math.nan,
        import_tax_share=0.0,
        import_tax_advance_share=0.0,
        outage_hours_per_year=outages,
        outage_hours_per_year_low=None,
        outage_hours_per_year_high=None,
        cost_of_capital=site.cost_of_capital or 0.0,
        diesel_usd_per_l=None,
        currency=currency,
        fx_per_usd=per_usd,
        fx_as_of=day or catalog.data_as_of,
        flags="",
        source=_STATED,
        as_of="",
        note="",
    )
