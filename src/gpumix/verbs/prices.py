"""`gpumix prices`: the offers of the catalogue and of the user's own sheet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from gpumix.catalog import dispersion_warnings, find_offers, load
from gpumix.domain.offer import Offer, Purchase
from gpumix.errors import InputError, unknown_name


def list_offers(
    gpu: str | None,
    provider: str | None,
    country: str | None,
    purchase: str | None,
    sheet: Path | None,
) -> list[Offer]:
    """Offers that match, cheapest per GPU-hour first within each GPU.

    Raises: InputError for names that no offer has.
    """
    catalog = load(prices=sheet)
    offers = catalog.offers
    problems = []
    wanted = None if gpu is None else {catalog.gpu(gpu, "--gpu").id}
    for option, name, known in (
        ("--provider", provider, {o.provider for o in offers}),
        ("--country", country, {o.country for o in offers if o.country}),
        (
            "--purchase",
            purchase,
            {p.value for p in Purchase if p.is_rental},
        ),
    ):
        if name is not None and name not in known:
            problems.append(unknown_name(option, option.removeprefix("--"), name, sorted(known)))
    if problems:
        raise InputError(problems)
    found = find_offers(
        offers,
        providers=None if provider is None else {provider},
        countries=None if country is None else {country},
        gpus=wanted,
        purchases=None if purchase is None else {Purchase(purchase)},
    )
    return sorted(found, key=lambda o: (o.gpu, o.usd_per_gpu_hour, o.provider, o.region))


def doubts(offers: Sequence[Offer]) -> list[str]:
    """What to look at again in listed offers: prices of one machine that lie far apart."""
    return [str(warning) for warning in dispersion_warnings(offers)]
