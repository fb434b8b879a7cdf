"""A site's tariff of an inventory, in the form of a case's -> the same record, in USD."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError

from gpumix.catalog.currencies import USD, Rates, unknown_currency
from gpumix.domain.case import Tariff
from gpumix.errors import Hint
from gpumix.inventory.case import in_words, tariff_in_full
from gpumix.inventory.case_rules import tariff_faults
from gpumix.inventory.yaml import KeyPath

Say = Callable[[KeyPath, str, str | Hint], None]

_CASE: KeyPath = ("site", "tariff")
_NOT_COUNTED = ("fixed_per_day", "price_change_per_year")
"""Keys of a case's tariff that no plan counts."""


def tariff_of(stated: Mapping[str, Any], path: KeyPath, rates: Rates, say: Say) -> Tariff | None:
    """The tariff at a key in USD; None with every problem noted where it cannot be used."""
    tree = copy.deepcopy(dict(stated))
    for key in _NOT_COUNTED:
        if tree.pop(key, None) is not None:
            say((*path, key), "is not counted in a plan", "`gpumix tco` counts it; leave it out")
    tariff_in_full(tree)
    try:
        tariff = TypeAdapter(Tariff).validate_python(tree)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            here, message, fix = in_words({**item, "loc": (*_CASE, *item["loc"])})
            say((*path, *here[len(_CASE) :]), message, fix)
        return None
    for fault in tariff_faults(path, tariff):
        say(fault.path, fault.message, fault.fix)
    if not tariff.energy:
        say(path, "has no price of energy", "state energy: USD for a kWh")
    return _in_usd(tariff, path, rates, say)


def _in_usd(tariff: Tariff, path: KeyPath, rates: Rates, say: Say) -> Tariff:
    code = tariff.currency or USD
    if code not in rates:
        said = unknown_currency("", code, rates)
        say((*path, "currency"), said.message, said.fix)
        return tariff
    per_usd, demand = rates[code][0], tariff.demand
    if demand is not None:
        demand = replace(demand, price=tuple(price / per_usd for price in demand.price))
    energy = {slot: price / per_usd for slot, price in tariff.energy.items()}
    return replace(tariff, energy=energy, demand=demand, currency=USD)
