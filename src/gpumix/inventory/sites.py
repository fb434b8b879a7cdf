"""Sites of the team -> domain records, with what stands there and what hardware was quoted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from functools import partial
from pathlib import Path

from gpumix.catalog import Catalog
from gpumix.domain.quote import Quote
from gpumix.domain.site import Site
from gpumix.errors import Hint
from gpumix.inventory.demand import within
from gpumix.inventory.owned import standing
from gpumix.inventory.schema import InventorySpec, SiteSpec
from gpumix.inventory.today import Reading
from gpumix.inventory.validate import Checked
from gpumix.inventory.yaml import KeyPath

Countries = Callable[[KeyPath, Iterable[str], Iterable[str]], None]
"""Notes a problem at a key for every code that is not among the known ones."""


def sites_of(
    whole: InventorySpec,
    checked: Checked,
    catalog: Catalog,
    reading: Reading,
    known_countries: Countries,
) -> tuple[Site, ...]:
    """Every site of an inventory; what is wrong is noted at its key."""
    sites = whole.supply.on_prem
    for name in whole.supply.owned:
        path: KeyPath = ("supply", "owned", name)
        if name not in sites and not checked.lacks(("supply", "on_prem", name)):
            fix = Hint(name, sites, "describe the site under supply.on_prem")
            reading.say(path, f"unknown site {name!r}", fix)
    make = partial(_site, whole=whole, catalog=catalog, reading=reading, countries=known_countries)
    return tuple(make(name, spec) for name, spec in sites.items())


def _site(
    name: str,
    spec: SiteSpec,
    whole: InventorySpec,
    catalog: Catalog,
    reading: Reading,
    countries: Countries,
) -> Site:
    path: KeyPath = ("supply", "on_prem", name)
    countries((*path, "country"), [spec.country], catalog.countries)
    there = standing(name, whole.supply.owned.get(name, {}), reading.gpus, reading.say)
    fields = {k: getattr(spec, k) for k in SiteSpec.model_fields if k != "gpus"}
    return Site(
        id=name,
        gpus=tuple(reading.gpus((*path, "gpus"), spec.gpus)),
        owned=there.owned,
        owned_terms=there.owned_terms,
        **fields,
    )


def quotes_of(
    sheet: Path, place: str, catalog: Catalog, sites: Iterable[Site], as_of: date, reading: Reading
) -> tuple[Quote, ...]:
    """The quotations of an inventory; those for a GPU that no site may buy are noted.

    Raises: InputError with every bad row of the sheet.
    """
    quotes = within(place, partial(catalog.read_quotes, sheet, as_of))
    bought = {gpu for site in sites for gpu in site.gpus}
    for quote in quotes:
        if quote.gpu not in bought:
            reading.note(f"quotation {quote.item}: no site lists {quote.gpu} in its gpus")
    return quotes
