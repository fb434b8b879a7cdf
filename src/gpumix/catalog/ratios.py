"""What one GPU costs over another, measured on the lists of providers that rent both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import median
from typing import Final

import numpy as np

from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.prices import ALL, MeasuredRatio, PricePair

_SHOWN: Final = (0.1, 0.5, 0.9)
"""Quantiles of the ratios."""
_Place = tuple[str, str, str, Purchase, int]
_Cheapest = dict[int, Offer]
"""Size [GPUs per instance] -> the cheapest offer of that size."""


def price_pairs(offers: Iterable[Offer], gpu: str, over: str) -> tuple[PricePair, ...]:
    """One pair for each provider, region, purchase and term that has a price of both GPUs.

    ratio = median over the sizes that both are sold in of
    (cheapest price of `gpu` / cheapest price of `over`) [1], per GPU; where they share no size, the
    cheapest of any size. Derived and estimated offers are no measurement and do not count.
    """
    listed = [o for o in offers if not (o.derived or o.estimated)]
    mine, base = _by_place(listed, gpu), _by_place(listed, over)
    return tuple(
        _pair(gpu, over, place, mine[place], base[place])
        for place in sorted(mine.keys() & base.keys())
    )


def price_ratios(pairs: Sequence[PricePair], gpu: str, over: str) -> tuple[MeasuredRatio, ...]:
    """Ratios over all pairs, then by tier, then by purchase; a group without pairs is left out."""
    tiers = dict.fromkeys(p.tier for p in sorted(pairs, key=lambda p: p.tier))
    kinds = dict.fromkeys(p.purchase.value for p in sorted(pairs, key=lambda p: p.purchase))
    return (
        _ratio(pairs, gpu, over, ALL, ALL),
        *(_ratio([p for p in pairs if p.tier == t], gpu, over, t, ALL) for t in tiers),
        *(_ratio([p for p in pairs if p.purchase == k], gpu, over, ALL, k) for k in kinds),
    )


def _by_place(offers: Iterable[Offer], gpu: str) -> dict[_Place, _Cheapest]:
    found: dict[_Place, _Cheapest] = {}
    for offer in offers:
        if offer.gpu != gpu:
            continue
        place = (offer.provider, offer.tier, offer.region, offer.purchase, offer.term_months)
        sizes = found.setdefault(place, {})
        known = sizes.get(offer.gpus_per_instance)
        if known is None or offer.usd_per_gpu_hour < known.usd_per_gpu_hour:
            sizes[offer.gpus_per_instance] = offer
    return found


def _pair(gpu: str, over: str, place: _Place, mine: _Cheapest, base: _Cheapest) -> PricePair:
    provider, tier, region, purchase, term_months = place
    sizes = sorted(mine.keys() & base.keys())
    matched = [(mine[n], base[n]) for n in sizes] or [(_least(mine), _least(base))]
    ratios = [a.usd_per_gpu_hour / b.usd_per_gpu_hour for a, b in matched]
    return PricePair(
        gpu=gpu,
        over=over,
        provider=provider,
        tier=tier,
        region=region,
        purchase=purchase,
        term_months=term_months,
        gpus_per_instance=sizes[0] if len(sizes) == 1 else None,
        usd_per_gpu_hour=median(a.usd_per_gpu_hour for a, _ in matched),
        over_usd_per_gpu_hour=median(b.usd_per_gpu_hour for _, b in matched),
        ratio=median(ratios),
        as_of=min(o.as_of for both in matched for o in both),
    )


def _least(sizes: _Cheapest) -> Offer:
    return min(sizes.values(), key=lambda o: (o.usd_per_gpu_hour, o.gpus_per_instance))


def _ratio(
    pairs: Sequence[PricePair], gpu: str, over: str, tier: str, purchase: str
) -> MeasuredRatio:
    if not pairs:
        return MeasuredRatio(gpu, over, tier, purchase, None, None, None, None, 0, 0, None, None)
    low, middle, high = np.quantile([p.ratio for p in pairs], _SHOWN)
    by_provider: dict[str, list[float]] = {}
    for pair in pairs:
        by_provider.setdefault(pair.provider, []).append(pair.ratio)
    return MeasuredRatio(
        gpu=gpu,
        over=over,
        tier=tier,
        purchase=purchase,
        median=float(middle),
        p10=float(low),
        p90=float(high),
        provider_median=median(median(ratios) for ratios in by_provider.values()),
        n=len(pairs),
        providers=len(by_provider),
        oldest=min(p.as_of for p in pairs),
        newest=max(p.as_of for p in pairs),
    )
