"""What would give a mix problem a plan, what its rules cost, and when committing pays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

from gpumix.mix.problem import Problem, Resource, Workload
from gpumix.mix.solve import feasible, least_slack


@dataclass(frozen=True, slots=True)
class Relaxation:
    """How far one limit would have to move for a plan to exist while all others are kept.

    `stated` and `needed` are in the limit's own measure: the share (0-1) of the stated demand or
    work that can be met (stated = 1), kW, USD, instances, replicas, the spot share; 1 and 0 for
    `n_plus_one`. `needed` is None where moving this limit alone does not help.
    """

    limit: str
    stated: float
    needed: float | None

    @property
    def change(self) -> float:
        """The move as a share of what was stated; infinite where it does not help."""
        if self.needed is None:
            return float("inf")
        return abs(self.needed - self.stated) / max(abs(self.stated), 1.0)


def relaxations(problem: Problem, limits_in_conflict: Sequence[str]) -> tuple[Relaxation, ...]:
    """For each limit, how far it alone would have to move for a plan to exist; smallest move first.

    Where conflicts do not overlap, no single limit helps and every `needed` is None.
    """
    out = []
    for limit in limits_in_conflict:
        stated = _stated(problem, limit)
        if limit.startswith("n_plus_one:"):
            needed = 0.0 if feasible(problem, dropped=[limit]) else None
        elif limit.startswith("max_spot_share:"):
            needed = _least_spot_share(problem, limit)
        else:
            slack = least_slack(problem, limit)
            falls = limit.startswith(("demand:", "work:", "min_instances:"))
            needed = None if slack is None else stated + (-slack if falls else slack)
        out.append(Relaxation(limit, stated, needed))
    return tuple(sorted(out, key=lambda r: r.change))


def relaxed(problem: Problem, limit: str, value: float) -> Problem:
    """The problem with one limit moved to a value, in the measure of `Relaxation`."""
    kind, _, name = limit.partition(":")
    if kind == "site_kw":
        return replace(problem, site_kw={**problem.site_kw, name: value})
    if kind == "capex_budget":
        return replace(problem, capex_budget=value)
    if kind == "quota":
        return replace(problem, quotas={**problem.quotas, name: round(value)})
    if kind == "most":
        return replace(problem, most={**problem.most, name: round(value)})
    if kind == "max_replicas":
        return replace(
            problem,
            configs=tuple(
                replace(c, max_replicas=round(value))
                if f"{c.workload}/{c.resource}" == name and c.max_replicas is not None
                else c
                for c in problem.configs
            ),
        )
    return replace(
        problem,
        resources=tuple(
            _moved_resource(r, kind, value) if r.id == name else r for r in problem.resources
        ),
        workloads=tuple(
            _moved_workload(w, kind, value) if w.id == name else w for w in problem.workloads
        ),
    )


def _moved_resource(resource: Resource, kind: str, value: float) -> Resource:
    if kind == "max_instances":
        return replace(resource, max_instances=round(value))
    if kind == "min_instances":
        return replace(resource, min_instances=round(value))
    return resource


def _moved_workload(workload: Workload, kind: str, value: float) -> Workload:
    if kind == "demand":
        demand = workload.demand
        if isinstance(demand, tuple):
            return replace(workload, demand=tuple(d * value for d in demand))
        return replace(
            workload,
            demand={name: tuple(d * value for d in series) for name, series in demand.items()},
        )
    if kind == "work":
        return replace(workload, work=workload.work * value)
    if kind == "n_plus_one":
        return replace(workload, n_plus_one=bool(value))
    if kind == "max_spot_share":
        return replace(workload, max_spot_share=value)
    return workload


def _stated(problem: Problem, limit: str) -> float:
    kind, _, name = limit.partition(":")
    if kind == "site_kw":
        return problem.site_kw[name]
    if kind == "capex_budget":
        return problem.capex_budget or 0.0
    if kind == "quota":
        return float(problem.quotas[name])
    if kind == "most":
        return float(problem.most[name])
    if kind == "max_spot_share":
        return problem.workload_by_id[name].max_spot_share or 0.0
    if kind == "max_instances":
        return float(problem.resource_by_id[name].max_instances or 0)
    if kind == "min_instances":
        return float(problem.resource_by_id[name].min_instances)
    if kind == "max_replicas":
        return float(
            max(
                c.max_replicas or 0 for c in problem.configs if f"{c.workload}/{c.resource}" == name
            )
        )
    return 1.0


SPOT_SHARE_STEP = 1e-3
"""Precision of the spot share that would do."""


def _least_spot_share(problem: Problem, limit: str) -> float | None:
    """The least spot share, to a step, at which a plan exists, by bisection."""
    if not feasible(problem, dropped=[limit]):
        return None
    low, high = _stated(problem, limit), 1.0
    while high - low > SPOT_SHARE_STEP:
        middle = 0.5 * (low + high)
        if feasible(relaxed(problem, limit, middle)):
            high = middle
        else:
            low = middle
    return high


def restricted(problem: Problem, keep: Callable[[Resource], bool] | Collection[str]) -> Problem:
    """The problem with only some of its resources: those `keep` is true of, or whose ids it has.

    Solving it tells what a rule such as "only H100" or "no cloud" costs. Groups keep what is left
    of them.
    """
    resources = tuple(r for r in problem.resources if (keep(r) if callable(keep) else r.id in keep))
    left = {resource.id for resource in resources}
    configs = tuple(config for config in problem.configs if config.resource in left)
    groups = tuple(
        replace(group, resources=tuple(r for r in group.resources if r in left))
        for group in problem.groups
    )
    return replace(problem, resources=resources, configs=configs, groups=groups)
