"""Batch work planned over its whole window, once all inference is whole.

What the blocks held of it is thrown away: replicas go where committed GPUs idle, for nothing, and
then where renting is cheapest, until the work is done in time. A small program is searched as it
is; of a large one the fractional optimum says which columns are worth a search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.highs import WarmProgram, run
from gpumix.mix.linear import Linear, Program, Term
from gpumix.mix.parts import Part, Split

WINDOW_GAP = 1e-4

LARGE_GAP = 1e-3
"""Gaps at which the search may end, in a small and in a large program."""

LARGE = 4_000
"""Whole numbers beyond which only columns near the fractional optimum are searched."""


@dataclass(slots=True)
class Joined:
    """What is left to choose in all blocks as one program; `columns` by block: part's to its."""

    linear: Linear
    columns: list[dict[int, int]]

    def is_rented(self, split: Split) -> NDArray[np.bool_]:
        """Which columns are instances."""
        rented = np.zeros(len(self.linear.cost), dtype=np.bool_)
        for part, columns in zip(split.parts, self.columns, strict=True):
            for instances in part.model.instances:
                if instances[0] in columns:
                    rented[columns[instances[0]]] = True
        return rented


def plan_batch(
    split: Split, whole: Sequence[NDArray[np.float64]], nodes: int
) -> list[NDArray[np.float64]] | None:
    """The blocks' values with batch work and rented instances chosen anew; None if none was found.

    Delay costs decide here, with whole replicas.
    """
    joined = _join(split, whole)
    program = joined.linear.program()
    is_large = int(program.integer.sum()) > LARGE
    near = _near_fractions(program, joined.is_rented(split)) if is_large else program
    gap = LARGE_GAP if is_large else WINDOW_GAP
    outcome = run(near, gap=gap, node_limit=nodes, deadline=split.deadline)
    if is_large and not outcome.values:
        outcome = run(program, gap=gap, node_limit=nodes, deadline=split.deadline)
    if not outcome.values:
        return None
    out = []
    for values, columns in zip(whole, joined.columns, strict=True):
        chosen = values.copy()
        for mine, column in columns.items():
            chosen[mine] = outcome.values[column]
        out.append(chosen)
    return out


def _join(split: Split, whole: Sequence[NDArray[np.float64]]) -> Joined:
    joined = Joined(Linear(), [])
    done: list[list[list[Term]]] = []
    for part, values in zip(split.parts, whole, strict=True):
        done.append(_add_part(joined, part, values))
    for k, batch in enumerate(split.batches):
        before: list[Term] = []
        for p, block in enumerate(split.problem.blocks):
            if batch.delay_cost > 0.0:
                usd = batch.delay_cost * block.hours * split.problem.repeat
                unfinished = joined.linear.column(usd, 1.0)
                joined.linear.row([*before, (unfinished, 1.0)], lower=1.0)
            before += done[p][k]
        joined.linear.row(before, lower=1.0)
        for shift in batch.shifts:
            joined.linear.row(
                [
                    (column, share * batch.work * hours / (shift.work * block.hours))
                    for p, (block, hours) in enumerate(
                        zip(split.problem.blocks, shift.hours, strict=True)
                    )
                    for column, share in (done[p][k] if hours else ())
                ],
                lower=1.0,
            )
    return joined


def _add_part(joined: Joined, part: Part, values: NDArray[np.float64]) -> list[list[Term]]:
    """One block's free columns and their rows; returns what they deliver of each batch work."""
    program, linear = part.program, joined.linear
    batch = {w.id for w in part.model.problem.workloads if w.is_batch}
    free = {
        way.columns[0] for way in part.model.ways if way.config.workload in batch or way.config.cut
    }
    free |= {
        part.model.instances[i][0]
        for i, r in enumerate(part.model.problem.resources)
        if not r.is_committed
    }
    free = {c for c in free if program.upper[c] > 0.0}
    columns = {
        c: linear.column(float(program.cost[c]), float(program.upper[c]), float(program.lower[c]))
        for c in sorted(free)
    }
    joined.columns.append(columns)
    kept = values.copy()
    kept[list(columns)] = 0.0
    kept[part.missing] = 0.0
    taken = program.activity(kept)
    is_free = np.zeros(len(program.cost), dtype=np.bool_)
    is_free[list(columns)] = True
    touched = np.unique(program.row_of[is_free[program.index]])
    works: list[list[Term]] = [[] for _ in part.work_rows]
    work_of = {int(row): k for k, row in enumerate(part.work_rows)}
    for row in touched:
        entries = range(program.start[row], program.start[row + 1])
        terms = [
            (columns[int(program.index[e])], float(program.value[e]))
            for e in entries
            if is_free[program.index[e]]
        ]
        if int(row) in work_of:
            works[work_of[int(row)]] = terms
            continue
        linear.row(terms, program.row_lower[row] - taken[row], program.row_upper[row] - taken[row])
    return works


def _near_fractions(program: Program, rented: NDArray[np.bool_]) -> Program:
    """Only what the fractional optimum holds, or would hold at the least change of price.

    Instances may be rented at will, so that what rounding loses can be made up for.
    """
    point = WarmProgram(program).solve()
    if point is None:
        return program
    held = point.values > 1e-6
    dearness = np.where(held | rented, -1.0, point.reduced)
    near = np.zeros_like(held)
    more = int((held | rented).sum()) + LARGE
    near[np.argsort(dearness, kind="stable")[:more]] = True
    return replace(program, upper=np.where(near, program.upper, program.lower))
