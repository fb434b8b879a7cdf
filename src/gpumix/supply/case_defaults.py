"""What a case does not state, laid over its tree as keys and lines of its own, each written down.

A row that the file names (`power.server`) is laid in any case; the country's row and the table of
defaults only where `defaults` asks for them. A stated figure is never adjusted, and a line of a
category replaces the default of that category.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from gpumix.catalog import Catalog
from gpumix.cost.book import country_source, high, row_of, typical
from gpumix.cost.energy import fuel_curve
from gpumix.cost.premises import server_draw_kw
from gpumix.domain.case import STAFFED
from gpumix.domain.defaults import TAX_RECOVERY_MONTHS
from gpumix.domain.gpu import Server
from gpumix.domain.site import Country, Range
from gpumix.domain.tco import Default
from gpumix.errors import InputError, Problem, UnknownName

Level = Literal["low", "typical", "high"]

_BOUGHT: tuple[tuple[str, str, str, str], ...] = (
    ("network", "network", "network_cabling_optics_adder", "once"),
    ("storage", "storage", "storage_capex_adder", "once"),
    ("spares", "spares", "spares_share", "once"),
    ("installation", "installation", "installation_rack_power_adder", "once"),
    ("support", "support", "maintenance_support_rate", "year"),
    ("insurance", "insurance", "insurance_rate", "year"),
)
"""Lines of what is bought: item, category, row of the table, per; shares of the hardware."""

_OF_OWNED = ("site.tariff", "site.outage_hours_per_year", "site.taxes")
"""What an owned server takes from the row of its country."""

_PUE = {"air": "pue_air_enterprise", "rear_door": "pue_rear_door", "liquid": "pue_direct_liquid"}
_UNSOURCED = ("U", "I")


class _Layer:
    """The tree being filled, and what was laid over it."""

    def __init__(self, tree: Mapping[str, Any], catalog: Catalog, level: Level) -> None:
        self.tree: dict[str, Any] = copy.deepcopy(dict(tree))
        self.catalog = catalog
        self.level: Level = level
        self.laid: list[Default] = []

    def row(self, parameter: str) -> Range:
        return row_of(self.catalog.defaults, parameter)

    def pick(self, path: str, row: Range, what: str = "", *, dear_when_low: bool = False) -> float:
        """The figure of a row at the level asked for, written down under its path."""
        ends = {"low": row.low, "typical": row.typical, "high": row.high}
        level = self.level
        if dear_when_low and level != "typical":
            level = "high" if level == "low" else "low"
        value = ends[level] if ends[level] is not None else row.typical
        if value is None:
            fix = f"state it: the table of defaults has no {row.parameter}"
            raise InputError(Problem(path, "is not known", fix))
        self.note(path, value, row, what)
        return value

    def note(self, path: str, value: float, row: Range, what: str = "") -> None:
        self.laid.append(
            Default(
                path=path,
                what=what or row.parameter.replace("_", " "),
                value=value,
                low=row.low,
                high=row.high,
                unit=row.unit,
                source=row.source,
                as_of=row.as_of,
                sourced=not row.flag.startswith(_UNSOURCED),
            )
        )

    def part(self, *keys: str) -> dict[str, Any]:
        """The mapping below these keys, made where it is not there; a scratch one in place of a
        value that is none, which is refused when the tree is read."""
        here = self.tree
        for key in keys:
            inner = here.get(key)
            if inner is None:
                inner = here[key] = {}
            if not isinstance(inner, dict):
                return {}
            here = inner
        return here

    @property
    def currency(self) -> str:
        """Of the answer."""
        return str(self.part("finance").get("currency") or "USD")


def with_defaults(
    tree: Mapping[str, Any], catalog: Catalog
) -> tuple[dict[str, Any], tuple[Default, ...]]:
    """The tree with what it leaves out, and what that is; the tree itself is kept.

    Args:
        tree: a case as it was written.
        catalog: tables of servers, countries and defaults.

    Raises: InputError for a server or country that is in no table.
    """
    level = tree.get("defaults", "typical")
    layer = _Layer(tree, catalog, level if level in ("low", "typical", "high") else "typical")
    layer.tree.setdefault("defaults", "typical")
    options = layer.tree.get("options")
    named = [o for o in _options(options) if isinstance(o[1].get("power"), dict)]
    wrong: list[Problem] = []
    for name, option in named:
        try:
            _server_power(option["power"], catalog, f"options.{name}.power")
        except InputError as error:
            wrong += error.problems
    try:
        country = _country(layer, options, level)
    except InputError as error:
        country, wrong = None, [*wrong, *error.problems]
    if wrong:
        raise InputError(wrong)
    if level in ("low", "typical", "high"):
        _lay(layer, options, country)
    _lay_cloud_tax(layer, options)
    return layer.tree, tuple(sorted(layer.laid, key=lambda one: one.sourced))


def _options(options: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(options, dict):
        yield from ((str(k), option) for k, option in options.items() if isinstance(option, dict))


def _country(layer: _Layer, options: Any, level: Any) -> Country | None:
    """The site's country; None of a code that no table has, where the case states what a row of
    the table would."""
    site = layer.tree.get("site")
    code = site.get("country") if isinstance(site, dict) else None
    if code is None:
        return None
    countries = layer.catalog.countries
    if str(code) in countries:
        return countries[str(code)]
    if not re.fullmatch("[A-Z]{2}", str(code)):
        raise UnknownName("site.country", "country", str(code), list(countries))
    owns = any(option.get("kind") in STAFFED for _, option in _options(options))
    needed = ["finance.cost_of_capital", *(_OF_OWNED if owns else ())]
    missing = [key for key in needed if key.partition(".")[2] not in layer.part(key.split(".")[0])]
    if missing and level != "none":
        known = f"countries of the table: {', '.join(countries)}"
        what = f"{code} has no row in the table of countries: state {', '.join(missing)} too"
        raise InputError(Problem("site.country", what, known))
    return None


def _server_power(power: dict[str, Any], catalog: Catalog, path: str) -> None:
    """Power of a server by name: measured for this work and cooling, else in proportion."""
    if "server" not in power:
        return
    named, servers = str(power["server"]), {server.id: server for server in catalog.servers}
    if named not in servers:
        raise UnknownName(f"{path}.server", "server", named, list(servers))
    idle_kw, load_kw = power_of_server(
        servers[named],
        str(power.get("cooling", servers[named].cooling)),
        str(power.get("workload", "llm")),
        catalog,
        path,
    )
    power.setdefault("idle_kw", idle_kw)
    power.setdefault("load_kw", load_kw)
    power.setdefault("nameplate_kw", servers[named].nameplate_kw)


def power_of_server(
    server: Server, cooling: str, workload: str, catalog: Catalog, path: str
) -> tuple[float, float]:
    """(idle, loaded) draw of a server at the wall under a kind of work [kW].

    Measured where a row is; else the server's draw under an LLM times what another measured server
    draws under this work against an LLM, and under this cooling against its own.

    Raises: InputError for a kind of work or cooling that was measured nowhere.

    Source: MLPerf Power v4.1, v5.1 (data/server_power.csv).
    """
    rows = catalog.server_power
    known = {"workload": {r.workload for r in rows}, "cooling": {r.cooling for r in rows}}
    for key, said in (("workload", workload), ("cooling", cooling)):
        if said not in known[key]:
            raise UnknownName(f"{path}.{key}", f"kind of {key}", said, sorted(known[key]))
    own = [r for r in rows if (r.server, r.cooling, r.workload) == (server.id, cooling, workload)]
    if own:
        return own[0].idle_kw, own[0].load_kw
    idle_kw, load_kw = server_draw_kw(server, catalog.defaults)
    of_llm = {(r.server, r.cooling): r for r in rows if r.workload == "llm"}
    if (server.id, cooling) in of_llm:
        idle_kw, load_kw = of_llm[server.id, cooling].idle_kw, of_llm[server.id, cooling].load_kw
    elif cooling != server.cooling:
        pairs = [(of_llm[s, cooling], of_llm[s, server.cooling]) for s in {r.server for r in rows}
                 if (s, cooling) in of_llm and (s, server.cooling) in of_llm]  # fmt: skip
        if pairs:
            idle_kw *= pairs[0][0].idle_kw / pairs[0][1].idle_kw
            load_kw *= pairs[0][0].load_kw / pairs[0][1].load_kw
    other = next((r for r in rows if r.workload == workload), None)
    if other is not None and workload != "llm":
        load_kw *= other.load_kw / of_llm[other.server, other.cooling].load_kw
    return idle_kw, load_kw


def _lay(layer: _Layer, options: Any, country: Country | None) -> None:
    kinds = [option.get("kind") for _, option in _options(options)]
    owns = any(kind in STAFFED for kind in kinds)
    finance = layer.part("finance")
    if "cost_of_capital" not in finance and country is not None:
        finance["cost_of_capital"] = layer.pick(
            "finance.cost_of_capital", _of_country(country, "coc", layer), "cost of capital"
        )
    if country is not None and owns:
        _site(layer, country, options)
    for name, option in _options(options):
        if option.get("kind") in ("own", "colocate"):
            _bought(layer, name, option, country)
        if option.get("kind") == "colocate" and country is not None:
            _colocation(layer, name, option, country)
    if country is not None:
        _cloud_tax(layer, options, country)
    _exchange(layer)


def _of_country(country: Country, topic: str, layer: _Layer) -> Range:
    """A country's figure as a row with its ends."""
    low = high = None
    value: float | None
    if topic == "coc":
        value, unit = country.cost_of_capital, "a year"
        ends = layer.catalog.defaults.get(f"discount_rate_{country.currency.lower()}")
        low, high = (ends.low, ends.high) if ends else (None, None)
    elif topic == "tariff":
        value, unit = country.tariff_usd_per_kwh, "USD/kWh"
        low, high = country.tariff_usd_per_kwh_low, country.tariff_usd_per_kwh_high
    elif topic == "outage":
        value, unit = country.outage_hours_per_year, "h/year"
        low, high = country.outage_hours_per_year_low, country.outage_hours_per_year_high
    else:
        value, unit = country.diesel_usd_per_l, "USD/l"
    flagged = [f for f in country.flags.split(";") if f.strip().startswith(f"{topic}=")]
    flag = flagged[0].partition("=")[2] if flagged else "S"
    source = country_source(country, topic)
    return Range(topic, low, value, high, unit, source, country.as_of, flag)


def _site(layer: _Layer, country: Country, options: Any) -> None:
    site = layer.part("site")
    foreign = {} if layer.currency == "USD" else {"currency": "USD"}
    if "pue" not in site:
        powers = [o["power"] for _, o in _options(options) if isinstance(o.get("power"), dict)]
        cooling = next((str(p["cooling"]) for p in powers if "cooling" in p), "air")
        hot = country.hot_humid and cooling == "air"
        row = "pue_hot_humid_air" if hot else _PUE.get(cooling, _PUE["air"])
        site["pue"] = layer.pick("site.pue", layer.row(row), "PUE")
    if "tariff" not in site:
        row_ = _of_country(country, "tariff", layer)
        site["tariff"] = {
            "energy": layer.pick("site.tariff.energy", row_, "electricity"), "source": row_.source,
            "basis": "assumed", **foreign,
        }  # fmt: skip
    if "grid_g_per_kwh" not in site:
        site["grid_g_per_kwh"] = country.carbon_g_per_kwh
    if "outage_hours_per_year" not in site and "generator" not in site:
        row_ = _of_country(country, "outage", layer)
        site["outage_hours_per_year"] = layer.pick("site.outage_hours_per_year", row_, "outages")
        if site["outage_hours_per_year"]:
            _generator(layer, site, country, options, foreign)
    if "staff" not in site:
        own = f"fte_cost_{country.iso2.lower()}"
        salary = layer.row(own if own in layer.catalog.defaults else "fte_cost_us")
        site["staff"] = {
            "least": layer.pick(
                "site.staff.least", layer.row("staff_fte_small_site"), "least staff of the site"
            ),
            "per_server": layer.pick(
                "site.staff.per_server",
                layer.row("staff_fte_per_8gpu_server_large"),
                "staff of a server",
            ),
            "salary": layer.pick("site.staff.salary", salary, "salary of a post"),
            "source": salary.source, "basis": "assumed", **foreign,
        }  # fmt: skip


def _generator(
    layer: _Layer, site: dict[str, Any], country: Country, options: Any, foreign: dict[str, str]
) -> None:
    """A generator of the size of the largest option's nameplate, at the country's diesel price."""
    sizes = [
        float(power["nameplate_kw"] if "nameplate_kw" in power else power["load_kw"])
        * float(option.get("servers") or 1.0)
        for _, option in _options(options)
        if isinstance(power := option.get("power"), dict)
        and ("nameplate_kw" in power or "load_kw" in power)
    ]
    diesel = _of_country(country, "diesel", layer)
    if not sizes or diesel.typical is None:
        return
    fuel = layer.catalog.defaults
    rated, load = fuel_curve(typical(fuel, "generator_fuel"), high(fuel, "generator_fuel"))
    site["generator"] = {
        "rated_kw": max(sizes) * float(site["pue"]),
        "litres_per_hour": {"per_rated_kw": rated, "per_load_kw": load},
        "diesel_price": layer.pick("site.generator.diesel_price", diesel, "diesel"),
        "source": diesel.source, "basis": "assumed", **foreign,
    }  # fmt: skip


def _bought(layer: _Layer, name: str, option: dict[str, Any], country: Country | None) -> None:
    lines = option.get("lines")
    hardware = [line for line in _dicts(lines) if line.get("category") == "hardware"]
    if not hardware or not isinstance(lines, list):
        return
    stated = {line.get("category") for line in _dicts(lines)}
    powered = isinstance(option.get("power"), dict) and option["power"].get("included") is True
    servers = option.get("servers") or 1
    imported = [] if country is None else _import_taxes(layer, country)
    _residuals(layer, name, lines)
    for item, category, parameter, per in _BOUGHT:
        alone = category == "network" and not (isinstance(servers, int | float) and servers > 1)
        if category in stated or alone or (category == "installation" and powered):
            continue
        path = f"options.{name}.lines.{len(lines)}.price"
        row = layer.row(parameter)
        line = {
            "item": item, "category": category, "of": "hardware", "per": per,
            "price": layer.pick(path, row, f"{name}: {item}"),
            "source": row.source, "basis": "assumed",
        }  # fmt: skip
        if imported and category in ("network", "storage", "spares") and "tax" not in stated:
            line["tax"] = imported[0]
        lines.append(line)
    if imported and "tax" not in stated:
        for line in hardware:
            line.setdefault("tax", imported[0])


def _residuals(layer: _Layer, name: str, lines: Sequence[Any]) -> None:
    for index, line in enumerate(lines):
        if not isinstance(line, dict) or line.get("category") != "hardware" or "residual" in line:
            continue
        path = f"options.{name}.lines.{index}.residual.after_months"
        line["residual"] = {
            "after_months": {
                months: layer.pick(
                    f"{path}.{months}",
                    layer.row(f"residual_value_{months}m"),
                    f"{name}: resale after {months} months",
                    dear_when_low=True,
                )
                for months in (36, 60)
            }
        }


def _import_taxes(layer: _Layer, country: Country) -> list[str]:
    """Lay the country's taxes on imported servers, and name them; none where it has none."""
    taxes = layer.part("site", "taxes")
    if taxes:
        return []
    total, advance = country.import_tax_share, country.import_tax_advance_share
    if not total:
        return []
    name = "import"
    source = country_source(country, "duty")
    taxes[name] = [
        {"name": "import duty", "rate": 100.0 * (total - advance)},
        {"name": "advance tax", "rate": 100.0 * advance, "recoverable": 1.0,
         "lag_months": TAX_RECOVERY_MONTHS},
    ]  # fmt: skip
    row = Range("duty", None, 100.0 * (total - advance), None, "%", source, country.as_of, "S")
    layer.note(f"site.taxes.{name}.0.rate", 100.0 * (total - advance), row, "import duty")
    layer.note(f"site.taxes.{name}.1.rate", 100.0 * advance, row, "advance tax, comes back")
    return [name]


def _colocation(layer: _Layer, name: str, option: dict[str, Any], country: Country) -> None:
    lines = option.get("lines")
    if not isinstance(lines, list) or not isinstance(option.get("power"), dict):
        return
    if any(line.get("category") == "room" for line in _dicts(lines)):
        return
    own = f"colo_usd_kw_month_{country.iso2.lower()}"
    row = layer.row(own if own in layer.catalog.defaults else "colo_usd_kw_month")
    path = f"options.{name}.lines.{len(lines)}.price"
    line: dict[str, Any] = {
        "item": "room", "category": "room", "quantity": "nameplate_kw", "per": "month",
        "price": layer.pick(path, row, f"{name}: room"), "source": row.source, "basis": "assumed",
    }  # fmt: skip
    lines.append(line | ({} if layer.currency == "USD" else {"currency": "USD"}))


def _cloud_tax(layer: _Layer, options: Any, country: Country) -> None:
    """The country's tax on what is rented, where its table has one and the file states none."""
    row = layer.catalog.defaults.get(f"cloud_vat_{country.iso2.lower()}")
    if row is None or not _untaxed_rents(options):
        return
    taxes = layer.part("site", "taxes")
    if "cloud" not in taxes:
        rate = layer.pick("site.taxes.cloud.0.rate", _in_percent(row), "tax on what is rented")
        taxes["cloud"] = [{"name": "VAT", "rate": rate}]


def _lay_cloud_tax(layer: _Layer, options: Any) -> None:
    """What site.taxes.cloud says falls on every rental that names no taxes of its own."""
    site = layer.tree.get("site")
    taxes = site.get("taxes") if isinstance(site, dict) else None
    if isinstance(taxes, dict) and "cloud" in taxes:
        for line in _untaxed_rents(options):
            line["tax"] = "cloud"


def _untaxed_rents(options: Any) -> list[dict[str, Any]]:
    return [
        line
        for _, option in _options(options)
        for line in _dicts(option.get("lines"))
        if line.get("category") == "rent" and "tax" not in line
    ]


def _in_percent(row: Range) -> Range:
    return replace(
        row,
        low=_times_100(row.low),
        typical=_times_100(row.typical),
        high=_times_100(row.high),
        unit="%",
    )


def _times_100(share: float | None) -> float | None:
    return None if share is None else 100.0 * share


def _exchange(layer: _Layer) -> None:
    """Rates of currencies that the case uses and does not state, from the table of countries."""
    used = {str(v) for v in _currencies(layer.tree)} - {layer.currency}
    fx = layer.part("finance", "fx")
    for currency in sorted(used - set(fx)):
        try:
            per_usd, as_of = layer.catalog.exchange_rate(currency)
            of_answer, answer_as_of = layer.catalog.exchange_rate(layer.currency)
        except UnknownName:
            continue  # refused when the case is read: a currency without a rate
        value, day = of_answer / per_usd, min(d for d in (as_of, answer_as_of) if d is not None)
        fx[currency] = {"now": value, "as_of": day.isoformat()}
        unit = f"{layer.currency} for one {currency}"
        row = Range(currency, None, value, None, unit, "countries.csv", day.isoformat(), "S")
        layer.note(f"finance.fx.{currency}.now", value, row, f"rate of {currency}")


def _currencies(here: Any) -> Iterator[Any]:
    if isinstance(here, dict):
        for key, value in here.items():
            if key == "currency" and isinstance(value, str):
                yield value
            else:
                yield from _currencies(value)
    elif isinstance(here, list):
        for value in here:
            yield from _currencies(value)


def _dicts(lines: Any) -> list[dict[str, Any]]:
    return [line for line in lines if isinstance(line, dict)] if isinstance(lines, list) else []
