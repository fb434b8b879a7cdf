"""The proof of work that shares one queue: every block of every year, on the plan's replicas."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from gpumix.domain.evidence import Basis
from gpumix.domain.proof import Replay
from gpumix.domain.workload import Demand, Slo, Workload
from gpumix.options.option import Option
from gpumix.options.proof import POINTS, QUEUE_SEED, Judged, checked, hour_of, queued
from gpumix.options.queued import is_queued
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer
from gpumix.plan.running import running_in


def replays(answer: Answer, corrections: Mapping[str, int]) -> dict[str, Replay]:
    """The replay of every workload with promises whose replicas share a queue."""
    return {
        w.id: _replay(w, w.demand, answer, corrections.get(w.id, 0))
        for w in answer.choice.inventory.workloads
        if is_queued(w) and w.demand is not None and hours_of(answer, w)
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
    cycle, hours = answer.formulation.cycle, hours_of(answer, workload)
    first = [hours[i] for i in cycle.first_week(workload) if i in hours]
    requests = sum(one.reached[0].requests for one in hours.values())
    limit_s = min(slo.limit_s for slo in workload.slos)
    return Replay(
        requests=requests,
        served=requests,
        shed=0,
        within=_share_within(first, limit_s),
        slo=tuple(
            checked(slo, i, list(hours.values()), _week_s(first, slo))
            for i, slo in enumerate(workload.slos)
        ),
        corrections=corrections,
        arrival_cv=demand.arrival_cv,
        length_correlation=demand.length_correlation,
        prefix_share=demand.prefix_share,
        traffic=sources(demand),
    )


def hours_of(answer: Answer, workload: Workload) -> dict[int, Judged]:
    """The busiest hour of every block in which its replicas share a queue, by the block's index."""
    found = {}
    for index in range(len(answer.formulation.cycle.blocks)):
        block = running_in(answer, workload, index)
        if block is not None and workload.demand is not None:
            hour = hour_of(*block, workload.demand, seed=QUEUE_SEED)
            if hour is not None:
                found[index] = queued(hour)
    return found


def _week_s(hours: Sequence[Judged], slo: Slo) -> float:
    """The promise's quantile over hours that stand for unlike numbers of units [s]."""
    times = np.concatenate([one.times_s for one in hours] or [np.zeros(1)])
    weights = np.concatenate([np.full(POINTS, one.hour.units) for one in hours] or [np.ones(1)])
    order = np.argsort(times)
    at = np.searchsorted(np.cumsum(weights[order]), slo.quantile * weights.sum() * (1.0 - 1e-12))
    return float(times[order][min(int(at), len(times) - 1)])


def _share_within(hours: Sequence[Judged], limit_s: float) -> float:
    total = math.fsum(one.hour.units for one in hours)
    kept = math.fsum(one.hour.units * float((one.times_s <= limit_s).mean()) for one in hours)
    return kept / total if total else 1.0
