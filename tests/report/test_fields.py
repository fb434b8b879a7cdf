"""The field registry: how quantities print."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix import fields
from gpumix.domain.plan import SloCheck
from gpumix.errors import DataError, UnknownName
from gpumix.fields import Currency, format_interval, format_value


def test_absent_is_a_dash_and_never_zero() -> None:
    for name, own in fields.registry().items():
        assert format_value(name, None) == "-"
        if own.is_number:
            assert format_value(name, float("nan")) == "-"
            assert format_value(name, 0.0) != "-"


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        ("ttft_p95_s", 0.31, "310 ms"),
        ("tpot_p95_s", 0.0236, "23.6 ms"),
        ("limit_s", 0.8, "800 ms"),
        ("limit_s", 2.0, "2 s"),
        ("limit_s", 12 * 3600.0, "12 h"),
        ("limit_s", 14 * 86400.0, "14 days"),
        ("utilisation", 0.613, "61 %"),
        ("gap", 0.0, "0 %"),
        ("gap", 0.00216, "0.22 %"),
        ("delta_share", 0.3156, "+32 %"),
        ("delta_usd", -1200.4, "-$1,200"),
        ("delta_usd", 1200.4, "+$1,200"),
        ("usd_per_mtok_total", 0.0871, "$0.0871"),
        ("usd_per_sample", 0.00173, "$0.00173"),
        ("usd_per_gpu_hour", 2.494, "$2.49"),
        ("count", 1200, "1,200"),
        ("kept", True, "yes"),
        ("kept", False, "no"),
        ("as_of", date(2026, 11, 20), "2026-11-20"),
        ("serves", ("a", "b"), "a, b"),
        ("country", "", "-"),
    ],
)
def test_values_print_scaled_rounded_and_with_their_unit(
    name: str, value: object, shown: str
) -> None:
    assert format_value(name, value) == shown


def test_second_currency_is_short() -> None:
    taka = Currency("BDT", 122.3)
    assert format_value("usd_per_month", 41230.0, taka) == "BDT 5.04M"
    assert format_value("usd_per_mtok_total", 0.118, taka) == "BDT 14.4"
    assert format_value("count", 4, taka) == "4"


def test_interval_is_in_the_unit_of_its_value() -> None:
    assert format_interval("predicted", 0.95, 0.8, 1.3) == "950 ms (800–1,300)"
    assert format_interval("horizon_usd", 9e5, 8e5, 1e6) == "$900,000 (800,000–1,000,000)"


def test_a_record_may_have_its_own_meaning_of_a_name() -> None:
    assert fields.label("name", SloCheck) == "Promise"
    assert fields.field("SloCheck.name").label == "Promise"


def test_unknown_field_suggests_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean ttft_p95_s"):
        fields.field("ttft_p59_s")


HEADER = "name,unit,label,format,scale,definition,formula,example\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,unit\na,b\n", "columns must be"),
        (HEADER + "a,s,A,.0f,ms,Meaning.,,1\na,s,A,.0f,ms,Meaning.,,1\n", "line 3.*twice"),
        (HEADER + "a,s,A,.0f,ms,,,1\n", "must be filled"),
        (HEADER + "a,s,A,.0f,parsec,Meaning.,,1\n", "no scale from 's' to 'parsec'"),
    ],
)
def test_a_broken_registry_names_its_line(tmp_path: Path, text: str, message: str) -> None:
    table = tmp_path / "fields.csv"
    table.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        fields.registry(table)


@settings(deadline=None, max_examples=200)
@given(st.floats(min_value=1e-9, max_value=1e12), st.integers(1, 5))
def test_significant_digits_stay_within_their_rounding(value: float, digits: int) -> None:
    shown = fields.significant(value, digits)
    assert "e" not in shown
    assert float(shown.replace(",", "")) == pytest.approx(value, rel=0.51 * 10 ** (1 - digits))


@settings(deadline=None, max_examples=200)
@given(st.floats(min_value=0.0, max_value=1e8))
def test_durations_read_back(seconds: float) -> None:
    amount, unit = format_value("limit_s", seconds).split(" ")
    size = {"ms": 1e-3, "s": 1.0, "min": 60.0, "h": 3600.0, "days": 86400.0}[unit]
    assert float(amount.replace(",", "")) * size == pytest.approx(seconds, rel=0.006, abs=1e-12)
