"""What can be rented: of every GPU, size, purchase and term the cheapest current offer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from gpumix.catalog import find_offers, of_tiers
from gpumix.cost.cloud import term_fits, term_note
from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.evidence import Assumption
from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import Offer
from gpumix.domain.workload import CloudSupply, Inventory
from gpumix.supply.charges import charged
from gpumix.supply.data import DataPrice, data_price_of
from gpumix.supply.round_trip import round_trips
from gpumix.supply.supply import Supplies, Supply
from gpumix.units import MONTHS_PER_YEAR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


GANGS = "gangs"
"""How the note on machines that form no gangs begins."""


def rentals(inventory: Inventory, catalog: Catalog) -> Supplies:
    """The cheapest current offer of every (GPU, size, purchase, term, tier) for every residency,
    and under every set of quotas."""
    cloud = inventory.cloud
    if cloud is None:
        return Supplies((), ())
    usable = catalog.usable(inventory.as_of, cloud.estimated_terms)
    if cloud.providers is None:  # one that is named is allowed whatever its tier
        usable = of_tiers(usable, cloud.tiers)
    found = find_offers(usable, cloud.providers, cloud.regions, cloud.countries, cloud.gpus)
    found = tuple(o for o in found if cloud.allows(o.purchase) and _may_be_had(o, cloud))
    notes = _term_notes(found, inventory.months / MONTHS_PER_YEAR)
    found = tuple(o for o in found if term_fits(o.term_months, inventory.months / MONTHS_PER_YEAR))
    if cloud.gpus is None:
        found, left_out = _without_consumer_parts(found, catalog.gpus)
        if left_out:
            notes.append(
                f"consumer cards ({', '.join(left_out)}) are rented only if the inventory names"
                " them: their licence excludes data centres and neither uptime nor ECC is promised"
            )
    bill = charged(found, inventory)
    notes += bill.notes
    has_fabric, data_price = catalog.fabrics.joins, data_price_of(inventory, catalog)

    def apart(offer: Offer) -> object:
        """Offers that differ in this do not stand in for each other, whatever they cost."""
        whose = offer.provider if cloud.max_instances is not None else ""
        under = cloud.quotas_of(offer.provider, offer.region, offer.gpu)
        return whose, under, has_fabric(offer), data_price(offer).rates

    def distances(offer: Offer) -> tuple[float, ...]:
        return tuple(trip.planned_s for trip in round_trips(inventory, offer, catalog))

    chosen = _cheapest(bill.offers, _residencies(inventory), apart, distances)
    notes += _without_fabric(inventory, bill.offers, has_fabric)
    of = tuple(
        with_data(_limited(rental(o, has_fabric(o), bill.words.get(o)), cloud), data_price(o))
        for o in chosen
    )
    return Supplies(of, tuple(notes))


def _may_be_had(offer: Offer, cloud: CloudSupply) -> bool:
    """Whether no quota is 0 there."""
    return all(q.instances for q in cloud.quotas_of(offer.provider, offer.region, offer.gpu))


def with_data(supply: Supply, price: DataPrice) -> Supply:
    """A rental with what its provider asks for data."""
    egress, storage = price.rates
    return replace(
        supply,
        egress_usd_per_gb=egress,
        storage_usd_per_gb_month=storage,
        assumptions=(*supply.assumptions, *price.assumptions),
    )


def _term_notes(offers: Iterable[Offer], years: float) -> list[str]:
    terms = sorted({o.term_months for o in offers})
    return [f"commitments: {note}" for months in terms if (note := term_note(months, years))]


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


def _without_fabric(
    inventory: Inventory, offers: Iterable[Offer], has_fabric: Callable[[Offer], bool]
) -> list[str]:
    """Whose nodes take no part in gangs of several, where there is work that may want one."""
    if not any(w.run is not None for w in inventory.workloads):
        return []
    nodes = [o for o in offers if o.gpus_per_instance >= GPUS_PER_NODE]
    left_out = {o.provider for o in nodes} - {o.provider for o in nodes if has_fabric(o)}
    if not left_out:
        return []
    return [
        f"{GANGS}: no job runs on several nodes of {', '.join(sorted(left_out))}, who state no fast"
        " network between them; `fabric: yes` in a price sheet says that there is one"
    ]


def _residencies(inventory: Inventory) -> list[frozenset[str] | None]:
    """The distinct sets of countries that workloads are bound to; None = anywhere."""
    return list(
        dict.fromkeys(frozenset(w.countries) if w.countries else None for w in inventory.workloads)
    )


def _cheapest(
    offers: Sequence[Offer],
    residencies: Sequence[frozenset[str] | None],
    apart: Callable[[Offer], object],
    distances: Callable[[Offer], tuple[float, ...]],
) -> tuple[Offer, ...]:
    """The cheapest offer of each kind, for every residency: of every tier, for work that must not
    run on all of them, and of those that are `apart`: with a fabric and without, by the price of
    data, and where one may not do, of every provider or of all that count against one quota. Nearer
    ones are kept where they cost more: `distances` are those to the users of each workload."""
    best: dict[tuple[object, ...], dict[tuple[float, ...], Offer]] = {}
    for offer in offers:
        away = distances(offer)
        kind = (offer.gpu, offer.gpus_per_instance, offer.purchase, offer.term_months)
        for residency in residencies:
            key = (kind, offer.tier, apart(offer), residency)
            if residency is not None and offer.country not in residency:
                continue
            known = best.setdefault(key, {})
            if away not in known or _rank(offer) < _rank(known[away]):
                known[away] = offer
    chosen = dict.fromkeys(offer for alike in best.values() for offer in _not_beaten(alike))
    return tuple(sorted(chosen, key=lambda o: (o.gpu, o.purchase, _rank(o))))


def _not_beaten(offers: Mapping[tuple[float, ...], Offer]) -> list[Offer]:
    """Offers by distance of which no other is as near, or nearer, at a lower price."""
    return [
        offer
        for away, offer in offers.items()
        if not any(
            all(n <= m for n, m in zip(nearer, away, strict=True)) and _rank(other) < _rank(offer)
            for nearer, other in offers.items()
        )
    ]


def _rank(offer: Offer) -> tuple[float, str, str, str]:
    return (offer.usd_per_gpu_hour, offer.provider, offer.region, offer.instance)


def rental(offer: Offer, has_fabric: bool, charges: str | None) -> Supply:
    """A rental at its offer's price; `charges` says what the team's own terms did to that."""
    place = offer.region or "any region"
    term = f"{offer.term_months}m" if offer.purchase.value == "reserved" else ""
    return Supply(
        id=f"{offer.purchase.value}{term}:{offer.provider}:"
        f"{offer.gpus_per_instance}x{offer.gpu}@{place}",
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
        offer=offer,
        has_fabric=has_fabric,
        assumptions=() if charges is None else (_charges(offer, charges),),
    )


def _limited(supply: Supply, cloud: CloudSupply) -> Supply:
    """A rental under the inventory's limits."""
    quotas = cloud.quotas_of(supply.provider, supply.region, supply.gpu)
    return replace(supply, most=cloud.max_instances, quotas=quotas)


def _charges(offer: Offer, words: str) -> Assumption:
    """The team's own terms that a price holds."""
    machine = f"{offer.gpus_per_instance} x {offer.gpu}"
    subject = f"terms: {offer.provider}, {machine}, {offer.purchase.value}"
    return Assumption(subject, words, offer.basis, "inventory and its price sheet", offer.as_of)
