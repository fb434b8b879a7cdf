"""`gpumix prices compare` and `gpumix prices history`: what the catalogue's prices show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from gpumix.catalog import (
    Catalog,
    load,
    main_form,
    price_months,
    price_pairs,
    price_ratios,
    price_summaries,
)
from gpumix.domain.offer import Offer
from gpumix.domain.prices import GpuMeant, PriceComparison, PriceHistory
from gpumix.errors import InputError, NoEstimate, Problem
from gpumix.verbs.prices import purchases_of


def compare_prices(
    names: Sequence[str], purchase: str | None, sheet: Path | None, as_of: date
) -> PriceComparison:
    """Price of each GPU over the first one's, paired within provider, region and purchase.

    Raises: InputError with every bad name, or fewer than two GPUs; NoEstimate where no provider
    lists any of them beside the first.
    """
    catalog = load(prices=sheet)
    problems: list[Problem] = []
    meant = [gpu for name in names if (gpu := _meant(catalog, name, problems)) is not None]
    purchases = purchases_of(purchase, problems)
    problems += _too_few(names, meant)
    if problems:
        raise InputError(problems)
    offers = [
        offer
        for offer in catalog.offers
        if (purchases is None or offer.purchase in purchases)
        and any(_is_of(offer, gpu) for gpu in meant)
    ]
    first, *others = meant
    pairs = [price_pairs(offers, gpu.gpu, first.gpu) for gpu in others]
    if not any(pairs):
        named = " or ".join(gpu.gpu for gpu in others)
        raise NoEstimate(
            f"no provider has a current price of {first.gpu} and {named} in one region for one"
            " kind of purchase: nothing to pair"
        )
    ratios = [
        ratio
        for gpu, found in zip(others, pairs, strict=True)
        for ratio in price_ratios(found, gpu.gpu, first.gpu)
    ]
    flat = tuple(pair for found in pairs for pair in found)
    return PriceComparison(as_of, tuple(meant), tuple(ratios), flat)


def price_history(name: str, purchase: str | None, as_of: date) -> PriceHistory:
    """What a GPU cost, by purchase, tier and month, from every dated price kept.

    Raises: InputError for an unknown name; NoEstimate where no price was ever seen.
    """
    catalog = load()
    problems: list[Problem] = []
    meant = _meant(catalog, name, problems)
    purchases = purchases_of(purchase, problems)
    if meant is None or problems:
        raise InputError(problems)
    seen = tuple(
        one
        for one in catalog.price_history
        if one.gpu == meant.gpu
        and meant.gpus_per_instance in (None, one.gpus_per_instance)
        and (purchases is None or one.purchase in purchases)
    )
    if not seen:
        size = f"{meant.gpus_per_instance} x " if meant.gpus_per_instance else ""
        kind = f" for {purchase}" if purchase else ""
        raise NoEstimate(f"no price of {size}{meant.gpu}{kind} was ever seen")
    return PriceHistory(meant, as_of, price_summaries(seen, as_of), price_months(seen, as_of), seen)


def _meant(catalog: Catalog, name: str, problems: list[Problem]) -> GpuMeant | None:
    """The one GPU that a name means: of a family the form that most providers list."""
    try:
        named = catalog.named_gpus(name, "GPU")
    except InputError as error:
        problems += error.problems
        return None
    gpu = main_form(named.forms, catalog.listed, catalog.gpus)
    others = tuple(form for form in named.forms if form != gpu)
    return GpuMeant(name, gpu, named.size, others)


def _too_few(names: Sequence[str], meant: Sequence[GpuMeant]) -> list[Problem]:
    if len(names) < 2:
        return [Problem("GPU", "needs two or more to compare", "as in: h100 a100 l40s")]
    asked: dict[str, str] = {}
    problems = []
    for gpu in meant:
        if gpu.gpu in asked:
            both = f"{asked[gpu.gpu]!r} and {gpu.asked!r} both mean {gpu.gpu}"
            problems.append(Problem("GPU", both, "name each GPU once"))
        asked.setdefault(gpu.gpu, gpu.asked)
    return problems


def _is_of(offer: Offer, gpu: GpuMeant) -> bool:
    return offer.gpu == gpu.gpu and gpu.gpus_per_instance in (None, offer.gpus_per_instance)
