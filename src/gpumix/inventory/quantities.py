"""What people write -> base units: `800 ms`, `12 h`, `900M`, `22:00-06:00`, `90M BDT`.

Every function takes the raw value and raises ValueError with a message that names the fix, so
that pydantic can put the place before it.
"""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import BeforeValidator

_SUFFIXES = {"": 1.0, "k": 1e3, "m": 1e6, "b": 1e9, "t": 1e12}
_SECONDS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "sec": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86400.0,
    "days": 86400.0,
    "day": 86400.0,
    "weeks": 604800.0,
    "week": 604800.0,
}
_NUMBER = re.compile(
    r"^\s*([-+]?(?:\d[\d_,]*)?\.?\d+(?:[eE][-+]?\d+)?)\s*([A-Za-z%]*)\s*([A-Z]{3})?\s*$"
)
_WINDOW = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$")


def number(value: Any) -> float:
    """A finite number: `12`, `1_000`, `900M`, `2B`, `60 %` is refused here."""
    if isinstance(value, bool) or value is None:
        raise ValueError(f"expected a number, got {value!r}")
    if isinstance(value, int | float):
        amount = float(value)
    else:
        match = _NUMBER.match(str(value))
        if not match or match.group(3) or match.group(2).lower() not in _SUFFIXES:
            raise ValueError(f"expected a number such as 12, 900M or 2B, got {value!r}")
        amount = float(re.sub(r"[_,]", "", match.group(1))) * _SUFFIXES[match.group(2).lower()]
    if not math.isfinite(amount):
        raise ValueError(f"expected a finite number, got {value!r}")
    return amount


def seconds(value: Any) -> float:
    """A duration in seconds; the unit must be written: `800 ms`, `2 s`, `12 h`, `30 d`."""
    match = _NUMBER.match(str(value)) if not isinstance(value, bool) else None
    unit = match.group(2).lower() if match else ""
    if not match or match.group(3) or unit not in _SECONDS:
        raise ValueError(
            f"expected a duration with its unit, such as 800 ms, 2 s or 12 h; got {value!r}"
        )
    return float(re.sub(r"[_,]", "", match.group(1))) * _SECONDS[unit]


def share(value: Any) -> float:
    """A share of one: `0.3` or `30 %`."""
    text = str(value).strip()
    amount = number(text[:-1]) / 100.0 if text.endswith("%") else number(value)
    if not 0.0 <= amount <= 1.0:
        raise ValueError(f"expected a share between 0 and 1 (or 0 % and 100 %), got {value!r}")
    return amount


def rate(value: Any) -> float:
    """A yearly rate of change: `0.6`, `60 %`, `-20 %`."""
    text = str(value).strip()
    return number(text[:-1]) / 100.0 if text.endswith("%") else number(value)


def money(value: Any) -> tuple[float, str]:
    """An amount and its currency: `900000` (USD), `90M BDT`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number(value), "USD"
    match = _NUMBER.match(str(value))
    if not match:
        raise ValueError(f"expected an amount such as 900000 or 90M BDT, got {value!r}")
    unit, currency = match.group(2), match.group(3)
    if currency is None and len(unit) == 3 and unit.isupper():
        unit, currency = "", unit
    if unit.lower() not in _SUFFIXES:
        raise ValueError(f"expected an amount such as 900000 or 90M BDT, got {value!r}")
    amount = float(re.sub(r"[_,]", "", match.group(1))) * _SUFFIXES[unit.lower()]
    return amount, currency or "USD"


def window_hours(value: Any) -> tuple[int, ...]:
    """Hours of the day covered by `22:00-06:00` (whole hours), in clock order from its start.

    >>> window_hours("22:00-02:00")
    (22, 23, 0, 1)
    """
    match = _WINDOW.match(str(value))
    if not match:
        raise ValueError(f'expected hours such as "22:00-06:00", got {value!r}')
    start, start_min, end, end_min = (int(part) for part in match.groups())
    if start_min or end_min:
        raise ValueError(f"windows start and end on the hour, got {value!r}")
    if start > 23 or end > 24:
        raise ValueError(f"there is no such hour in {value!r}")
    span = (end - start) % 24 or 24
    return tuple((start + i) % 24 for i in range(span))


def _bounded(low: float, high: float, what: str, convert: Any) -> Any:
    def check(value: Any) -> float:
        amount: float = convert(value)
        if not low <= amount <= high:
            raise ValueError(f"{what} must lie between {low:g} and {high:g}, got {value!r}")
        return amount

    return BeforeValidator(check)


def _positive(high: float, what: str) -> Any:
    def check(value: Any) -> float:
        amount = number(value)
        if not 0.0 < amount <= high:
            raise ValueError(f"{what} must be above 0 and at most {high:g}, got {value!r}")
        return amount

    return BeforeValidator(check)


Seconds = Annotated[float, _bounded(1e-4, 10 * 365 * 86400.0, "a duration [s]", seconds)]
Share = Annotated[float, BeforeValidator(share)]
Growth = Annotated[float, _bounded(-0.99, 20.0, "growth per year", rate)]
TokensPerDay = Annotated[float, _positive(1e15, "tokens per day")]
Tokens = Annotated[float, _positive(1e17, "tokens")]
TokensPerRequest = Annotated[float, _positive(1e7, "tokens per request")]
RequestsPerS = Annotated[float, _positive(1e7, "requests per second")]
PerDay = Annotated[float, _positive(1e10, "samples per day")]
Runs = Annotated[float, _positive(1e6, "runs")]
Money = Annotated[tuple[float, str], BeforeValidator(money)]
WindowHours = Annotated[tuple[int, ...], BeforeValidator(window_hours)]
