"""Exchange rates that an inventory states -> records, with their age."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date

from gpumix.catalog.currencies import USD
from gpumix.domain.quote import StatedRate
from gpumix.inventory.schema import RateSpec
from gpumix.inventory.yaml import KeyPath


def rates_of(
    stated: Mapping[str, RateSpec],
    as_of: date,
    say: Callable[[KeyPath, str, str], None],
    note: Callable[[str], None],
) -> tuple[StatedRate, ...]:
    """Every stated rate; `as_of` is the plan's day. What is wrong is noted at its key."""
    found = []
    for code, spec in stated.items():
        path: KeyPath = ("fx", code)
        if not re.fullmatch("[A-Z]{3}", code):
            say(path, f"{code!r} is not the code of a currency", "write its ISO code, such as JPY")
        elif code == USD:
            say(path, "is the currency that every rate is for", "delete it")
        if spec.as_of > max(as_of, date.today()):
            say((*path, "as_of"), f"is in the future: {spec.as_of}", "write the day of the rate")
        age = (as_of - spec.as_of).days
        old = f", {age} days before the plan's" if age > 0 else ""
        note(f"fx: {spec.per_usd:g} {code} for a USD, stated, of {spec.as_of}{old}")
        rate = StatedRate(code, spec.per_usd, spec.as_of, spec.drift_per_year, tuple(spec.jumps))
        if rate.path is not None:
            jumps = "".join(f", times {j.factor:g} in month {j.month:g}" for j in rate.jumps)
            note(
                f"fx: {code} for a USD drifts by {rate.drift_per_year:.4g} a year{jumps}, for cash "
                f"in {code}; amounts stated in {code} count at the first rate"
            )
        found.append(rate)
    return tuple(found)
