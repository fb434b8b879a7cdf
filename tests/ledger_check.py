"""Cash of a ledger by the calendar, to hold what the plan counts against."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gpumix.cost.case.streams import Stream, present_cost_of, stream_of
from gpumix.cost.case.streams import cash_by_year as by_year
from gpumix.domain.ledger import Entry
from gpumix.units import MONTHS_PER_YEAR


def cash(entries: Iterable[Entry]) -> float:
    """Sum of the amounts, whenever they are paid.

    Args:
        entries: of one option.

    Source: definition of cash.
    """
    return math.fsum(entry.amount for entry in entries)


def present_cost(entries: Iterable[Entry], rate_per_year: float) -> float:
    """What the product takes the entries to be worth at the start.

    Args:
        entries: of one option.
        rate_per_year: cost of capital [1].

    Source: `cost.case.streams.present_cost_of`.
    """
    return present_cost_of([stream_of(entry) for entry in entries], rate_per_year)


def cash_by_year(entries: Iterable[Entry], years: int) -> tuple[float, ...]:
    """Amounts by year of the horizon; what is paid after it is in none.

    Args:
        entries: of one option.
        years: length of the horizon [years].

    Source: the calendar of the horizon; what is paid on its last day belongs to its last year.
    """
    by_year: list[list[float]] = [[] for _ in range(years)]
    for entry in entries:
        year = int(entry.month // MONTHS_PER_YEAR)
        if entry.closes and entry.month and entry.month % MONTHS_PER_YEAR == 0:
            year -= 1
        if 0 <= year < years:
            by_year[year].append(entry.amount)
    return tuple(math.fsum(amounts) for amounts in by_year)


def cash_after(entries: Iterable[Entry], months: float) -> float:
    """Amounts that are paid after the horizon: what a commitment still owes then.

    Args:
        entries: of one option.
        months: length of the horizon [months].

    Source: the calendar of the horizon, as `cash_by_year`.
    """
    return math.fsum(
        e.amount for e in entries if e.month > months or (e.month == months and not e.closes)
    )


def cash_by_item(streams: Iterable[Stream], months: int) -> dict[str, tuple[float, ...]]:
    """Item -> cash by year of the horizon.

    Args:
        streams: of one line of a plan.
        months: length of the horizon [months].

    Source: the calendar of the horizon.
    """
    items: dict[str, list[Stream]] = {}
    for stream in streams:
        items.setdefault(stream.item, []).append(stream)
    return {name: tuple(by_year(own, months).tolist()) for name, own in items.items()}
