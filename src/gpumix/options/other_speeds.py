"""Options as they would be planned if their speed were trusted otherwise: at another confidence, or
with the narrower interval that measurements leave. Nothing is simulated anew but common queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from gpumix.domain.workload import Tier, Workload
from gpumix.options.option import Option, Replica, Row
from gpumix.options.pooled import by_simulation
from gpumix.options.trust import measured_by, trust_in
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.interval import slowdown_at
from gpumix.predict.evidence import Evidence
from gpumix.serving.capacity import Server, Traffic, sustained
from gpumix.values import FloatArray

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

Slowdown = Callable[[Option], float]
"""How much slower than predicted an option is planned [1]."""


def at_confidence(confidence: float) -> Slowdown:
    """The slowdown of every option at one confidence, over its own interval."""
    return lambda option: float(slowdown_at(option.sigma, confidence))


def sigma_after(
    workload: Workload, option: Option, catalog: Catalog, evidence: Evidence | None
) -> float:
    """`Option.sigma` as other evidence leaves it: of text on whole GPUs, never wider than now.

    Args:
        workload: what the option does.
        option: a way to do it.
        catalog: its model and GPU.
        evidence: all measurements that would be known.

    Source: `perf.calibrate.shift`, as `gpumix calibrate` weighs what is measured.
    """
    now = option.sigma
    if evidence is None or option.replica is None or option.slice is not None:
        return now
    model = catalog.models[workload.model]
    one = option.replica.dep.take([option.replica.row])
    trust = trust_in(one, workload, model, catalog.coefficients)
    row = Row(catalog.gpus[option.gpu], option.tp, option.precision)
    moved = measured_by(evidence, [row], one, workload, model, trust)
    return min(float(moved.sigma[0]), now)


def after_measuring(workload: Workload, catalog: Catalog, evidence: Evidence | None) -> Slowdown:
    """The slowdown of every option with the interval that other evidence leaves, at the confidence
    of its workload; what no such evidence speaks of is planned as it is."""

    def slowdown(option: Option) -> float:
        if option.replica is None or option.slice is not None:
            return planned_slowdown(workload, option)
        sigma = sigma_after(workload, option, catalog, evidence)
        return float(slowdown_at(sigma, workload.confidence))

    return slowdown


def planned_slowdown(workload: Workload, option: Option) -> float:
    """How much slower than predicted an option is planned now [1]."""
    if option.run is not None:
        return 1.0 / option.run.low if workload.tier is Tier.PREMIUM else option.run.caution
    known = option.replica or option.server
    if known is not None:
        return known.slowdown
    if option.rate is None or option.units_per_hour <= 0.0:
        return 1.0
    return option.rate.value / option.units_per_hour


def at_slowdowns(
    workload: Workload, options: Sequence[Option], slowdown: Slowdown
) -> list[tuple[Option, Option]]:
    """Every option beside itself as it would be planned so much slower than predicted; those that
    then keep no promise have a reason.

    Text under a promise does as much more or less as in closed form, which counts that promises
    bind sooner where all is slower: R' = R C(s') / C(s). One queue is simulated anew. Work that may
    wait does less in proportion: R' = R s / s'.

    Args:
        workload: what they do.
        options: ways to do it that serve.
        slowdown: s' of each [1].
    """
    now = np.array([planned_slowdown(workload, o) for o in options])
    then = np.array([slowdown(o) for o in options])
    if np.array_equal(now, then):
        return [(option, option) for option in options]
    factor = now / then
    for dep in {id(o.replica.dep): o.replica.dep for o in options if o.replica}.values():
        at = [i for i, o in enumerate(options) if o.replica and o.replica.dep is dep]
        if workload.slos and not workload.is_deferrable:
            factor[at] *= _closed_form(workload, dep, [options[i] for i in at], now[at], then[at])
    slower = [
        _slower(option, float(by), float(planned))
        for option, by, planned in zip(options, factor, then, strict=True)
    ]
    if any(option.server for option in slower):
        slower = by_simulation(workload, slower)
    return list(zip(options, slower, strict=True))


def _closed_form(
    workload: Workload,
    dep: Deployment,
    options: Sequence[Option],
    now: FloatArray,
    then: FloatArray,
) -> FloatArray:
    """What promises do to the rate beside the speed itself: C(s') s' / (C(s) s)."""
    demand = workload.demand
    rows = [o.replica.row for o in options if o.replica]
    if demand is None:
        return np.ones(len(rows))
    traffic = Traffic(demand.input, demand.output, demand.arrival_cv, demand.prefix_share)
    both = np.concatenate([now, then])
    found = sustained(dep.take([*rows, *rows]), traffic, workload.slos, both)
    before, after = np.split(found.requests_per_s * both, 2)
    known = before > 0.0
    return np.where(known, after / np.where(known, before, 1.0), 1.0)


def _slower(option: Option, factor: float, slowdown: float) -> Option:
    """The option at `factor` times its rate, planned at another slowdown."""
    replica, server = option.replica, option.server
    spot = option.spot_units_per_hour
    if factor <= 0.0:
        return replace(option, units_per_hour=0.0, reason="keeps no promise at this speed")
    return replace(
        option,
        units_per_hour=option.units_per_hour * factor,
        spot_units_per_hour=None if spot is None else spot * factor,
        replica=replica and Replica(replica.dep, replica.row, slowdown),
        server=server
        and Server(
            server.times_s * (slowdown / server.slowdown), server.slos, server.arrival_cv, slowdown
        ),
    )
