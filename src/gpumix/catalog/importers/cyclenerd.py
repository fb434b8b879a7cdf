"""`pricing.yml` of Cyclenerd's Google Cloud calculator: hours and months by machine and region."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any, Final

import yaml

from gpumix.catalog.importers.cells import day_in, day_of_stamp, number_of
from gpumix.catalog.importers.names import Names
from gpumix.catalog.importers.reading import NO_GPU, Quote, Reading, Source, as_mapping, as_text
from gpumix.domain.offer import Purchase
from gpumix.errors import InputError, Problem
from gpumix.reading import refuse_unbounded
from gpumix.units import HOURS_PER_MONTH

_KINDS: Final = (
    ("hour", Purchase.ON_DEMAND, 0, 1.0),
    ("hour_spot", Purchase.SPOT, 0, 1.0),
    ("month_1y", Purchase.RESERVED_1Y, 12, HOURS_PER_MONTH),
    ("month_3y", Purchase.RESERVED_3Y, 36, HOURS_PER_MONTH),
)
"""Key -> kind of purchase, its months, and the hours that the price is for."""
_NOT_THERE: Final = "machine not offered in the region"


def read(source: Source, names: Names) -> Reading:
    """Quotes on demand, spot and committed; a 0 means that there is none.

    The file computes a price from the prices of parts, for every region, whether the machine is
    offered there or not. Commitments that are 0 where other regions have them show where it is not.

    Raises: InputError where it is no YAML.
    """
    reading = Reading()
    data = as_mapping(_parsed(source))
    stamp = as_mapping(data.get("about")).get("timestamp")
    day = day_in(as_text(stamp)) or day_of_stamp(number_of(stamp) or 0.0)
    machines = as_mapping(as_mapping(data.get("compute")).get("instance"))
    for machine, entry in machines.items():
        by_region = as_mapping(as_mapping(entry).get("cost"))
        if names.machine("gcp", as_text(machine)) is None:
            reading.refuse(f"{source.name} {machine}", NO_GPU, as_text(machine))
            continue
        committed_somewhere = any(_is_committed(as_mapping(cost)) for cost in by_region.values())
        for region, cost in by_region.items():
            place = f"{source.name} {machine} {region}"
            if committed_somewhere and not _is_committed(as_mapping(cost)):
                reading.refuse(place, _NOT_THERE, f"{machine} in {region}")
            else:
                _add(place, as_text(machine), as_text(region), as_mapping(cost), day, reading)
    return reading


def _parsed(source: Source) -> Any:
    try:
        value = yaml.load(source.text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 (one of the safe loaders)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        first = str(error).splitlines()[0] if str(error) else "nested too deeply"
        raise InputError(Problem(source.name, f"is not valid YAML: {first}")) from None
    refuse_unbounded(value, source.name)
    return value


def _is_committed(cost: Mapping[str, Any]) -> bool:
    return any((number_of(cost.get(key)) or 0.0) > 0.0 for key in ("month_1y", "month_3y"))


def _add(
    place: str,
    machine: str,
    region: str,
    cost: Mapping[str, Any],
    day: date | None,
    reading: Reading,
) -> None:
    for key, purchase, months, hours in _KINDS:
        price = number_of(cost.get(key))
        if price:
            reading.quotes.append(
                Quote(
                    place=f"{place} {key}",
                    provider="gcp",
                    instance=machine,
                    gpu="",
                    gpus=None,
                    region=region,
                    purchase=purchase,
                    price=price / hours,
                    as_of=day,
                    term_months=months,
                    note="committed use discount" if months else "",
                )
            )
