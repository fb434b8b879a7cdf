"""Why two plans differ: what is not the same in the inventories that they were made from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import date
from enum import StrEnum
from typing import Any, Final

from gpumix.domain.offer import Offer
from gpumix.domain.plan import Plan
from gpumix.domain.plan_difference import InputChange
from gpumix.domain.workload import Demand

_KINDS: Final[Mapping[str, str]] = {
    "workloads": "workloads",
    "limits": "limits",
    "rates": "prices",
    "quotes": "prices",
    "fx": "prices",
    "api": "prices",
    "licences": "prices",
    "cloud": "supply",
    "sites": "supply",
    "phases": "supply",
    "today": "supply",
    "start": "horizon",
    "years": "horizon",
    "short_months": "horizon",
    "measured": "data",
    "traces": "data",
    "own_gpus": "data",
    "own_models": "data",
}
_TOLD_ELSEWHERE: Final = (
    "name", "notes", "evidence", "demand_from", "as_of", "source", "grows_in_month", "short_months",
    "confirmations",
)  # fmt: skip
_LONGEST: Final = 80
"""Characters of a value that are shown."""
MOST: Final = 200
"""Inputs that are told, at most."""


def input_changes(before: Plan, after: Plan) -> Iterator[InputChange]:
    """What differs in program, data and inventory, in that order."""
    if before.version != after.version:
        yield InputChange("program", "gpumix", before.version, after.version)
    if before.data_as_of != after.data_as_of:
        yield InputChange("data", "catalogue", str(before.data_as_of), str(after.data_as_of))
    if before.as_of != after.as_of:
        yield InputChange("prices", "as_of", str(before.as_of), str(after.as_of))
    if before.inventory is None or after.inventory is None:
        return
    for i, change in enumerate(_walk(before.inventory, after.inventory, "")):
        if i == MOST:
            return
        yield change


def _walk(old: Any, new: Any, place: str) -> Iterator[InputChange]:
    """Differences of two values, records field by field, lists by what names their parts."""
    if old == new:
        return
    if isinstance(old, Demand) and isinstance(new, Demand):
        yield from _demand(old, new, place)
    elif is_dataclass(old) and type(old) is type(new):
        for one in fields(old):
            if one.name not in _TOLD_ELSEWHERE:
                below = f"{place}.{one.name}" if place else one.name
                yield from _walk(getattr(old, one.name), getattr(new, one.name), below)
    elif isinstance(old, tuple) and isinstance(new, tuple) and _are_named((*old, *new)):
        yield from _named(old, new, place)
    else:
        yield InputChange(_kind(place), place, _words(old), _words(new))


def _named(old: tuple[Any, ...], new: tuple[Any, ...], place: str) -> Iterator[InputChange]:
    parts = [{_name(one): one for one in side} for side in (old, new)]
    for name in dict.fromkeys([*parts[0], *parts[1]]):
        a, b = (side.get(name) for side in parts)
        below = f"{place}.{name}"
        if a is None or b is None:
            yield InputChange(_kind(place), below, _head(a), _head(b))
        else:
            yield from _walk(a, b, below)


def _demand(old: Demand, new: Demand, place: str) -> Iterator[InputChange]:
    """Demand by its mean over the week: 168 numbers say nothing."""
    means = [math.fsum(d.units_per_hour) / len(d.units_per_hour) for d in (old, new)]
    if old.units_per_hour != new.units_per_hour:
        if math.isclose(*means, rel_tol=1e-9):
            yield InputChange("demand", f"{place}.profile", "as before", "at other hours")
        else:
            shown = [f"{mean:,.6g} units/h" for mean in means]
            yield InputChange(
                "demand",
                place,
                shown[0],
                f"{shown[1]} ({means[1] / means[0]:.3g} x)" if means[0] else shown[1],
            )
    for one in fields(old):
        if one.name not in ("units_per_hour", *_TOLD_ELSEWHERE):
            a, b = getattr(old, one.name), getattr(new, one.name)
            if a != b:
                yield InputChange("demand", f"{place}.{one.name}", _words(a), _words(b))


def _kind(place: str) -> str:
    parts = place.split(".")
    if parts[0] == "workloads" and "demand" in parts:
        return "demand"
    return _KINDS.get(parts[0], "supply")


def _are_named(parts: tuple[Any, ...]) -> bool:
    return bool(parts) and all(_name(one) for one in parts)


def _name(one: Any) -> str:
    """What names a part of a list; empty where nothing does."""
    if isinstance(one, Offer):
        terms = f"{one.purchase.value}{one.term_months or ''}"
        return f"{terms}:{one.provider}:{one.gpus_per_instance}x{one.gpu}@{one.region}"
    return str(getattr(one, "id", "") or "")


def _head(one: Any) -> str:
    """A part that one side alone has."""
    if one is None:
        return ""
    if isinstance(one, Offer):
        return f"{one.usd_per_gpu_hour:.6g} USD per GPU-hour"
    return "present"


def _words(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, float):
        return f"{value:,.6g}"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        text = ", ".join(_words(one) for one in value)
    elif is_dataclass(value):
        pairs = ((one.name, getattr(value, one.name)) for one in fields(value))
        text = ", ".join(
            f"{name} {_words(below)}" for name, below in pairs if below not in (None, ())
        )
    else:
        text = str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
