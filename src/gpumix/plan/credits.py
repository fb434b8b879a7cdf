"""Credits: one-off money that pays a provider's rent until a day, shown on its lines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from gpumix.cost.contracts import credited_by_year, months_until
from gpumix.domain.contracts import Credit
from gpumix.domain.workload import Inventory
from gpumix.plan.accounts import Line, rent_of
from gpumix.units import MONTHS_PER_YEAR

CREDITS: Final = "credits"


def credits_of(inventory: Inventory) -> tuple[Credit, ...]:
    """Those that last into the horizon, the first to end first."""
    every = inventory.cloud.contracts.credits if inventory.cloud else ()
    lasting = [credit for credit in every if credit.until >= inventory.start]
    return tuple(sorted(lasting, key=lambda credit: credit.until))


def credited(lines: tuple[Line, ...], inventory: Inventory) -> tuple[Line, ...]:
    """The lines with what credits pay of their rent, a year's share of each by its rent."""
    horizon = inventory.years * MONTHS_PER_YEAR
    paid: dict[str, list[float]] = {}
    for credit in credits_of(inventory):
        before = paid.setdefault(credit.provider, [0.0] * inventory.years)
        rent = _rent_by_year(lines, credit.provider, inventory.years)
        left = [usd - gone for usd, gone in zip(rent, before, strict=True)]
        months = months_until(inventory.start, credit.until, horizon)
        now = credited_by_year(left, credit.usd, months)
        paid[credit.provider] = [a + b for a, b in zip(before, now, strict=True)]
    laid = tuple(_line(line, lines, paid) for line in lines)
    return tuple(sorted(laid, key=lambda line: (-line.usd, line.supply.id)))


def _rent_by_year(lines: Sequence[Line], provider: str, years: int) -> list[float]:
    own = [rent_of(line) for line in lines if line.supply.provider == provider]
    return [math.fsum(rent[year] for rent in own if rent) for year in range(years)]


def _line(line: Line, lines: Sequence[Line], paid: dict[str, list[float]]) -> Line:
    """A line less its share of what was paid of its provider's rent."""
    rent, gone = rent_of(line), paid.get(line.supply.provider)
    if not rent or not gone or not any(gone):
        return line
    total = _rent_by_year(lines, line.supply.provider, len(rent))
    part = tuple(
        -usd * own / all_of_it if all_of_it else 0.0
        for usd, own, all_of_it in zip(gone, rent, total, strict=True)
    )
    return replace(line, usd_parts={**line.usd_parts, CREDITS: part})
