"""`gpumix prices list`: the offers of the catalogue and of the user's own sheet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from pathlib import Path

from gpumix.catalog import Catalog, load
from gpumix.domain.offer import Purchase
from gpumix.domain.price_check import PriceCheck
from gpumix.domain.prices import ListedOffer
from gpumix.errors import InputError, Problem, unknown_name

COMMITMENTS = frozenset(p for p in Purchase if p.is_rental and p.is_committed)


def list_offers(
    gpu: str | None,
    provider: str | None,
    country: str | None,
    purchase: str | None,
    sheet: Path | None,
    as_of: date,
    derived: bool = False,
    superseded: bool = False,
) -> list[ListedOffer]:
    """Offers that match, cheapest per GPU-hour first within each GPU, whatever their age.

    `derived` adds terms that gpumix estimates, `superseded` the offers that a newer one replaced.

    Raises: InputError for names that no offer has.
    """
    catalog = load(prices=sheet)
    every = (*catalog.offers, *(catalog.estimated_terms if derived else ()))
    offers = [ListedOffer(offer, usable) for offer, usable in catalog.ageing.aged(every, as_of)]
    if superseded:
        offers += [ListedOffer(old, False, newer) for old, newer in catalog.superseded]
    problems: list[Problem] = []
    forms, size = _meant(catalog, gpu, problems)
    for option, name, known in (
        ("--provider", provider, {one.offer.provider for one in offers}),
        ("--country", country, {one.offer.country for one in offers if one.offer.country}),
    ):
        if name is not None and name not in known:
            problems.append(unknown_name(option, option.removeprefix("--"), name, sorted(known)))
    purchases = purchases_of(purchase, problems)
    if problems:
        raise InputError(problems)
    found = [
        one
        for one in offers
        if (forms is None or one.offer.gpu in forms)
        and size in (None, one.offer.gpus_per_instance)
        and provider in (None, one.offer.provider)
        and country in (None, one.offer.country)
        and (purchases is None or one.offer.purchase in purchases)
    ]
    return sorted(found, key=_order)


def purchases_of(name: str | None, problems: list[Problem]) -> Collection[Purchase] | None:
    """The purchases that a name means, `reserved` being every commitment; None is any.

    A name that is no purchase of a cloud is added to `problems`.
    """
    known = [purchase.value for purchase in Purchase if purchase.is_cloud]
    if name is None:
        return None
    if name not in known:
        problems.append(unknown_name("--purchase", "purchase", name, known))
        return None
    found = Purchase(name)
    return COMMITMENTS if found is Purchase.RESERVED else {found}


def check(sheet: Path | None) -> PriceCheck:
    """Every row of a price sheet, or of the packaged snapshot, against the rules of the gate.

    Raises: InputError where the sheet is no table of prices.
    """
    catalog = load()
    return catalog.check_snapshot() if sheet is None else catalog.check_sheet(sheet)


def _meant(
    catalog: Catalog, gpu: str | None, problems: list[Problem]
) -> tuple[Collection[str] | None, int | None]:
    """GPU ids and size that `--gpu` means; None is any."""
    if gpu is None:
        return None, None
    try:
        named = catalog.named_gpus(gpu, "--gpu")
    except InputError as error:
        problems += error.problems
        return None, None
    return named.forms, named.size


def _order(one: ListedOffer) -> tuple[object, ...]:
    offer = one.offer
    place = (offer.provider, offer.region, offer.gpus_per_instance, offer.instance)
    return (offer.gpu, one.replaced_by is not None, offer.usd_per_gpu_hour, *place, offer.as_of)
