"""Renting: what an offer costs over a horizon, which terms fit it, when a commitment pays."""

from __future__ import annotations

from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import Value


def term_fits(term_months: int, years: float) -> bool:
    """Whether a commitment may be made for a horizon: it is no longer than that.

    Args:
        term_months: length of the commitment [months]; 0 without one.
        years: horizon [years].

    >>> term_fits(36, 2.0), term_fits(12, 2.0)
    (False, True)
    """
    return term_months <= years * MONTHS_PER_YEAR


def term_note(term_months: int, years: float) -> str:
    """What a term means over a horizon, in words; empty where there is nothing to say.

    Args:
        term_months: length of the commitment [months]; 0 without one.
        years: horizon [years].

    >>> term_note(36, 2.0)
    'not offered: a term of 36 months is longer than the 2-year horizon'
    >>> term_note(12, 3.0)
    'a term of 12 months may begin in any year of the 3-year horizon, at the price of today'
    """
    if not term_months or term_months == years * MONTHS_PER_YEAR:
        return ""
    months = f"a term of {term_months} month{'s' if term_months > 1 else ''}"
    if not term_fits(term_months, years):
        return f"not offered: {months} is longer than the {years:g}-year horizon"
    return f"{months} may begin in any year of the {years:g}-year horizon, at the price of today"


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
