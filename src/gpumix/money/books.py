"""What the accounts say of all that is bought, beside cash."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from gpumix.cost.case.books import book_value, charges
from gpumix.domain.case import Books
from gpumix.domain.ledger import Entry
from gpumix.domain.money import PlanBooks
from gpumix.units import MONTHS_PER_YEAR

CAPITALISED = frozenset(
    {"hardware", "network", "storage", "spares", "installation", "tax", "tax refund"}
)


def books_of(entries: Sequence[Entry], months: int, life_years: float) -> PlanBooks | None:
    """Straight line on what was bought, each part from its day; None where nothing was.

    A tax that comes back is not capitalised: it is taken off the purchase it was paid with.

    Args:
        entries: of the plan.
        months: length of the horizon.
        life_years: over which it is written off [years].

    Source: IAS 16; docs/cost.md, "Books".
    """
    bought = {entry.option for entry in entries if entry.category == "hardware"}
    own = [entry for entry in entries if entry.option in bought]
    cost: dict[tuple[str, float], float] = defaultdict(float)
    refunds: dict[str, float] = defaultdict(float)
    for entry in own:
        if entry.closes or entry.category not in CAPITALISED:
            continue
        if entry.category == "tax refund":
            refunds[entry.option] += entry.amount
        else:
            cost[entry.option, entry.month] += entry.amount
    if not cost:
        return None
    for name, refund in refunds.items():
        paid = {key: usd for key, usd in cost.items() if key[0] == name}
        for key, usd in paid.items():
            cost[key] += refund * usd / math.fsum(paid.values())
    books = Books(years=life_years)
    ends = [min(year * MONTHS_PER_YEAR, months) for year in range(1, math.ceil(months / 12) + 1)]
    held = [
        math.fsum(
            book_value(usd, books, (end - month) / MONTHS_PER_YEAR)
            for (_, month), usd in cost.items()
            if month < end
        )
        for end in ends
    ]
    added = [
        math.fsum(usd for (_, month), usd in cost.items() if end - MONTHS_PER_YEAR <= month < end)
        for end in ends
    ]
    charged = [new + fall for new, fall in zip(added, charges(0.0, held), strict=True)]
    resale = -math.fsum(e.amount for e in own if e.category == "residual")
    return PlanBooks(
        life_years=life_years,
        capitalised_usd=math.fsum(cost.values()),
        charge_by_year_usd=tuple(charged),
        book_value_usd=tuple(held),
        resale_usd=resale,
        gain_usd=resale - held[-1],
    )
