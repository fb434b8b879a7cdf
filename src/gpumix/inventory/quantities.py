"""Types of an inventory's values, each within its bounds; the parsing is domain/quantities.py's."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from pydantic import BeforeValidator

from gpumix.domain.bounds import REQUESTS_PER_S, YEARS, Range
from gpumix.domain.quantities import (
    day,
    duration,
    last_day,
    limit,
    money,
    month,
    number,
    rate,
    share,
    shown,
    whole,
    window_hours,
)


def _bounded(low: float, high: float, what: str, convert: Any) -> Any:
    def check(value: Any) -> Any:
        amount = convert(value)
        if not low <= amount <= high:
            raise ValueError(f"{what} must lie between {low:g} and {high:g}, got {shown(value)}")
        return amount

    return BeforeValidator(check)


def _within(bounds: Range, what: str) -> Any:
    return _bounded(*bounds, what, number)


def _positive(high: float, what: str) -> Any:
    def check(value: Any) -> float:
        amount = number(value)
        if not 0.0 < amount <= high:
            raise ValueError(f"{what} must be above 0 and at most {high:g}, got {shown(value)}")
        return amount

    return BeforeValidator(check)


Seconds = Annotated[float, BeforeValidator(duration)]
Limit = Annotated[tuple[str, float], BeforeValidator(limit)]
Share = Annotated[float, BeforeValidator(share)]
Growth = Annotated[float, _bounded(-0.99, 20.0, "growth per year", rate)]
TokensPerDay = Annotated[float, _positive(1e15, "tokens per day")]
Tokens = Annotated[float, _positive(1e17, "tokens")]
TokensPerRequest = Annotated[float, _positive(1e7, "tokens per request")]
RequestsPerS = Annotated[float, _within(REQUESTS_PER_S, "requests per second")]
Crowd = Annotated[float, _positive(1e10, "users or requests in flight")]
PerDay = Annotated[float, _positive(1e10, "samples per day")]
UnitsPerDay = Annotated[float, _positive(1e11, "units per day")]
UnitsPerHour = Annotated[float, _positive(1e11, "units per hour")]
Runs = Annotated[float, _positive(1e6, "runs")]
Number = Annotated[float, BeforeValidator(number)]
Whole = Annotated[int, BeforeValidator(whole)]
Money = Annotated[tuple[float, str], BeforeValidator(money)]
Day = Annotated[date, BeforeValidator(day)]
Month = Annotated[date, BeforeValidator(month)]
LastDay = Annotated[date, BeforeValidator(last_day)]
Year = Annotated[int, _bounded(*YEARS, "a year", whole)]
WindowHours = Annotated[tuple[int, ...], BeforeValidator(window_hours)]
