"""Rules that mark a row: what is rarely true of a price, and sometimes is."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import permutations
from math import inf
from typing import Final

from gpumix.catalog.findings import Known, Placed, kind, named
from gpumix.catalog.machines import squeezed
from gpumix.catalog.peers import Peers, place, same_machine
from gpumix.domain.offer import OLD, Offer, Purchase
from gpumix.domain.price_check import Finding

Mark = Callable[[Sequence[Placed], Known], Iterator[Finding]]

ABSENT_SPOT_SHARE: Final = 0.98
"""From this share of on-demand on, a spot price means that there is no spot market."""
DISPERSION: Final = 2.0
"""Regions of one machine rarely differ by more than this factor."""
TWOFOLD: Final = 2.0
"""A provider's price of a GPU rarely moves by more than this factor, either way."""
PRO_RATA: Final = 1.05
"""A larger size costs at most this factor of a smaller one per GPU; more is a dedicated host."""
_ESTIMATE: Final = re.compile(r"(?<!not )(?<!not an )(?<!no )\bestimat(?:e|ed|es|ion)\b", re.I)


def says_estimated(words: str) -> bool:
    """Whether a source calls its price an estimate.

    >>> says_estimated("Estimated from the list price"), says_estimated("billed, not estimated")
    (True, False)
    """
    return bool(_ESTIMATE.search(words))


def spot(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """Spot at or above the on-demand price of its machine, in the sheet or else elsewhere.

    Above, one of the two is another kind of price, or the market is tight; at 98 % of it and
    more, sources write the on-demand price where there is no spot market.
    """
    own, listed = (
        Peers(o for o in offers if o.purchase is Purchase.ON_DEMAND)
        for offers in ([o for o, _ in placed], known.offers)
    )
    for offer, line in placed:
        peers = (own.of(offer) or listed.of(offer)) if offer.purchase is Purchase.SPOT else ()
        base = max((peer.usd_per_gpu_hour for peer in peers), default=0.0)
        price = offer.usd_per_gpu_hour
        against = f"on-demand {base:.4g} USD per GPU-hour"
        if base and price > base:
            what = f"{named(offer)}: spot {price:.4g} is above {against}"
            yield Finding(line, "spot-above-on-demand", what, "no plan uses it")
        elif price >= ABSENT_SPOT_SHARE * base and any(same_machine(offer, p) for p in peers):
            what = f"{named(offer)}: spot {price:.4g} is {price / base:.0%} of {against}"
            yield Finding(line, "absent-spot", what, "there is no spot market; no plan uses it")


def below_spot(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """On-demand below the spot price of the same machine that another layer has."""
    listed = Peers(o for o in known.offers if o.purchase is Purchase.SPOT)
    for offer, line in placed:
        peers = listed.of(offer) if offer.purchase is Purchase.ON_DEMAND else ()
        least = min((peer.usd_per_gpu_hour for peer in peers), default=0.0)
        if offer.usd_per_gpu_hour < least:
            what = (
                f"{named(offer)}: on-demand {offer.usd_per_gpu_hour:.4g} is below the known spot"
                f" price, {least:.4g} USD per GPU-hour"
            )
            yield Finding(line, "on-demand-below-spot", what, "check which price is which")


def dispersion(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """One machine whose price differs more than twofold between regions.

    Some regions really are dear; several kinds of price in one column look the same. Spot prices
    are left out: they are markets of their own.
    """
    groups: dict[tuple[object, ...], list[Offer]] = {}
    for offer in (*(o for o, _ in placed), *known.offers):
        groups.setdefault(_machine(offer), []).append(offer)
    ends = {
        machine: [f(group, key=_price) for f in (min, max)] for machine, group in groups.items()
    }
    for offer, line in placed:
        low, high = ends[_machine(offer)]
        far = low if _price(offer) > DISPERSION * _price(low) else high
        apart = max(_price(offer), _price(far)) / min(_price(offer), _price(far))
        if offer.purchase is Purchase.SPOT or apart <= DISPERSION or place(far) == place(offer):
            continue
        what = (
            f"{named(offer)}: {_price(offer):.4g} USD per GPU-hour, {_price(far):.4g} in"
            f" {place(far) or 'other regions'}"
        )
        yield Finding(line, "dispersion", what, "check that both are the same kind of price")


def twofold(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """Under half or over twice the provider's newest price of the same kind."""
    kinds = {kind(offer) for offer, _ in placed}
    peers_of = {one: Peers(o for o in known.offers if kind(o) == one) for one in kinds}
    for offer, line in placed:
        peers = peers_of[kind(offer)].of(offer)
        newest = max((peer.as_of for peer in peers), default=None)
        prices = [_price(peer) for peer in peers if peer.as_of == newest]
        if prices and not min(prices) / TWOFOLD <= _price(offer) <= TWOFOLD * max(prices):
            known_as = " to ".join(f"{price:.4g}" for price in sorted({min(prices), max(prices)}))
            what = (
                f"{named(offer)}: {_price(offer):.4g} USD per GPU-hour; the provider's newest,"
                f" of {newest}, is {known_as}"
            )
            yield Finding(line, "twofold", what, "check price, GPU count and currency")


def dedicated_host(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """A larger size above pro rata of every smaller one: the price of a host for oneself.

    Larger machines of some families have more cores and memory a GPU and cost more: what the
    catalogue lists a machine at over a smaller one is its usual ratio, the least over places.
    """
    rows = [offer for offer, _ in placed]
    usual = _usual_ratios(known.offers or rows)
    sizes: dict[tuple[object, ...], list[Offer]] = {}
    for offer in (*rows, *known.offers):
        sizes.setdefault(_place_of_sizes(offer), []).append(offer)
    for offer, line in placed:
        if offer.purchase is Purchase.SPOT:
            continue
        most = max(
            (
                _price(smaller) * max(1.0, usual.get(_pair(offer, smaller), 1.0))
                for smaller in sizes[_place_of_sizes(offer)]
                if smaller.gpus_per_instance < offer.gpus_per_instance
            ),
            default=inf,
        )
        if _price(offer) > PRO_RATA * most:
            what = (
                f"{named(offer)}: {_price(offer):.4g} USD per GPU-hour for"
                f" {offer.gpus_per_instance} GPUs, {most:.4g} by its smaller sizes"
            )
            yield Finding(line, "dedicated-host", what, "check that it is no dedicated host")


def _usual_ratios(offers: Iterable[Offer]) -> dict[tuple[object, ...], float]:
    """Price per GPU of a machine over that of a smaller one, the least over places."""
    groups: dict[tuple[object, ...], list[Offer]] = {}
    for offer in offers:
        if offer.instance and offer.purchase is not Purchase.SPOT:
            groups.setdefault(_place_of_sizes(offer), []).append(offer)
    ratios: dict[tuple[object, ...], float] = {}
    for group in groups.values():
        for larger, smaller in permutations(group, 2):
            if smaller.gpus_per_instance < larger.gpus_per_instance:
                ratio = _price(larger) / _price(smaller)
                pair = _pair(larger, smaller)
                ratios[pair] = min(ratio, ratios.get(pair, inf))
    return ratios


def _pair(larger: Offer, smaller: Offer) -> tuple[object, ...]:
    return (*_machine(larger), *_machine(smaller))


def estimated(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """A price that its source calls an estimate; it is never measured."""
    for offer, line in placed:
        if offer.estimated:
            what = f"{named(offer)}: called an estimate by its source; counts as assumed"
            yield Finding(line, "estimated", what, "ask for a price")


def old(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """Older than a price of its tier and kind is good for."""
    for offer, line in placed:
        if known.ageing.is_old(offer, known.today):
            age, good = offer.age_days(known.today), known.ageing.of(offer).days
            tier = offer.tier or "provider of unknown tier"
            what = (
                f"{named(offer)}: {age} days old; a price of this kind of a {tier} is good for"
                f" {good}"
            )
            yield Finding(line, OLD, what, "look for a newer price")


ALL: Final[tuple[Mark, ...]] = (
    spot, below_spot, dispersion, twofold, dedicated_host, estimated, old,
)  # fmt: skip
"""Every rule that marks."""


def _price(offer: Offer) -> float:
    return offer.usd_per_gpu_hour


def _machine(offer: Offer) -> tuple[object, ...]:
    return (
        offer.provider,
        squeezed(offer.instance),
        offer.gpu,
        offer.gpus_per_instance,
        kind(offer),
    )


def _place_of_sizes(offer: Offer) -> tuple[object, ...]:
    return (offer.provider, offer.gpu, kind(offer), offer.upfront_share, place(offer))
