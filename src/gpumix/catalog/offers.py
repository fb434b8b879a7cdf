"""Offers: dated cloud prices, reserved terms derived from them, the user's rates over both."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.catalog.bands import load_bands
from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Offer, Purchase

Regions = Mapping[tuple[str, str], str | None]
"""(provider, region as the provider writes it) -> ISO country, None where it is not one."""
Key = tuple[str, str, str, str, int, Purchase]
PRICE_MODELS: Final = ("on_demand", "spot", "reserved_1y", "reserved_3y", "reserved")
MONTHS: Final = {"reserved_1y": 12, "reserved_3y": 36}
"""Lengths of the commitments that have a short name."""
PRICE_AGREEMENT: Final = 0.005
"""$/GPU-hour x GPUs and $/instance-hour agree within this share (rounding in sources)."""


@dataclass(frozen=True, slots=True)
class Discount:
    """Price of a commitment over the same provider's on-demand price, where none is listed."""

    purchase: Purchase
    factor: float
    low: float
    high: float
    n: int
    source: str
    as_of: date


def load_regions(folder: Path | None = None) -> dict[tuple[str, str], str | None]:
    """(provider, region) -> ISO country; None where the region is several countries or unknown."""
    rows = read_packaged(
        "regions.csv",
        lambda row: (row.text("provider"), row.text("region"), row.text("country") or None),
        folder,
    )
    return {(provider, region): country for provider, region, country in rows}


def load_discounts(folder: Path | None = None) -> tuple[Discount, ...]:
    """The discounts of commitments, one for each reserved term."""
    return read_packaged(
        "price_rules.csv",
        lambda row: Discount(
            Purchase(row.choice("purchase", PRICE_MODELS)),
            row.positive("factor", 1.0),
            row.positive("low", 1.0),
            row.positive("high", 1.0),
            row.whole("n") or 0,
            row.text("source"),
            row.day("as_of"),
        ),
        folder,
    )


def load_snapshot(folder: Path | None = None) -> tuple[tuple[Offer, int], ...]:
    """The offers of the catalogue's rows, each with its line. Raises: DataError."""
    regions, tiers = load_regions(folder), load_bands(folder).tiers
    return read_packaged(
        "prices.csv", lambda row: (price_record(row, regions, tiers), row.line), folder
    )


def price_record(row: Row, regions: Regions, tiers: Mapping[str, str]) -> Offer:
    """One line of `prices.csv`. A form factor that is assumed makes the price `assumed`."""
    provider, region = row.required_text("provider"), row.text("region")
    if (provider, region) not in regions:
        row.wrong(f"region {region!r} of {provider} is not in regions.csv")
    gpus = int(row.positive("gpus_per_instance"))
    price = instance_price(row, gpus)
    check_agreement(row, gpus)
    return Offer(
        provider=provider,
        instance=row.text("instance"),
        region=region,
        country=regions.get((provider, region)),
        gpu=row.required_text("gpu"),
        gpus_per_instance=gpus,
        purchase=Purchase(row.choice("price_model", PRICE_MODELS)),
        usd_per_instance_hour=price,
        as_of=row.day("as_of"),
        as_of_precision=row.text("as_of_precision"),
        basis=Basis.ASSUMED if row.text("variant") == "assumed" else Basis.MEASURED,
        source=row.text("source"),
        note=row.text("note"),
        tier=tiers.get(provider, ""),
        term_months=MONTHS.get(row.text("price_model"), 0),
    )


def instance_price(row: Row, gpus: float) -> float:
    """USD per instance-hour from either price column."""
    known = len(row.problems)
    per_gpu, whole = row.number("usd_per_gpu_hour"), row.number("usd_per_instance_hour")
    if len(row.problems) > known:
        return 1.0
    if 0.0 in (per_gpu, whole) or (per_gpu is None and whole is None):
        row.wrong("has no price above 0", "fill usd_per_gpu_hour or usd_per_instance_hour")
        return 1.0
    return whole or (per_gpu or 0.0) * gpus


def check_agreement(row: Row, gpus: float) -> None:
    """Note where both price columns are filled and differ."""
    per_gpu, whole = row.number("usd_per_gpu_hour"), row.number("usd_per_instance_hour")
    if per_gpu and whole and abs(per_gpu * gpus / whole - 1.0) > PRICE_AGREEMENT:
        row.wrong(
            f"usd_per_gpu_hour {per_gpu:g} x {gpus:g} GPUs is {per_gpu * gpus:g}, but"
            f" usd_per_instance_hour is {whole:g}",
            "correct one of them or gpus_per_instance",
        )


def key(offer: Offer) -> Key:
    """What makes two rows the same offer at different times."""
    return (
        offer.provider,
        offer.instance,
        offer.region,
        offer.gpu,
        offer.gpus_per_instance,
        offer.purchase,
    )


def newest(offers: Iterable[Offer]) -> tuple[Offer, ...]:
    """One offer for each key: the newest, and of equal dates the dearest (the cautious one)."""
    kept: dict[Key, Offer] = {}
    for offer in offers:
        known = kept.get(key(offer))
        rank = (offer.as_of, offer.usd_per_instance_hour)
        if known is None or rank > (known.as_of, known.usd_per_instance_hour):
            kept[key(offer)] = offer
    return tuple(kept.values())


def overlay(offers: Sequence[Offer], rates: Sequence[Offer]) -> tuple[Offer, ...]:
    """The user's rates in place of catalogue offers of the same provider, GPU and purchase.

    A rate that names no region holds in every region where the catalogue knows the offer, so
    that residency still counts; one that names a region replaces only that region's offers.
    """
    kept = list(offers)
    added: list[Offer] = []
    for rate in rates:
        replaced = [o for o in offers if _same_product(o, rate)]
        kept = [o for o in kept if not _same_product(o, rate)]
        if rate.region or rate.country:
            added.append(rate)
        else:
            places = dict.fromkeys((o.region, o.country) for o in replaced) or {("", None): None}
            added += [replace(rate, region=r, country=c) for r, c in places]
    return (*kept, *added)


def _same_product(offer: Offer, rate: Offer) -> bool:
    return (
        offer.provider == rate.provider
        and offer.gpu == rate.gpu
        and offer.purchase is rate.purchase
        and (not rate.region or offer.region == rate.region)
        and (bool(rate.region) or not rate.country or offer.country == rate.country)
    )


def with_reserved(offers: Sequence[Offer], discounts: Sequence[Discount]) -> tuple[Offer, ...]:
    """Add a reserved offer, evidence `assumed`, for each on-demand offer that lacks one.

    price = on-demand price of the same provider, GPU and region x paired discount. Where a
    provider lists a reserved price for the GPU, nothing is derived for that term.
    """
    stated = {(o.provider, o.gpu, o.purchase) for o in offers}
    derived = [
        replace(
            offer,
            purchase=discount.purchase,
            usd_per_instance_hour=offer.usd_per_instance_hour * discount.factor,
            basis=Basis.ASSUMED,
            note=f"{discount.factor:g} x the on-demand price (seen {discount.low:g}-"
            f"{discount.high:g} over {discount.n} pairs); ask for a quote",
        )
        for discount in discounts
        for offer in offers
        if offer.purchase is Purchase.ON_DEMAND
        and (offer.provider, offer.gpu, discount.purchase) not in stated
    ]
    return (*offers, *derived)


def find_offers(
    offers: Iterable[Offer],
    providers: Collection[str] | None = None,
    regions: Collection[str] | None = None,
    countries: Collection[str] | None = None,
    gpus: Collection[str] | None = None,
    purchases: Collection[Purchase] | None = None,
) -> tuple[Offer, ...]:
    """The offers that match every given set; None = any. An unmapped region has no country."""
    return tuple(
        offer
        for offer in offers
        if (providers is None or offer.provider in providers)
        and (regions is None or offer.region in regions)
        and (countries is None or offer.country in countries)
        and (gpus is None or offer.gpu in gpus)
        and (purchases is None or offer.purchase in purchases)
    )
