"""Amounts as people write them."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix.domain.quantities import (
    day,
    money,
    number,
    rate,
    seconds,
    share,
    whole,
    window_hours,
)


@pytest.mark.parametrize(
    ("convert", "written", "value"),
    [
        (number, 12, 12.0), (number, "1_000", 1000.0), (number, "1,250,000", 1.25e6),
        (number, "900M", 9e8), (number, "2B", 2e9), (number, "2 b", 2e9), (number, "40k", 4e4),
        (number, "1.5T", 1.5e12), (number, "-3", -3.0), (number, ".5", 0.5), (number, "1.", 1.0),
        (number, "2e3", 2000.0), (whole, "8k", 8000), (whole, 4.0, 4),
        (seconds, "800 ms", 0.8), (seconds, "800ms", 0.8), (seconds, "2 s", 2.0),
        (seconds, "5 min", 300.0), (seconds, "12 h", 43200.0), (seconds, "30 d", 2592000.0),
        (seconds, "2 weeks", 1209600.0), (seconds, "50 us", 5e-5),
        (share, 0.3, 0.3), (share, "30 %", 0.3), (share, "30%", 0.3), (share, 1, 1.0),
        (rate, "60 %", 0.6), (rate, "-20 %", -0.2), (rate, 0.6, 0.6),
        (money, 900000, (9e5, "USD")), (money, "900k", (9e5, "USD")),
        (money, "90M BDT", (9e7, "BDT")), (money, "90 BDT", (90.0, "BDT")),
        (money, "1,200,000 EUR", (1.2e6, "EUR")), (money, 0, (0.0, "USD")),
        (day, "2027-01", date(2027, 1, 1)), (day, "2028-02-29", date(2028, 2, 29)),
        (window_hours, "22:00-06:00", (22, 23, 0, 1, 2, 3, 4, 5)),
        (window_hours, "9:00 - 12:00", (9, 10, 11)),
        (window_hours, "18:00-24:00", tuple(range(18, 24))),
        (window_hours, "00:00-24:00", tuple(range(24))),
    ],
)  # fmt: skip
def test_understood(convert: Callable[[Any], Any], written: object, value: object) -> None:
    assert (
        convert(written) == pytest.approx(value)
        if isinstance(value, float)
        else (convert(written) == value)
    )


@pytest.mark.parametrize(
    ("convert", "written"),
    [
        *((number, w) for w in ("", "x", "12 rps", "60 %", "1,5", "0,5", "1,50,000", "--1", "5 USD",
                                "nan", "inf", "1e400", "1" * 400, math.nan, math.inf, -math.inf,
                                10**400, True, None, [], {}, "1 2")),
        *((whole, w) for w in (2.5, "2.5", True, None, "x")),
        *((seconds, w) for w in (800, "800", 0.8, "2 parsec", "2 m", "s", True, None,
                                 "1e400 s", "2 s s")),
        *((share, w) for w in (30, -0.1, "130 %", "x", True, math.nan, "%")),
        *((rate, w) for w in ("x %", None, False)),
        *((money, w) for w in (-5, "-5 BDT", "BDT 5", "5 bdt", True, None, math.nan, 1e16,
                               "1e400 BDT", "5 X")),
        *((day, w) for w in (2027, "2027", 86400, "12", "2027-13", "2027-02-30", "Jan 2027",
                             "1066-01", "9999-01", None, True, "2027-01-01T00:00")),
        *((window_hours, w) for w in ("25:00-06:00", "22:30-06:00", "22-6", "", None, 22, "22:00",
                                      "24:00-02:00", "22:00-06:00-08:00")),
    ],
)  # fmt: skip
def test_refused_in_words(convert: Callable[[Any], Any], written: object) -> None:
    with pytest.raises(ValueError, match=r"\w+") as caught:
        convert(written)
    assert len(str(caught.value)) < 200


@given(value=st.floats(1e-3, 1e12), unit=st.sampled_from(["ms", "s", "min", "h", "d"]))
def test_units_scale(value: float, unit: str) -> None:
    factor = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "d": 86400.0}[unit]
    assert seconds(f"{value!r} {unit}") == pytest.approx(value * factor)


@given(value=st.one_of(st.text(max_size=30), st.none(), st.booleans(), st.integers(), st.floats(),
                       st.lists(st.integers(), max_size=3)))  # fmt: skip
def test_anything_is_an_amount_or_a_value_error(value: object) -> None:
    for convert in (number, whole, seconds, share, rate, money, day, window_hours):
        try:
            convert(value)
        except ValueError as error:
            assert str(error)  # noqa: PT017
