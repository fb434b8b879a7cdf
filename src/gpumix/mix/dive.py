"""A block of many replicas, made whole one workload at a time.

The workload whose replica costs most goes first. Its fractions are rounded down, and what is then
missing is delivered by a few replicas: of all sets of at most `REPLICAS` out of the best `WAYS`
the cheapest at the prices of the fractional optimum that fits what the pools have left. It is
fixed, the fractional program solved again, and the next workload follows.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.digits import dot
from gpumix.mix.highs import Point, WarmProgram, run
from gpumix.mix.linear import Program
from gpumix.mix.model import Model, Way
from gpumix.mix.parts import Part
from gpumix.mix.problem import Workload

REPLICAS = 5
"""Replicas at most that are put in place of a workload's fractions."""

WAYS = 9
"""Ways of serving the workload among which they are chosen."""

CROWDING = 0.1
"""Price of a GPU of a pool above those the fractions used, in GPU prices of that pool."""

SHAKEN = 0.5, 1.5
"""Range of the random factor on the order of workloads, from the second dive on."""

OPENING = 0.5
"""Price of a GPU that idles in an instance rented for a replica, in GPU prices of its pool."""

RENT_GAP, RENT_NODES = 1e-3, 5
"""Ends of the search for the hourly instances that are rented first."""

HELD = 1e-6
"""Fraction of a replica below which none counts as held."""


@dataclass(slots=True)
class Room:
    """GPUs of a pool in a block: in instances that are paid for, and in all that may be had.

    `most` is infinite where more can always be rented; `taken` is what whole replicas hold; `row`
    the pool's row of GPUs, -1 for none; `rented` hourly resources: column, GPUs, most instances.
    """

    row: int
    rented: list[tuple[int, int, float]]
    paid: float
    most: float
    taken: float = 0.0

    def opened(self, lower: NDArray[np.float64]) -> list[int]:
        """Rent, the cheapest first, what the whole replicas need; the columns whose bound rose."""
        columns = []
        for column, gpus, most in self.rented:
            needed = math.ceil((self.taken - self.paid) / gpus - 1e-9)
            more = min(needed, most - lower[column])
            if more > 0:
                lower[column] += more
                self.paid += gpus * more
                columns.append(column)
        return columns


def dive(
    part: Part, program: Program, point: Point, *, seed: tuple[int, int]
) -> tuple[float, dict[int, float]]:
    """Cost of the last fractional program, and the whole replicas fixed by column.

    Args:
        part, program: the block; the program may break promises at a penalty.
        point: its fractional optimum, for the order of the workloads.
        seed: block and number of the dive; the first one keeps the order, others shake it.
    """
    model = part.model
    lower = _rented(model, program)
    warm = WarmProgram(replace(program, lower=lower), part.basis)
    rooms = [_room(program, lower, model, q) for q in range(len(model.pools))]
    now = warm.solve() or point
    fixed: dict[int, float] = {}
    for workload in _order(model, now, seed):
        ways = [way for way in model.ways_of(workload) if way.highest[0]]
        chosen = _chosen(program, workload, ways, rooms, now)
        if chosen is None:
            continue
        columns = np.array([way.columns[0] for way in ways], dtype=np.int32)
        fixed |= dict(zip(map(int, columns), map(float, chosen), strict=True))
        warm.bound_columns(columns, chosen, chosen)
        for way, count in zip(ways, chosen, strict=True):
            rooms[way.pool].taken += way.gpus * count
        opened = np.array([c for room in rooms for c in room.opened(lower)], dtype=np.int32)
        if len(opened):
            warm.bound_columns(
                opened, lower[opened], np.maximum(program.upper[opened], lower[opened])
            )
        found = warm.solve()
        if found is None:
            return math.inf, fixed
        now = found
    return now.objective, fixed


def _rented(model: Model, program: Program) -> NDArray[np.float64]:
    """Lower bounds with the hourly instances that are rented if they alone must be whole."""
    columns = [
        model.instances[i][0] for i, r in enumerate(model.problem.resources) if not r.is_committed
    ]
    whole = np.zeros_like(program.integer)
    whole[columns] = True
    outcome = run(replace(program, integer=whole), gap=RENT_GAP, node_limit=RENT_NODES)
    lower = program.lower.copy()
    if outcome.values:
        lower[columns] = np.floor(np.array(outcome.values)[columns] + 1e-6)
    return lower


def _order(model: Model, point: Point, seed: tuple[int, int]) -> list[Workload]:
    """Workloads with one rate that may lose an instance: dearest replica first."""
    shaken = random.Random(seed[0] * 1_000 + seed[1])
    keyed = []
    for workload in model.problem.workloads:
        row = model.demand_rows.get((workload.id, 0))
        if row is None or workload.n_plus_one:
            continue
        demand = workload.total_demand(0)
        ways = model.ways_of(workload)
        held = [max(float(point.values[way.columns[0]]), 0.0) for way in ways]
        share = math.fsum(
            z * way.config.plain_rate / demand for z, way in zip(held, ways, strict=True)
        ) / max(math.fsum(held), HELD)
        factor = shaken.uniform(*SHAKEN) if seed[1] else 1.0
        keyed.append((float(point.duals[row]) * share * factor, workload))
    return [workload for _, workload in sorted(keyed, key=lambda one: -one[0])]


def _room(program: Program, lower: NDArray[np.float64], model: Model, q: int) -> Room:
    resources = model.problem.resources
    members = model.pools[q].resources
    hourly = sorted(
        (r for r in members if not resources[r].is_committed),
        key=lambda r: (resources[r].hourly_cost / resources[r].gpus_per_instance, r),
    )
    rented = []
    for r in hourly:
        column, cap = model.instances[r][0], resources[r].max_instances
        most = math.inf if cap is None else cap
        if program.upper[column] == 0.0:  # none could be used, or its group is not
            most = 0.0
        rented.append((column, resources[r].gpus_per_instance, most))
    owned = math.fsum(
        resources[r].gpus_per_instance * program.upper[model.instances[r][0]]
        for r in members
        if resources[r].is_committed
    )
    return Room(
        model.capacity_rows.get((q, 0), -1),
        rented,
        owned + math.fsum(gpus * lower[column] for column, gpus, _ in rented),
        owned + math.fsum(gpus * most for _, gpus, most in rented),
    )


def _chosen(
    program: Program, workload: Workload, ways: Sequence[Way], rooms: Sequence[Room], now: Point
) -> NDArray[np.float64] | None:
    """Whole replicas of each way; None where no set of them does."""
    demand = workload.total_demand(0)
    columns = [way.columns[0] for way in ways]
    z = np.maximum(now.values[columns], 0.0)
    share = np.array([way.config.plain_rate / demand for way in ways])
    spot = share * [way.resource.spot for way in ways]
    gpus = np.array([way.gpus for way in ways])
    price = np.array(
        [-now.duals[rooms[way.pool].row] if rooms[way.pool].row >= 0 else 0.0 for way in ways]
    )
    usd = gpus * price + program.cost[columns]
    best = _candidates(ways, z, usd / share, now.reduced[columns], rooms)
    most = np.array([ways[i].highest[0] for i in best])
    sets = _sets(len(best), REPLICAS)
    base = np.floor(z + 1e-7)
    for start in (_lowered(z, base), base):
        total = dot(sets, share[best]) + float(dot(start, share))
        good = total >= 1.0 - 1e-12
        good &= (sets + start[best] <= most).all(axis=1)
        if workload.max_spot_share is not None:
            of_spot = dot(sets, spot[best]) + float(dot(start, spot))
            good &= of_spot <= workload.max_spot_share * total + 1e-12
        cost = dot(sets, usd[best])
        for q in sorted({way.pool for way in ways}):
            of_pool = gpus * [way.pool == q for way in ways]
            own = dot(sets, of_pool[best]) + float(dot(start, of_pool))
            room, at = rooms[q], float(price[of_pool > 0.0][0])
            taken = room.taken + own
            good &= taken <= room.most + 1e-9
            if math.isfinite(room.most):
                cost = cost + CROWDING * at * np.maximum(own - float(dot(z, of_pool)), 0.0)
            if room.rented:
                size = room.rented[0][1]
                above = np.maximum(taken - room.paid, 0.0)
                cost = cost + OPENING * at * (np.ceil(above / size - 1e-9) * size - above)
        if good.any():
            chosen = start.copy()
            chosen[best] += sets[np.where(good, cost, np.inf).argmin()]
            return chosen
    return None


def _lowered(z: NDArray[np.float64], base: NDArray[np.float64]) -> NDArray[np.float64]:
    """The floor with one replica less in the two ways of largest fraction, where there is one."""
    fraction = np.where(base > 0.0, z - base, 0.0)
    largest = np.argsort(-fraction, kind="stable")[:2]
    lowered = base.copy()
    lowered[largest] -= fraction[largest] > HELD
    return lowered


def _candidates(
    ways: Sequence[Way],
    z: NDArray[np.float64],
    usd_per_share: NDArray[np.float64],
    reduced: NDArray[np.float64],
    rooms: Sequence[Room],
) -> list[int]:
    """The ways in use, then those of least reduced cost; among them one always to be rented."""
    order = sorted(
        range(len(ways)), key=lambda i: (z[i] <= HELD, -z[i] if z[i] > HELD else reduced[i], i)
    )
    best = order[:WAYS]
    rented = [i for i in order if math.isinf(rooms[ways[i].pool].most)]
    if rented:
        cheapest = min(rented, key=lambda i: (usd_per_share[i], i))
        if cheapest not in best:
            best[-1] = cheapest
    return best


@cache
def _sets(ways: int, most: int) -> NDArray[np.float64]:
    """All multisets of at most so many replicas, a row each: replicas by way."""
    rows = [
        np.bincount(list(chosen), minlength=ways)
        for size in range(most + 1)
        for chosen in itertools.combinations_with_replacement(range(ways), size)
    ]
    return np.array(rows, dtype=np.float64)
