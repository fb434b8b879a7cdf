"""Renting: what an offer costs over a horizon, which terms fit it, when a commitment pays."""

from __future__ import annotations

from gpumix.domain.offer import Purchase
from gpumix.values import Value


def term_fits(purchase: Purchase, years: float) -> bool:
    """Whether a purchase is offered for a horizon: its term is no longer than that.

    Args:
        purchase: how it is paid for.
        years: horizon [years].

    >>> term_fits(Purchase.RESERVED_3Y, 2.0), term_fits(Purchase.RESERVED_1Y, 2.0)
    (False, True)
    """
    term_years = purchase.term_years
    return term_years is None or term_years <= years


def term_note(purchase: Purchase, years: float) -> str:
    """What a term means over a horizon, in words; empty where there is nothing to say.

    Args:
        purchase: how it is paid for.
        years: horizon [years].

    >>> term_note(Purchase.RESERVED_3Y, 2.0)
    'not offered: the 3-year term is longer than the 2-year horizon'
    >>> term_note(Purchase.RESERVED_1Y, 3.0)
    'the 1-year term is assumed to renew at the same price until the end of the 3-year horizon'
    """
    term_years = purchase.term_years
    if term_years is None or term_years == years:
        return ""
    if term_years > years:
        return (
            f"not offered: the {term_years:g}-year term is longer than the {years:g}-year horizon"
        )
    return (
        f"the {term_years:g}-year term is assumed to renew at the same price until the end of the "
        f"{years:g}-year horizon"
    )


def commitment_break_even_utilisation(
    reserved_usd_per_hour: Value, on_demand_usd_per_hour: Value
) -> Value:
    """Share of hours in use above which a commitment is cheaper: u* = reserved / on-demand.

    Args:
        reserved_usd_per_hour: price paid for every hour [USD/h].
        on_demand_usd_per_hour: price paid for hours in use [USD/h].

    Source: Lenovo Press LP2225 (p5.48xlarge: 0.788 for one year, 0.549 for three).

    >>> round(commitment_break_even_utilisation(77.43, 98.32), 3)
    0.788
    """
    return reserved_usd_per_hour / on_demand_usd_per_hour
