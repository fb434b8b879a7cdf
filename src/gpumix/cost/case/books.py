"""The accounts' view of what is bought: charge of each year and what the books still hold."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gpumix.domain.case import Books


def book_value(cost: float, books: Books, age_years: float) -> float:
    """What the books hold of what was bought some years ago.

    Straight line: cost - (cost - salvage) x n / years. Declining: cost x (1 - d)^n, d as stated or
    2 / years, never below the salvage. Economic: cost x 10^(-ooms x n).

    Args:
        cost: what is capitalised [currency].
        books: method, life, salvage.
        age_years: n since then [years].

    Source: IAS 16 (straight line, diminishing balance); Epoch AI (orders of magnitude a year).

    >>> book_value(275_350.0, Books(years=5.0), 3.0)
    110140.0
    """
    if books.method == "straight_line":
        return cost - (cost - books.salvage) * min(age_years / books.years, 1.0)
    if books.method == "declining":
        rate = min(2.0 / books.years, 1.0) if books.rate is None else books.rate
        return float(max(cost * (1.0 - rate) ** age_years, min(books.salvage, cost)))
    return float(cost * 10.0 ** (-books.ooms_per_year * age_years))


def book_values(cost: float, books: Books, years: float) -> list[float]:
    """What the books hold at the end of each year of the horizon.

    Args:
        cost: what is capitalised [currency].
        books: method, life, salvage.
        years: length of the horizon [years].

    Source: as `book_value`.

    >>> book_values(320_000.0, Books(years=4.0), 4.0)
    [240000.0, 160000.0, 80000.0, 0.0]
    """
    ends = [min(year + 1.0, years) for year in range(math.ceil(years))]
    return [book_value(cost, books, end) for end in ends]


def charges(cost: float, values: Sequence[float]) -> list[float]:
    """What each year is charged: the fall of the book value.

    Args:
        cost: what is capitalised [currency].
        values: what the books hold at each year's end [currency].

    Source: definition of depreciation.

    >>> charges(100.0, [60.0, 30.0])
    [40.0, 30.0]
    """
    return [before - after for before, after in zip((cost, *values), values, strict=False)]
