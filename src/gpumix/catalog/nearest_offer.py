"""The price of a machine that somebody rents already: the catalogue's nearest offer."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gpumix.domain.offer import Offer, Purchase


def nearest_offer(
    offers: Iterable[Offer],
    provider: str,
    gpu: str,
    purchase: Purchase,
    gpus_per_instance: int,
    region: str,
) -> Offer | None:
    """The provider's offer of this GPU that comes nearest; None where it has none.

    Nothing but the same way of paying will do: for a commitment one of the same length before
    others, for `reserved` any. Listed before derived prices, then the same region, then the
    instance nearest in size, then the cheapest.
    """

    def distance(offer: Offer) -> tuple[object, ...]:
        size = math.log2(offer.gpus_per_instance / gpus_per_instance)
        return (
            offer.derived,
            abs(offer.term_months - purchase.term_months) if purchase.term_months else 0,
            offer.region != region,
            abs(size),
            offer.usd_per_gpu_hour,
            offer.region,
            offer.instance,
        )

    able = [
        offer
        for offer in offers
        if offer.provider == provider and offer.gpu == gpu and _paid_alike(offer.purchase, purchase)
    ]
    return min(able, key=distance, default=None)


def _paid_alike(one: Purchase, other: Purchase) -> bool:
    return one.is_committed if other.is_committed else one is other
