"""Offers: dated cloud prices, the user's rates over them, commitments estimated on request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.catalog.bands import load_bands
from gpumix.catalog.peers import ANY_INSTANCE, same_machine
from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import TIERS, Layer, Offer, Purchase

Regions = Mapping[tuple[str, str], str | None]
"""(provider, region as the provider writes it) -> ISO country, None where it is not one."""
PRICE_MODELS: Final = tuple(purchase.value for purchase in Purchase if purchase.is_rental)
PRICE_AGREEMENT: Final = 0.005
"""$/GPU-hour x GPUs and $/instance-hour agree within this share (rounding in sources)."""


@dataclass(frozen=True, slots=True)
class TermRatio:
    """Price of a commitment over on-demand, as providers of a tier publish it.

    `low` and `high` are the ends of what was seen over `n` pairs.
    """

    tier: str
    term_months: int
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


def load_term_ratios(folder: Path | None = None) -> tuple[TermRatio, ...]:
    """Usual ratios of commitments to on-demand prices, by tier and length."""
    return read_packaged(
        "price_rules.csv",
        lambda row: TermRatio(
            row.choice("tier", TIERS),
            int(row.positive("term_months")),
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
    named = row.choice("price_model", PRICE_MODELS)
    months = Purchase(named).term_months or row.whole("term_months") or 0
    return Offer(
        provider=provider,
        instance=row.text("instance"),
        region=region,
        country=regions.get((provider, region)),
        gpu=row.required_text("gpu"),
        gpus_per_instance=gpus,
        purchase=Purchase.of_term(months) if months else Purchase(named),
        usd_per_instance_hour=price,
        as_of=row.day("as_of"),
        as_of_precision=row.text("as_of_precision"),
        basis=Basis.ASSUMED if row.text("variant") == "assumed" else Basis.MEASURED,
        source=row.text("source"),
        note=row.text("note"),
        tier=tiers.get(provider, ""),
        term_months=months,
        upfront_share=row.number("upfront_share") or 0.0,
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


def overlay(offers: Sequence[Offer], rates: Sequence[Offer]) -> tuple[Offer, ...]:
    """The user's rates in place of the offers of the same machine.

    A rate replaces what is sold of its provider, GPU, size and kind of purchase: of its instance
    where it names one, in its region or country where it names one. A rate that names no region
    holds in every region where the catalogue knows the machine, so that residency still counts.
    A rate for `any` instance is a price per GPU: it holds for every size that the catalogue
    knows.
    """
    kept = list(offers)
    added: list[Offer] = []
    for rate in rates:
        known = [o for o in offers if _same_product(o, rate)]
        gone = {id(o) for o in known if _same_machine(o, rate)}
        kept = [o for o in kept if id(o) not in gone]
        added += _placed_rates(rate, known)
    return (*kept, *added)


def _placed_rates(rate: Offer, known: Sequence[Offer]) -> list[Offer]:
    """The rate in every place, and of a price per GPU in every size, that it holds for."""
    sizes = [rate.gpus_per_instance]
    if rate.instance == ANY_INSTANCE:
        sizes = sorted({o.gpus_per_instance for o in known}) or sizes
    places = [(rate.region, rate.country)]
    if not (rate.region or rate.country):
        places = list(dict.fromkeys((o.region, o.country) for o in known)) or [("", None)]
    return [
        replace(
            rate,
            region=region,
            country=country,
            gpus_per_instance=size,
            usd_per_instance_hour=rate.usd_per_gpu_hour * size,
        )
        for region, country in places
        for size in sizes
    ]


def _same_product(offer: Offer, rate: Offer) -> bool:
    return (
        offer.provider == rate.provider
        and offer.gpu == rate.gpu
        and offer.purchase is rate.purchase
        and offer.term_months == rate.term_months
        and (not rate.region or offer.region == rate.region)
        and (bool(rate.region) or not rate.country or offer.country == rate.country)
    )


def _same_machine(offer: Offer, rate: Offer) -> bool:
    if rate.instance == ANY_INSTANCE:
        return True
    return offer.gpus_per_instance == rate.gpus_per_instance and same_machine(offer, rate)


def estimated_terms(offers: Sequence[Offer], ratios: Sequence[TermRatio]) -> tuple[Offer, ...]:
    """Commitments that nobody lists, estimated for those who ask for them: evidence `assumed`.

    price = on-demand price of the same machine x the usual ratio of the tier and length. None for
    marketplaces and resellers, none from the user's own rates, and none where the provider lists
    a commitment of that length for the GPU.
    """
    stated = {(o.provider, o.gpu, o.term_months) for o in offers}
    return tuple(
        replace(
            offer,
            purchase=Purchase.of_term(ratio.term_months),
            term_months=ratio.term_months,
            usd_per_instance_hour=offer.usd_per_instance_hour * ratio.factor,
            low_usd_per_instance_hour=offer.usd_per_instance_hour * ratio.low,
            high_usd_per_instance_hour=offer.usd_per_instance_hour * ratio.high,
            basis=Basis.ASSUMED,
            derived=True,
            estimated=True,
            note=f"estimated: {ratio.factor:g} x the on-demand price (a {ratio.tier}'s lie between"
            f" {ratio.low:g} and {ratio.high:g}); ask for a quote",
        )
        for ratio in ratios
        for offer in offers
        if offer.purchase is Purchase.ON_DEMAND
        and offer.tier == ratio.tier
        and offer.layer is not Layer.SHEET
        and (offer.provider, offer.gpu, ratio.term_months) not in stated
    )


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
