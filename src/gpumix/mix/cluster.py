"""A coarse problem: blocks whose demand is alike as one block, of their mean demand.

Its fractional optimum is a first guess of what to commit to. Averages lose the peaks, so it costs
a little less than the whole problem's.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.commitments import commitments, in_blocks
from gpumix.mix.problem import Block, Problem, Workload

ROUNDS = 20
"""Of moving each block to the nearest mean; they settle in about ten."""


def clusters(problem: Problem, most: int) -> tuple[tuple[int, ...], ...]:
    """Groups of block indices: at most so many, or one for each set of windows and terms if more.

    Blocks inside and outside a batch window, a commitment's term or a year of limited cash never
    share a group.
    """
    loads = _loads(problem)
    counts = commitments(problem).counts
    groups: dict[tuple[float, ...], list[int]] = {}
    for p in range(len(problem.blocks)):
        key = (
            *(w.counts_in(p) for w in problem.workloads if w.is_batch),
            *map(bool, counts[p]),
            *(limit.of_block[p] for limit in problem.cash),
        )
        groups.setdefault(key, []).append(p)
    out: list[tuple[int, ...]] = []
    for members in groups.values():
        share = max(round(most * len(members) / len(problem.blocks)), 1)
        out += _alike(loads, members, share)
    return tuple(sorted(out))


def coarse(problem: Problem, groups: Sequence[Sequence[int]]) -> Problem:
    """The problem with a block for each group; what unfinished work costs and shifts are left out.

    The order of the groups is not one of time, and a cost or limit left out keeps a bound a bound.
    """
    hours = [[problem.blocks[p].hours for p in group] for group in groups]
    blocks = tuple(
        Block(problem.blocks[group[0]].id, math.fsum(h))
        for group, h in zip(groups, hours, strict=True)
    )

    def mean(series: Sequence[float]) -> tuple[float, ...]:
        return tuple(
            math.fsum(series[p] * x for p, x in zip(group, h, strict=True)) / math.fsum(h)
            for group, h in zip(groups, hours, strict=True)
        )

    def workload(w: Workload) -> Workload:
        if w.is_batch:
            window = tuple(i for i, group in enumerate(groups) if w.counts_in(group[0]))
            return replace(w, window=window, delay_cost=0.0, shifts=())
        if isinstance(w.demand, Mapping):
            return replace(w, demand={name: mean(series) for name, series in w.demand.items()})
        return replace(w, demand=mean(w.demand))

    return replace(
        problem,
        blocks=blocks,
        resources=tuple(in_blocks(r, groups) for r in problem.resources),
        workloads=tuple(map(workload, problem.workloads)),
        cash=tuple(
            replace(limit, of_block=tuple(limit.of_block[group[0]] for group in groups))
            for limit in problem.cash
        ),
    )


def busiest(problem: Problem) -> Problem:
    """The block of greatest load alone, without work that may wait: limits that it cannot keep, the
    whole problem cannot keep either."""
    served = tuple(w for w in problem.workloads if not w.is_batch)
    names = {w.id for w in served}
    configs = tuple(c for c in problem.configs if c.cut or c.workload in names)
    part = replace(problem, workloads=served, configs=configs, cash=())
    block = int(_loads(part).sum(axis=1).argmax()) if served else 0
    return coarse(part, ((block,),))


def _loads(problem: Problem) -> NDArray[np.float64]:
    """Demand by block and by workload or class, each scaled to a mean of 1."""
    series = [
        [w.class_demand(p)[name] for p in range(len(problem.blocks))]
        for w in problem.workloads
        if not w.is_batch
        for name in w.classes or ("",)
    ]
    loads = np.array(series, dtype=np.float64).reshape(len(series), len(problem.blocks)).T
    means = loads.mean(axis=0)
    return loads / np.where(means > 0.0, means, 1.0)


def _alike(loads: NDArray[np.float64], members: Sequence[int], most: int) -> list[tuple[int, ...]]:
    """k-means, begun with the block of greatest load and then always the one farthest off.

    Source: Gonzalez, "Clustering to minimize the maximum intercluster distance", Theoretical
        Computer Science 38 (1985) 293-306, for the beginning; Lloyd's rounds after it.
    """
    points = loads[list(members)]
    chosen = [int(points.sum(axis=1).argmax())]
    nearest = _distance(points, points[chosen[0]])
    while len(chosen) < most and nearest.max() > 0.0:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, _distance(points, points[chosen[-1]]))
    centres = points[chosen]
    for _ in range(ROUNDS):
        of = np.array([_distance(points, centre) for centre in centres]).argmin(axis=0)
        moved = np.array(
            [
                points[of == k].mean(axis=0) if (of == k).any() else centre
                for k, centre in enumerate(centres)
            ]
        )
        if np.array_equal(moved, centres):
            break
        centres = moved
    return [
        tuple(members[int(i)] for i in np.flatnonzero(of == k))
        for k in range(len(centres))
        if (of == k).any()
    ]


def _distance(points: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(((points - centre) ** 2).sum(axis=1))
