"""How old prices are, and what a GPU costs over all providers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from gpumix.domain.offer import Offer, Purchase

OLD_DAYS: Final = 90
"""Cloud prices age in weeks; beyond this they want a warning."""


@dataclass(frozen=True, slots=True)
class PriceAge:
    """Age of a set of prices on a day. `old_share` [0-1] counts those above `OLD_DAYS`."""

    n: int
    old_share: float
    oldest: Offer
    oldest_days: int


@dataclass(frozen=True, slots=True)
class PriceSummary:
    """Price of one GPU over `n` providers [USD per GPU-hour]; each provider counts once."""

    median: float
    low: float
    high: float
    n: int
    oldest: date
    newest: date
    old_share: float


def age_days(offer: Offer, as_of: date) -> int:
    """Days from the price's date to `as_of`; 0 where the price is newer."""
    return max((as_of - offer.as_of).days, 0)


def price_age(offers: Sequence[Offer], as_of: date) -> PriceAge | None:
    """Share of prices older than 90 days on `as_of`, and the oldest; None without offers."""
    if not offers:
        return None
    oldest = min(offers, key=lambda offer: offer.as_of)
    return PriceAge(len(offers), _old_share(offers, as_of), oldest, age_days(oldest, as_of))


def price_summary(
    offers: Iterable[Offer], gpu: str, purchase: Purchase, as_of: date
) -> PriceSummary | None:
    """Median, low and high of the providers' median prices; None where nobody offers it.

    A provider with many regions counts once, by the median of its offers, so that a large
    price list does not outvote a short one.
    """
    found = [o for o in offers if o.gpu == gpu and o.purchase is purchase]
    if not found:
        return None
    by_provider: dict[str, list[float]] = {}
    for offer in found:
        by_provider.setdefault(offer.provider, []).append(offer.usd_per_gpu_hour)
    medians = [median(prices) for prices in by_provider.values()]
    dates = [offer.as_of for offer in found]
    return PriceSummary(
        median=median(medians),
        low=min(medians),
        high=max(medians),
        n=len(medians),
        oldest=min(dates),
        newest=max(dates),
        old_share=_old_share(found, as_of),
    )


def _old_share(offers: Sequence[Offer], as_of: date) -> float:
    return sum(age_days(offer, as_of) > OLD_DAYS for offer in offers) / len(offers)
