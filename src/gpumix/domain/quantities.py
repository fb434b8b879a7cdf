"""What people write -> base units: `800 ms`, `12 h`, `900M`, `22:00-06:00`, `90M BDT`.

Every function takes the raw value and raises ValueError with a message that names the fix, so
the reader of a file can put the place before it.
"""

from __future__ import annotations

import calendar
import math
import re
from datetime import date
from typing import Any

from gpumix.domain.bounds import YEARS

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
    r"([-+]?(?:[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]*)?|[0-9][0-9_]*(?:\.[0-9]*)?|\.[0-9]+)"
    r"(?:[eE][-+]?[0-9]+)?)"
    r"\s*+([A-Za-z%]*+)(?:\s++([A-Z]{3}))?"
)
"""A number, its unit and a currency; a comma is only understood between thousands. What is taken
is never given back, so that the time to refuse a text grows with its length alone."""
_LONGEST_NUMBER = 100
_DAY = re.compile(r"^\d{4}-\d{2}(-\d{2})?$", re.ASCII)
_MOST_MONEY = 1e15
_LARGEST = 1e300
_LONGEST_SHOWN = 60
_SHORTEST_S, _LONGEST_S = 1e-4, 10 * 365 * 86400.0
_WINDOW = re.compile(r"^\s*(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})\s*$", re.ASCII)


def number(value: Any) -> float:
    """A finite number: `12`, `1_000`, `900M`, `2B`; `60 %` is refused here."""
    if isinstance(value, bool) or value is None:
        raise ValueError(f"expected a number, got {shown(value)}")
    if isinstance(value, int | float):
        return _finite(value, value)
    if isinstance(value, str) and len(value.strip()) > _LONGEST_NUMBER:
        size = f"{len(value.strip()):,} characters"
        raise ValueError(f"expected a number of at most {_LONGEST_NUMBER} characters, got {size}")
    match = _parts(value)
    if not match or match.group(3) or match.group(2).lower() not in _SUFFIXES:
        raise ValueError(f"expected a number such as 12, 900M or 2B, got {shown(value)}")
    return _amount(match, _SUFFIXES[match.group(2).lower()])


def whole(value: Any) -> int:
    """A whole number: `4`, `1_000`, `8k`."""
    amount = number(value)
    if amount != math.floor(amount):
        raise ValueError(f"expected a whole number, got {shown(value)}")
    return int(amount)


def _parts(value: Any) -> re.Match[str] | None:
    """A text as number, unit and currency; None where it is none, or far too long for one."""
    text = str(value).strip() if isinstance(value, str | int | float) else ""
    return _NUMBER.fullmatch(text) if len(text) <= _LONGEST_NUMBER else None


def _amount(match: re.Match[str], factor: float) -> float:
    return _finite(float(re.sub(r"[_,]", "", match.group(1))) * factor, match.group(0))


def _finite(amount: float, value: Any) -> float:
    try:
        found = float(amount)
    except OverflowError:  # a whole number beyond what floats reach
        found = math.inf
    if not math.isfinite(found):
        raise ValueError(f"expected a finite number, got {shown(value)}")
    return found


def shown(value: Any) -> str:
    """The value as messages quote it, cut where it is long."""
    if isinstance(value, int) and abs(value) > _LARGEST:
        return "a number of more than 300 digits"
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."


def seconds(value: Any) -> float:
    """A duration in seconds; the unit must be written: `800 ms`, `2 s`, `12 h`, `30 d`."""
    match = _parts(value) if not isinstance(value, bool) else None
    unit = match.group(2).lower() if match else ""
    if not match or match.group(3) or unit not in _SECONDS:
        raise ValueError(
            f"expected a duration with its unit, such as 800 ms, 2 s or 12 h; got {shown(value)}"
        )
    return _amount(match, _SECONDS[unit])


def duration(value: Any) -> float:
    """A length of time that can be promised: from 0.1 ms to ten years, in seconds."""
    amount = seconds(value)
    if not _SHORTEST_S <= amount <= _LONGEST_S:
        raise ValueError(f"a duration must lie between 0.1 ms and 10 years, got {shown(value)}")
    return amount


def limit(value: Any) -> tuple[str, float]:
    """A promise's limit with what it is of: a share of time (`99.5 %`, 0.995) or a duration.

    >>> limit("99.5 %"), limit("800 ms")
    (('share', 0.995), ('s', 0.8))
    """
    is_share = str(value).strip().endswith("%") or (isinstance(value, float) and 0 < value <= 1)
    return ("share", share(value)) if is_share else ("s", duration(value))


def share(value: Any) -> float:
    """A share of one: `0.3` or `30 %`."""
    text = str(value).strip()
    amount = number(text[:-1]) / 100.0 if text.endswith("%") else number(value)
    if not 0.0 <= amount <= 1.0:
        raise ValueError(f"expected a share between 0 and 1 (or 0 % and 100 %), got {shown(value)}")
    return amount


def rate(value: Any) -> float:
    """A yearly rate of change: `0.6`, `60 %`, `-20 %`."""
    text = str(value).strip()
    return number(text[:-1]) / 100.0 if text.endswith("%") else number(value)


def money(value: Any) -> tuple[float, str]:
    """An amount of at least 0 and its currency: `900000` (USD), `90M BDT`."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _payable(number(value), value), "USD"
    wrong = f"expected an amount such as 900000 or 90M BDT, got {shown(value)}"
    match = _parts(value)
    if not match:
        raise ValueError(wrong)
    unit, currency = match.group(2), match.group(3)
    if currency is None and len(unit) == 3 and unit.isupper():
        unit, currency = "", unit
    if unit.lower() not in _SUFFIXES:
        raise ValueError(wrong)
    return _payable(_amount(match, _SUFFIXES[unit.lower()]), value), currency or "USD"


def _payable(amount: float, value: Any) -> float:
    if not 0.0 <= amount <= _MOST_MONEY:
        raise ValueError(f"an amount must lie between 0 and {_MOST_MONEY:g}, got {shown(value)}")
    return amount


def day(value: Any) -> date:
    """A day: `2027-01-15`, or the first of a month: `2027-01`."""
    text = str(value)
    try:
        if _DAY.match(text):
            found = date.fromisoformat(text if len(text) > len("2027-01") else f"{text}-01")
            if YEARS[0] <= found.year <= YEARS[1]:
                return found
    except ValueError:
        pass
    raise ValueError(
        f"expected a month such as 2027-01 or a day such as 2027-01-15,"
        f" {YEARS[0]} to {YEARS[1]}; got {shown(value)}"
    )


def month(value: Any) -> date:
    """The first day of a month, `2027-01`; no other day."""
    if len(str(value)) == len("2027-01"):
        return day(value)
    raise ValueError(f"expected a month such as 2027-01, got {shown(value)}")


def last_day(value: Any) -> date:
    """A day, or the last of a month.

    >>> last_day("2028-02")
    datetime.date(2028, 2, 29)
    """
    found = day(value)
    if len(str(value)) > len("2027-01"):
        return found
    return found.replace(day=calendar.monthrange(found.year, found.month)[1])


def window_hours(value: Any) -> tuple[int, ...]:
    """Hours of the day covered by `22:00-06:00` (whole hours), in clock order from its start.

    >>> window_hours("22:00-02:00")
    (22, 23, 0, 1)
    """
    match = _WINDOW.match(str(value))
    if not match:
        raise ValueError(f'expected hours such as "22:00-06:00", got {shown(value)}')
    start, start_min, end, end_min = (int(part) for part in match.groups())
    if start_min or end_min:
        raise ValueError(f"windows start and end on the hour, got {shown(value)}")
    if start > 23 or end > 24:
        raise ValueError(f"there is no such hour in {shown(value)}")
    span = (end - start) % 24 or 24
    return tuple((start + i) % 24 for i in range(span))
