"""Offers: dated cloud prices, the user's rates over them, commitments estimated on request."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.catalog.bands import Bands, load_bands
from gpumix.catalog.checks import (
    band_problems,
    count_problems,
    date_problems,
    is_absent_spot,
    known_machines,
    spot_problems,
)
from gpumix.catalog.supersede import current
from gpumix.catalog.tables import Row, read_packaged, read_sheet, refuse_data, refuse_input
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import TIERS, Layer, Offer, Purchase
from gpumix.errors import Problem, unknown_name

Regions = Mapping[tuple[str, str], str | None]
"""(provider, region as the provider writes it) -> ISO country, None where it is not one."""
Machine = tuple[str, str, str, str, int]
Placed = tuple[Offer, str]
"""An offer and the place it was read from, for messages."""

PRICE_MODELS: Final = ("on_demand", "spot", "reserved_1y", "reserved_3y", "reserved")
MONTHS: Final = {"reserved_1y": 12, "reserved_3y": 36}
"""Lengths of the commitments that have a short name."""
LONGEST_TERM: Final = 120
"""Months of the longest commitment that a row may state."""
ANY_INSTANCE: Final = "any"
"""Instance of a rate per GPU that holds for all sizes."""
PRICE_AGREEMENT: Final = 0.005
"""$/GPU-hour x GPUs and $/instance-hour agree within this share (rounding in sources)."""
SHEET_REQUIRED: Final = ("provider", "gpu", "gpus_per_instance")
SHEET_COLUMNS: Final = (
    *SHEET_REQUIRED,
    "purchase",
    "price_model",
    "usd_per_gpu_hour",
    "usd_per_instance_hour",
    "region",
    "country",
    "instance",
    "as_of",
    "currency",
    "source",
    "note",
)


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


def load_snapshot(gpus: Mapping[str, Gpu], folder: Path | None = None) -> tuple[Offer, ...]:
    """The offers of the catalogue's rows, older observations included. Raises: DataError."""
    regions, bands = load_regions(folder), load_bands(folder)
    listed = read_packaged(
        "prices.csv",
        lambda row: (price_record(row, regions, bands.tiers), row.place),
        folder,
    )
    refuse_data(offer_problems(listed, gpus, bands))
    return without_absent_spot([offer for offer, _ in listed])


def price_record(row: Row, regions: Regions, tiers: Mapping[str, str]) -> Offer:
    """One line of `prices.csv`. A form factor that is assumed makes the price `assumed`."""
    provider, region = row.required_text("provider"), row.text("region")
    if (provider, region) not in regions:
        row.wrong(f"region {region!r} of {provider} is not in regions.csv")
    purchase, months = term_of(row, "price_model")
    return Offer(
        provider=provider,
        instance=row.text("instance"),
        region=region,
        country=regions.get((provider, region)),
        gpu=row.required_text("gpu"),
        gpus_per_instance=int(row.positive("gpus_per_instance")),
        purchase=purchase,
        usd_per_instance_hour=_instance_price(row),
        as_of=row.day("as_of"),
        as_of_precision=row.text("as_of_precision"),
        basis=Basis.ASSUMED if row.text("variant") == "assumed" else Basis.MEASURED,
        source=row.text("source"),
        note=row.text("note"),
        tier=tiers.get(provider, ""),
        term_months=months,
        upfront_share=row.number("upfront_share") or 0.0,
    )


def term_of(row: Row, column: str) -> tuple[Purchase, int]:
    """The purchase that a row's column names, and the months of a commitment; 0 without one."""
    named = row.choice(column, PRICE_MODELS)
    stated = int(row.number("term_months") or 0)
    months = MONTHS.get(named, stated)
    if named == "reserved" and not 1 <= stated <= LONGEST_TERM:
        row.wrong(
            f"{column} is reserved and term_months {row.text('term_months') or 'empty'}",
            f"write the months of the commitment, 1 to {LONGEST_TERM}",
        )
    elif stated and stated != months:
        row.wrong(f"{column} is {named} and term_months {stated}", "correct one of them")
    return (Purchase.of_term(months) if months else Purchase(named)), months


def read_price_sheet(
    path: Path,
    gpus: Mapping[str, Gpu],
    aliases: Mapping[str, str],
    catalogue: Sequence[Offer],
    folder: Path | None = None,
) -> tuple[Offer, ...]:
    """The user's rates, checked. Raises: InputError with every bad row by its line."""
    regions, bands = load_regions(folder), load_bands(folder)
    by_lower = {name.lower(): id for name, id in aliases.items()}
    by_lower |= {id.lower(): id for id in gpus}
    read = read_sheet(
        path, SHEET_REQUIRED, SHEET_COLUMNS, lambda row: sheet_record(row, by_lower, regions)
    )
    problems = list(read[0][1].problems) if read else [Problem(str(path), "has no rows")]
    if not problems:
        placed = [(offer, row.place) for offer, row in read]
        problems = offer_problems(placed, gpus, bands)
        problems += count_problems(placed, known_machines(catalogue))
        problems += date_problems(placed, catalogue)
    refuse_input(problems)
    return without_absent_spot(current([offer for offer, _ in read])[0])


def sheet_record(row: Row, gpu_names: Mapping[str, str], regions: Regions) -> Offer:
    """One line of the user's price sheet; `gpu_names` maps lower-case names to ids."""
    provider, region = row.required_text("provider").lower(), row.text("region")
    named = row.required_text("gpu")
    gpu = gpu_names.get(named.lower(), named)
    if named and gpu not in gpu_names.values():
        row.problems.append(unknown_name(row.place, "GPU", named, gpu_names.values()))
    if row.text("currency", "USD").upper() != "USD":
        row.wrong(f"currency is {row.text('currency')}", "convert the price to USD")
    country = row.text("country").upper() or regions.get((provider, region))
    if country and not (len(country) == 2 and country.isalpha()):
        row.wrong(f"country is {country!r}", "write the two-letter ISO code, as BD")
    column = "purchase" if row.text("purchase") or not row.text("price_model") else "price_model"
    dated = bool(row.text("as_of"))
    return Offer(
        provider=provider,
        instance=row.text("instance"),
        region=region,
        country=country,
        gpu=gpu,
        gpus_per_instance=int(row.positive("gpus_per_instance", 1024)),
        purchase=Purchase(row.choice(column, PRICE_MODELS)),
        usd_per_instance_hour=_instance_price(row),
        as_of=row.day("as_of") if dated else date.today(),
        as_of_precision="day" if dated else "undated; counts as today",
        basis=Basis.MEASURED,
        source=row.text("source") or f"your sheet, {row.place}",
        note=row.text("note"),
        layer=Layer.SHEET,
    )


def _instance_price(row: Row) -> float:
    """USD per instance-hour from either price column; both must agree if both are filled."""
    known = len(row.problems)
    per_gpu, whole = row.number("usd_per_gpu_hour"), row.number("usd_per_instance_hour")
    gpus = row.number("gpus_per_instance") or 1.0
    if len(row.problems) > known:
        return 1.0
    if not per_gpu and not whole:
        row.wrong("has no price above 0", "fill usd_per_gpu_hour or usd_per_instance_hour")
        return 1.0
    if per_gpu and whole and abs(per_gpu * gpus / whole - 1.0) > PRICE_AGREEMENT:
        row.wrong(
            f"usd_per_gpu_hour {per_gpu:g} x {gpus:g} GPUs is {per_gpu * gpus:g}, but"
            f" usd_per_instance_hour is {whole:g}",
            "correct one of them or gpus_per_instance",
        )
    return whole or (per_gpu or 0.0) * gpus


def offer_problems(
    placed: Sequence[Placed], gpus: Mapping[str, Gpu], bands: Bands
) -> list[Problem]:
    """Every rule that offers break together: known GPU, sane band, spot not above on-demand."""
    problems = [
        unknown_name(place, "GPU", offer.gpu, gpus)
        for offer, place in placed
        if offer.gpu not in gpus
    ]
    for offer, place in placed:
        problems += band_problems(offer, place, bands)
    return problems + spot_problems(placed)


def without_absent_spot(offers: Sequence[Offer]) -> tuple[Offer, ...]:
    """Drop spot rows at the on-demand price: sources write it where there is no spot market."""
    on_demand = {_machine(o): o for o in offers if o.purchase is Purchase.ON_DEMAND}
    return tuple(
        offer
        for offer in offers
        if offer.purchase is not Purchase.SPOT
        or not is_absent_spot(offer, on_demand.get(_machine(offer)))
    )


def _machine(offer: Offer) -> Machine:
    return (
        offer.provider, offer.instance, offer.region, offer.gpu, offer.gpus_per_instance
    )  # fmt: skip


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
        sizes = sorted({rate.gpus_per_instance, *(o.gpus_per_instance for o in known)})
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
    same_size = offer.gpus_per_instance == rate.gpus_per_instance
    return same_size and (not rate.instance or _is_instance(offer, rate.instance))


def _is_instance(offer: Offer, name: str) -> bool:
    return offer.instance.lower() == name.lower()


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
