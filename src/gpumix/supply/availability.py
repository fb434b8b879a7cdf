"""How much of the year what can be had is up: power of a site, what clouds promise, spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.domain.offer import Purchase
from gpumix.domain.site import Range, Site
from gpumix.domain.workload import Inventory, SpotTerms, Tier, Workload
from gpumix.supply.countries import country_of
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_YEAR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def with_availability(
    supplies: Sequence[Supply], inventory: Inventory, catalog: Catalog
) -> tuple[Supply, ...]:
    """Supplies with the share of the year that each is up.

    Of a site of one's own only its power counts: a generator is assumed to carry every outage.
    """
    powered = {site.id: _powered_share(site, catalog) for site in inventory.sites}
    stated = inventory.cloud.spot if inventory.cloud else ()
    return tuple(_with(supply, powered, stated, catalog.defaults) for supply in supplies)


def _powered_share(site: Site, catalog: Catalog) -> float:
    """Share of the year that a site has power (0-1)."""
    dark_h = site.outage_hours_per_year
    if dark_h is None:
        dark_h = country_of(site, catalog).outage_hours_per_year
    return 1.0 if site.generator else 1.0 - min(dark_h, HOURS_PER_YEAR) / HOURS_PER_YEAR


def _with(
    supply: Supply,
    powered: Mapping[str, float],
    stated: Sequence[SpotTerms],
    defaults: Mapping[str, Range],
) -> Supply:
    if supply.site is not None:
        share = powered[supply.site]
        return replace(supply, availability=share, availability_after_loss=share)
    if supply.purchase is Purchase.SPOT:
        own = sorted(
            (t for t in stated if t.gpu in (supply.gpu, None)), key=lambda t: t.gpu is None
        )
        spot = own[0].availability if own else defaults["spot_availability"].typical
        return replace(supply, availability=spot, availability_after_loss=spot)
    return replace(
        supply,
        availability=defaults["instance_availability"].typical,
        availability_after_loss=defaults["region_availability"].typical,
    )


def up_share(workload: Workload, supply: Supply) -> float | None:
    """Share of time that a supply is up for a workload (0-1): premium work survives the loss of an
    instance, all work stands still at a dark site; None where it is unknown."""
    if workload.tier is Tier.PREMIUM:
        return supply.availability_after_loss
    return supply.availability
