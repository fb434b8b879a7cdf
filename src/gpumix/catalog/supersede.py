"""Newest wins: which observations of a price are current, and what replaced the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Final

from gpumix.domain.offer import Offer

APPROX: Final = timedelta(days=45)
"""A date marked `approx` may be this far off either way."""
EVERYWHERE: Final = frozenset({"", "any", "unspecified", "global", "all", "all regions"})
"""What sources write for a price that holds in all regions of a provider."""

Product = tuple[str, str, int, str, int, float]
Superseded = tuple[tuple[Offer, Offer], ...]
"""Offers that price nothing, each with the newer one that replaced it."""


def current(offers: Iterable[Offer]) -> tuple[tuple[Offer, ...], Superseded]:
    """The current offers, and those that a newer one of the same product has replaced.

    Within a provider, GPU, size, kind of purchase and term an older row of a region gives way to
    a newer one of that region or of the provider's list for all regions, whatever the machine is
    called; a list for all regions gives way to a newer list. Dates that may be the same day do
    not replace each other; of two rows of one machine and region the later date stays then, and
    of equal dates the dearer price, the cautious one.
    """
    offers = tuple(offers)
    rivals: dict[tuple[Product, str], list[Offer]] = {}
    for offer in offers:
        rivals.setdefault((_product(offer), _place(offer)), []).append(offer)
    kept, replaced = [], []
    for offer in offers:
        places = dict.fromkeys((_place(offer), ""))
        others = [o for place in places for o in rivals.get((_product(offer), place), ())]
        newer = _replacing(offer, others)
        if newer is None:
            kept.append(offer)
        else:
            replaced.append((offer, newer))
    return tuple(kept), tuple(replaced)


def _replacing(offer: Offer, others: Sequence[Offer]) -> Offer | None:
    newer = [o for o in others if o is not offer and _replaces(o, offer)]
    return max(newer, key=lambda o: (o.as_of, o.usd_per_instance_hour), default=None)


def _replaces(other: Offer, offer: Offer) -> bool:
    if _first_day(other) > _last_day(offer):
        return True
    if (other.instance.lower(), _place(other)) != (offer.instance.lower(), _place(offer)):
        return False
    theirs, mine = (_rank(other), _rank(offer))
    return theirs > mine


def _rank(offer: Offer) -> tuple[date, float, str]:
    return (offer.as_of, offer.usd_per_instance_hour, offer.source)


def _product(offer: Offer) -> Product:
    return (
        offer.provider,
        offer.gpu,
        offer.gpus_per_instance,
        offer.purchase.value,
        offer.term_months,
        offer.upfront_share,
    )


def _place(offer: Offer) -> str:
    """The region, empty for a list for all regions."""
    region = offer.region.strip().lower()
    several = offer.country is None and (region.startswith("global") or " / " in region)
    return "" if several or region in EVERYWHERE else region


def _first_day(offer: Offer) -> date:
    return offer.as_of - (APPROX if offer.as_of_precision == "approx" else timedelta())


def _last_day(offer: Offer) -> date:
    return offer.as_of + (APPROX if offer.as_of_precision == "approx" else timedelta())
