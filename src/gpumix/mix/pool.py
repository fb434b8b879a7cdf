"""Pools: resources that differ only in how they are paid for share one set of replica counts.

A reserved and an on-demand instance of the same GPU are the same to a workload. One replica count
for both instead of two removes most of the symmetry that slows the search, and loses nothing as
long as every plan for the pool can be dealt out to its members. That holds if each replica size
divides the next and all divide every instance size (then packing the largest first leaves no gap)
and if nothing is counted by resource: no `max_replicas`, no `n_plus_one`. Ways to cut GPUs are
dealt out like replicas, and slices then go where GPUs have been cut into them.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from gpumix.mix.problem import Config, Problem, Resource, Workload


@dataclass(frozen=True, slots=True)
class Pool:
    """Resources (indices) and, for each of the pool's configs, the members' configs (indices).

    `configs[j][i]` is the config that is the pool's j-th on its i-th resource.
    """

    resources: tuple[int, ...]
    configs: tuple[tuple[int, ...], ...]


def single_pools(problem: Problem) -> tuple[Pool, ...]:
    """Every resource for itself."""
    by_resource = _configs_by_resource(problem)
    return tuple(
        Pool((i,), tuple((c,) for c in by_resource[resource.id]))
        for i, resource in enumerate(problem.resources)
    )


def shared_pools(problem: Problem) -> tuple[Pool, ...]:
    """Resources gathered into pools wherever that is exact; the rest stay single."""
    by_resource = _configs_by_resource(problem)
    workloads = problem.workload_by_id
    groups: dict[Hashable, list[tuple[int, list[int]]]] = {}
    for i, resource in enumerate(problem.resources):
        indices = by_resource[resource.id]
        configs = [problem.configs[c] for c in indices]
        if _can_share(resource, configs, workloads):
            order = sorted(range(len(configs)), key=lambda k: _sort_key(configs[k]))
            key: Hashable = (
                _matters_spot(configs, workloads) and resource.spot,
                tuple(_sort_key(configs[k]) for k in order),
            )
            groups.setdefault(key, []).append((i, [indices[k] for k in order]))
        else:
            groups[i] = [(i, indices)]
    return tuple(
        Pool(tuple(i for i, _ in group), tuple(zip(*(c for _, c in group), strict=True)))
        for group in groups.values()
    )


def deal_out(
    problem: Problem, pool: Pool, replicas: Sequence[int], instances: Sequence[int], block: int
) -> dict[int, int]:
    """Replicas of each member config (by index), from those of the pool, in one block.

    Largest replicas first, onto committed instances first and then the cheapest per GPU, so that
    what stays idle is what can be switched off.
    """
    if len(pool.resources) == 1:
        return {members[0]: z for members, z in zip(pool.configs, replicas, strict=True)}
    free = [
        problem.resources[r].gpus_per_instance * n
        for r, n in zip(pool.resources, instances, strict=True)
    ]
    members = sorted(
        range(len(free)), key=lambda i: _dealing_order(problem.resources[pool.resources[i]])
    )
    out = dict.fromkeys((c for config in pool.configs for c in config), 0)
    sizes = [problem.configs[config[0]].gpus for config in pool.configs]
    for j in sorted((j for j, size in enumerate(sizes) if size), key=lambda j: -sizes[j]):
        left = replicas[j]
        for i in members:
            placed = min(left, free[i] // sizes[j])
            out[pool.configs[j][i]] = placed
            free[i] -= placed * sizes[j]
            left -= placed
    _deal_out_slices(problem, pool, replicas, members, out)
    return out


def _deal_out_slices(
    problem: Problem,
    pool: Pool,
    replicas: Sequence[int],
    members: Sequence[int],
    out: dict[int, int],
) -> None:
    """Replicas that take slices, where the GPUs that `out` cuts have them."""
    made: dict[tuple[int, str], int] = {}
    for configs in pool.configs:
        for i, c in enumerate(configs):
            for name, count in problem.configs[c].cut.items():
                made[i, name] = made.get((i, name), 0) + count * out[c]
    for j, configs in enumerate(pool.configs):
        name, left = problem.configs[configs[0]].slice, replicas[j]
        for i in members if name else ():
            placed = min(left, made.get((i, name), 0))
            out[configs[i]] = placed
            made[i, name] = made.get((i, name), 0) - placed
            left -= placed


def _configs_by_resource(problem: Problem) -> dict[str, list[int]]:
    out: dict[str, list[int]] = {resource.id: [] for resource in problem.resources}
    for c, config in enumerate(problem.configs):
        out[config.resource].append(c)
    return out


def _can_share(
    resource: Resource, configs: Sequence[Config], workloads: Mapping[str, Workload]
) -> bool:
    sizes = sorted({config.gpus for config in configs if not config.slice})
    divides = all(b % a == 0 for a, b in pairwise([*sizes, resource.gpus_per_instance]))
    counted = any(
        config.max_replicas is not None
        or (not config.cut and workloads[config.workload].n_plus_one)
        for config in configs
    )
    return bool(configs) and divides and not counted


def _matters_spot(configs: Sequence[Config], workloads: Mapping[str, Workload]) -> bool:
    return any(
        workloads[config.workload].max_spot_share is not None
        for config in configs
        if not config.cut
    )


def _sort_key(
    config: Config,
) -> tuple[str, int, str, tuple[tuple[str, float], ...], float, float, tuple[tuple[str, int], ...]]:
    rates = tuple(sorted(config.class_rate.items()))
    cut = tuple(sorted(config.cut.items()))
    return (config.workload, config.gpus, config.slice, rates, config.var_cost, config.unpaid, cut)


def _dealing_order(resource: Resource) -> tuple[bool, float, str]:
    usd_per_gpu_hour = resource.hourly_cost / resource.gpus_per_instance
    return (not resource.is_committed, usd_per_gpu_hour, resource.id)
