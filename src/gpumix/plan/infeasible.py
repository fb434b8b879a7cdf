"""Limits that cannot hold together, in the user's words, and what would make a plan possible."""

from __future__ import annotations

from gpumix import mix
from gpumix.errors import Infeasible
from gpumix.plan.formulate import Formulation


def explain_infeasible(formulation: Formulation, solution: mix.Solution) -> Infeasible:
    """The error that names the conflict and the way out of each limit."""
    words = [limit_in_words(formulation, limit) for limit in solution.conflict]
    ways = [
        f"{limit_in_words(formulation, way.limit)}: {_to(way)}"
        for way in sorted(
            mix.relaxations(formulation.problem, solution.conflict), key=lambda w: w.change
        )
        if way.needed is not None
    ]
    return Infeasible("no plan keeps all of these: " + "; ".join(words), solution.conflict, ways)


def limit_in_words(formulation: Formulation, limit: str) -> str:
    """`site_kw:dhaka` -> `the 48 kW of racks at dhaka`."""
    kind, _, name = limit.partition(":")
    problem = formulation.problem
    if kind == "site_kw":
        return f"the {problem.site_kw[name]:g} kW of racks at {name}"
    if kind == "capex_budget":
        return f"the capex limit of {problem.capex_budget or 0.0:,.0f} USD"
    workload, _, year = name.partition("@")
    when = f" in year {year[1:]}" if year else ""
    return {
        "demand": f"the traffic of {workload}{when}",
        "work": f"the work of {workload}{when}",
        "n_plus_one": f"{workload} surviving the loss of an instance",
        "max_spot_share": f"the spot share of {workload}",
        "max_instances": f"at most so many instances of {name}",
        "min_instances": f"what already stands: {name}",
        "max_replicas": f"at most so many replicas of {name}",
    }.get(kind, limit)


def _to(way: mix.Relaxation) -> str:
    kind, needed = way.limit.partition(":")[0], way.needed or 0.0
    if kind == "site_kw":
        return f"raise to {needed:,.1f} kW"
    if kind == "capex_budget":
        return f"raise to {needed:,.0f} USD"
    if kind in ("demand", "work"):
        return f"cut to {needed:.0%} of what is stated"
    if kind == "n_plus_one":
        return "give up the promise (tier: standard)"
    return f"change to {needed:g}"
