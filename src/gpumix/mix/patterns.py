"""Ways to serve one workload of a block in whole replicas, the cheapest at the block's prices.

A pattern is a count for each of the best configs that covers the demand. At the prices of the
fractional optimum none costs less than the fractions; what it costs more is its excess: demand
served twice over, and configs that are only second best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpumix.compiled import compiled_entry
from gpumix.mix.digits import dot
from gpumix.mix.highs import Point
from gpumix.mix.model import Model, Way
from gpumix.mix.problem import Workload

Floats = NDArray[np.float64]

WAYS = 8
"""Configs from which a workload's patterns are made."""

MOST = 150
"""Patterns kept of a workload."""

LOOKED_AT = 20_000
"""Patterns at most among which they are chosen."""

REACH = (2, 1)
"""Replicas above or below the fractions, where these hold one or two configs and where more."""

SECOND_BEST = 5
"""Replicas at most of a config that the fractions do not hold."""

BUDGET, DOUBLINGS = 0.025, 8
"""Excess first allowed, in costs of the dearest replica in use; how often it may be doubled."""

HELD = 1e-6
"""Fraction of a replica below which none counts as held."""


@dataclass(frozen=True, slots=True)
class Patterns:
    """A workload's patterns, the least excess [USD] first.

    `counts` of replicas (pattern x way) in `columns`; `gpus` (pattern x pool) in `pools`;
    `fractions_usd`: what the fractions cost.
    """

    columns: NDArray[np.int64]
    counts: Floats
    excess: Floats
    pools: NDArray[np.int64]
    gpus: NDArray[np.int64]
    fractions_usd: float


def patterns(
    model: Model, workload: Workload, ways: Sequence[Way], point: Point, usd: Floats
) -> Patterns | None:
    """The best patterns of a workload; None where none was found.

    Args:
        model: the block's.
        workload: one with a single rate that may lose an instance.
        ways: those that serve it and may be used.
        point: the block's fractional optimum.
        usd: cost of a replica of each way at its prices.
    """
    demand = workload.total_demand(0)
    columns = np.array([way.columns[0] for way in ways], dtype=np.int64)
    z = np.maximum(point.values[columns], 0.0)
    reduced = np.maximum(point.reduced[columns], 0.0)
    share = np.array([way.config.plain_rate / demand for way in ways])
    spot = np.array([float(way.resource.spot) for way in ways])
    best = _best(model, ways, z, reduced, usd / share)
    in_use = [i for i in best if z[i] > HELD]
    last = min(
        [i for i in in_use if not spot[i]] or [i for i in best if not spot[i]] or best,
        key=lambda i: (share[i], i),
    )
    order = np.array([last, *sorted((i for i in best if i != last), key=lambda i: reduced[i])])
    reach = REACH[len(in_use) > 2]
    held = z[order] > HELD
    low = np.where(held, np.maximum(np.floor(z[order]) - reach, 0.0), 0.0)
    high = np.where(held, np.ceil(z[order]) + reach, SECOND_BEST)
    highest = np.array([float(ways[i].highest[0]) for i in order])
    high = np.append(highest[0], np.minimum(high, highest)[1:])
    most_spot = 1.0 if workload.max_spot_share is None else workload.max_spot_share
    counts, excess = np.zeros((LOOKED_AT, len(order))), np.zeros(LOOKED_AT)
    budget = BUDGET * float(usd[in_use or [last]].max())
    found = 0
    for _ in range(DOUBLINGS):
        found = _enumerate(
            usd[order],
            share[order],
            reduced[order],
            low,
            high,
            spot[order],
            most_spot,
            budget,
            float(dot(usd, z)),
            counts,
            excess,
        )
        if found * 3 >= MOST * 2:
            break
        budget *= 2.0
    if not found:
        return None
    top = np.argsort(excess[:found], kind="stable")[:MOST]
    return _used(
        columns[order], counts[top], excess[top], [ways[i] for i in order], float(dot(usd, z))
    )


def _best(
    model: Model, ways: Sequence[Way], z: Floats, reduced: Floats, usd_per_share: Floats
) -> list[int]:
    """The ways in use, then those of least reduced cost; among them one always to be rented."""
    order = sorted(
        range(len(ways)), key=lambda i: (z[i] <= HELD, -z[i] if z[i] > HELD else reduced[i], i)
    )
    best = order[:WAYS]
    rented = [i for i in order if _is_endless(model, ways[i].pool)]
    if rented and not set(rented) & set(best):
        best[-1] = min(rented, key=lambda i: (usd_per_share[i], i))
    return best


def _is_endless(model: Model, pool: int) -> bool:
    members = [model.problem.resources[r] for r in model.pools[pool].resources]
    return any(not r.is_committed and r.max_instances is None for r in members)


def _used(
    columns: NDArray[np.int64],
    counts: Floats,
    excess: Floats,
    ways: Sequence[Way],
    fractions_usd: float,
) -> Patterns:
    pools = sorted({way.pool for way in ways})
    gpus = np.zeros((len(counts), len(pools)), dtype=np.int64)
    for j, way in enumerate(ways):
        gpus[:, pools.index(way.pool)] += counts[:, j].astype(np.int64) * way.config.gpus
    return Patterns(columns, counts, excess, np.array(pools, dtype=np.int64), gpus, fractions_usd)


@compiled_entry
def _enumerate(
    usd: Floats,
    share: Floats,
    reduced: Floats,
    low: Floats,
    high: Floats,
    spot: Floats,
    most_spot: float,
    budget: float,
    fractions_usd: float,
    counts: Floats,
    excess: Floats,
) -> int:
    """Fill `counts` and `excess` with all patterns within the budget; how many there are.

    Way 0 covers what the others leave. Their reduced costs alone bound the excess from below:
    counts run like an odometer, and a wheel that goes beyond the budget is turned back.
    """
    ways, found, bound = len(usd), 0, 0.0
    z = low.copy()
    for k in range(1, ways):
        bound += reduced[k] * z[k]
    while True:
        wheel = 1
        if bound <= budget:
            total, of_spot, cost = 0.0, 0.0, 0.0
            for k in range(1, ways):
                total += share[k] * z[k]
                of_spot += share[k] * spot[k] * z[k]
                cost += usd[k] * z[k]
            z[0] = max(math.ceil((1.0 - total) / share[0] - 1e-12), 0.0)
            total += share[0] * z[0]
            of_spot += share[0] * spot[0] * z[0]
            cost += usd[0] * z[0] - fractions_usd
            if z[0] <= high[0] and cost <= budget and of_spot <= most_spot * total + 1e-12:
                counts[found] = z
                excess[found] = cost
                found += 1
                if found == len(excess):
                    return found
        else:
            while wheel < ways and z[wheel] <= low[wheel]:
                wheel += 1
            if wheel < ways:
                bound -= reduced[wheel] * (z[wheel] - low[wheel])
                z[wheel] = low[wheel]
                wheel += 1
        while wheel < ways and z[wheel] >= high[wheel]:
            bound -= reduced[wheel] * (z[wheel] - low[wheel])
            z[wheel] = low[wheel]
            wheel += 1
        if wheel >= ways:
            return found
        z[wheel] += 1.0
        bound += reduced[wheel]
