"""What a GPU costs over all providers."""

from __future__ import annotations

from collections.abc import Iterable
from statistics import median

from gpumix.domain.comparison import PriceUsed
from gpumix.domain.offer import OLD, Offer, Purchase


def price_summary(offers: Iterable[Offer], gpu: str, purchase: Purchase) -> PriceUsed | None:
    """Median, low and high of the providers' median prices; None where nobody offers it.

    `offers` are those usable on a day. A provider with many regions counts once, by the median of
    its offers, so that a large price list does not outvote a short one.
    """
    found = [o for o in offers if o.gpu == gpu and o.purchase is purchase]
    if not found:
        return None
    by_provider: dict[str, list[float]] = {}
    for offer in found:
        by_provider.setdefault(offer.provider, []).append(offer.usd_per_gpu_hour)
    medians = [median(prices) for prices in by_provider.values()]
    dates = [offer.as_of for offer in found]
    return PriceUsed(
        usd_per_gpu_hour=median(medians),
        low=min(medians),
        high=max(medians),
        providers=len(medians),
        oldest=min(dates),
        newest=max(dates),
        is_old=all(OLD in offer.marks for offer in found),
    )
