"""The registry of every printed quantity: its unit, label, format and meaning.

No label, unit or rounding is typed where something is printed: renderers ask here, so a figure
reads the same in the terminal, the report, the documents and `gpumix explain`. The registry is
`data/fields.csv`. A name is the name of a record's field; where one name means two things, the
record stands before it (`SloCheck.name`).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.errors import DataError, UnknownName
from gpumix.files import read_columns
from gpumix.units import (
    HOURS_PER_DAY,
    KILO,
    MEGA,
    MS,
    PERCENT,
    SECONDS_PER_HOUR,
)

ABSENT: Final = "-"
"""How a value that is not known prints; never 0."""

TABLE: Final = Path(__file__).parent / "data" / "fields.csv"
_COLUMNS: Final = ["name", "unit", "label", "format", "scale", "definition", "formula", "example"]
_FACTORS: Final[Mapping[tuple[str, str], float]] = {
    ("s", "ms"): 1 / MS,
    ("share", "%"): 1 / PERCENT,
    ("bytes", "GB"): 1e-9,
    ("W", "kW"): 1 / KILO,
}
LEAST_SHARE: Final = 1e-4
"""A positive share below this prints as `<0.01 %`: gaps below what the solver proves are noise."""

_LEAST_LACK: Final = 1e-4
"""Per cent that a share below 100 lacks at the least, as it prints."""

_SUFFIXED: Final = frozenset({"ms", "s", "%", "h", "kW", "W", "GB", "GiB"})
_LADDER: Final = (  # upper end [s] of what is shown in a unit, its seconds, its name
    (1.0, MS, "ms"),
    (120.0, 1.0, "s"),
    (2 * SECONDS_PER_HOUR, 60.0, "min"),
    (2 * HOURS_PER_DAY * SECONDS_PER_HOUR, SECONDS_PER_HOUR, "h"),
    (math.inf, HOURS_PER_DAY * SECONDS_PER_HOUR, "days"),
)


@dataclass(frozen=True, slots=True)
class Currency:
    """A currency by ISO code and how much of it buys one US dollar."""

    code: str
    per_usd: float


USD: Final = Currency("USD", 1.0)


@dataclass(frozen=True, slots=True)
class Field:
    """One printed quantity.

    `unit` is the unit held in records, `scale` the one shown where it differs. `format` is
    `text`, `date`, `duration` (ms to days, by size), `sigN` (N significant digits), `nines` (a
    share that never rounds up to 100 %) or a Python format specification. `formula` is the dotted
    path of the function that computes it, empty for inputs and choices. `example` is a value in
    `unit`.
    """

    name: str
    unit: str
    label: str
    format: str
    scale: str
    definition: str
    formula: str
    example: str

    @property
    def is_number(self) -> bool:
        """Whether values are numbers (dates and texts are not)."""
        return self.format not in ("text", "date")

    @property
    def is_money(self) -> bool:
        """Whether values are amounts of USD, possibly per something."""
        return self.unit.startswith("USD")

    @property
    def shown_unit(self) -> str:
        """The unit a reader sees; empty for texts and plain counts."""
        return self.scale or self.unit

    @property
    def factor(self) -> float:
        """Shown value per base value."""
        return _FACTORS[self.unit, self.scale] if self.scale else 1.0

    @property
    def axis(self) -> str:
        """Label with unit, for a chart's axis: `Time to first token, p95 [ms]`."""
        return f"{self.label} [{self.shown_unit}]" if self.shown_unit else self.label


@functools.cache
def registry(table: Path = TABLE) -> Mapping[str, Field]:
    """Every registered field by name, in the order of the table.

    Raises: DataError where a row is incomplete, repeated or in an unknown scale.
    """
    columns = read_columns(table)
    if list(columns) != _COLUMNS:
        raise DataError(f"{table.name}: the columns must be {', '.join(_COLUMNS)}")
    found: dict[str, Field] = {}
    for number, cells in enumerate(zip(*columns.values(), strict=True), start=2):
        entry = Field(*cells)
        place = f"{table.name} line {number} ({entry.name})"
        if entry.name in found:
            raise DataError(f"{place}: registered twice")
        if not (entry.name and entry.label and entry.format and entry.definition):
            raise DataError(f"{place}: name, label, format and definition must be filled")
        if entry.scale and (entry.unit, entry.scale) not in _FACTORS:
            raise DataError(f"{place}: no scale from {entry.unit!r} to {entry.scale!r}")
        found[entry.name] = entry
    return found


def field(name: str, record: type | str = "") -> Field:
    """The registered field `name`, or `Record.name` where that record has its own meaning of it.

    Raises: UnknownName, with the nearest names.

    >>> field("ttft_p95_s").shown_unit
    'ms'
    """
    known = registry()
    owner = record if isinstance(record, str) else record.__name__
    own = known.get(f"{owner}.{name}") or known.get(name)
    if own is None:
        raise UnknownName("", "field", name, known)
    return own


def label(name: str, record: type | str = "") -> str:
    """The words a reader sees for a field.

    >>> label("usd_per_month")
    'Per month'
    """
    return field(name, record).label


def format_value(
    what: str | Field, value: object, currency: Currency = USD, *, with_unit: bool = True
) -> str:
    """A value as it is printed: scaled, rounded, with its unit; "-" where it is not known.

    >>> format_value("ttft_p95_s", 0.3104), format_value("ttft_p95_s", None)
    ('310 ms', '-')
    >>> format_value("gap", 1.3e-16), format_value("gap", 0.0022), format_value("gap", 0.0)
    ('<0.01 %', '0.22 %', '0 %')
    >>> format_value("usd_per_month", 41230.4, Currency("BDT", 122.0))
    'BDT 5.03M'
    """
    own = field(what) if isinstance(what, str) else what
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ABSENT
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple | list):
        return ", ".join(format_value(own, v, currency) for v in value) or ABSENT
    if not isinstance(value, int | float):
        return str(value) or ABSENT
    if own.is_money:
        return _money(own, float(value), currency)
    if own.format == "duration":
        return _duration(float(value))
    if own.format.startswith("sig") and own.scale == "%" and 0.0 < float(value) < LEAST_SHARE:
        return f"<{LEAST_SHARE * own.factor:g} %"
    text = _number(own.format, float(value) * own.factor)
    return f"{text} {own.shown_unit}" if with_unit and own.shown_unit in _SUFFIXED else text


def format_interval(what: str | Field, value: float, low: float, high: float) -> str:
    """A predicted value with its 80 % interval, in one unit.

    >>> format_interval("ttft_p95_s", 0.31, 0.25, 0.39)
    '310 ms (250–390)'
    """
    shown, interval = interval_parts(what, value, low, high)
    return f"{shown} ({interval})"


def interval_parts(what: str | Field, value: float, low: float, high: float) -> tuple[str, str]:
    """A predicted value and its interval apart, in one unit.

    >>> interval_parts("ttft_p95_s", 0.31, 0.25, 0.39)
    ('310 ms', '250–390')
    """
    own = field(what) if isinstance(what, str) else what
    if own.is_money:
        amounts = [_money(own, v, USD) for v in (value, low, high)]
        return amounts[0], f"{amounts[1]}–{amounts[2]}".replace("$", "")
    if own.format == "duration":
        size, unit = _duration_unit(value)
        shown = [significant(v / size, 3) for v in (value, low, high)]
    else:
        unit = own.shown_unit if own.shown_unit in _SUFFIXED else ""
        shown = [_number(own.format, v * own.factor) for v in (value, low, high)]
    return f"{shown[0]} {unit}".rstrip(), f"{shown[1]}–{shown[2]}"


def significant(value: float, digits: int) -> str:
    """`value` with so many significant digits, thousands apart, never an exponent.

    >>> significant(0.018234, 3), significant(41230.4, 3), significant(2.0, 3)
    ('0.0182', '41,230', '2.00')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:.0f}"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    decimals = digits - 1 - math.floor(math.log10(abs(rounded)))  # 9.996 becomes 10.0
    return f"{value:,.{max(0, decimals)}f}"


def compact(value: float) -> str:
    """Three significant digits with k, M or B for 1e3, 1e6, 1e9.

    >>> compact(5_030_108.8), compact(182.4), compact(0.0)
    ('5.03M', '182', '0')
    """
    for size, suffix in ((1e9, "B"), (MEGA, "M"), (KILO, "k")):
        if abs(value) >= 0.9995 * size:
            return f"{significant(value / size, 3)}{suffix}"
    return significant(value, 3)


def _money(own: Field, usd: float, currency: Currency) -> str:
    sign = "-" if usd < 0 else "+" if own.format.startswith("+") and usd > 0 else ""
    if currency.code == USD.code:
        return f"{sign}${_number(own.format.lstrip('+'), abs(usd))}"
    return f"{sign}{currency.code} {compact(abs(usd) * currency.per_usd)}"


def nines(percent: float) -> str:
    """A share in per cent, with as many digits as what it lacks to 100 asks for, four at the most.

    >>> nines(94.3), nines(99.5), nines(99.99), nines(99.99999), nines(100.0)
    ('94.3', '99.5', '99.99', '99.9999', '100')
    """
    lacks = round(100.0 - percent, 9)
    if lacks <= 0.0:
        return f"{percent:.0f}"
    if lacks < _LEAST_LACK:
        return f"{100.0 - _LEAST_LACK:g}"
    return f"{percent:.{max(1, -math.floor(math.log10(lacks)))}f}"


def _number(form: str, value: float) -> str:
    if form == "nines":
        return nines(value)
    if form.startswith("sig"):
        return significant(value, int(form.removeprefix("sig")))
    return format(value, form)


def _duration_unit(seconds: float) -> tuple[float, str]:
    for upper, size, name in _LADDER:
        if abs(seconds) < upper:
            return size, name
    return _LADDER[-1][1], _LADDER[-1][2]


def _duration(seconds: float) -> str:
    size, name = _duration_unit(seconds)
    value = seconds / size
    return f"{value:.0f} {name}" if value == round(value) else f"{significant(value, 3)} {name}"
