"""What the racks of every site hold of each GPU server, and how much text work that does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import dropwhile
from typing import TYPE_CHECKING

from gpumix.compare.serving import most_work
from gpumix.cost.book import Book, row_of
from gpumix.cost.energy import facility_power_kw, tokens_per_joule, tokens_per_s_per_kw
from gpumix.cost.premises import (
    is_limited_by_power,
    nameplate_kw,
    pue,
    server_draw_kw,
    servers_per_rack,
)
from gpumix.domain.evidence import Assumption
from gpumix.domain.gpu import Server
from gpumix.domain.room import RoomCooling, Rooms, RoomServer, RoomWork, SiteRoom
from gpumix.domain.site import Site
from gpumix.domain.workload import Inventory, Workload
from gpumix.errors import InputError, NoEstimate, Problem
from gpumix.options.option import Option
from gpumix.options.serving import serving_options
from gpumix.options.watts import server_tokens_per_s
from gpumix.predict.inference import serving_evidence
from gpumix.supply.countries import country_of
from gpumix.supply.round_trip import round_trips_of_site

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

COOLINGS = ("air", "rear_door", "liquid")
"""From the least dense on: a room is rebuilt for a later one."""

_KW_PER_RACK = {"rear_door": "rack_rear_door_kw", "liquid": "rack_liquid_kw"}

Best = Mapping[str, Option]
"""GPU id -> the way to do a workload with the most work a GPU; where none can, the nearest."""


@dataclass(frozen=True, slots=True)
class _Question:
    """What every site is asked: servers by GPU, text workloads, the catalogue."""

    inventory: Inventory
    catalog: Catalog
    servers: Sequence[Server]
    workloads: Sequence[Workload]


def rooms(inventory: Inventory, catalog: Catalog, gpus: Sequence[str] | None = None) -> Rooms:
    """Every site of an inventory filled with each GPU server, as it is and under denser cooling.

    Args:
        inventory: sites and work.
        catalog: servers, models, tables of defaults.
        gpus: ids of the only GPUs to ask about; None = all that come in a known server.

    Raises: InputError where the inventory has no site, a GPU comes in no known server, or nothing
        can be said of a workload's model.
    """
    if not inventory.sites:
        fix = "describe one under supply.on_prem: {country, racks, kw_per_rack}"
        raise InputError(Problem("supply.on_prem", "names no site", fix))
    workloads = [w for w in inventory.workloads if w.is_text]
    asked = _Question(inventory, catalog, _servers(catalog, gpus), workloads)
    found = [_site_room(site, asked) for site in inventory.sites]
    others = [w.id for w in inventory.workloads if not w.is_text]
    notes = [f"{', '.join(others)}: no text, so no tokens/s is counted"] if others else []
    return Rooms(
        name=inventory.name,
        as_of=inventory.as_of,
        workloads=tuple(w.id for w in workloads),
        sites=tuple(room for room, _ in found),
        assumptions=tuple(dict.fromkeys(one for _, noted in found for one in noted)),
        notes=tuple(notes),
    )


def _servers(catalog: Catalog, gpus: Sequence[str] | None) -> list[Server]:
    """One server a GPU, of all or of those named."""
    by_gpu = {server.gpu: server for server in catalog.servers}
    if gpus is None:
        return list(by_gpu.values())
    ids = [catalog.gpu(name, "--gpus").id for name in gpus]
    if unknown := [id for id in ids if id not in by_gpu]:
        text = f"no server is known for {', '.join(unknown)}"
        raise InputError(Problem("--gpus", text, f"known: {', '.join(sorted(by_gpu))}"))
    return [by_gpu[id] for id in dict.fromkeys(ids)]


def _site_room(site: Site, asked: _Question) -> tuple[SiteRoom, list[Assumption]]:
    by_gpu = {server.gpu: server for server in asked.catalog.servers}
    standing_kw = math.fsum(
        nameplate_kw(count, by_gpu[gpu]) for gpu, count in site.owned if gpu in by_gpu
    )
    best = {w.id: _best(w, site, asked) for w in asked.workloads}
    denser = dropwhile(lambda cooling: cooling != site.cooling, COOLINGS)
    found = [_cooled(site, cooling, standing_kw, best, asked) for cooling in denser]
    room = SiteRoom(
        site=site.id,
        country=site.country,
        racks=site.racks,
        cooling=site.cooling,
        kw_per_rack=site.kw_per_rack,
        kw=site.capacity_kw,
        kw_standing=standing_kw,
        kw_free=site.capacity_kw - standing_kw,
        standing=site.owned,
        coolings=tuple(cooling for cooling, _ in found),
    )
    return room, [one for _, noted in found for one in noted]


def _cooled(
    site: Site, cooling: str, standing_kw: float, best: Mapping[str, Best], asked: _Question
) -> tuple[RoomCooling, list[Assumption]]:
    """The room under one kind of cooling, filled with each server."""
    catalog, is_present = asked.catalog, cooling == site.cooling
    book = Book(site.id, catalog.defaults)
    if not is_present:
        what = f"power of a rack, {cooling.replace('_', ' ')} cooling"
        densest = max(site.kw_per_rack, book.typical(_KW_PER_RACK[cooling], what))
        site = replace(site, cooling=cooling, kw_per_rack=densest, pue=None)
    overhead = pue(site, book, country_of(site, catalog).hot_humid)
    usd, source = (None, "") if is_present else _retrofit(site, catalog)
    room = RoomCooling(
        cooling=cooling,
        is_present=is_present,
        kw_per_rack=site.kw_per_rack,
        kw=site.capacity_kw,
        pue=overhead,
        retrofit_usd=usd,
        retrofit_source=source,
        servers=tuple(
            _filled(site, one, standing_kw, overhead, best, asked) for one in asked.servers
        ),
    )
    return room, book.assumptions


def _retrofit(site: Site, catalog: Catalog) -> tuple[float | None, str]:
    """What the change to a site's cooling costs [USD], and who says so."""
    stated = dict(site.retrofit_usd_per_kw).get(site.cooling)
    if stated is not None:
        return stated * site.capacity_kw, "the inventory"
    row = row_of(catalog.defaults, f"retrofit_{site.cooling}_usd_per_kw")
    usd = None if row.typical is None else row.typical * site.capacity_kw
    return usd, row.source


def _filled(
    site: Site,
    server: Server,
    standing_kw: float,
    overhead: float,
    best: Mapping[str, Best],
    asked: _Question,
) -> RoomServer:
    """All racks of a site full of one server."""
    per_rack = servers_per_rack(server, site.kw_per_rack)
    servers = per_rack * site.racks
    used_kw = servers * server.nameplate_kw
    free = (site.capacity_kw - standing_kw) / site.kw_per_rack * per_rack
    draw_kw = _load_kw(server, site.cooling, asked.catalog)
    return RoomServer(
        server=server.id,
        gpu=server.gpu,
        gpus_per_server=server.gpus,
        may_be_bought=server.gpu in site.gpus,
        servers_per_rack=per_rack,
        limited_by="power" if is_limited_by_power(server, site.kw_per_rack) else "height",
        servers=servers,
        gpus=servers * server.gpus,
        free_servers=max(int(free + 1e-9), 0),
        kw_used=used_kw,
        kw_left=site.capacity_kw - used_kw,
        facility_kw=facility_power_kw(used_kw, overhead),
        work=tuple(
            _work(w, site, server, servers, facility_power_kw(draw_kw, overhead), best[w.id])
            for w in asked.workloads
        ),
    )


def _load_kw(server: Server, cooling: str, catalog: Catalog) -> float:
    """Draw of a server under an LLM load [kW]: measured under this cooling, else its usual one."""
    for row in catalog.server_power:
        if (row.server, row.cooling, row.workload) == (server.id, cooling, "llm"):
            return row.load_kw
    return server_draw_kw(server, catalog.defaults)[1]


def _work(
    workload: Workload, site: Site, server: Server, servers: int, load_kw: float, best: Best
) -> RoomWork:
    """One workload on all servers of a room; `load_kw` is what one draws with its cooling."""
    option = best.get(server.gpu)
    reason = _refusal(workload, site, server, servers, option)
    if reason or option is None:
        return RoomWork(workload.id, None, None, 0, None, None, None, reason)
    rate = server_tokens_per_s(workload, option, server)
    return RoomWork(
        workload=workload.id,
        precision=option.precision,
        tp=option.tp,
        replicas=server.gpus // option.gpus * servers,
        total_tokens_per_s=rate * servers,
        total_tokens_per_s_per_rack_kw=tokens_per_s_per_kw(rate * servers, site.capacity_kw),
        total_tokens_per_joule=tokens_per_joule(load_kw, rate),
        reason="",
    )


def _refusal(
    workload: Workload, site: Site, server: Server, servers: int, option: Option | None
) -> str:
    """Why a workload gets nothing from a room full of this server; empty where it does."""
    if workload.countries and site.country not in workload.countries:
        return f"must stay in {', '.join(workload.countries)}"
    if workload.gpus and server.gpu not in workload.gpus:
        return "the workload does not allow this GPU"
    if not servers:
        return "no rack holds this server"
    return option.reason if option is not None else "nothing is known of this GPU"


def _best(workload: Workload, site: Site, asked: _Question) -> dict[str, Option]:
    """The way to do a workload on each GPU with the most work a GPU, at the site's distance."""
    catalog = asked.catalog
    trips = {t.workload: t for t in round_trips_of_site(asked.inventory, site, catalog)}
    trip = trips.get(workload.id)
    near = workload.seen_from(trip.planned_s) if trip else workload
    gpus = [catalog.gpus[server.gpu] for server in asked.servers]
    largest = {server.gpu: server.gpus for server in asked.servers}
    model, evidence = catalog.models[workload.model], serving_evidence(catalog)
    try:
        tried = serving_options(near, model, gpus, largest, catalog.coefficients, evidence)
    except NoEstimate as error:
        raise InputError(Problem(f"workloads.{workload.id}.model", str(error))) from None
    best = {gpu.id: most_work([o for o in tried if o.gpu == gpu.id]) for gpu in gpus}
    return {gpu: option for gpu, option in best.items() if option is not None}
