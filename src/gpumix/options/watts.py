"""What a kW of rack and a joule carry of a text workload, where a GPU's server is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from gpumix.cost.energy import tokens_per_joule, tokens_per_s_per_kw
from gpumix.cost.premises import server_draw_kw
from gpumix.domain.gpu import Server
from gpumix.domain.workload import Workload
from gpumix.options.option import Option
from gpumix.units import SECONDS_PER_HOUR

if TYPE_CHECKING:
    from gpumix.catalog import Catalog


@dataclass(frozen=True, slots=True)
class PerWatt:
    """Input and output tokens a second for each kW of a server's nameplate, and for each joule at
    the wall under load; None where nothing is known."""

    total_tokens_per_s_per_rack_kw: float | None = None
    total_tokens_per_joule: float | None = None


def server_tokens_per_s(workload: Workload, option: Option, server: Server) -> float:
    """Input and output tokens a second of a server full of replicas; 0 where none fits or it is no
    text."""
    if workload.demand is None or not option.serves:
        return 0.0
    tokens = workload.demand.input.mean + workload.demand.output.mean
    return server.gpus // option.gpus * option.units_per_hour / SECONDS_PER_HOUR * tokens


def per_watt(workload: Workload, option: Option, catalog: Catalog) -> PerWatt:
    """What power carries of a workload done in this way, in the server its GPU is bought in."""
    server = next((s for s in catalog.servers if s.gpu == option.gpu), None)
    if server is None or not workload.is_text:
        return PerWatt()
    rate = server_tokens_per_s(workload, option, server)
    if not rate:
        return PerWatt()
    draw_kw = server_draw_kw(server, catalog.defaults)[1]
    return PerWatt(tokens_per_s_per_kw(rate, server.nameplate_kw), tokens_per_joule(draw_kw, rate))
