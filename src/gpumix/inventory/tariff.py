"""A site's tariff and generator of an inventory, in the form of a case's -> the same records, in
USD."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from gpumix.catalog.currencies import USD, Rates, unknown_currency
from gpumix.domain.case import Generator, Tariff
from gpumix.errors import Hint
from gpumix.inventory.case import in_words, tariff_in_full
from gpumix.inventory.case_rules import tariff_faults
from gpumix.inventory.yaml import KeyPath

Say = Callable[[KeyPath, str, str | Hint], None]
T = TypeVar("T", bound=Tariff | Generator)


def tariff_of(stated: Mapping[str, Any], path: KeyPath, rates: Rates, say: Say) -> Tariff | None:
    """The tariff at a key in USD; None with every problem noted where it cannot be used."""
    tree = copy.deepcopy(dict(stated))
    tariff_in_full(tree)
    tariff = _read(Tariff, tree, path, say)
    if tariff is None:
        return None
    for fault in tariff_faults(path, tariff):
        say(fault.path, fault.message, fault.fix)
    if not tariff.energy:
        say(path, "has no price of energy", "state energy: USD for a kWh")
    per_usd, demand = _per_usd(tariff.currency, path, rates, say), tariff.demand
    if demand is not None:
        demand = replace(demand, price=tuple(price / per_usd for price in demand.price))
    return replace(
        tariff,
        energy={slot: price / per_usd for slot, price in tariff.energy.items()},
        fixed_per_day=tariff.fixed_per_day / per_usd,
        demand=demand,
        currency=USD,
    )


def generator_of(
    stated: Mapping[str, Any], path: KeyPath, rates: Rates, say: Say
) -> Generator | None:
    """The generator at a key, its fuel in USD; None with every problem noted."""
    generator = _read(Generator, dict(stated), path, say)
    if generator is None:
        return None
    per_usd = _per_usd(generator.currency, path, rates, say)
    return replace(generator, diesel_price=generator.diesel_price / per_usd, currency=USD)


def _read(kind: type[T], tree: Mapping[str, Any], path: KeyPath, say: Say) -> T | None:
    """A record of a case's site, from the tree under its key."""
    adapter: TypeAdapter[T] = TypeAdapter(kind)
    try:
        return adapter.validate_python(tree)
    except ValidationError as error:
        above: KeyPath = ("site", str(path[-1]))
        for item in error.errors(include_url=False):
            here, message, fix = in_words({**item, "loc": (*above, *item["loc"])})
            say((*path, *here[len(above) :]), message, fix)
        return None


def _per_usd(code: str | None, path: KeyPath, rates: Rates, say: Say) -> float:
    """What a dollar is in a currency; 1 with the problem noted where that is unknown."""
    code = code or USD
    if code not in rates:
        said = unknown_currency("", code, rates)
        say((*path, "currency"), said.message, said.fix)
        return 1.0
    return rates[code][0]
