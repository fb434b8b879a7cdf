"""Every GPU as a candidate for a workload: its cheapest allowed way, or why there is none."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import NamedTuple

from gpumix.domain.plan import Candidate
from gpumix.domain.workload import Kind, Workload
from gpumix.options.option import Option
from gpumix.options.reasons import Reason, Way, way_of
from gpumix.options.watts import PerWatt
from gpumix.plan.formulate import Choice, holds, rate_on, unit_cost_usd
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply
from gpumix.units import MEGA


class CheapestWay(NamedTuple):
    """An option on a supply; `usd` per cost unit on full replicas."""

    usd: float
    option: Option
    supply: Supply


class WayOfGpu(NamedTuple):
    """A GPU, all its options, and the cheapest allowed way to do the workload on it."""

    gpu: str
    options: Sequence[Option]
    best: CheapestWay | None


def ways_of_gpus(
    choice: Choice, workload: Workload, tried: Sequence[Option], supplies: Sequence[Supply]
) -> list[WayOfGpu]:
    """The best way of every GPU that was tried, on whole ones."""
    found = []
    for gpu in dict.fromkeys(option.gpu for option in tried):
        own = [option for option in tried if option.gpu == gpu and option.slice is None]
        offers = [s for s in supplies if s.gpu == gpu and may_run(workload, s)]
        found.append(WayOfGpu(gpu, own, cheapest_way(choice, workload, own, offers)))
    return found


def candidates_of(
    ways: Sequence[WayOfGpu],
    behind: Mapping[Way, Reason],
    chosen: Collection[str],
    watts: Callable[[Option], PerWatt],
) -> tuple[Candidate, ...]:
    """Every GPU's best way, with what stands behind it, cheapest first, those that cannot last."""
    rows = [
        _refused(own, gpu in chosen)
        if best is None
        else _candidate(best, behind, gpu in chosen, watts)
        for gpu, own, best in ways
    ]
    return tuple(
        sorted(rows, key=lambda c: (c.unit_cost_usd is None, c.unit_cost_usd or 0.0, c.gpu))
    )


def _candidate(
    best: CheapestWay,
    behind: Mapping[Way, Reason],
    chosen: bool,
    watts: Callable[[Option], PerWatt],
) -> Candidate:
    usd, option, supply = best
    carried = watts(option)
    trip = supply.round_trip(option.workload)
    later_s = {"ttft_p95": trip.seconds} if trip else {}
    latencies = {c.name: c.predicted.value + later_s.get(c.name, 0.0) for c in option.slos}
    return Candidate(
        gpu=option.gpu,
        tp=option.tp,
        gpus=option.gpus,
        precision=option.precision,
        units_per_hour=option.units_per_hour,
        tokens_per_s_per_gpu=option.tokens_per_s / option.gpus if option.tokens_per_s else None,
        ttft_p95_s=latencies.get("ttft_p95"),
        tpot_p95_s=latencies.get("tpot_p95"),
        usd_per_gpu_hour=supply.usd_per_gpu_hour,
        purchase=supply.purchase.value,
        unit_cost_usd=usd,
        chosen=chosen,
        reason=option.note,
        nearest=behind[way_of(option)].nearest,
        total_tokens_per_s_per_rack_kw=carried.total_tokens_per_s_per_rack_kw,
        total_tokens_per_joule=carried.total_tokens_per_joule,
    )


def cheapest_way(
    choice: Choice, workload: Workload, options: Sequence[Option], supplies: Sequence[Supply]
) -> CheapestWay | None:
    """USD per cost unit on full replicas, with the option and supply that cost least.

    `supplies` are those the workload may run on; None where no option serves on any.
    """
    priced = [
        (unit_cost_usd(o, s, workload, rate), o, s)
        for o in options
        if o.serves
        for s in supplies
        if s.gpu == o.gpu and holds(s, o, workload)
        if (rate := rate_on(o, s, workload, choice.spot_useful_share)) > 0.0
    ]
    if not priced:
        return None
    usd, option, supply = min(priced, key=lambda p: (p[0], p[1].gpus, p[2].id))
    return CheapestWay(usd / units_per_cost_unit(workload), option, supply)


def _refused(options: Sequence[Option], chosen: bool) -> Candidate:
    able = [o for o in options if o.serves]
    nearest = min(able or options, key=lambda o: (o.shortfall or math.inf, o.gpus))
    reason = (
        "no offer or server of this GPU is allowed for this workload" if able else nearest.reason
    )
    late = None if able else nearest.tokens_per_s
    return Candidate(
        gpu=nearest.gpu,
        tp=nearest.tp if late else None,
        gpus=nearest.gpus if late else None,
        precision=nearest.precision if late else None,
        units_per_hour=None,
        tokens_per_s_per_gpu=late / nearest.gpus if late else None,
        ttft_p95_s=None,
        tpot_p95_s=None,
        usd_per_gpu_hour=None,
        purchase=None,
        unit_cost_usd=None,
        chosen=chosen,
        reason=reason,
    )


_OWN_UNIT = (Kind.MEDIA, Kind.CUSTOM)
"""Kinds whose cost is that of a unit of demand."""


def units_per_cost_unit(workload: Workload) -> float:
    """Cost units (million tokens, runs, samples) in a unit of demand."""
    if workload.demand is None or workload.run is not None or workload.kind in _OWN_UNIT:
        return 1.0
    return (workload.demand.input.mean + workload.demand.output.mean) / MEGA


def _at(candidate: Candidate) -> str:
    """The precision before what is said of it; empty of work that has none."""
    return f"{candidate.precision}, " if candidate.precision else ""


def _usd(amount: float | None) -> str:
    return "-" if amount is None else f"{amount:,.0f}" if amount >= 100.0 else f"{amount:.3g}"


def why(candidates: Sequence[Candidate], cost_unit: str) -> str:
    """One sentence: what was chosen, at what full-replica cost, and what came next."""
    chosen = [c for c in candidates if c.chosen and c.unit_cost_usd is not None]
    if not chosen:
        return ""
    names = ", ".join(f"{c.gpu} ({_at(c)}{_usd(c.unit_cost_usd)})" for c in chosen)
    text = f"{names} in {cost_unit}, replicas full"
    others = [c for c in candidates if not c.chosen and c.unit_cost_usd is not None]
    if others and others[0].unit_cost_usd is not None and chosen[0].unit_cost_usd:
        extra = others[0].unit_cost_usd / chosen[0].unit_cost_usd - 1.0
        text += f"; next {others[0].gpu} ({_at(others[0])}{extra:+.0%})"
    return text
