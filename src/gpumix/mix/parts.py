"""A problem taken apart: each block as a program of its own, at given commitments and batch work.

What ties blocks together is the count of each committed resource and how much of each batch
workload's work falls to each block (its share, of 1). With both given the blocks are independent:
their fractional optima are solved one by one, each from the basis it ended with before, and tell
by how much another instance or another share would change their cost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from gpumix.errors import GpumixError
from gpumix.mix.commitments import Commitments, commitments
from gpumix.mix.digits import dot
from gpumix.mix.highs import Basis, Deadline, Point, WarmProgram
from gpumix.mix.linear import Program
from gpumix.mix.model import Model, build
from gpumix.mix.pool import Pool
from gpumix.mix.problem import Problem, Resource, Workload

CHUNK = 16
"""Blocks that one thread solves one after the other, the first time each from the one before."""

PENALTY = 2.0
"""What a workload left without all it asks for in a block costs, in costs of the whole plan."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(slots=True)
class Part:
    """One block's program.

    `counts` are the columns of what the block is given (`Commitments`), `work_rows` the rows of
    each batch workload's share. `missing` columns let any promise or quota be broken at a penalty,
    so that every count of instances has a cost. `basis` is where the last solve ended.
    """

    model: Model
    program: Program
    counts: NDArray[np.int32]
    work_rows: NDArray[np.int32]
    missing: NDArray[np.int32]
    basis: Basis | None = None

    def at(self, held: NDArray[np.float64], share: NDArray[np.float64]) -> Program:
        """The program with what is held given, and at least the given shares of batch work."""
        lower, upper = self.program.lower.copy(), self.program.upper.copy()
        lower[self.counts] = upper[self.counts] = held
        row_lower = self.program.row_lower.copy()
        row_lower[self.work_rows] = share
        return replace(self.program, lower=lower, upper=upper, row_lower=row_lower)

    def closed(self, program: Program) -> Program:
        """The program at given groups, with no room for hourly instances of those not used.

        Its rows say the same; some searches look at bounds alone.
        """
        model, had = self.model, self.model.had
        used = program.upper[self.counts][list(had.group_columns)] > 0.5
        shut = {r for g, use in zip(had.groups, used, strict=True) if not use for r in g.resources}
        upper = program.upper.copy()
        for resource, columns in zip(model.problem.resources, model.instances, strict=True):
            if resource.id in shut:
                upper[columns[0]] = 0.0
        return replace(program, upper=upper)


@dataclass(frozen=True, slots=True)
class Split:
    """A problem and its parts; shares of batch work are arrays of (block, batch workload)."""

    problem: Problem
    pools: tuple[Pool, ...]
    had: Commitments
    batches: tuple[Workload, ...]
    parts: tuple[Part, ...]
    workers: int
    deadline: Deadline

    def program(self, p: int, n: NDArray[np.float64], shares: NDArray[np.float64]) -> Program:
        """A block's program at given commitments and shares of batch work (block x batch)."""
        return self.parts[p].at(self.had.held(n, p), shares[p])

    def each(self, work: Callable[[T], R], items: Sequence[T]) -> list[R]:
        """The results of independent work, in order, whoever did it."""

        def unless_late(item: T) -> R:
            self.deadline.left_s()
            return work(item)

        if self.workers < 2 or len(items) < 2:
            return list(map(unless_late, items))
        with ThreadPoolExecutor(self.workers) as threads:
            return list(threads.map(unless_late, items))


def split(
    problem: Problem, pools: tuple[Pool, ...], usd: float, workers: int, deadline: Deadline
) -> Split:
    """Take a problem apart; `usd` is about what a plan costs."""
    batches = tuple(w for w in problem.workloads if w.is_batch and w.work > 0.0)
    parts = []
    for p in range(len(problem.blocks)):
        deadline.left_s()
        parts.append(_part(block_problem(problem, p), pools, batches, PENALTY * max(usd, 1.0)))
    return Split(problem, pools, commitments(problem), batches, tuple(parts), workers, deadline)


def block_problem(problem: Problem, p: int) -> Problem:
    """One block of a problem as a problem, without limits on what is bought.

    Groups are left with their hourly resources: what commitments they allow is not the block's
    to decide, nor how many of a kind there are.
    """
    hourly = {r.id for r in problem.resources if not r.is_committed}

    def workload(w: Workload) -> Workload:
        if w.is_batch:
            own = tuple(replace(s, hours=(s.hours[p],)) for s in w.shifts if s.hours[p])
            window = (0,) if w.counts_in(p) else ()
            return replace(w, window=window, delay_cost=0.0, shifts=own)
        demand = w.class_demand(p)
        if w.classes:
            return replace(w, demand={name: (d,) for name, d in demand.items()})
        return replace(w, demand=(demand[""],))

    def resource(r: Resource) -> Resource:
        return replace(r, terms=(), min_instances=0) if r.terms else r

    return replace(
        problem,
        blocks=(problem.blocks[p],),
        resources=tuple(map(resource, problem.resources)),
        workloads=tuple(map(workload, problem.workloads)),
        capex_budget=None,
        site_kw={},
        groups=tuple(
            replace(g, resources=tuple(r for r in g.resources if r in hourly))
            for g in problem.groups
        ),
        most=dict.fromkeys(problem.most, len(problem.groups)),
        cash=(),
    )


def _part(
    block: Problem, pools: tuple[Pool, ...], batches: Sequence[Workload], penalty: float
) -> Part:
    model = build(block, pools)
    counts = np.array(model.committed, dtype=np.int32)
    program = model.linear.program()
    cost = program.cost.copy()
    cost[counts] = 0.0
    row_lower = program.row_lower.copy()
    row_lower[model.shift_rows] = -np.inf  # other blocks may do a shift's work
    program = replace(program, cost=cost, row_lower=row_lower)
    elastic, missing = _elastic(program, model.quota_rows, penalty)
    work_rows = np.array([model.work_rows[w.id] for w in batches], dtype=np.int32)
    return Part(model, elastic, counts, work_rows, missing)


def _elastic(
    program: Program, quotas: Sequence[int], penalty: float
) -> tuple[Program, NDArray[np.int32]]:
    """With a column in every row that asks for something or is a quota; the numbers of those."""
    asking = np.flatnonzero(program.row_lower > 0.0)
    elastic = np.concatenate([asking, np.array(quotas, dtype=asking.dtype)])
    size, more = len(program.cost), len(elastic)
    missing = np.arange(size, size + more, dtype=np.int32)
    sign = np.repeat([1.0, -1.0], [len(asking), len(quotas)])
    rows = np.concatenate([program.row_of, elastic])
    order = np.argsort(rows, kind="stable")
    lengths = np.bincount(rows, minlength=len(program.row_lower))
    return Program(
        np.concatenate([program.cost, np.full(more, penalty)]),
        np.concatenate([program.lower, np.zeros(more)]),
        np.concatenate([program.upper, np.where(sign > 0.0, 1.0, np.inf)]),
        np.concatenate([program.integer, np.zeros(more, dtype=np.bool_)]),
        program.row_lower,
        program.row_upper,
        np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32),
        np.concatenate([program.index, missing])[order],
        np.concatenate([program.value, sign])[order],
    ), missing


@dataclass(frozen=True, slots=True)
class Priced:
    """All blocks in fractions at given commitments `n` and shares of batch work.

    `usd` by block, and what one more of a commitment (`per_instance`, block x commitment) or one
    more whole work (`per_work`, block x batch) would add to it; `missing`: by block, how much is
    asked for in vain.
    """

    n: NDArray[np.float64]
    shares: NDArray[np.float64]
    usd: NDArray[np.float64]
    per_instance: NDArray[np.float64]
    per_work: NDArray[np.float64]
    missing: NDArray[np.float64]
    points: tuple[Point, ...]

    def total(self, split: Split) -> float:
        """Cost of the commitments and of all blocks; delay is not in it."""
        return float(dot(split.had.cost, self.n) + self.usd.sum())

    @property
    def usd_per_work(self) -> NDArray[np.float64]:
        """Price of each batch workload's whole work: the blocks' mean, weighted by their shares."""
        weight = self.shares.sum(axis=0)
        mean = (self.per_work * self.shares).sum(axis=0) / np.where(weight > 0.0, weight, 1.0)
        return np.asarray(mean)


def price_blocks(split: Split, n: NDArray[np.float64], shares: NDArray[np.float64]) -> Priced:
    """The fractional optimum of every block."""
    indices = range(len(split.parts))
    chunks = [indices[i : i + CHUNK] for i in range(0, len(indices), CHUNK)]
    found = [
        point
        for chunk in split.each(lambda chunk: list(_chain(split, chunk, n, shares)), chunks)
        for point in chunk
    ]
    parts = split.parts
    zipped = list(zip(parts, found, strict=True))
    return Priced(
        n,
        shares,
        np.array([point.objective for point in found]),
        split.had.spread(np.array([point.reduced[part.counts] for part, point in zipped])),
        np.array([point.duals[part.work_rows] for part, point in zipped]),
        np.array([point.values[part.missing].sum() for part, point in zipped]),
        tuple(found),
    )


def _chain(
    split: Split, chunk: Iterable[int], n: NDArray[np.float64], shares: NDArray[np.float64]
) -> Iterable[Point]:
    before: Part | None = None
    for p in chunk:
        part = split.parts[p]
        basis = part.basis
        if basis is None and before is not None and _alike(before.program, part.program):
            basis = before.basis
        warm = WarmProgram(split.program(p, n, shares), basis)
        point = warm.solve()
        if point is None:
            raise GpumixError(f"block {split.problem.blocks[p].id} has no fractional plan")
        part.basis = warm.basis
        before = part
        yield point


def _alike(a: Program, b: Program) -> bool:
    return len(a.cost) == len(b.cost) and len(a.row_lower) == len(b.row_lower)
