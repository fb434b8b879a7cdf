"""The team's own terms with clouds -> domain records, each name checked against the offers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from gpumix.domain.contracts import Contracts, Credit, Discount, Support
from gpumix.domain.offer import Offer, Purchase
from gpumix.inventory.schema import CloudSpec, DiscountSpec
from gpumix.inventory.yaml import KeyPath

PATH: KeyPath = ("supply", "cloud")

Check = Callable[[KeyPath, str, str, Iterable[str]], None]
"""Notes a problem at a key where this kind of name is not among the known ones."""
Gpus = Callable[[KeyPath, Iterable[str]], list[str]]
"""Ids of GPUs by any of their names, unknown ones noted at the key."""


def contracts_of(spec: CloudSpec, offers: Sequence[Offer], check: Check, gpus: Gpus) -> Contracts:
    """Discounts, support, credits and taxes; `offers` hold the known providers and regions."""
    providers = sorted({offer.provider for offer in offers})
    named = [
        *(((*PATH, "discounts", i, "provider"), one.provider)
          for i, one in enumerate(spec.discounts)),
        *(((*PATH, "credits", i, "provider"), one.provider) for i, one in enumerate(spec.credits)),
        *(((*PATH, "support_share", name), name) for name in spec.support_share),
    ]  # fmt: skip
    for path, name in named:
        check(path, "provider", name, providers)
    discounts = [
        _discount(one, (*PATH, "discounts", i), offers, check, gpus)
        for i, one in enumerate(spec.discounts)
    ]
    return Contracts(
        discounts=tuple(discounts),
        support=tuple(Support(name, share) for name, share in spec.support_share.items()),
        credits=tuple(Credit(one.provider, one.usd, one.until) for one in spec.credits),
        tax_share=spec.tax_share,
    )


def _discount(
    spec: DiscountSpec, path: KeyPath, offers: Sequence[Offer], check: Check, gpus: Gpus
) -> Discount:
    own = {o.region for o in offers if o.provider == spec.provider and o.region}
    known = sorted(own or {o.region for o in offers if o.region})
    for i, region in enumerate(spec.regions or ()):
        check((*path, "regions", i), "region", region, known)
    return Discount(
        provider=spec.provider,
        share=spec.share,
        gpus=None if spec.gpus is None else tuple(gpus((*path, "gpus"), spec.gpus)),
        regions=None if spec.regions is None else tuple(spec.regions),
        purchases=None if spec.purchase is None else tuple(map(Purchase, spec.purchase)),
        until=spec.until,
    )
