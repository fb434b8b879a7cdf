"""From the solver's columns to whole counts of the problem's own resources and configs."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.model import Model, Way
from gpumix.mix.plan import BlockPlan
from gpumix.mix.pool import deal_out
from gpumix.mix.problem import Problem

Values = Sequence[float] | NDArray[np.float64]
"""Of a program's columns."""


def block_plan(
    problem: Problem,
    kept: Sequence[int],
    model: Model,
    values: Values,
    block: int,
    at: int,
) -> BlockPlan:
    """What runs in one block of a problem.

    Args:
        problem: the whole one, its configs not pruned.
        kept: index in `problem` of each config of the model's problem.
        model, values: a program that holds the block, and the values of its columns.
        block, at: index of the block in `problem` and in the model's problem.
    """
    replicas = [0] * len(problem.configs)
    served: list[dict[str, float]] = [{} for _ in problem.configs]
    for q, pool in enumerate(model.pools):
        ways = [way for way in model.ways if way.pool == q]
        z = [round(values[way.columns[at]]) for way in ways]
        instances = [round(values[model.instances[r][at]]) for r in pool.resources]
        dealt = deal_out(model.problem, pool, z, instances, at)
        for members, way, total in zip(pool.configs, ways, z, strict=True):
            for c in members:
                replicas[kept[c]] = dealt[c]
                if total:
                    served[kept[c]] = _served(way, at, dealt[c] / total, values)
    gpus = dict.fromkeys((r.id for r in problem.resources), 0)
    for config, n in zip(problem.configs, replicas, strict=True):
        gpus[config.resource] += config.gpus * n
    running = {
        r.id: max(r.min_instances, -(-gpus[r.id] // r.gpus_per_instance))
        for r in problem.resources
        if not r.is_committed
    }
    if problem.has_classes:
        _serve_exactly(problem, served, block)
    return BlockPlan(
        problem.blocks[block].id,
        running,
        tuple(replicas),
        tuple(served) if problem.has_classes else (),
    )


def _served(way: Way, block: int, share: float, values: Values) -> dict[str, float]:
    """Shares of each class's demand that one member config of a pool serves."""
    return {
        name: values[column] * share
        for (name, p), column in way.served.items()
        if p == block and values[column] * share > 0.0
    }


def _serve_exactly(problem: Problem, served: Sequence[dict[str, float]], block: int) -> None:
    """Turn shares of a class's demand into units/h that add up to the demand."""
    for workload in problem.workloads:
        if not workload.classes:
            continue
        mine = [
            shares
            for config, shares in zip(problem.configs, served, strict=True)
            if config.workload == workload.id
        ]
        for name, demand in workload.class_demand(block).items():
            total = math.fsum(shares.get(name, 0.0) for shares in mine)
            for shares in mine:
                if name in shares:
                    shares[name] *= demand / total
