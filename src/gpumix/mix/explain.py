"""What would give a mix problem a plan, what its rules cost, and when committing pays."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from gpumix.mix.problem import Problem, Resource, Workload
from gpumix.mix.solve import feasible, least_slack


def needed(problem: Problem, limits: Sequence[str], dropped: Collection[str] = ()) -> float | None:
    """The value at which a plan exists, of limits of one kind that have one value and move alike,
    all others but the dropped ones kept; None where no value helps.

    In their own measure: the share (0-1) of the stated demand or work that can be met, kW, USD,
    instances, replicas, the spot share; 0 for `n_plus_one`, which is kept or not.
    """
    if limits[0].startswith("n_plus_one:"):
        return 0.0 if feasible(problem, dropped=[*dropped, *limits]) else None
    if limits[0].startswith("max_spot_share:"):
        return _least_spot_share(problem, limits, dropped)
    slack = least_slack(problem, limits, dropped)
    falls = limits[0].startswith(("demand:", "work:", "min_instances:"))
    return None if slack is None else _stated(problem, limits[0]) + (-slack if falls else slack)


def relaxed(problem: Problem, limit: str, value: float) -> Problem:
    """The problem with one limit moved to a value, in the measure of `needed`."""
    kind, _, name = limit.partition(":")
    if kind == "site_kw":
        return replace(problem, site_kw={**problem.site_kw, name: value})
    if kind == "capex_budget":
        return replace(problem, capex_budget=value)
    if kind == "cash":
        limits = (replace(x, most=value) if x.id == name else x for x in problem.cash)
        return replace(problem, cash=tuple(limits))
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
        shifts = tuple(replace(s, work=s.work * value) for s in workload.shifts)
        return replace(workload, work=workload.work * value, shifts=shifts)
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
    if kind == "cash":
        return next(x.most for x in problem.cash if x.id == name)
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


def _least_spot_share(
    problem: Problem, limits: Sequence[str], dropped: Collection[str]
) -> float | None:
    """The least spot share, to a step, at which a plan exists, by bisection."""
    if not feasible(problem, dropped=[*dropped, *limits]):
        return None
    low, high = _stated(problem, limits[0]), 1.0
    while high - low > SPOT_SHARE_STEP:
        middle = 0.5 * (low + high)
        moved = problem
        for limit in limits:
            moved = relaxed(moved, limit, middle)
        if feasible(moved, dropped=dropped):
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
