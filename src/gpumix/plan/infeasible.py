"""Limits that cannot hold together, in the user's words, and what would make a plan possible."""

from __future__ import annotations

import math
from collections.abc import Sequence

from gpumix import mix
from gpumix.errors import Infeasible
from gpumix.plan.formulate import Formulation
from gpumix.supply.rentals import GANGS


def explain_infeasible(
    formulation: Formulation, solution: mix.Solution, notes: Sequence[str] = ()
) -> Infeasible:
    """The error that names the conflict and the way out of each limit.

    Of the `notes` on what is not on offer, those about gangs are a way out where a job cannot run.
    """
    words = dict.fromkeys(limit_in_words(formulation, limit) for limit in solution.conflict)
    ways: dict[str, str] = {}  # limits that one key sets share their words: the smallest move stays
    for way in mix.relaxations(formulation.problem, solution.conflict):
        if way.needed is not None:
            limit = limit_in_words(formulation, way.limit)
            ways.setdefault(limit, f"{limit}: {_to(formulation, way)}")
    found = list(ways.values())
    if any(limit.startswith("work:") for limit in solution.conflict):
        found += [note for note in notes if note.startswith(GANGS)]
    return Infeasible("no plan keeps all of these: " + "; ".join(words), solution.conflict, found)


def limit_in_words(formulation: Formulation, limit: str) -> str:
    """A limit with its number and the key that sets it.

    `site_kw:dhaka` -> `the 48 kW of racks at dhaka (supply.on_prem.dhaka)`.
    """
    kind, _, name = limit.partition(":")
    problem = formulation.problem
    workload, _, year = name.partition("@")
    when = f" in year {year[1:]}" if year else ""
    match kind:
        case "site_kw":
            return f"the {problem.site_kw[name]:g} kW of racks at {name} (supply.on_prem.{name})"
        case "capex_budget":
            return f"the capex limit of {problem.capex_budget or 0.0:,.0f} USD (limits.capex)"
        case "demand":
            return f"the traffic of {workload} (workloads.{workload})"
        case "work":
            return f"the work of {workload}{when} (workloads.{workload})"
        case "n_plus_one":
            return f"{workload} survives the loss of an instance (workloads.{workload}.tier)"
        case "max_spot_share":
            share = problem.workload_by_id[name].max_spot_share or 0.0
            return f"at most {share:.0%} of {workload} on spot (limits.spot_share)"
        case "quota":
            quota = problem.quotas[name]
            what = "instance" if quota == 1 else "instances"
            return f"at most {quota} {what} of {name} (supply.cloud.max_instances)"
        case "max_instances":
            most = problem.resource_by_id[name].max_instances
            return f"at most {most} {_instances(formulation, name)}"
        case "min_instances":
            return f"{problem.resource_by_id[name].min_instances} {_instances(formulation, name)}"
    return limit


def _instances(formulation: Formulation, resource: str) -> str:
    """`instances of 8 x l4-24gb (supply.cloud.max_instances)`."""
    supply = formulation.supply[resource]
    key = f"supply.owned.{supply.site}" if supply.site else "supply.cloud.max_instances"
    return f"instances of {supply.gpus_per_instance} x {supply.gpu} ({key})"


def _to(formulation: Formulation, way: mix.Relaxation) -> str:
    """What to do about one limit: the key and the value that makes a plan possible."""
    kind, _, name = way.limit.partition(":")
    needed = way.needed or 0.0
    match kind:
        case "site_kw":
            return f"raise to {needed:,.1f} kW (racks x kw_per_rack)"
        case "capex_budget":
            return f"raise to {needed:,.0f} USD"
        case "demand" | "work":
            return f"cut to {needed:.0%} of what is stated"
        case "n_plus_one":
            return "set tier: standard"
        case "max_spot_share":
            return f"raise spot_share to {math.ceil(1000.0 * needed) / 10.0:g} %"
        case "quota":
            return f"raise to {needed:.0f}"
        case "max_instances" if not formulation.supply[name].site:
            return f"raise max_instances to {needed:.0f}"
    supply = formulation.supply[name]
    return f"set {supply.gpu} to {needed * supply.gpus_per_instance:.0f}"
