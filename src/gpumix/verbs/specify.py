"""`gpumix explain` of GPUs, models, providers and countries: their figures side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from gpumix.catalog import Catalog, load, price_summary
from gpumix.domain.offer import Purchase
from gpumix.domain.specification import SpecCell, Specification, SpecRow
from gpumix.errors import InputError, Problem, UnknownName, did_you_mean

MOST_NAMES = 8
"""Names side by side."""
_ON_SALE = "data centre"
_CATALOGUE = "counted in the catalogue's current offers"


@dataclass(frozen=True, slots=True)
class _Thing:
    """One thing by its own name: attribute -> value, the source of all but those in `others`."""

    name: str
    values: Mapping[str, float | str | None]
    source: str
    others: Mapping[str, str]
    note: str = ""


def specify(names: Sequence[str], as_of: date) -> Specification:
    """The attributes of things of one kind, a column each.

    Raises: UnknownName for a name of nothing; InputError for names of several kinds.
    """
    if len(names) > MOST_NAMES:
        raise InputError(Problem("NAME", f"names {len(names)} things", f"at most {MOST_NAMES}"))
    catalog = load()
    found = {name: _found(name, catalog, as_of) for name in dict.fromkeys(names)}
    kinds = dict.fromkeys(kind for kind, _ in found.values())
    if len(kinds) > 1:
        told = ", ".join(f"{name} is a {kind}" for name, (kind, _) in found.items())
        raise InputError(Problem("NAME", f"{told}", "name things of one kind"))
    (kind,) = kinds
    columns = list({thing.name: thing for _, thing in found.values()}.values())
    return Specification(
        kind=kind,
        names=tuple(thing.name for thing in columns),
        rows=tuple(
            SpecRow(attribute, label, unit, tuple(_cell(thing, attribute) for thing in columns))
            for attribute, label, unit in catalog.specifications[kind]
        ),
        notes=tuple(dict.fromkeys(thing.note for _, thing in found.values() if thing.note)),
    )


def is_known(name: str) -> bool:
    """Whether a name means a GPU, a model, a provider or a country."""
    try:
        _found(name, load(), date.today())
    except UnknownName:
        return False
    return True


def things(catalog: Catalog) -> dict[str, list[str]]:
    """Kind -> the names of everything that can be explained of it."""
    return {
        "GPU": list(catalog.gpus),
        "model": list(catalog.models),
        "provider": sorted({offer.provider for offer in catalog.listed}),
        "country": list(catalog.countries),
    }


def _cell(thing: _Thing, attribute: str) -> SpecCell:
    return SpecCell(thing.values[attribute], thing.others.get(attribute, thing.source))


def _found(name: str, catalog: Catalog, as_of: date) -> tuple[str, _Thing]:
    """The kind of a name and what is known; ids before descriptions."""
    makers: dict[str, Callable[[], _Thing]] = {
        "country": lambda: _country(name, catalog),
        "provider": lambda: _provider(name, catalog),
        "GPU": lambda: _gpu(name, catalog, as_of),
        "model": lambda: _model(name, catalog),
    }
    for kind, make in makers.items():
        try:
            return kind, make()
        except UnknownName:
            continue
    every = [one for names in things(catalog).values() for one in names]
    fix = f"{did_you_mean(name, every)} `gpumix explain --list` names all".strip()
    raise UnknownName("NAME", "name", name, every, fix)


def _gpu(name: str, catalog: Catalog, as_of: date) -> _Thing:
    named = catalog.named_gpu(name)
    gpu = named.gpu
    price = price_summary(catalog.quoted(as_of), gpu.id, Purchase.ON_DEMAND)
    priced = f"prices.csv, {price.oldest} to {price.newest}" if price else "no current price"
    computed: dict[str, float | str | None] = {
        "market": catalog.markets.get(gpu.id, _ON_SALE),
        "usd_per_gpu_hour": price.usd_per_gpu_hour if price else None,
        "providers": price.providers if price else None,
    }
    values = _values(gpu, "GPU", computed, catalog)
    others = {"market": "gpu_markets.csv", "usd_per_gpu_hour": priced, "providers": priced}
    return _Thing(gpu.id, values, gpu.source, others, named.note)


def _model(name: str, catalog: Catalog) -> _Thing:
    named = catalog.named_model(name)
    values = _values(named.model, "model", {}, catalog)
    return _Thing(named.model.id, values, named.model.source, {}, "; ".join(named.notes))


def _provider(name: str, catalog: Catalog) -> _Thing:
    own = [offer for offer in catalog.listed if offer.provider == name.lower()]
    if not own:
        raise UnknownName("NAME", "provider", name, things(catalog)["provider"])
    values: dict[str, float | str | None] = {
        "tier": own[0].tier,
        "offers": float(len(own)),
        "gpus": float(len({offer.gpu for offer in own})),
        "countries": float(len({offer.country for offer in own if offer.country})),
        "purchases": ", ".join(one for one in Purchase if one in {o.purchase for o in own}),
        "oldest": min(offer.as_of for offer in own).isoformat(),
        "newest": max(offer.as_of for offer in own).isoformat(),
    }
    return _Thing(name.lower(), values, _CATALOGUE, {"tier": "providers.csv"})


def _country(name: str, catalog: Catalog) -> _Thing:
    by_name = {one.name.lower(): code for code, one in catalog.countries.items()}
    code = name if name in catalog.countries else by_name.get(name.lower(), "")
    if code not in catalog.countries:
        raise UnknownName("NAME", "country", name, catalog.countries)
    offers = sum(offer.country == code for offer in catalog.listed)
    values = _values(catalog.countries[code], "country", {"offers": float(offers)}, catalog)
    return _Thing(code, values, catalog.countries[code].source, {"offers": _CATALOGUE})


def _values(
    record: object, kind: str, computed: Mapping[str, float | str | None], catalog: Catalog
) -> dict[str, float | str | None]:
    """The attributes that a kind is shown by, of a record of the catalogue."""
    return {
        attribute: computed[attribute] if attribute in computed else getattr(record, attribute)
        for attribute, _, _ in catalog.specifications[kind]
    }
