"""Places of one's own: countries, purchase prices of servers, ranges of cost parameters."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gpumix.catalog.tables import Row, read_packaged
from gpumix.domain.site import CapexQuote, Country, Range
from gpumix.units import PERCENT

CAPEX_KINDS: Final = ("server", "baseboard", "card")


def country_record(row: Row, hot_humid: frozenset[str]) -> Country:
    """One line of `countries.csv`; per cents become shares."""
    return Country(
        iso2=row.required_text("iso2"),
        name=row.text("country"),
        tariff_usd_per_kwh_low=row.positive("tariff_usd_kwh_low", 5.0),
        tariff_usd_per_kwh=row.positive("tariff_usd_kwh_typ", 5.0),
        tariff_usd_per_kwh_high=row.positive("tariff_usd_kwh_high", 5.0),
        carbon_g_per_kwh=row.positive("carbon_g_per_kwh", 2000.0),
        import_tax_share=(row.number("import_tax_total_pct") or 0.0) * PERCENT,
        import_tax_advance_share=(row.number("import_tax_advance_pct") or 0.0) * PERCENT,
        outage_hours_per_year=row.number("outage_hours_per_year") or 0.0,
        outage_hours_per_year_low=row.number("outage_low"),
        outage_hours_per_year_high=row.number("outage_high"),
        cost_of_capital=(row.number("cost_of_capital_pct") or 0.0) * PERCENT,
        diesel_usd_per_l=row.number("diesel_usd_per_l"),
        currency=row.required_text("currency"),
        fx_per_usd=row.positive("fx_per_usd"),
        fx_as_of=row.day("fx_as_of"),
        flags=row.text("flags"),
        source=row.text("source"),
        as_of=row.text("as_of"),
        note=row.text("notes"),
        hot_humid=row.text("iso2") in hot_humid,
    )


def capex_record(row: Row) -> CapexQuote:
    """One line of `capex.csv`."""
    return CapexQuote(
        item=row.required_text("item"),
        gpu=row.required_text("gpu"),
        gpus=int(row.positive("gpus")),
        kind=row.choice("kind", CAPEX_KINDS),
        usd_total=row.positive("usd_total"),
        usd_per_gpu=row.positive("usd_per_gpu"),
        as_of=row.day("as_of"),
        scope=row.text("scope"),
        confidence=row.text("confidence"),
        source=row.text("source"),
        note=row.text("note"),
    )


def range_record(row: Row) -> Range:
    """One line of a table of parameters; all three figures are empty where nothing is known."""
    return Range(
        parameter=row.required_text("parameter"),
        low=row.number("low"),
        typical=row.number("typical"),
        high=row.number("high"),
        unit=row.text("unit"),
        source=row.text("source"),
        as_of=row.text("as_of"),
        flag=row.text("flag"),
    )


def load_countries(folder: Path | None = None) -> dict[str, Country]:
    """ISO code -> country, with its climate."""
    climates = read_packaged(
        "climates.csv", lambda row: (row.text("iso2"), row.text("hot_humid")), folder
    )
    hot_humid = frozenset(iso2 for iso2, answer in climates if answer == "yes")
    countries = read_packaged("countries.csv", lambda row: country_record(row, hot_humid), folder)
    return {country.iso2: country for country in countries}


def load_capex(folder: Path | None = None) -> tuple[CapexQuote, ...]:
    """Purchase prices of cards, baseboards and servers."""
    return read_packaged("capex.csv", capex_record, folder)


def load_defaults(folder: Path | None = None) -> dict[str, Range]:
    """Parameter -> range: costs of ownership, and what planning assumes of jobs and spot."""
    tables = ("tco_defaults.csv", "planning.csv")
    read = (read_packaged(name, range_record, folder) for name in tables)
    return {item.parameter: item for table in read for item in table}
