"""The rooms of an inventory: what racks hold, what that does, and which cooling would change it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpumix import fields
from gpumix.domain.room import RoomCooling, Rooms, RoomServer, RoomWork, SiteRoom
from gpumix.report.tables import Cell, Table, remark, table, text, value

NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class Filled:
    """One workload on one server in a room under one cooling."""

    cooling: RoomCooling
    server: RoomServer
    work: RoomWork


def site_line(room: SiteRoom) -> str:
    """A site in one line: racks, power, what is there."""
    there = ", ".join(f"{count:,} {gpu}" for gpu, count in room.standing) or "nothing"
    racks, each, free = (
        fields.format_value(name, amount)
        for name, amount in (
            ("racks", room.racks),
            ("kw_per_rack", room.kw_per_rack),
            ("kw_free", room.kw_free),
        )
    )
    total = fields.format_value("kw", room.kw)
    return (
        f"{room.site} ({room.country}): {racks} racks of {each} by {cooling_words(room.cooling)},"
        f" {total}; there: {there}; free: {free}"
    )


def cooling_words(cooling: str) -> str:
    """A kind of cooling as people write it.

    >>> cooling_words("rear_door")
    'rear door'
    """
    return cooling.replace("_", " ")


def answers(found: Rooms) -> list[str]:
    """For each site and workload the densest server as the room is, and under denser cooling."""
    return [
        _answer(room, name, _densest(room, name))
        for room in found.sites
        for name in found.workloads
    ]


def _answer(room: SiteRoom, workload: str, densest: list[Filled]) -> str:
    where = f"{room.site}, {workload}"
    present = [one for one in densest if one.cooling.is_present]
    if not present:
        return f"{where}: no server that the racks hold can do it{_later(densest[:1])}"
    later = [one for one in densest if not one.cooling.is_present]
    return f"{where}: most from {_filled(present[0])}{_later(later[-1:])}"


def _later(filled: list[Filled]) -> str:
    return "".join(f"; by {cooling_words(one.cooling.cooling)}, {_filled(one)}" for one in filled)


def _filled(one: Filled) -> str:
    rate = fields.format_value("total_tokens_per_s", one.work.total_tokens_per_s)
    return (
        f"{one.server.gpus:,} {one.server.gpu} ({one.server.servers_per_rack} a rack,"
        f" limited by {one.server.limited_by}): {rate} tokens/s"
    )


def held_table(room: SiteRoom, cooling: RoomCooling) -> Table:
    """What all racks hold of each GPU server."""
    state = "as it is" if cooling.is_present else "after a retrofit"
    each = fields.format_value("kw_per_rack", cooling.kw_per_rack)
    title = f"{room.site}, {cooling_words(cooling.cooling)}, {each} a rack, {state}"
    return table(
        title,
        RoomServer,
        cooling.servers,
        ("gpu", lambda s: text(s.gpu, note="" if s.may_be_bought else "not in the site's gpus")),
        ("servers_per_rack", lambda s: value("servers_per_rack", s.servers_per_rack)),
        ("limited_by", lambda s: text(s.limited_by)),
        ("servers", lambda s: value("servers", s.servers, record=RoomServer)),
        ("gpus", lambda s: value("gpus", s.gpus, record=RoomServer)),
        ("free_servers", lambda s: value("free_servers", s.free_servers)),
        ("kw_used", lambda s: value("kw_used", s.kw_used)),
        ("kw_left", lambda s: value("kw_left", s.kw_left)),
        ("facility_kw", lambda s: value("facility_kw", s.facility_kw)),
    )


def work_table(room: SiteRoom, workload: str) -> Table:
    """What a full room does of one workload as it is, most first."""
    rows = sorted(
        (one for one in _every(room, workload) if one.cooling.is_present),
        key=lambda one: -(one.work.total_tokens_per_s or 0.0),
    )
    return table(
        f"{room.site}: {workload} on all racks",
        RoomWork,
        rows,
        ("gpu", lambda f: text(f.server.gpu)),
        ("tp", lambda f: value("tp", f.work.tp)),
        ("precision", lambda f: text(f.work.precision)),
        ("replicas", lambda f: value("replicas", f.work.replicas, record=RoomWork)),
        *_RATES,
        ("reason", lambda f: remark(f.work.reason)),
    ).without_absent()


def density_table(found: Rooms) -> Table:
    """The densest server for each workload under every cooling, with what the change costs."""
    rows = [
        (room, one)
        for room in found.sites
        for name in found.workloads
        for one in _densest(room, name)
    ]
    return table(
        "The most tokens/s that a room gives",
        RoomServer,
        rows,
        ("site", lambda r: text(r[0].site)),
        ("workload", lambda r: text(r[1].work.workload)),
        ("cooling", lambda r: text(cooling_words(r[1].cooling.cooling))),
        ("kw_per_rack", lambda r: value("kw_per_rack", r[1].cooling.kw_per_rack)),
        ("gpu", lambda r: text(r[1].server.gpu)),
        ("gpus", lambda r: value("gpus", r[1].server.gpus, record=RoomServer)),
        *((name, lambda r, make=make: make(r[1])) for name, make in _RATES),
        ("facility_kw", lambda r: value("facility_kw", r[1].server.facility_kw)),
        ("retrofit_usd", lambda r: _retrofit(r[1].cooling)),
    )


_RATES = (
    ("total_tokens_per_s", lambda f: value("total_tokens_per_s", f.work.total_tokens_per_s)),
    (
        "total_tokens_per_s_per_rack_kw",
        lambda f: value("total_tokens_per_s_per_rack_kw", f.work.total_tokens_per_s_per_rack_kw),
    ),
    (
        "total_tokens_per_joule",
        lambda f: value("total_tokens_per_joule", f.work.total_tokens_per_joule),
    ),
)


def _retrofit(cooling: RoomCooling) -> Cell:
    if cooling.is_present:
        return Cell("none")
    if cooling.retrofit_usd is None:
        return Cell(NOT_KNOWN, tone="muted")
    return Cell(fields.format_value("retrofit_usd", cooling.retrofit_usd), cooling.retrofit_source)


def _every(room: SiteRoom, workload: str) -> Iterator[Filled]:
    for cooling in room.coolings:
        for server in cooling.servers:
            yield from (Filled(cooling, server, w) for w in server.work if w.workload == workload)


def _densest(room: SiteRoom, workload: str) -> list[Filled]:
    """For each cooling that any server does the work under, the server with the most tokens/s: of
    GPUs that the inventory lists for the site, where it lists any."""
    best: dict[str, Filled] = {}
    listed = [one for one in _every(room, workload) if one.server.may_be_bought]
    for one in listed or _every(room, workload):
        rate = one.work.total_tokens_per_s
        known = best.get(one.cooling.cooling)
        if rate and (known is None or rate > (known.work.total_tokens_per_s or 0.0)):
            best[one.cooling.cooling] = one
    return list(best.values())
