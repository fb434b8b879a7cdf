"""The proof of work that shares one queue: every block of every year, on the plan's replicas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from gpumix.domain.evidence import Basis
from gpumix.domain.plan import Replay, ReplayedSlo
from gpumix.domain.workload import Demand, Slo, Workload
from gpumix.options.option import Option
from gpumix.options.queued import is_queued
from gpumix.plan.cycle import Block, peak_demand
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer
from gpumix.serving import pools
from gpumix.serving.capacity import Server
from gpumix.serving.kept import Reached, reached_in
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray

Pool = tuple[tuple[Server, int], ...]
"""Servers of one queue, how many of each kind."""

_SEED = pools.SEED + 1
"""Not that of the rates: a plan is proven on traffic that its rates were not found with."""

_POINTS = 1_000
"""Equally likely times that stand for those of an hour when hours are put together."""


@dataclass(frozen=True, slots=True)
class _Hour:
    """The busiest hour of a block of a year: what was simulated, its times [s], and the units it
    stands for in its week."""

    year: int
    hour: int
    weight: float
    requests: int
    times_s: FloatArray
    reached: tuple[Reached, ...]


def replays(answer: Answer, corrections: Mapping[str, int]) -> dict[str, Replay]:
    """The replay of every workload with promises whose replicas share a queue."""
    return {
        w.id: _replay(w, w.demand, answer, corrections.get(w.id, 0))
        for w in answer.choice.inventory.workloads
        if is_queued(w) and w.demand is not None and _hours(answer, w)
    }


def sources(demand: Demand) -> str:
    """Where the figures of the traffic come from, in words."""
    return "; ".join(
        f"{e.subject} {f'measured in {demand.profile}' if e.basis is Basis.MEASURED else e.source}"
        for e in demand.evidence
    )


def corrected(choice: Choice, answer: Answer, names: Sequence[str]) -> Choice:
    """The choice with the needs of what the plan runs, for workloads that broke a promise."""
    changed = dict(choice.pools)
    for workload in choice.inventory.workloads:
        if workload.id in names and workload.id in changed:
            used = [
                option
                for block in range(len(answer.formulation.cycle.blocks))
                for option, _ in running(answer, workload, block)
            ]
            changed[workload.id] = changed[workload.id].with_(tuple(dict.fromkeys(used)))
    return replace(choice, pools=changed)


def running(answer: Answer, workload: Workload, block: int) -> list[tuple[Option, int]]:
    """The replicas that share a workload's queue in a block."""
    found: dict[Option, int] = {}
    for line in answer.lines:
        for use in line.uses:
            if use.block == block and use.cell.workload.id == workload.id:
                found[use.cell.option] = found.get(use.cell.option, 0) + use.replicas
    return [(option, n) for option, n in found.items() if option.server is not None]


def _replay(workload: Workload, demand: Demand, answer: Answer, corrections: int) -> Replay:
    cycle, hours = answer.formulation.cycle, _hours(answer, workload)
    first = [hours[i] for i in cycle.first_week(workload) if i in hours]
    requests = sum(hour.requests for hour in hours.values())
    limit_s = min(slo.limit_s for slo in workload.slos)
    return Replay(
        requests=requests,
        served=requests,
        shed=0,
        within=_share_within(first, limit_s),
        slo=tuple(_slo(i, slo, first, list(hours.values())) for i, slo in enumerate(workload.slos)),
        corrections=corrections,
        arrival_cv=demand.arrival_cv,
        length_correlation=demand.length_correlation,
        prefix_share=demand.prefix_share,
        traffic=sources(demand),
    )


def _hours(answer: Answer, workload: Workload) -> dict[int, _Hour]:
    """Every block in which its replicas share a queue, by index."""
    found = {}
    for index, block in enumerate(answer.formulation.cycle.blocks):
        servers = running(answer, workload, index)
        arriving = peak_demand(workload, block) * _own_share(answer, workload, index)
        if servers and arriving > 0.0:
            pool = tuple((o.server, n) for o, n in servers if o.server is not None)
            farthest_s = max(o.rtt_s for o, _ in servers)  # any request may be done there
            found[index] = _hour(workload, block, pool, arriving, farthest_s)
    return found


def _own_share(answer: Answer, workload: Workload, block: int) -> float:
    """The part of a block's units that no API takes (0-1)."""
    able = {True: 0.0, False: 0.0}
    for line in answer.lines:
        for use in line.uses:
            if use.block == block and use.cell.workload.id == workload.id:
                able[use.cell.option.server is not None] += use.replicas * use.rate
    return able[True] / max(able[True] + able[False], 1e-12)


def _hour(
    workload: Workload, block: Block, pool: Pool, units_per_hour: float, rtt_s: float
) -> _Hour:
    requests, times_s, found = _simulated(pool, units_per_hour / SECONDS_PER_HOUR, rtt_s)
    units = workload.demand.units_per_hour if workload.demand else ()
    hour = max(block.hours, key=lambda h: units[h])
    year = block.period.year
    return _Hour(year, hour, math.fsum(units[h] for h in block.hours), requests, times_s, found)


@lru_cache(maxsize=1024)
def _simulated(
    pool: Pool, requests_per_s: float, rtt_s: float
) -> tuple[int, FloatArray, tuple[Reached, ...]]:
    """Requests, a thousand of their times and the promises, from a run that leaves no doubt where
    the longest one does not."""
    times_s = pools.proven(dict(pool), requests_per_s, _SEED)[0] + rtt_s
    found = tuple(reached_in([times_s], [1.0], slo.quantile) for slo in pool[0][0].slos)
    points = (np.arange(_POINTS) + 0.5) / _POINTS
    return len(times_s), np.quantile(times_s, points), found


def _slo(index: int, slo: Slo, first: Sequence[_Hour], every: Sequence[_Hour]) -> ReplayedSlo:
    """A promise over the first week, and in the worst hour of any year."""
    worst = max(every, key=lambda hour: hour.reached[index].seconds)
    reached = worst.reached[index]
    return ReplayedSlo(
        slo.name,
        slo.limit_s,
        _week_s(first, slo),
        reached.seconds,
        worst.hour,
        all(hour.reached[index].is_kept(slo.limit_s) for hour in every),
        worst.year,
        reached.standard_error_s,
        reached.requests,
    )


def _week_s(hours: Sequence[_Hour], slo: Slo) -> float:
    """The promise's quantile over hours that stand for unlike numbers of units [s]."""
    times = np.concatenate([hour.times_s for hour in hours] or [np.zeros(1)])
    weights = np.concatenate([np.full(_POINTS, hour.weight) for hour in hours] or [np.ones(1)])
    order = np.argsort(times)
    at = np.searchsorted(np.cumsum(weights[order]), slo.quantile * weights.sum() * (1.0 - 1e-12))
    return float(times[order][min(int(at), len(times) - 1)])


def _share_within(hours: Sequence[_Hour], limit_s: float) -> float:
    total = math.fsum(hour.weight for hour in hours)
    kept = math.fsum(hour.weight * float((hour.times_s <= limit_s).mean()) for hour in hours)
    return kept / total if total else 1.0
