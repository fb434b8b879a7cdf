"""Drop what cannot be part of the cheapest plan: configs that another config always replaces.

Only what is provably safe: the optimum of the pruned problem is an optimum of the whole one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from gpumix.mix.problem import Config, Problem, Resource, Workload


def prune(problem: Problem) -> tuple[Problem, tuple[int, ...]]:
    """The problem without dominated configs, and the indices of the configs that are kept.

    Config a falls to b, of the same workload and resource, if m = gpus_a // gpus_b >= 1 replicas of
    b deliver at least rate_a (of every class) and cost at most var_cost_a: each replica of a could
    be swapped for m of b on the same GPUs. Not where swapping could break a limit: b capped by
    `max_replicas`; the workload `n_plus_one` (what is lost depends on it); a spot resource under
    `max_spot_share` unless both deliver the same. Slices are compared with others of their name. A
    config that delivers nothing is dropped too, and one that cuts GPUs into slices nobody takes.
    """
    resources, workloads = problem.resource_by_id, problem.workload_by_id
    rivals: dict[tuple[str, str, str], list[int]] = {}
    for c, config in enumerate(problem.configs):
        if config.class_rate:
            key = (config.workload, config.resource, config.slice)
            rivals.setdefault(key, []).append(c)
    taken = {(resource, name) for _, resource, name in rivals}
    kept = [
        c
        for c, config in enumerate(problem.configs)
        if any((config.resource, name) in taken for name in config.cut)
    ]
    for (workload, resource, _), indices in rivals.items():
        kept += _undominated(problem, indices, workloads[workload], resources[resource])
    kept.sort()
    configs = tuple(problem.configs[c] for c in kept)
    return replace(problem, configs=configs), tuple(kept)


def _undominated(
    problem: Problem, indices: Sequence[int], workload: Workload, resource: Resource
) -> list[int]:
    if workload.n_plus_one:
        return list(indices)
    same_rate = resource.spot and workload.max_spot_share is not None and not workload.classes
    left = list(indices)
    for a in indices:
        if any(
            b != a and _replaces(problem.configs[b], problem.configs[a], same_rate) for b in left
        ):
            left.remove(a)
    return left


def _replaces(b: Config, a: Config, same_rate: bool) -> bool:
    m = 1 if a.slice else a.gpus // b.gpus
    if m < 1 or b.max_replicas is not None or m * b.var_cost > a.var_cost:
        return False
    rates = b.class_rate
    if same_rate and m * b.plain_rate != a.plain_rate:
        return False
    return all(m * rates.get(name, 0.0) >= rate for name, rate in a.class_rate.items())
