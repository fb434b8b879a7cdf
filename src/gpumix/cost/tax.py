"""Import taxes: the stack on one tariff line, and what remains a cost after refunds."""

from __future__ import annotations

from gpumix.cost.finance import discount_factor
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import Value


def refund_value(advance: Value, recoverable_share: Value, lag_months: Value, rate: Value) -> Value:
    """Present value of advance taxes that come back: A * share * (1 + r)^-(lag / 12).

    Args:
        advance: advance taxes A paid at the border [USD].
        recoverable_share: part of them that comes back, 0-1 [1].
        lag_months: months until it does [months].
        rate: cost of capital r per year [1].

    Source: docs/cost.md, "Import tax".

    >>> refund_value(100.0, 1.0, 0.0, 0.13)
    100.0
    >>> round(refund_value(100.0, 1.0, 12.0, 0.13), 2)
    88.5
    """
    return advance * recoverable_share * discount_factor(rate, lag_months / MONTHS_PER_YEAR)
