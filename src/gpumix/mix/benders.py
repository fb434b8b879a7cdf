"""Commitments for all blocks: Benders' cuts on the blocks' cost.

The master problem chooses counts of the commitments and each block's share of the batch
work, and pays for every block at least what the cuts say: the block's cost where it has been
solved, and from there on by its prices. Each round solves all blocks at the master's choice and
adds their cuts. The master with all cuts bounds every plan from below.

Source: Benders, "Partitioning procedures for solving mixed-variables programming problems",
Numerische Mathematik 4 (1962) 238-252; the region around the best point as in Linderoth and
Wright, "Decomposition algorithms for stochastic programming", Computational Optimization and
Applications 24 (2003) 207-250.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.commitments import limit_rows, quota_rows
from gpumix.mix.highs import Outcome, run
from gpumix.mix.linear import Linear, Term
from gpumix.mix.parts import Priced, Split, price_blocks
from gpumix.mix.problem import Workload

RECENT = 8
"""Rounds whose cuts the master keeps while it looks for the next point."""

REGION = 0.1, 0.3
"""How far the next point may be from the best one: share of counts, of a block's batch work."""

MASTER_GAP = 1e-5


@dataclass(frozen=True, slots=True)
class Choice:
    """What the master says: counts, shares of batch work (block x batch), and a bound [USD]."""

    n: NDArray[np.float64]
    shares: NDArray[np.float64]
    bound: float


def commit(
    split: Split,
    n: NDArray[np.float64],
    shares: NDArray[np.float64],
    rounds: int,
    nodes: int,
) -> tuple[Priced, float]:
    """Whole counts of what to commit to, and a lower bound on every plan [USD].

    Args:
        split: the problem in parts.
        n, shares: where to begin; fractions.
        rounds: of cuts with fractional counts; two more follow with whole ones.
        nodes: of the master's search tree for whole counts.
    """
    found = [price_blocks(split, n, shares)]
    best, size = found[0], 1.0
    for _ in range(rounds):
        choice = _master(split, found[-RECENT:], around=best, size=size)
        found.append(price_blocks(split, choice.n, choice.shares))
        if found[-1].total(split) < best.total(split):
            best = found[-1]
        else:
            size *= 0.5
    bound = _master(split, found, whole=True, nodes=nodes).bound
    whole = _master(split, found, whole=True, nodes=nodes, around=best)
    fixed = price_blocks(split, whole.n, whole.shares)
    found.append(fixed)
    choice = _master(split, found, around=fixed, fixed=True)
    last = price_blocks(split, choice.n, choice.shares)
    return min(fixed, last, key=lambda one: one.total(split)), bound


def _master(
    split: Split,
    found: Sequence[Priced],
    *,
    around: Priced | None = None,
    size: float = 1.0,
    fixed: bool = False,
    whole: bool = False,
    nodes: int | None = None,
) -> Choice:
    """The master problem's optimum, within a region around a point or everywhere."""
    linear = Linear()
    counts = [
        linear.column(usd, high, low, integer=whole)
        for usd, low, high in zip(
            split.had.cost, *_count_bounds(split, around, size, fixed), strict=True
        )
    ]
    low, high = _share_bounds(split, around, size)
    shares = [
        [linear.column(0.0, most, least, integer=False) for least, most in zip(*b, strict=True)]
        for b in zip(low, high, strict=True)
    ]
    unit = max(min(priced.total(split) for priced in found) / len(split.parts), 1.0)
    blocks = [linear.column(unit, np.inf, integer=False) for _ in split.parts]
    for k, batch in enumerate(split.batches):
        _work(split, linear, batch, [row[k] for row in shares])
    limit_rows(linear, split.had, counts)
    quota_rows(linear, split.had, counts)
    for priced in found:
        _cuts(linear, priced, unit, counts, shares, blocks)
    outcome = run(linear, gap=MASTER_GAP, node_limit=nodes, deadline=split.deadline)
    return _choice(outcome, counts, shares, around, whole)


def _choice(
    outcome: Outcome,
    counts: Sequence[int],
    shares: Sequence[Sequence[int]],
    around: Priced | None,
    whole: bool,
) -> Choice:
    bound = max(outcome.bound, 0.0) if outcome.status != "infeasible" else 0.0
    if not outcome.values:
        if around is None:
            return Choice(np.array([]), np.array([]), bound)
        return Choice(np.ceil(around.n - 1e-9), around.shares, bound)
    values = np.array(outcome.values)
    n = values[list(counts)] if counts else np.zeros(0)
    if whole:
        n = np.round(n)
    chosen = np.array([values[list(row)] if row else np.zeros(0) for row in shares])
    return Choice(n, chosen.reshape(len(shares), -1), bound)


def _count_bounds(
    split: Split, around: Priced | None, size: float, fixed: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    had = split.had
    most = np.array([part.program.upper[part.counts] for part in split.parts])
    least = np.array([float(had.resources[r].min_instances) for r in had.of])
    high = np.maximum(had.spread(most).max(axis=0), least)
    low = np.array([least[k] if len(had.members[r]) == 1 else 0.0 for k, r in enumerate(had.of)])
    if around is None:
        return low, high
    if fixed:
        return around.n, around.n
    reach = size * (REGION[0] * around.n + 1.0)
    return np.maximum(low, around.n - reach), np.minimum(high, around.n + reach)


def _share_bounds(
    split: Split, around: Priced | None, size: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shape = len(split.parts), len(split.batches)
    high = np.array(
        [[float(b.counts_in(p)) for b in split.batches] for p in range(shape[0])]
    ).reshape(shape)
    if around is None:
        return np.zeros(shape), high
    reach = size * REGION[1] * (around.shares + around.shares.mean(axis=0))
    return np.maximum(0.0, around.shares - reach), np.minimum(high, around.shares + reach)


def _work(split: Split, linear: Linear, batch: Workload, shares: Sequence[int]) -> None:
    """All the work is done, and each block before which it is not costs its delay."""
    done: list[Term] = []
    for p, block in enumerate(split.problem.blocks):
        if batch.delay_cost > 0.0:
            usd = batch.delay_cost * block.hours * split.problem.repeat
            unfinished = linear.column(usd, 1.0, integer=False)
            linear.row([*done, (unfinished, 1.0)], lower=1.0)
        done.append((shares[p], 1.0))
    linear.row(done, lower=1.0)


def _cuts(
    linear: Linear,
    priced: Priced,
    unit: float,
    counts: Sequence[int],
    shares: Sequence[Sequence[int]],
    blocks: Sequence[int],
) -> None:
    """usd >= its cost at the point + prices x (the distance from the point), for each block."""
    for p, block in enumerate(blocks):
        slope = [*priced.per_instance[p], *priced.per_work[p]]
        columns = [*counts, *shares[p]]
        at = float(priced.per_instance[p] @ priced.n + priced.per_work[p] @ priced.shares[p])
        terms = [(c, -s / unit) for c, s in zip(columns, slope, strict=True)]
        linear.row([(block, 1.0), *terms], lower=(float(priced.usd[p]) - at) / unit)
