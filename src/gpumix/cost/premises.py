"""What a site gives a server: rack space, power drawn, cooling, electricity."""

from __future__ import annotations

from collections.abc import Mapping

from gpumix.cost.book import Book, country_source, high, typical
from gpumix.cost.case.power import slot_shares
from gpumix.cost.energy import Supply, fuel_curve
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Server
from gpumix.domain.site import Country, Range, Site
from gpumix.errors import InputError, Problem
from gpumix.units import HOURS_PER_YEAR

RACK_UNITS = 42
"""Height of a standard rack [U]."""

_PUE_OF_COOLING = {
    "air": "pue_air_enterprise",
    "rear_door": "pue_rear_door",
    "liquid": "pue_direct_liquid",
}


def servers_per_rack(server: Server, kw_per_rack: float, rack_units: float = RACK_UNITS) -> int:
    """Servers that a rack can feed and hold: min(kW / nameplate kW, U / server U), rounded down.

    Args:
        server: the server.
        kw_per_rack: IT power that the rack can feed and cool [kW].
        rack_units: its height [U].

    Source: data/servers.csv; docs/cost.md, "Racks" (eight L40S: 1 server in 5 kW, 4 in 20 kW).
    """
    by_power = kw_per_rack / server.nameplate_kw
    by_height = rack_units / server.rack_u
    return int(min(by_power, by_height) + 1e-9)


def is_limited_by_power(server: Server, kw_per_rack: float, rack_units: float = RACK_UNITS) -> bool:
    """Whether a rack runs out of power before it runs out of height.

    Args:
        server: the server.
        kw_per_rack: IT power that the rack can feed and cool [kW].
        rack_units: its height [U].

    Source: as `servers_per_rack`.
    """
    return kw_per_rack / server.nameplate_kw < rack_units / server.rack_u


def nameplate_kw(gpus: int, server: Server) -> float:
    """Rack power of GPUs in servers of one kind: their share of a nameplate [kW].

    Args:
        gpus: how many stand there [count].
        server: what they stand in.

    Source: data/servers.csv.
    """
    return gpus / server.gpus * server.nameplate_kw


def server_draw_kw(server: Server, defaults: Mapping[str, Range]) -> tuple[float, float]:
    """Draw (idle, under an LLM load) of a server at the wall [kW].

    A figure that its row lacks is the measured 8x H200's in proportion: load to nameplate
    (10.2 kW), idle to load.

    Args:
        server: the server.
        defaults: table of cost parameters.

    Raises: DataError where the measured rows are missing.

    Source: MLPerf Power v4.1 logs (rows server_power_8xH200_*).
    """
    measured_load = typical(defaults, "server_power_8xH200_llm_measured")
    measured_idle = typical(defaults, "server_power_8xH200_idle_measured")
    nameplate = high(defaults, "server_power_8xH100_max")
    load_kw = server.load_kw
    if load_kw is None:
        load_kw = server.nameplate_kw * measured_load / nameplate
    idle_kw = server.idle_kw
    if idle_kw is None:
        idle_kw = load_kw * measured_idle / measured_load
    return idle_kw, load_kw


def pue(site: Site, book: Book, hot_humid: bool = False) -> float:
    """Power usage effectiveness of a site [1]: stated, else typical of its cooling and climate.

    Args:
        site: the site.
        book: takes the figure down; holds the table of cost parameters.
        hot_humid: whether air cooling works against the climate (`Country.hot_humid`).

    Raises: InputError where the kind of cooling is unknown.

    Source: Uptime survey 2026 (air), rows pue_* of data/tco_defaults.csv.
    """
    if site.cooling not in _PUE_OF_COOLING:
        known = ", ".join(_PUE_OF_COOLING)
        raise InputError(
            Problem(f"on_prem.{site.id}.cooling", f"unknown cooling {site.cooling!r}", known)
        )
    tropical_air = hot_humid and site.cooling == "air"
    row = "pue_hot_humid_air" if tropical_air else _PUE_OF_COOLING[site.cooling]
    return book.stated_or(site.pue, row, f"PUE, {site.cooling} cooling", "")


def site_supply(site: Site, country: Country, book: Book) -> Supply:
    """Electricity of a site: its own figures over the country's.

    Generator fuel is the straight curve through the uses at full and quarter load, at the
    country's diesel price; without a diesel price a typical cost of generator energy is used,
    the country's row or, failing that, Bangladesh's.

    Args:
        site: the site.
        country: its country.
        book: takes the figures down; holds the table of cost parameters.

    Source: data/countries.csv; rows generator_* of data/tco_defaults.csv.
    """
    tariff = book.own_or_national(
        _own_usd_per_kwh(site),
        country.tariff_usd_per_kwh,
        "electricity",
        "USD/kWh",
        country,
        "tariff",
    )
    outage_h = book.own_or_national(
        site.outage_hours_per_year,
        country.outage_hours_per_year,
        "outages",
        "h/year",
        country,
        "outage",
    )
    outage_h = min(outage_h, HOURS_PER_YEAR)
    if site.power_included:
        rule = "the rent of the room includes the power, generator and all"
        book.note("electricity paid", rule, Basis.ASSUMED, "the inventory")
        return Supply(0.0, outage_h, site.generator)
    if not site.generator:
        rule = "no generator: the service stops during outages"
        book.note("backup power", rule, Basis.ASSUMED, "the inventory")
        return Supply(tariff, outage_h, has_generator=False)
    per_kwh, standby = _generator(site, country, book) if outage_h > 0.0 else (0.0, 0.0)
    return Supply(tariff, outage_h, True, per_kwh, standby)


def _own_usd_per_kwh(site: Site) -> float | None:
    """What the inventory says of the price of a kWh: the mean of its tariff over all hours, tax
    included."""
    if site.power_included:
        return 0.0
    tariff = site.tariff
    if tariff is None:
        return site.usd_per_kwh
    shares = slot_shares(tariff)
    return (1.0 + tariff.tax) * sum(usd * shares[slot] for slot, usd in tariff.energy.items())


def _generator(site: Site, country: Country, book: Book) -> tuple[float, float]:
    """Fuel cost (per kWh delivered, per hour and kW of size) [USD]; what a stated generator burns
    for its size is the site's, not a server's."""
    if (stands := site.generator_set) is not None:
        use, price = stands.litres_per_hour, stands.diesel_price
        text = f"{stands.rated_kw:g} kW at {price:g} USD/l"
        book.note("generator", text, Basis.ASSUMED, stands.source or "the inventory")
        return use.per_load_kw * price, 0.0
    diesel = country.diesel_usd_per_l
    if diesel is None:
        own = f"generator_energy_cost_{country.iso2.lower()}"
        row = own if own in book.defaults else "generator_energy_cost_bd"
        return book.typical(row, "generator energy"), 0.0
    full_load = book.typical("generator_fuel", "generator fuel at full load")
    rated, load = fuel_curve(full_load, high(book.defaults, "generator_fuel"))
    book.note("diesel", f"{diesel:g} USD/l", Basis.ASSUMED, country_source(country, "diesel"))
    return load * diesel, rated * diesel
