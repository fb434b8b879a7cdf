"""How far away from a workload's users what can be had is: the network round trip.

It is what the team states (`rtt_ms`), or the usual time over the distance between the largest city
of the users' country and the place; of several countries the farthest counts, as a promise is made
to all users.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.domain.evidence import Basis
from gpumix.domain.offer import OWN_SITE, Offer, Purchase
from gpumix.domain.places import Place, RoundTrip
from gpumix.domain.site import Site
from gpumix.domain.workload import Inventory, Workload
from gpumix.perf.network import FARTHEST_KM, great_circle_km, round_trip_s
from gpumix.supply.supply import Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

STEP = 0.02
"""Share of the tightest limit in whose multiples assumed round trips are counted, rounded up: each
asks for options of its own."""


def with_round_trips(
    supplies: Sequence[Supply], inventory: Inventory, catalog: Catalog
) -> tuple[Supply, ...]:
    """Supplies with how far they are from the users of every workload that states where these
    are."""
    return tuple(
        replace(supply, round_trips=round_trips(inventory, supply, catalog)) for supply in supplies
    )


def round_trips(
    inventory: Inventory, where: Supply | Offer, catalog: Catalog
) -> tuple[RoundTrip, ...]:
    """The round trips to one place, of every workload that states where its users are."""
    found = (_round_trip(workload, where, catalog) for workload in inventory.workloads)
    return tuple(trip for trip in found if trip is not None)


def round_trips_of_site(
    inventory: Inventory, site: Site, catalog: Catalog
) -> tuple[RoundTrip, ...]:
    """The same to a site, whatever stands there."""
    standing = Supply(
        id=f"site:{site.id}",
        gpu="",
        gpus_per_instance=1,
        purchase=Purchase.OWNED,
        provider=OWN_SITE,
        region=site.id,
        country=site.country,
        usd_per_instance_hour=0.0,
        as_of=None,
        basis=Basis.ASSUMED,
        source="",
        site=site.id,
    )
    return round_trips(inventory, standing, catalog)


def _round_trip(workload: Workload, where: Supply | Offer, catalog: Catalog) -> RoundTrip | None:
    stated = {trip.place: trip.seconds for trip in workload.stated_trips}
    site = where.site if isinstance(where, Supply) else None
    region, limit_s = f"{where.provider} {where.region}", workload.tightest_s
    for name in (site, region, where.region, where.provider, where.country, ""):
        if name is not None and name in stated:
            seconds = stated[name]
            planned_s = seconds if limit_s < math.inf else 0.0
            return RoundTrip(workload.id, seconds, planned_s, Basis.MEASURED, "inventory, rtt_ms")
    if not workload.users_at:
        return None
    seconds, source = max(_from(users, where, catalog) for users in workload.users_at)
    step = STEP * limit_s
    planned_s = min(math.ceil(seconds / step) * step, limit_s) if limit_s < math.inf else 0.0
    return RoundTrip(workload.id, seconds, planned_s, Basis.ASSUMED, source)


def _from(users: str, where: Supply | Offer, catalog: Catalog) -> tuple[float, str]:
    """The usual round trip between a country's users and a place [s], and how it is known."""
    factor = catalog.defaults["route_factor"].typical or 1.0
    least_km = catalog.defaults["least_distance_km"].typical or 0.0
    town = catalog.places.countries[users]
    place, words = _place(where, catalog)
    km = FARTHEST_KM if place is None else max(_distance_km(town, place), least_km)
    seconds = round_trip_s(km, factor)
    way = f"from {town.city} ({users}) to {words}, {km:,.0f} km, {factor:g} times light in fibre"
    return seconds, way


def _place(where: Supply | Offer, catalog: Catalog) -> tuple[Place | None, str]:
    """Where something is, and what to call it; None where not even its country is known."""
    own = catalog.places.regions.get((where.provider, where.region))
    if own is not None and own.country == where.country:
        return own, f"{own.city} ({own.country})"
    place = catalog.places.countries.get(where.country or "")
    if place is None:
        return None, "a place that is not known, taken to be half way round the earth"
    what = "a site" if isinstance(where, Supply) and where.site else "a region of unknown place"
    return place, f"{what} in {place.country}, taken to be {place.city}"


def _distance_km(one: Place, other: Place) -> float:
    return great_circle_km(one.latitude, one.longitude, other.latitude, other.longitude)
