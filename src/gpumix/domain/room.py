"""What the racks of a site hold, and what that makes of the work: the answer of `gpumix site`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gpumix.domain.evidence import Assumption


@dataclass(frozen=True, slots=True)
class RoomWork:
    """What one kind of server makes of a text workload when it fills a room.

    Replicas of `tp` GPUs at `precision`, as many as fit in whole servers. Tokens are input and
    output together, at the speed that the workload's promises allow with its confidence; None with
    a `reason` where it cannot do the work there. Energy is that of the building, cooling included.
    """

    workload: str
    precision: str | None
    tp: int | None
    replicas: int
    total_tokens_per_s: float | None
    total_tokens_per_s_per_rack_kw: float | None
    total_tokens_per_joule: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class RoomServer:
    """One kind of server in all racks of a site.

    `servers` fill the empty room; `free_servers` go beside what stands there. `limited_by` is what
    a rack runs out of first: power or height. Power is what nameplates ask for [kW];
    `facility_kw` is what the building draws for it, cooling included. `may_be_bought` says whether
    the inventory lists the GPU for the site.
    """

    server: str
    gpu: str
    gpus_per_server: int
    may_be_bought: bool
    servers_per_rack: int
    limited_by: str
    servers: int
    gpus: int
    free_servers: int
    kw_used: float
    kw_left: float
    facility_kw: float
    work: tuple[RoomWork, ...]


@dataclass(frozen=True, slots=True)
class RoomCooling:
    """A room under one kind of cooling: the one it has (`is_present`), or one that it may get.

    Changing to it costs `retrofit_usd`, None where nobody says; `retrofit_source` says why.
    """

    cooling: str
    is_present: bool
    kw_per_rack: float
    kw: float
    pue: float
    retrofit_usd: float | None
    retrofit_source: str
    servers: tuple[RoomServer, ...]


@dataclass(frozen=True, slots=True)
class SiteRoom:
    """A site: its racks, the power they give, and what stands in them already [kW]."""

    site: str
    country: str
    racks: int
    cooling: str
    kw_per_rack: float
    kw: float
    kw_standing: float
    kw_free: float
    standing: tuple[tuple[str, int], ...]
    coolings: tuple[RoomCooling, ...]


@dataclass(frozen=True, slots=True)
class RoomUse:
    """What a plan takes of a site at its fullest: rack power [kW] and racks, beside what is there.

    A server that shares its rack with others takes its part of the rack's power.
    """

    site: str
    racks: int
    racks_used: float
    kw: float
    kw_used: float


@dataclass(frozen=True, slots=True)
class Rooms:
    """Every site of an inventory, the text workloads asked about, and what the figures rest on."""

    name: str
    as_of: date
    workloads: tuple[str, ...]
    sites: tuple[SiteRoom, ...]
    assumptions: tuple[Assumption, ...]
    notes: tuple[str, ...]
