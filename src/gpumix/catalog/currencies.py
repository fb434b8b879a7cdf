"""Exchange rates: those that a team states, over those of the table of countries."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Final

from gpumix.domain.quote import StatedRate
from gpumix.domain.site import Country
from gpumix.errors import Hint, Problem, shortened

USD: Final = "USD"

Rates = dict[str, tuple[float, date | None]]
"""Currency -> units of it for a dollar, and the day of that rate."""


def exchange_rates(countries: Iterable[Country], stated: Iterable[StatedRate]) -> Rates:
    """Every currency with a rate."""
    rates: Rates = {USD: (1.0, None)}
    for country in countries:
        rates.setdefault(country.currency, (country.fx_per_usd, country.fx_as_of))
    return rates | {rate.currency: (rate.per_usd, rate.as_of) for rate in stated}


def unknown_currency(place: str, code: str, known: Iterable[str]) -> Problem:
    """That a currency has no rate, and how to state one."""
    names = sorted(known)
    state = f"state a rate: fx: {{{code}: {{per_usd: ..., as_of: ...}}}}"
    otherwise = f"known: {', '.join(names)}; or {state}"
    return Problem(place, f"unknown currency {shortened(code)}", Hint(code, names, otherwise))
