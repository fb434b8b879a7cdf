"""The audit trail of a cost: every figure it takes from a table or the user is written down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date

from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.site import Country, Range
from gpumix.errors import DataError


class Book:
    """Collects the assumptions about one site while a cost on it is being computed.

    What holds for every server of the site is written alike for each, so equal lines can go.
    """

    def __init__(self, subject: str, defaults: Mapping[str, Range]) -> None:
        self.subject = subject
        self.defaults = defaults
        self.assumptions: list[Assumption] = []

    def note(
        self, what: str, value: str, basis: Basis, source: str, as_of: date | None = None
    ) -> None:
        """Write down one figure or rule."""
        self.assumptions.append(Assumption(f"{self.subject}: {what}", value, basis, source, as_of))

    def typical(self, parameter: str, what: str) -> float:
        """The typical value of a default, written down.

        Raises: DataError where the table has no such row or no typical value in it.
        """
        row = row_of(self.defaults, parameter)
        value = typical(self.defaults, parameter)
        source = f"{row.source} ({row.as_of})" if row.as_of else row.source
        self.note(what, f"{value:g} {row.unit}", row.basis, source)
        return value

    def stated_or(self, stated: float | None, parameter: str, what: str, unit: str) -> float:
        """The inventory's figure where it states one, else the default; written down."""
        if stated is None:
            return self.typical(parameter, what)
        self.note(what, f"{stated:g} {unit}", Basis.ASSUMED, "the inventory")
        return stated

    def own_or_national(
        self,
        own: float | None,
        national: float,
        what: str,
        unit: str,
        country: Country,
        topic: str,
    ) -> float:
        """The inventory's figure where it states one, else the country's; written down."""
        value = national if own is None else own
        source = country_source(country, topic) if own is None else "the inventory"
        self.note(what, f"{value:g} {unit}", Basis.ASSUMED, source)
        return value


_QUALITY = {"S": "sourced", "I": "inference", "U": "not sourced"}
_TOPICS = "carbon|tariff|duty|lending"


def country_source(country: Country, topic: str) -> str:
    """What the countries' table says of one of its figures: how sure it is, and its source.

    `topic` is the name that the table's flags and sources use: tariff, duty, outage, coc.
    """
    said = re.search(rf"(?:^|; ){topic}[^:;]*: (.*?)(?=; (?:{_TOPICS})|$)", country.source)
    flag = re.search(rf"(?:^|;){topic}=(\w+)((?:\([^)]*\))?)", country.flags)
    parts = [f"{country.name}, countries.csv"]
    if flag:
        parts.append(f"{_QUALITY.get(flag[1], flag[1])} {flag[2]}".strip())
    if said:
        parts.append(said[1])
    return "; ".join(parts)


def row_of(defaults: Mapping[str, Range], parameter: str) -> Range:
    """The row of a parameter. Raises: DataError where there is none."""
    if parameter not in defaults:
        raise DataError(f"tco_defaults.csv: no row {parameter!r}")
    return defaults[parameter]


def typical(defaults: Mapping[str, Range], parameter: str) -> float:
    """The typical value of a parameter. Raises: DataError where there is none."""
    value = row_of(defaults, parameter).typical
    if value is None:
        raise DataError(f"tco_defaults.csv: {parameter!r} has no typical value")
    return value


def high(defaults: Mapping[str, Range], parameter: str) -> float:
    """The high value of a parameter. Raises: DataError where there is none."""
    value = row_of(defaults, parameter).high
    if value is None:
        raise DataError(f"tco_defaults.csv: {parameter!r} has no high value")
    return value
