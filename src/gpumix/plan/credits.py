"""Credits: one-off money that pays a provider's rent until a day, shown on its lines."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from gpumix.cost.case.streams import Stream, cash_by_year
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
    paid: dict[str, list[float]] = {}
    for credit, drawn in _drawn(lines, inventory):
        before = paid.get(credit.provider, [0.0] * inventory.years)
        paid[credit.provider] = [a + b for a, b in zip(before, drawn, strict=True)]
    laid = tuple(_line(line, lines, paid) for line in lines)
    return tuple(sorted(laid, key=lambda line: (-line.usd, line.supply.id)))


def left_after(lines: Sequence[Line], inventory: Inventory) -> tuple[Credit, ...]:
    """What the lines leave of the credits at the horizon's end."""
    return tuple(
        replace(credit, usd=credit.usd - math.fsum(drawn))
        for credit, drawn in _drawn(lines, inventory)
    )


def with_credits(inventory: Inventory, left: tuple[Credit, ...]) -> Inventory:
    """An inventory with these credits alone."""
    cloud = inventory.cloud
    if cloud is None:
        return inventory
    return replace(
        inventory, cloud=replace(cloud, contracts=replace(cloud.contracts, credits=left))
    )


def _drawn(
    lines: Sequence[Line], inventory: Inventory
) -> Iterator[tuple[Credit, tuple[float, ...]]]:
    """What each credit pays of the rent of each year that those before it leave [USD]."""
    horizon, gone = float(inventory.months), dict[str, list[float]]()
    for credit in credits_of(inventory):
        before = gone.setdefault(credit.provider, [0.0] * inventory.years)
        rent = _rent_by_year(lines, credit.provider, inventory.years)
        left = [usd - paid for usd, paid in zip(rent, before, strict=True)]
        months = months_until(inventory.start, credit.until, horizon)
        now = credited_by_year(left, credit.usd, months)
        gone[credit.provider] = [a + b for a, b in zip(before, now, strict=True)]
        yield credit, now


def _rent_by_year(lines: Sequence[Line], provider: str, years: int) -> list[float]:
    own = [s for line in lines if line.supply.provider == provider for s in rent_of(line)]
    return [float(usd) for usd in cash_by_year(own, years * int(MONTHS_PER_YEAR))]


def _line(line: Line, lines: Sequence[Line], paid: dict[str, list[float]]) -> Line:
    """A line less its share of what was paid of its provider's rent."""
    rent, gone = rent_of(line), paid.get(line.supply.provider)
    if not rent or not gone or not any(gone):
        return line
    total = _rent_by_year(lines, line.supply.provider, len(gone))
    shares = [usd / rent if rent else 0.0 for usd, rent in zip(gone, total, strict=True)]
    return replace(line, streams=(*line.streams, *(_credit(stream, shares) for stream in rent)))


def _credit(rent: Stream, shares: Sequence[float]) -> Stream:
    """What is paid of each bill: the same share of all bills of a year (0-1)."""
    month = rent.months - (1.0 if rent.closes else 0.0)
    year = np.clip(month // MONTHS_PER_YEAR, 0, len(shares) - 1).astype(int)
    credit = rent.times(-1.0, "credit", CREDITS)
    share = np.array(shares)[year]
    return replace(credit, quantity=credit.quantity * share, amounts=credit.amounts * share)
