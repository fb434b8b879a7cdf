"""What can be rented: of every GPU, size and term the cheapest current offer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from gpumix.catalog import find_offers
from gpumix.cost.cloud import term_fits, term_note
from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.workload import Inventory
from gpumix.supply.supply import Supplies, Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


def rentals(inventory: Inventory, catalog: Catalog) -> Supplies:
    """The cheapest current offer of every (GPU, size, purchase) for every residency in use."""
    cloud = inventory.cloud
    if cloud is None:
        return Supplies((), (), ())
    notes = [
        f"{p.value}: {note}" for p in cloud.purchases if (note := term_note(p, inventory.years))
    ]
    purchases = {p for p in cloud.purchases if term_fits(p, inventory.years)}
    found = find_offers(
        catalog.offers, cloud.providers, cloud.regions, cloud.countries, cloud.gpus, purchases
    )
    if cloud.gpus is None:
        found, left_out = _without_consumer_parts(found, catalog.gpus)
        if left_out:
            notes.append(
                f"consumer cards ({', '.join(left_out)}) are rented only if the inventory names"
                " them: their licence excludes data centres and neither uptime nor ECC is promised"
            )
    chosen = _cheapest(_current(found), _residencies(inventory))
    return Supplies(tuple(_rental(o, cloud.max_instances) for o in chosen), chosen, tuple(notes))


def _without_consumer_parts(
    offers: Iterable[Offer], gpus: dict[str, Gpu]
) -> tuple[tuple[Offer, ...], list[str]]:
    kept, dropped = [], set()
    for offer in offers:
        if "consumer" in gpus[offer.gpu].form_factor:
            dropped.add(offer.gpu)
        else:
            kept.append(offer)
    return tuple(kept), sorted(dropped)


def _current(offers: Iterable[Offer]) -> list[Offer]:
    """Of a provider's prices for no one region, only the newest: older ones are history."""
    newest: dict[tuple[str, str, int, Purchase], Offer] = {}
    placed = []
    for offer in offers:
        if offer.country is not None:
            placed.append(offer)
            continue
        key = (offer.provider, offer.gpu, offer.gpus_per_instance, offer.purchase)
        known = newest.get(key)
        if known is None or (offer.as_of, -offer.usd_per_instance_hour) > (
            known.as_of,
            -known.usd_per_instance_hour,
        ):
            newest[key] = offer
    return placed + list(newest.values())


def _residencies(inventory: Inventory) -> list[frozenset[str] | None]:
    """The distinct sets of countries that workloads are bound to; None = anywhere."""
    return list(
        dict.fromkeys(frozenset(w.countries) if w.countries else None for w in inventory.workloads)
    )


def _cheapest(
    offers: Sequence[Offer], residencies: Sequence[frozenset[str] | None]
) -> tuple[Offer, ...]:
    best: dict[tuple[str, int, Purchase, frozenset[str] | None], Offer] = {}
    for residency in residencies:
        for offer in offers:
            if residency is not None and offer.country not in residency:
                continue
            key = (offer.gpu, offer.gpus_per_instance, offer.purchase, residency)
            if key not in best or _rank(offer) < _rank(best[key]):
                best[key] = offer
    return tuple(sorted(dict.fromkeys(best.values()), key=lambda o: (o.gpu, o.purchase, _rank(o))))


def _rank(offer: Offer) -> tuple[float, str, str, str]:
    return (offer.usd_per_gpu_hour, offer.provider, offer.region, offer.instance)


def _rental(offer: Offer, most: int | None) -> Supply:
    place = offer.region or "any region"
    return Supply(
        id=f"{offer.purchase.value}:{offer.provider}:{offer.gpus_per_instance}x{offer.gpu}@{place}",
        gpu=offer.gpu,
        gpus_per_instance=offer.gpus_per_instance,
        purchase=offer.purchase,
        provider=offer.provider,
        region=offer.region,
        country=offer.country,
        usd_per_instance_hour=offer.usd_per_instance_hour,
        as_of=offer.as_of,
        basis=offer.basis,
        source=offer.source,
        most=most,
    )
