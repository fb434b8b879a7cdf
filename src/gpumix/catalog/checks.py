"""Rules that every row of the catalogue must keep, packaged or the user's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from gpumix.catalog.bands import Bands
from gpumix.domain.llm import Model
from gpumix.domain.offer import Offer, Purchase
from gpumix.errors import Problem

PARAMETER_TOLERANCE: Final = 0.012
"""Published and counted parameters agree within this share (data/README of the shape table)."""
_ROUNDED_TO_B: Final = 0.05
"""Half of the last digit of a size published as `1.7B`."""
ABSENT_SPOT_SHARE: Final = 0.98
"""From this share of on-demand on, a spot price means that there is no spot market."""
DISPERSION: Final = 2.0
"""Regions of one machine type rarely differ by more than this factor."""


def model_problems(model: Model, place: str) -> list[Problem]:
    """Disagreement of a model's published size with the count its shape gives.

    |computed - published| <= 1.2 % of published; (a) of a multimodal model only the text part
    is counted, so the count may only be smaller; (b) a size noted as `published rounded` may be
    off by half of its last digit; (c) a row without a count is not checked.

    Source: the rule of the shape table, docs/data.md, "Rules checked at loading".
    """
    published, computed = model.params_total_b, model.computed_total_b
    if computed is None:
        return []
    tolerance = PARAMETER_TOLERANCE * published
    if model.note.startswith("published rounded"):
        tolerance = max(tolerance, _ROUNDED_TO_B)
    excess = computed - published
    text_part_only = model.kind == "llm-multimodal" and excess < 0.0
    if abs(excess) <= tolerance or text_part_only:
        return []
    return [
        Problem(
            place,
            f"{model.id}: params_total_b {published:g} but the shape counts {computed:g}"
            f" ({excess / published:+.1%})",
            "correct the shape or the size; they must agree within 1.2 %",
        )
    ]


def band_problems(offer: Offer, place: str, bands: Bands) -> list[Problem]:
    """A price outside its band: a bid floor, a cent for a dollar, a node's price per GPU."""
    band = bands.of(offer.gpu, offer.provider)
    low = band.low if offer.purchase is Purchase.ON_DEMAND else band.low_discounted
    price = offer.usd_per_gpu_hour
    if low <= price <= band.high:
        return []
    tier = bands.tiers.get(offer.provider)
    whose = f" of a {tier}" if tier else ""
    return [
        Problem(
            place,
            f"{_named(offer)}: {price:.4g} USD per GPU-hour is outside the sane band{whose},"
            f" {low:g}-{band.high:g}",
            "check price, GPU count and currency",
        )
    ]


def spot_problems(placed: Sequence[tuple[Offer, str]]) -> list[Problem]:
    """Spot dearer than on-demand of the same instance and region: one of the two is mislabelled.

    Reserved-capacity or flexible-start rates filed as on-demand, and serverless rates filed as
    spot, both show up so.
    """
    on_demand: dict[tuple[str, str, str, str, int], Offer] = {}
    for offer, _ in placed:
        if offer.purchase is Purchase.ON_DEMAND:
            known = on_demand.get(_sku(offer))
            if known is None or offer.as_of >= known.as_of:
                on_demand[_sku(offer)] = offer
    problems = []
    for offer, place in placed:
        base = on_demand.get(_sku(offer)) if offer.purchase is Purchase.SPOT else None
        if base is not None and offer.usd_per_instance_hour > base.usd_per_instance_hour:
            problems.append(
                Problem(
                    place,
                    f"{_named(offer)}: spot {offer.usd_per_gpu_hour:.4g} is above on-demand"
                    f" {base.usd_per_gpu_hour:.4g} USD per GPU-hour",
                    "one of the two is another kind of price",
                )
            )
    return problems


def is_absent_spot(spot: Offer, on_demand: Offer | None) -> bool:
    """Whether a spot price is so near on-demand that it means `no spot market`."""
    if on_demand is None:
        return False
    return spot.usd_per_instance_hour >= ABSENT_SPOT_SHARE * on_demand.usd_per_instance_hour


def known_machines(offers: Iterable[Offer]) -> dict[tuple[str, str], set[tuple[str, int]]]:
    """(provider, instance name in lower case) -> GPUs and counts sold under that name.

    A machine type has one; a plan's name ("12-month reserved") may stand for several.
    """
    known: dict[tuple[str, str], set[tuple[str, int]]] = {}
    for offer in offers:
        if offer.instance:
            sold = known.setdefault((offer.provider, _machine(offer.instance)), set())
            sold.add((offer.gpu, offer.gpus_per_instance))
    return known


def count_problems(
    placed: Sequence[tuple[Offer, str]], known: Mapping[tuple[str, str], set[tuple[str, int]]]
) -> list[Problem]:
    """A known machine type with another GPU or GPU count than the catalogue has for it."""
    problems = []
    for offer, place in placed:
        sold = known.get((offer.provider, _machine(offer.instance)), set())
        if sold and (offer.gpu, offer.gpus_per_instance) not in sold:
            has = " or ".join(f"{count} x {gpu}" for gpu, count in sorted(sold))
            problems.append(
                Problem(
                    place,
                    f"{offer.provider} {offer.instance} is listed with"
                    f" {offer.gpus_per_instance} x {offer.gpu}; it has {has}",
                    "correct gpu or gpus_per_instance",
                )
            )
    return problems


def dispersion_warnings(offers: Iterable[Offer]) -> list[Problem]:
    """One machine type whose price differs more than twofold between regions: worth a look.

    Not an error, because some regions really are dear; but several kinds of price in one column
    look the same. Spot prices are left out: they are markets of their own.
    """
    prices: dict[tuple[str, str, str, int, Purchase], list[Offer]] = {}
    for offer in offers:
        if offer.purchase is Purchase.SPOT:
            continue
        sku = (offer.provider, offer.instance, offer.gpu, offer.gpus_per_instance, offer.purchase)
        prices.setdefault(sku, []).append(offer)
    warnings = []
    for group in prices.values():
        low = min(group, key=lambda o: o.usd_per_gpu_hour)
        high = max(group, key=lambda o: o.usd_per_gpu_hour)
        if high.usd_per_gpu_hour > DISPERSION * low.usd_per_gpu_hour:
            warnings.append(
                Problem(
                    f"{high.provider} {high.instance}",
                    f"{high.purchase} price of {high.gpu} runs from {low.usd_per_gpu_hour:.4g}"
                    f" ({low.region}) to {high.usd_per_gpu_hour:.4g} ({high.region})"
                    " USD per GPU-hour",
                    "check that all are the same kind of price",
                )
            )
    return warnings


def _sku(offer: Offer) -> tuple[str, str, str, str, int]:
    return (offer.provider, offer.instance, offer.region, offer.gpu, offer.gpus_per_instance)


def _machine(instance: str) -> str:
    """Azure names its machine types with and without `Standard_`."""
    return instance.lower().removeprefix("standard_")


def _named(offer: Offer) -> str:
    words = (offer.provider, offer.instance, offer.region, offer.gpu, offer.purchase.value)
    return " ".join(word for word in words if word)
