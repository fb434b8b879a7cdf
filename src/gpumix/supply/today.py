"""What is rented today as supply: the whole fleet as it runs, and what of it a plan may keep."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.catalog import nearest_offer
from gpumix.cost.contracts import months_until
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.offer import Layer, Offer
from gpumix.domain.today import Rented
from gpumix.domain.workload import CloudSupply, Inventory
from gpumix.errors import InputError, Problem
from gpumix.supply.charges import charged
from gpumix.supply.data import data_price_of
from gpumix.supply.rentals import rental, with_data
from gpumix.supply.supply import Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

_LONGEST_MONTHS = 1200.0


def running(inventory: Inventory, catalog: Catalog) -> tuple[Supply, ...]:
    """What is rented today, a supply a line, each with the `count` that runs around the clock.

    Stated prices are the team's own; an unknown one is that of the catalogue's nearest offer,
    marked assumed. Both are charged like the rest of the bill.

    Raises: InputError where a price is neither stated nor known.
    """
    if inventory.today is None:
        return ()
    offers = _offers(inventory.today.rented, inventory, catalog)
    bill = charged(offers, inventory)
    data_price = data_price_of(inventory, catalog)
    found, taken = [], Counter[str]()
    for rented, offer in zip(inventory.today.rented, bill.offers, strict=True):
        supply = rental(offer, catalog.fabrics.joins(offer), bill.words.get(offer))
        ends = f", until {rented.until}" if rented.until else ""
        name = f"{supply.id} (today{ends})"
        taken[name] += 1
        found.append(
            replace(
                with_data(supply, data_price(offer)),
                id=name if taken[name] == 1 else f"{name} {taken[name]}",
                count=rented.count,
                most=rented.count,
                until=rented.until,
                always_on=True,
                assumptions=(*supply.assumptions, *data_price(offer).assumptions, _stated(offer)),
            )
        )
    return tuple(found)


def kept(inventory: Inventory, fleet: Iterable[Supply]) -> tuple[Supply, ...]:
    """What of today's fleet a plan starts with: commitments that still run, which are paid to
    their last day (the nearest whole month), and what is rented by the hour at the team's own
    price, which may stay."""
    found = []
    for supply in fleet:
        if supply.until is not None:
            ends = round(months_until(inventory.start, supply.until, _LONGEST_MONTHS))
            still = replace(supply, always_on=False, until_month=ends)
            found += [still] if ends else []
        elif _may_stay(supply, inventory.cloud):
            found.append(replace(supply, count=0, always_on=False))
    return tuple(found)


def _may_stay(supply: Supply, cloud: CloudSupply | None) -> bool:
    """Whether the inventory allows to go on renting it: its price is no other offer's."""
    offer = supply.offer
    return (
        offer is not None
        and offer.layer is Layer.SHEET
        and cloud is not None
        and cloud.allows(supply.purchase)
        and _is_among(supply.provider, cloud.providers)
        and _is_among(supply.region, cloud.regions)
        and _is_among(supply.country, cloud.countries)
        and _is_among(supply.gpu, cloud.gpus)
    )


def _is_among(name: str | None, allowed: tuple[str, ...] | None) -> bool:
    return allowed is None or name in allowed


def _offers(rows: Iterable[Rented], inventory: Inventory, catalog: Catalog) -> list[Offer]:
    current = catalog.usable(inventory.as_of, estimated=True)
    found, problems = [], []
    for i, rented in enumerate(rows):
        near = nearest_offer(
            current,
            rented.provider,
            rented.gpu,
            rented.purchase,
            rented.gpus_per_instance,
            rented.region,
        )
        if rented.usd_per_gpu_hour is not None:
            found.append(_own(rented, rented.usd_per_gpu_hour, inventory, catalog))
        elif near is not None:
            found.append(_assumed(rented, near))
        else:
            what = f"no price of {rented.purchase} {rented.gpu} of {rented.provider} is known"
            problems.append(Problem(f"today.rented.{i}", what, "state usd_per_gpu_hour"))
    if problems:
        raise InputError(problems)
    return found


def _own(rented: Rented, usd_per_gpu_hour: float, inventory: Inventory, catalog: Catalog) -> Offer:
    """An offer at the team's own price."""
    theirs = [o for o in catalog.offers if o.provider == rented.provider]
    machine = (rented.gpu, rented.gpus_per_instance)
    alike = [o.instance for o in theirs if (o.gpu, o.gpus_per_instance) == machine]
    return Offer(
        provider=rented.provider,
        instance=rented.instance or min(alike, default=""),
        region=rented.region,
        country=next((o.country for o in theirs if o.region == rented.region), None),
        gpu=rented.gpu,
        gpus_per_instance=rented.gpus_per_instance,
        purchase=rented.purchase,
        usd_per_instance_hour=usd_per_gpu_hour * rented.gpus_per_instance,
        as_of=inventory.as_of,
        as_of_precision="day",
        basis=Basis.MEASURED,
        source="inventory",
        note="what is paid today",
        tier=next((o.tier for o in theirs if o.tier), ""),
        layer=Layer.SHEET,
        term_months=rented.purchase.term_months,
    )


def _assumed(rented: Rented, near: Offer) -> Offer:
    """What is rented, at the price of the nearest offer."""
    return replace(
        near,
        instance=rented.instance or near.instance,
        region=rented.region or near.region,
        gpus_per_instance=rented.gpus_per_instance,
        purchase=rented.purchase,
        usd_per_instance_hour=near.usd_per_gpu_hour * rented.gpus_per_instance,
        low_usd_per_instance_hour=0.0,
        high_usd_per_instance_hour=0.0,
        basis=Basis.ASSUMED,
        note=f"price not stated; that of {near.gpus_per_instance} x {near.gpu} of {near.provider},"
        f" {near.region or 'any region'}",
    )


def _stated(offer: Offer) -> Assumption:
    machine = f"{offer.gpus_per_instance} x {offer.gpu}, {offer.purchase.value}"
    value = f"{offer.usd_per_gpu_hour:.4g} USD per GPU-hour"
    note = f"{value}; {offer.note}" if offer.basis is Basis.ASSUMED else value
    subject = f"today: {offer.provider}, {machine}"
    return Assumption(subject, note, offer.basis, offer.source, offer.as_of)
