"""A block of many replicas, made whole by local search over patterns of its workloads.

Every workload takes one of its patterns (`patterns.py`). What ties them together are the pools:
GPUs that idle cost their price, an hourly instance is rented whole, and a GPU above the limit of a
pool costs extra; where some are left at the end there is no result. Workload by workload takes the
best pattern, the dearest replica first; then single workloads change theirs, as long as that costs
no more than a limit which falls to nothing.

Source: Dueck and Scheuer, "Threshold accepting", Journal of Computational Physics 90 (1990)
161-175.
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
from gpumix.mix.linear import Program
from gpumix.mix.model import Model, Way
from gpumix.mix.parts import Part
from gpumix.mix.patterns import Floats, Patterns, patterns
from gpumix.mix.problem import Workload

Whole = NDArray[np.int64]

THRESHOLD = 0.05
"""What a change may cost at first, on average, in costs of the mean workload."""

OVER = 0.5
"""Cost of a GPU above the limit of a pool, in prices of the dearest GPU, while it is searched."""

SPARE = 256
"""GPUs of a pool above one and a half times those of the fractions that can be looked up."""


@dataclass(frozen=True, slots=True)
class Yard:
    """The pools of a block at the prices of its fractions.

    `price` of a GPU [USD]; `most` GPUs that searched workloads may hold; `usd` by pool and GPUs
    held: what these cost above the price of each.
    """

    price: Floats
    most: Floats
    usd: Floats


def search(
    part: Part, program: Program, point: Point, *, moves: int, seed: int
) -> dict[int, float] | None:
    """Whole replicas by column of all workloads of one rate; None where no set of them was found.

    Args:
        part, program: the block, at given commitments.
        point: its fractional optimum.
        moves: changes of one workload's pattern that are tried.
        seed: of the changes' order.
    """
    model = part.model
    works = [
        w for w in model.problem.workloads if (w.id, 0) in model.demand_rows and not w.n_plus_one
    ]
    yard = _yard(part, program, point, works)
    found = []
    for workload in works:
        ways = [
            way
            for way in model.ways_of(workload)
            if way.highest[0] and yard.most[way.pool] >= way.config.gpus
        ]
        usd = np.array([way.config.gpus * yard.price[way.pool] for way in ways])
        usd += program.cost[[way.columns[0] for way in ways]] if ways else 0.0
        made = patterns(model, workload, ways, point, usd) if ways else None
        if made is None:
            return None
        found.append(made)
    if not found:
        return {}
    order = _order(model, works, point, yard)
    chosen = _chosen(found, yard, order, moves, seed)
    held = np.zeros(len(model.pools))
    for one, i in zip(found, chosen, strict=True):
        held[one.pools] += one.gpus[i]
    if (held > yard.most + 1e-9).any():
        return None
    return _replicas(model, works, found, chosen)


def _replicas(
    model: Model, works: Sequence[Workload], found: Sequence[Patterns], chosen: Whole
) -> dict[int, float]:
    """Counts by column of the chosen patterns, none in the workloads' other columns."""
    mine = {w.id for w in works}
    none = {way.columns[0]: 0.0 for way in model.ways if way.config.workload in mine}
    return none | {
        int(column): float(count)
        for one, i in zip(found, chosen, strict=True)
        for column, count in zip(one.columns, one.counts[i], strict=True)
    }


def _order(model: Model, works: Sequence[Workload], point: Point, yard: Yard) -> Whole:
    """Workloads by the price of the replicas they hold, the dearest first."""
    dearness = []
    for workload in works:
        ways = model.ways_of(workload)
        held = np.maximum([point.values[way.columns[0]] for way in ways], 0.0)
        usd = np.array([way.config.gpus * yard.price[way.pool] for way in ways])
        dearness.append(float(dot(held, usd)) / max(float(held.sum()), 1e-9))
    return np.argsort(-np.array(dearness), kind="stable").astype(np.int64)


def _yard(part: Part, program: Program, point: Point, works: Sequence[Workload]) -> Yard:
    model = part.model
    mine = {w.id for w in works}
    batch = {w.id for w in model.problem.workloads if w.is_batch}
    used = {kind: np.zeros(len(model.pools)) for kind in ("mine", "batch", "others")}
    for way in model.ways:
        name = way.config.workload
        kind = "mine" if name in mine else "batch" if name in batch else "others"
        used[kind][way.pool] += _gpus(way, point)
    size = int(1.5 * max(u.max(initial=0.0) for u in used.values())) + SPARE
    price, most = np.zeros(len(model.pools)), np.zeros(len(model.pools))
    usd = np.zeros((len(model.pools), size))
    for (q, _), row in model.capacity_rows.items():
        price[q] = max(-float(point.duals[row]), 0.0)
    for q in range(len(model.pools)):
        most[q], price[q], usd[q] = _pool(
            part,
            program,
            q,
            float(price[q]),
            np.arange(size),
            (used["mine"][q], used["batch"][q], used["others"][q]),
        )
    return Yard(price, most, usd)


def _gpus(way: Way, point: Point) -> float:
    return way.config.gpus * max(float(point.values[way.columns[0]]), 0.0)


def _pool(
    part: Part,
    program: Program,
    q: int,
    price: float,
    held: Whole,
    fractions: tuple[float, float, float],
) -> tuple[float, float, Floats]:
    """Most GPUs that may be held, their price, what so many cost above it.

    `fractions`: GPUs that searched workloads, batch work and all others hold in them. Batch work
    takes what idles, up to what it had.
    """
    model = part.model
    mine, batch, others = fractions
    owned, hourly, most = 0.0, [], 0.0
    for r in model.pools[q].resources:
        resource, column = model.problem.resources[r], model.instances[r][0]
        gpus = resource.gpus_per_instance
        if resource.is_committed:
            owned += gpus * float(program.upper[column])
            continue
        if program.upper[column] <= 0.0:  # of a group that is not used
            continue
        hourly.append((float(program.cost[column]) / gpus, gpus))
        most += math.inf if resource.max_instances is None else gpus * resource.max_instances
    if hourly and math.isinf(most):
        price = min(price, min(hourly)[0])
    usd = np.zeros(len(held))
    if owned:
        usd += price * np.maximum(mine - held, 0.0)
    if hourly:
        rent, gpus = min(hourly)
        rented = np.maximum(held + others - owned, 0.0)
        idle = np.ceil(rented / gpus - 1e-9) * gpus - rented
        above = (rent - price) * (np.minimum(rented, most) - (most if price > rent else 0.0))
        usd += above + rent * np.maximum(idle - batch, 0.0)
    return owned + most - others, price, usd


def _chosen(found: Sequence[Patterns], yard: Yard, order: Whole, moves: int, seed: int) -> Whole:
    """The pattern of each workload."""
    wide = max(len(one.pools) for one in found)
    last = np.cumsum([len(one.excess) for one in found]).astype(np.int64)
    first = np.concatenate([[0], last[:-1]]).astype(np.int64)
    gpus = np.zeros((int(last[-1]), wide), dtype=np.int64)
    pools = np.zeros((len(found), wide), dtype=np.int64)
    for k, one in enumerate(found):
        gpus[first[k] : last[k], : len(one.pools)] = one.gpus
        pools[k, : len(one.pools)] = one.pools
    excess = np.concatenate([one.excess for one in found])
    above = np.maximum(np.arange(yard.usd.shape[1]) - yard.most[:, None], 0.0)
    usd = yard.usd + OVER * yard.price.max(initial=0.0) * above
    hot = THRESHOLD * float(np.mean([one.fractions_usd for one in found]))
    return _search(order, excess, first, last, gpus, pools, usd, moves, hot, seed) - first


@compiled_entry
def _search(
    order: Whole,
    excess: Floats,
    first: Whole,
    last: Whole,
    gpus: Whole,
    pools: Whole,
    usd: Floats,
    moves: int,
    hot: float,
    seed: int,
) -> Whole:
    """The best choice found: a row of `excess` and `gpus` for each workload, first to last."""
    held = np.zeros(len(usd), dtype=np.int64)
    chosen = first.copy()
    total = 0.0
    for w in order:
        least = np.inf
        for i in range(first[w], last[w]):
            cost = excess[i]
            for k in range(pools.shape[1]):
                q = pools[w, k]
                now = min(held[q], usd.shape[1] - 1)
                cost += usd[q, min(held[q] + gpus[i, k], usd.shape[1] - 1)] - usd[q, now]
            if cost < least:
                least = cost
                chosen[w] = i
        total += least
        for k in range(pools.shape[1]):
            held[pools[w, k]] += gpus[chosen[w], k]
    best, kept = total, chosen.copy()
    np.random.seed(seed)
    for move in range(moves):
        cool = 1.0 - move / moves
        w = np.random.randint(len(order))
        skewed = np.random.random() ** 3
        i, old = first[w] + int(skewed * (last[w] - first[w])), chosen[w]
        if i == old:
            continue
        cost = excess[i] - excess[old]
        for k in range(pools.shape[1]):
            more = gpus[i, k] - gpus[old, k]
            if more != 0:
                q = pools[w, k]
                now = min(held[q], usd.shape[1] - 1)
                cost += usd[q, min(held[q] + more, usd.shape[1] - 1)] - usd[q, now]
        if cost >= 2.0 * hot * cool**4 * np.random.random():
            continue
        for k in range(pools.shape[1]):
            held[pools[w, k]] += gpus[i, k] - gpus[old, k]
        chosen[w] = i
        total += cost
        if total < best:
            best = total
            kept[:] = chosen
    return kept
