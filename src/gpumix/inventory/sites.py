"""Sites of the team -> domain records, with what stands there and what hardware was quoted."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

from gpumix.catalog import Catalog
from gpumix.catalog.currencies import unknown_currency
from gpumix.domain.case import Tax
from gpumix.domain.quote import Quote
from gpumix.domain.site import SERVER_TAXES, Site, TaxStack
from gpumix.errors import Hint, InputError, Problem, unknown_name
from gpumix.inventory.case_rules import tax_faults
from gpumix.inventory.demand import within
from gpumix.inventory.owned import site_fields, standing
from gpumix.inventory.schema import InventorySpec, SiteSpec
from gpumix.inventory.tariff import generator_of, tariff_of
from gpumix.inventory.today import Reading
from gpumix.inventory.validate import Checked
from gpumix.inventory.yaml import KeyPath

_READ_APART = ("gpus", "taxes", "room", "tariff", "generator")
"""Keys of a site that do not pass on as they are."""

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
    known = {**catalog.places.countries, **catalog.countries}
    countries((*path, "country"), [spec.country], known)
    there = standing(name, whole.supply.owned.get(name, {}), reading.gpus, reading.say)
    fields = {k: v for k, v in site_fields(path, spec, reading.say).items() if k not in _READ_APART}
    if spec.room is not None:
        fields["facility_usd_per_kw_month"] = spec.room.usd_per_kw_month
        fields["room_minimum_kw"] = spec.room.minimum_kw
        fields["fit_out_usd"] = spec.room.fit_out_usd
        fields["retrofit_usd_per_kw"] = tuple(spec.room.retrofit_usd_per_kw.items())
    for fault in _twice(spec):
        reading.say(path, *fault)
    tariff = None
    if spec.tariff is not None:
        tariff = tariff_of(spec.tariff, (*path, "tariff"), catalog.exchange_rates, reading.say)
    generator = None
    if isinstance(spec.generator, dict):
        at: KeyPath = (*path, "generator")
        generator = generator_of(spec.generator, at, catalog.exchange_rates, reading.say)
    stacks = _stacks(spec, (*path, "taxes"), reading)
    if spec.currency is not None and spec.currency not in catalog.exchange_rates:
        said = unknown_currency("", spec.currency, catalog.exchange_rates)
        reading.say((*path, "currency"), said.message, said.fix)
    site = Site(
        id=name,
        taxes=stacks,
        tariff=tariff,
        generator=bool(spec.generator),
        generator_set=generator,
        power_included=spec.room is not None and spec.room.power_included,
        gpus=tuple(reading.gpus((*path, "gpus"), spec.gpus)),
        owned=there.owned,
        owned_terms=there.owned_terms,
        **fields,
    )
    if spec.country in known and spec.country not in catalog.countries:
        for problem in country_problems(site, catalog.countries, ""):
            reading.say(path, problem.message, problem.fix)
    return site


def _twice(spec: SiteSpec) -> Iterator[tuple[str, str]]:
    """Keys of a site that say the same, with the fix."""
    if spec.room is not None and spec.facility_usd_per_kw_month is not None:
        yield "states room and facility_usd_per_kw_month", "keep room"
    if spec.tariff is not None and spec.usd_per_kwh is not None:
        yield "states tariff and usd_per_kwh", "keep one of them"
    priced = [key for key in ("tariff", "usd_per_kwh") if getattr(spec, key) is not None]
    if spec.room is not None and spec.room.power_included and isinstance(spec.generator, dict):
        yield "states generator, and that the rent includes the power", "keep one of them"
    if spec.room is not None and spec.room.power_included and priced:
        yield f"states {priced[0]}, and that the rent includes the power", "keep one of them"


def _stacks(spec: SiteSpec, path: KeyPath, reading: Reading) -> tuple[TaxStack, ...]:
    """Customs lines of a site; in a list alone they stand one level higher."""
    found = []
    for name, stated in (spec.taxes or {}).items():
        taxes = tuple(Tax(**{**one.model_dump(), "base": tuple(one.base)}) for one in stated)
        for fault in tax_faults((*path, name), taxes):
            reading.say(fault.path, fault.message, fault.fix)
        found.append(TaxStack(name, taxes))
    return tuple(found)


def country_problems(site: Site, known: Collection[str], place: str) -> list[Problem]:
    """What a site must state of itself where its country has no row in the table."""
    stated = {
        "usd_per_kwh": site.usd_per_kwh or site.tariff or site.power_included or None,
        "outage_hours_per_year": site.outage_hours_per_year,
        "cost_of_capital": site.cost_of_capital,
        "taxes": site.stack(SERVER_TAXES),
        "currency": site.currency,
    }
    missing = [key for key, value in stated.items() if value is None]
    if site.country in known or not missing:
        return []
    what = f"nothing is known of {site.country}, so that it needs {', '.join(missing)}"
    fix = f"state {'it' if len(missing) == 1 else 'them'}, or use one of {', '.join(sorted(known))}"
    return [Problem(place, what, fix)]


def quotes_of(
    sheet: Path, place: str, catalog: Catalog, sites: Iterable[Site], as_of: date, reading: Reading
) -> tuple[Quote, ...]:
    """The quotations of an inventory; those for a GPU that no site may buy are noted.

    Raises: InputError with every bad row of the sheet.
    """
    quotes = within(place, partial(catalog.read_quotes, sheet, as_of))
    bought = {gpu for site in sites for gpu in site.gpus}
    problems = []
    for quote in quotes:
        for site in sites:
            lines = {SERVER_TAXES, *(stack.name for stack in site.taxes)}
            if quote.tax and quote.gpu in site.gpus and quote.tax not in lines:
                where = f"{place}, quotation {quote.item}"
                problems.append(
                    unknown_name(where, f"line of taxes of {site.id}", quote.tax, lines)
                )
        if quote.gpu not in bought:
            reading.note(f"quotation {quote.item}: no site lists {quote.gpu} in its gpus")
    if problems:
        raise InputError(problems)
    return quotes
