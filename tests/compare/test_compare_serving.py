"""One workload on every GPU: what the comparison warns of."""

from __future__ import annotations

from datetime import date

from gpumix.compare.serving import price_warnings
from gpumix.domain.comparison import PriceUsed

DAY = date(2026, 11, 24)


def price(oldest: date, newest: date) -> PriceUsed:
    return PriceUsed(2.0, 1.0, 3.0, 4, oldest, newest)


def test_old_prices_are_counted_by_their_newest_offer() -> None:
    fresh, old = price(date(2026, 1, 1), date(2026, 11, 1)), price(DAY, date(2026, 5, 1))
    assert price_warnings([], DAY) == []
    assert price_warnings([fresh], DAY) == ["prices date from 2026-01-01 to 2026-11-01"]
    assert price_warnings([fresh, old], DAY)[1:] == ["1 of 2 GPUs have no price newer than 90 days"]
