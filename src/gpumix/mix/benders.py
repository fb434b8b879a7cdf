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

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.cash import cash_rows
from gpumix.mix.commitments import limit_rows, quota_rows
from gpumix.mix.digits import dot
from gpumix.mix.highs import Outcome, run
from gpumix.mix.linear import Linear, Term
from gpumix.mix.parts import Priced, Split, price_blocks
from gpumix.mix.problem import Workload

RECENT = 8
"""Rounds whose cuts the master keeps while it looks for the next point."""

REGION = 0.1, 0.3
"""How far the next point may be from the best one: share of counts, of a block's batch work."""

MASTER_GAP = 1e-5

REPAIRS = 5
"""Rounds more of whole counts while some promise is broken at those found."""

GROUP_ROUNDS, GROUP_GAP, GROUP_NODES = 15, 2e-3, 10
"""Rounds for the choice of groups at most, the gap at which they end, and nodes for one's nodes."""

MISSED = 1e-7
"""Shares of promises, summed, below which none counts as broken."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What the master says: counts, shares of batch work (block x batch), and a bound [USD]."""

    n: NDArray[np.float64]
    shares: NDArray[np.float64]
    bound: float


Start = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Counts and shares of batch work (block x batch), in fractions."""


def commit(split: Split, starts: Sequence[Start], rounds: int, nodes: int) -> tuple[Priced, float]:
    """Whole counts of what to commit to, and a lower bound on every plan [USD].

    Args:
        split: the problem in parts.
        starts: where to begin; from all but the last come cuts alone. Groups that are used or not
            at the last one stay so, as long as the promises can be kept.
        rounds: of cuts with fractional counts from each start; two more follow with whole ones.
        nodes: of the master's search tree for whole counts.
    """
    found: list[Priced] = []
    for i, start in enumerate(starts):
        best = _rounds(split, found, start, rounds, keep=i > 0)
    bound = 0.0
    if len(starts) > 1:
        best, bound = _other_groups(split, found, best, nodes)
    every = range(len(split.had.terms))
    bound = max(bound, _master(split, found, whole=every, nodes=nodes).bound)
    region = Region(best, 1.0, keep=len(starts) > 1)
    whole = _master(split, found, whole=every, nodes=nodes, region=region)
    fixed = price_blocks(split, whole.n, whole.shares)
    found.append(fixed)
    for _ in range(REPAIRS):
        if fixed.missing.sum() <= MISSED:
            break
        choice = _master(split, found, whole=every, nodes=nodes, region=Region(fixed, np.inf))
        fixed = price_blocks(split, choice.n, choice.shares)
        found.append(fixed)
    choice = _master(split, found, region=Region(fixed, 0.0))
    last = price_blocks(split, choice.n, choice.shares)
    return min(fixed, last, key=lambda one: one.total(split)), bound


def _rounds(split: Split, found: list[Priced], start: Start, rounds: int, *, keep: bool) -> Priced:
    """Cuts from a start on, added to those found; the best point."""
    own = [price_blocks(split, *start)]
    best, size = own[0], 1.0
    for _ in range(rounds):
        choice = _master(split, own[-RECENT:], region=Region(best, size, keep=keep))
        own.append(price_blocks(split, choice.n, choice.shares))
        if own[-1].total(split) < best.total(split):
            best = own[-1]
        else:
            size *= 0.5
    found += own
    if len(split.had.group_columns):
        found += [price_blocks(split, _all_used(split, p.n), p.shares) for p in own]
    return best


def _other_groups(
    split: Split, found: list[Priced], best: Priced, nodes: int
) -> tuple[Priced, float]:
    """Cuts where the master would rather use other groups, until it proves that it would not.

    The best point, with whole groups, and a bound.
    """
    groups = split.had.group_columns
    bound = 0.0
    for _ in range(GROUP_ROUNDS):
        choice = _master(split, found, whole=groups, nodes=GROUP_NODES * nodes)
        bound = max(bound, choice.bound)
        if not len(choice.n) or bound > (1.0 - GROUP_GAP) * best.total(split):
            break
        point = price_blocks(split, choice.n, choice.shares)
        found += [point, price_blocks(split, _all_used(split, choice.n), choice.shares)]
        best = min(best, point, key=lambda one: one.total(split))
    return best, bound


def _all_used(split: Split, n: NDArray[np.float64]) -> NDArray[np.float64]:
    """The counts with every group used: cuts there say what commitments are worth by themselves."""
    out = n.copy()
    out[list(split.had.group_columns)] = 1.0
    return out


@dataclass(frozen=True, slots=True)
class Region:
    """Where the next point may be: around the best one; of size 0, only the shares may move.

    Groups are free, however small the region, unless they are kept as they are.
    """

    around: Priced
    size: float
    keep: bool = False


def _master(
    split: Split,
    found: Sequence[Priced],
    *,
    region: Region | None = None,
    whole: Collection[int] = (),
    nodes: int | None = None,
) -> Choice:
    """The master problem's optimum, within a region or everywhere, some commitments whole."""
    linear = Linear()
    counts = [
        linear.column(usd, most, least, integer=k in whole)
        for k, (usd, least, most) in enumerate(
            zip(split.had.cost, *_count_bounds(split, region), strict=True)
        )
    ]
    low, high = _share_bounds(split, region)
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
    cash_rows(linear, split.had, counts, [[(block, unit)] for block in blocks])
    for priced in found:
        _cuts(linear, priced, unit, counts, shares, blocks)
    outcome = run(linear, gap=MASTER_GAP, node_limit=nodes, deadline=split.deadline)
    return _choice(outcome, counts, shares, region, whole)


def _choice(
    outcome: Outcome,
    counts: Sequence[int],
    shares: Sequence[Sequence[int]],
    region: Region | None,
    whole: Collection[int],
) -> Choice:
    bound = max(outcome.bound, 0.0) if outcome.status != "infeasible" else 0.0
    if not outcome.values:
        if region is None:
            return Choice(np.array([]), np.array([]), bound)
        return Choice(np.ceil(region.around.n - 1e-9), region.around.shares, bound)
    values = np.array(outcome.values)
    n = values[list(counts)] if counts else np.zeros(0)
    n[list(whole)] = np.round(n[list(whole)])
    chosen = np.array([values[list(row)] if row else np.zeros(0) for row in shares])
    return Choice(n, chosen.reshape(len(shares), -1), bound)


def _count_bounds(
    split: Split, region: Region | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    had = split.had
    most = np.array([part.program.upper[part.counts] for part in split.parts])
    least = np.zeros(len(had.terms))
    least[: len(had.resource_of)] = [resource.min_instances for resource in had.resource_of]
    high = np.maximum(had.spread(most).max(axis=0), least)
    low = np.array([least[k] if len(had.members[r]) == 1 else 0.0 for k, r in enumerate(had.of)])
    low[list(had.group_columns)] = [float(bool(had.always_run(g))) for g in had.groups]
    if region is None:
        return low, high
    n = region.around.n
    if region.size == 0.0:
        return n, n
    reach = region.size * (REGION[0] * n + 1.0)
    reach[list(had.group_columns)] = 0.0 if region.keep else 1.0
    return np.maximum(low, n - reach), np.minimum(high, n + reach)


def _share_bounds(
    split: Split, region: Region | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    shape = len(split.parts), len(split.batches)
    high = np.array(
        [
            [float(b.counts_in(p)) * b.most_share(p, block.hours) for b in split.batches]
            for p, block in enumerate(split.problem.blocks)
        ]
    ).reshape(shape)
    if region is None:
        return np.zeros(shape), high
    shares = region.around.shares
    reach = (region.size or 1.0) * REGION[1] * (shares + shares.mean(axis=0))
    return np.maximum(0.0, shares - reach), np.minimum(high, shares + reach)


def _work(split: Split, linear: Linear, batch: Workload, shares: Sequence[int]) -> None:
    """All the work and every shift is done; each block before which it is not costs its delay."""
    done: list[Term] = []
    for p, block in enumerate(split.problem.blocks):
        if batch.delay_cost > 0.0:
            usd = batch.delay_cost * block.hours * split.problem.repeat
            unfinished = linear.column(usd, 1.0, integer=False)
            linear.row([*done, (unfinished, 1.0)], lower=1.0)
        done.append((shares[p], 1.0))
    linear.row(done, lower=1.0)
    for shift in batch.shifts:
        linear.row(
            [
                (shares[p], batch.work * hours / (shift.work * block.hours))
                for p, (block, hours) in enumerate(
                    zip(split.problem.blocks, shift.hours, strict=True)
                )
                if hours
            ],
            lower=1.0,
        )


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
        at = float(
            dot(priced.per_instance[p], priced.n) + dot(priced.per_work[p], priced.shares[p])
        )
        terms = [(c, -s / unit) for c, s in zip(columns, slope, strict=True)]
        linear.row([(block, 1.0), *terms], lower=(float(priced.usd[p]) - at) / unit)
