"""One block in whole numbers, at given commitments, its batch work priced.

A block of few replicas is a small program for branch and bound. In one of many, branch and bound
drowns in near-equal choices: there workload after workload is made whole (`dive`) and branch and
bound has only what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.dive import dive
from gpumix.mix.effort import Effort
from gpumix.mix.highs import Point, run
from gpumix.mix.linear import Program
from gpumix.mix.parts import Part, Priced, Split

BLOCK_GAP = 2e-4
"""Gap at which a block's search may end: differences below it drown in those between blocks."""

MANY = 40
"""Replicas of a block, as the fractions hold them, from which it is dived through."""

SEARCHED = 300
"""Replicas of a block from which patterns are searched first; with fewer, dives do better."""

HELD = 1e-6
"""Fraction of a replica below which none counts as held."""

SLACK = 1.0, 2.0
"""Replicas of batch work that a block may hold above or below its share: searched, dived."""


@dataclass(frozen=True, slots=True)
class Task:
    """A block to be made whole: its program, its fractional optimum, price of each batch work."""

    part: Part
    point: Point
    program: Program
    relaxed: Program
    seed: int


def whole_blocks(split: Split, priced: Priced, effort: Effort) -> list[NDArray[np.float64] | None]:
    """Values of every block's columns in whole numbers; None for a block that has no such plan."""
    tasks = [_task(split, priced, p) for p in range(len(split.parts))]
    return split.each(lambda task: _whole(split, task, effort), tasks)


def _task(split: Split, priced: Priced, p: int) -> Task:
    part, point = split.parts[p], priced.points[p]
    many = _replicas(part, point) > MANY
    program = part.closed(split.program(p, priced.n, priced.shares))
    relaxed = _batch_priced(part, program, priced, p, SLACK[many])
    strict = relaxed.upper.copy()
    strict[part.missing] = 0.0
    return Task(part, point, replace(relaxed, upper=strict), relaxed, p)


def _replicas(part: Part, point: Point) -> float:
    return float(sum(point.values[way.columns[0]] for way in part.model.ways))


def _batch_priced(part: Part, program: Program, priced: Priced, p: int, slack: float) -> Program:
    """Batch work earns its price and may miss its share by some replicas."""
    cost, lower, upper = program.cost.copy(), program.row_lower.copy(), program.row_upper.copy()
    for k, row in enumerate(part.work_rows):
        entries = slice(program.start[row], program.start[row + 1])
        columns, delivered = program.index[entries], program.value[entries]
        mine = columns < part.missing.min(initial=len(cost))
        columns, delivered = columns[mine], delivered[mine]
        cost[columns] -= priced.usd_per_work[k] * delivered
        held = priced.points[p].values[columns] > HELD
        most = float(delivered[held].max(initial=0.0)) or float(delivered.min(initial=0.0))
        lower[row] = max(priced.shares[p, k] - slack * most, 0.0)
        upper[row] = priced.shares[p, k] + slack * most
    return replace(program, cost=cost, row_lower=lower, row_upper=upper)


def _whole(split: Split, task: Task, effort: Effort) -> NDArray[np.float64] | None:
    if _replicas(task.part, task.point) > MANY:
        fixed = _fixed(task, effort)
        lower, upper = task.program.lower.copy(), task.program.upper.copy()
        columns = np.array(list(fixed), dtype=np.int32)
        lower[columns] = upper[columns] = list(fixed.values())
        if _is_whole(task, fixed):
            values = np.zeros_like(lower)
            values[columns] = lower[columns]
            values[task.part.counts] = lower[task.part.counts]
            return values
        found = _searched(split, replace(task.program, lower=lower, upper=upper), effort)
        if found is not None:
            return found
    narrow = replace(task.program, upper=_among_best(task, effort.block_ways))
    found = _searched(split, narrow, effort)
    if found is None:
        found = _searched(split, task.program, effort)
    return rounded(task.part, task.program, task.point) if found is None else found


def _fixed(task: Task, effort: Effort) -> dict[int, float]:
    """Whole replicas by column: found by local search, else by dives."""
    if _replicas(task.part, task.point) > SEARCHED:
        from gpumix.mix.local import search  # machine code, which smaller problems need not load

        found = search(task.part, task.program, task.point, moves=effort.moves, seed=task.seed)
        if found is not None:
            return found
    dives = [
        dive(task.part, task.relaxed, task.point, seed=(task.seed, i)) for i in range(effort.dives)
    ]
    return min(dives, key=lambda one: one[0])[1]


def _is_whole(task: Task, fixed: Mapping[int, float]) -> bool:
    """Whether nothing is left to choose but batch work, how GPUs are cut and instances, which is
    done later."""
    batch = {w.id for w in task.part.model.problem.workloads if w.is_batch}
    return all(
        way.columns[0] in fixed
        or not way.highest[0]
        or way.config.cut
        or way.config.workload in batch
        for way in task.part.model.ways
    )


def _searched(split: Split, program: Program, effort: Effort) -> NDArray[np.float64] | None:
    nodes = effort.block_nodes
    outcome = run(program, gap=BLOCK_GAP, node_limit=nodes, brief=True, deadline=split.deadline)
    if not outcome.values:
        return None
    values = np.array(outcome.values)
    return np.where(program.integer, np.round(values), values)


def _among_best(task: Task, ways: int) -> NDArray[np.float64]:
    """Upper bounds that leave each workload what the fractions hold and come closest to holding."""
    upper = task.program.upper.copy()
    values, reduced = task.point.values, task.point.reduced
    for workload in task.part.model.problem.workloads:
        columns = [way.columns[0] for way in task.part.model.ways_of(workload)]
        columns.sort(key=lambda c: (values[c] < HELD, reduced[c], c))
        upper[columns[ways:]] = task.program.lower[columns[ways:]]
    return upper


def rounded(part: Part, program: Program, point: Point) -> NDArray[np.float64] | None:
    """The fractions rounded up, where that keeps all promises."""
    values = np.where(program.integer, np.ceil(point.values - 1e-9), point.values)
    activity = program.activity(values)
    keeps = (
        (values <= program.upper + 1e-9).all()
        and (activity >= program.row_lower - 1e-9).all()
        and np.delete(activity <= program.row_upper + 1e-9, part.work_rows).all()
    )
    return values if keeps else None
