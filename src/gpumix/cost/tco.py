"""What an owned server costs: paid at purchase, every year, and per hour of work."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from gpumix.cost.book import Book, country_source
from gpumix.cost.energy import STEADY, PriceChange, energy_usd_per_year, facility_power_kw
from gpumix.cost.hardware import Hardware
from gpumix.cost.premises import pue, server_draw_kw, site_supply
from gpumix.cost.site_charges import ServerDraw
from gpumix.domain.defaults import TAX_RECOVERY_MONTHS
from gpumix.domain.evidence import Assumption, Basis
from gpumix.domain.gpu import Server
from gpumix.domain.site import Country, Licence, Range, Site
from gpumix.errors import NoEstimate
from gpumix.units import HOURS_PER_YEAR, MONTHS_PER_YEAR


@dataclass(frozen=True, slots=True)
class ServerCost:
    """One server on one site. Yearly parts are paid whether it works or not.

    `capex_usd` is the cash at purchase: hardware, adders and all import taxes, those that come
    back later included; the capital charge counts what does not come back. A busy hour is one in
    which all GPUs of the server work; `energy_usd_per_busy_hour` is what it adds to idling.
    `nameplate_kw` is what the rack must feed. `availability` is the share of the year with power.
    `hardware` tells what a shorter stay costs; None where its price is not known. Its energy costs
    these amounts in the first year and moves by `energy_change`; `draw` is what the site sees.
    """

    server: str
    site: str
    gpus: int
    capex_usd: float
    capital_usd_per_year: float
    support_usd_per_year: float
    insurance_usd_per_year: float
    licence_usd_per_year: float
    facility_usd_per_year: float
    idle_energy_usd_per_year: float
    energy_usd_per_busy_hour: float
    nameplate_kw: float
    availability: float
    assumptions: tuple[Assumption, ...]
    hardware: Hardware | None = None
    draw: ServerDraw | None = None
    energy_change: PriceChange = STEADY

    @property
    def fixed_parts(self) -> dict[str, float]:
        """The yearly parts by name, in the order of a cost stack [USD/year]."""
        return {
            "capital": self.capital_usd_per_year,
            "support": self.support_usd_per_year,
            "insurance": self.insurance_usd_per_year,
            "licence": self.licence_usd_per_year,
            "facility": self.facility_usd_per_year,
            "idle energy": self.idle_energy_usd_per_year,
        }

    @property
    def fixed_usd_per_year(self) -> float:
        """Sum of the yearly parts [USD/year]."""
        return sum(self.fixed_parts.values())

    def usd_per_year(self, busy: float) -> float:
        """Cost of a year in which it works a share `busy` of the hours with power [USD/year]."""
        hours = busy * self.availability * HOURS_PER_YEAR
        return self.fixed_usd_per_year + self.energy_usd_per_busy_hour * hours

    def usd_per_gpu_hour(self, busy: float) -> float:
        """Cost of a GPU for each hour of the year, working or not [USD/h]."""
        return self.usd_per_year(busy) / (self.gpus * HOURS_PER_YEAR)


def onprem_server(
    server: Server,
    price: tuple[float, Assumption] | None,
    site: Site,
    country: Country,
    defaults: Mapping[str, Range],
    *,
    years: float,
    owned: bool = False,
    hot_humid: bool = False,
    licences: Sequence[Licence] = (),
    recovery_lag_months: float = TAX_RECOVERY_MONTHS,
    alone: bool = False,
    age_months: float = 0.0,
    sell_usd: float | None = None,
) -> ServerCost:
    """Cost of one server on your own site over a horizon, with every figure it rests on.

    Capital: hardware with network, storage and spares, installation and import tax, less what
    tax comes back and what the server still fetches after the horizon, as an annuity. Support
    and insurance are shares of the hardware. Energy is idle draw all year and the rest by busy
    hour, times PUE, with outages on the generator. The room itself (racks, UPS, generator) is
    taken as there: its rent counts only where the site states it. Staff is the site's
    (`staff_of_site`).

    Args:
        server: what is bought, or stands there already.
        price: of the server with its GPUs before tax [USD] and its evidence (`gpu_capex`).
        site: where it stands; its stated figures go before all others.
        country: of the site.
        defaults: table of cost parameters; their typical values are used. For a range of costs
            call again with low or high ones in their place.
        years: horizon [years].
        owned: already paid for: no capital cost; without `price` no support or insurance either.
        hot_humid: whether air cooling works against the climate (`Country.hot_humid`).
        licences: software that is paid for by the GPU and year.
        recovery_lag_months: until advance taxes come back, where they do [months].
        alone: it is the only server of the site, and needs no network between servers.
        age_months: of an owned one when the plan starts [months].
        sell_usd: what somebody offers for an owned one then [USD], in place of its age's share.

    Raises: NoEstimate where it is to be bought and has no price; DataError for missing rows;
        InputError for an unknown kind of cooling.

    Source: docs/cost.md, "Owning a server" and, with numbers, "A worked example".
    """
    book = Book(site.id, defaults)
    if owned:
        hardware = _standing(price, site, country, book, age_months, sell_usd)
        insured_usd = hardware.resale_usd(0.0) if hardware else 0.0
    else:
        insured_usd, hardware = _capital(price, site, country, book, alone, recovery_lag_months)
    capital_usd, months = 0.0, round(years * MONTHS_PER_YEAR)
    if hardware is not None and not owned:
        stay = hardware.bought(server.id, 0, months)
        capital_usd = hardware.capital_usd(stay, 0, months) / years
    energy = _energy(server, site, country, book, hot_humid)
    rent = site.facility_usd_per_kw_month
    return ServerCost(
        server=server.id,
        site=site.id,
        gpus=server.gpus,
        capex_usd=hardware.paid_usd if hardware else 0.0,
        capital_usd_per_year=capital_usd,
        support_usd_per_year=_share(insured_usd, "maintenance_support_rate", "support", book),
        insurance_usd_per_year=_share(insured_usd, "insurance_rate", "insurance", book),
        licence_usd_per_year=_licences(server, licences, book),
        facility_usd_per_year=_facility(rent, server.nameplate_kw, book),
        idle_energy_usd_per_year=energy.idle_usd_per_year,
        energy_usd_per_busy_hour=energy.usd_per_busy_hour,
        nameplate_kw=server.nameplate_kw,
        availability=energy.availability,
        assumptions=tuple(book.assumptions),
        hardware=hardware,
        draw=energy.draw,
        energy_change=energy.change,
    )


def _worth(price: tuple[float, Assumption], site: Site, country: Country, book: Book) -> Hardware:
    """What a server fetches over time."""
    server_usd, evidence = price
    book.assumptions.append(evidence)
    rate = book.own_or_national(
        site.cost_of_capital, country.cost_of_capital, "cost of capital", "a year", country, "coc"
    )
    return Hardware(
        new_usd=server_usd,
        rate_per_year=rate,
        shares=(
            book.typical("residual_value_36m", "resale value after 36 months"),
            book.typical("residual_value_60m", "resale value after 60 months"),
        ),
        source=evidence.source,
        basis=evidence.basis,
        as_of=evidence.as_of,
    )


def _standing(
    price: tuple[float, Assumption] | None,
    site: Site,
    country: Country,
    book: Book,
    age_months: float,
    sell_usd: float | None,
) -> Hardware | None:
    """A server that stands: support and insurance are paid on what it is worth now."""
    if price is None:
        rule = "not counted: no price known"
        book.note("support, insurance of owned servers", rule, Basis.ASSUMED, "rule")
        return None
    hardware = replace(_worth(price, site, country, book), age_months=age_months, sell_usd=sell_usd)
    rule = "none for what is kept: already owned; what is sold frees what it fetches"
    book.note("capital", rule, Basis.ASSUMED, "the inventory")
    now = f"{hardware.resale_usd(0.0):,.0f} USD, what it fetches now"
    book.note("value of owned servers for support, insurance", now, Basis.ASSUMED, "rule")
    return hardware


def _capital(
    price: tuple[float, Assumption] | None,
    site: Site,
    country: Country,
    book: Book,
    alone: bool,
    recovery_lag_months: float,
) -> tuple[float, Hardware]:
    """(hardware that support is paid on [USD], what it costs to buy and fetches when sold).

    Raises: NoEstimate where it has no price.
    """
    if price is None:
        raise NoEstimate(f"{site.id}: no purchase price")
    server_usd, hardware = price[0], _worth(price, site, country, book)
    network = 0.0 if alone else book.typical("network_cabling_optics_adder", "network")
    network_usd = server_usd * network
    storage_usd = server_usd * book.typical("storage_capex_adder", "storage")
    hardware_usd = server_usd + network_usd + storage_usd
    imported_usd = hardware_usd + server_usd * book.typical("spares_share", "spares")
    installation_usd = server_usd * book.typical("installation_rack_power_adder", "installation")
    advance_usd = imported_usd * country.import_tax_advance_share
    duty_usd = imported_usd * country.import_tax_share - advance_usd
    refund_usd = advance_usd if site.taxes_recoverable else 0.0
    back = (
        f"comes back after {recovery_lag_months:g} months" if refund_usd else "does not come back"
    )
    tax = (
        f"{country.import_tax_share:.2%} of the hardware, of which "
        f"{country.import_tax_advance_share:.2%} {back}"
    )
    book.note("import tax", tax, Basis.ASSUMED, country_source(country, "duty"))
    paid = (
        ("hardware", "server", server_usd),
        ("network", "network", network_usd),
        ("storage", "storage", storage_usd),
        ("spares", "spares", imported_usd - hardware_usd),
        ("installation", "installation", installation_usd),
        ("tax", "import duty", duty_usd),
        ("tax", "advance taxes", advance_usd),
    )
    return hardware_usd, replace(
        hardware, paid=paid, refund_usd=refund_usd, refund_lag_months=recovery_lag_months
    )


@dataclass(frozen=True, slots=True)
class _Energy:
    """Energy of a server: idling all year, a busy hour on top of it, how its price moves, and the
    share of the year with power."""

    idle_usd_per_year: float
    usd_per_busy_hour: float
    change: PriceChange
    availability: float
    draw: ServerDraw


def _energy(server: Server, site: Site, country: Country, book: Book, hot_humid: bool) -> _Energy:
    idle_kw, load_kw = server_draw_kw(server, book.defaults)
    complete = server.idle_kw is not None and server.load_kw is not None
    basis = Basis.MEASURED if complete and server.evidence == "measured" else Basis.ASSUMED
    draw = f"{idle_kw:.2f} kW idle, {load_kw:.2f} kW under load"
    in_proportion = "" if complete else "; missing figures scaled from a measured 8x H200"
    book.note(f"{server.id} at the wall", draw, basis, f"{server.source}{in_proportion}")
    overhead = pue(site, book, hot_humid)
    supply = site_supply(site, country, book)
    rated_kw = facility_power_kw(server.nameplate_kw, overhead)
    drawn = ServerDraw(
        facility_power_kw(idle_kw, overhead),
        facility_power_kw(load_kw, overhead),
        server.nameplate_kw,
    )
    per_year = site.tariff.price_change_per_year if site.tariff is not None else 0.0
    if per_year:
        book.note("price of electricity", f"{per_year:+.1%} a year", Basis.ASSUMED, "the inventory")
    return _Energy(
        idle_usd_per_year=energy_usd_per_year(supply, drawn.idle_kw, rated_kw),
        usd_per_busy_hour=facility_power_kw(load_kw - idle_kw, overhead) * supply.usd_per_kwh,
        change=PriceChange(per_year, supply.grid_share) if per_year else STEADY,
        availability=supply.availability,
        draw=drawn,
    )


def _share(hardware_usd: float, parameter: str, what: str, book: Book) -> float:
    return hardware_usd * book.typical(parameter, what) if hardware_usd else 0.0


def _licences(server: Server, licences: Sequence[Licence], book: Book) -> float:
    return server.gpus * math.fsum(
        book.stated_or(
            one.usd_per_gpu_year, "nvidia_ai_enterprise", f"licence {one.name}", "USD/GPU-year"
        )
        for one in licences
        if one.covers(server.gpu)
    )


def _facility(usd_per_kw_month: float | None, nameplate_kw: float, book: Book) -> float:
    if usd_per_kw_month is None:
        rule = "not counted: racks, UPS and generator are assumed to exist and be paid for"
        book.note("room", rule, Basis.ASSUMED, "set facility_usd_per_kw_month to count rent")
        return 0.0
    rent = f"{usd_per_kw_month:g} USD/kW-month of nameplate power"
    book.note("room", rent, Basis.ASSUMED, "the inventory")
    return usd_per_kw_month * MONTHS_PER_YEAR * nameplate_kw
