"""Oversized: workloads that a plan serves within their promises on cheaper GPUs of another type.

The plan is where `options` and `predict` were asked; what it says is a prediction, so the interval
is wide.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gpumix.audit.draft import Draft, of_rows, scope_of
from gpumix.audit.facts import Facts
from gpumix.domain.plan import WorkloadPlan
from gpumix.telemetry.attribute import MICRO
from gpumix.units import HOURS_PER_MONTH


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every workload of the fleet that the plan has on no GPU of the fleet's type."""
    if facts.plan is None:
        return
    planned = {w.id: w for w in facts.plan.workloads}
    shares = facts.shares
    for values, rows in shares.groups(("workload",), shares.kind == "used"):
        name = values["workload"]
        other = planned.get(facts.plan_workloads.get(name, name))
        if other is not None and (draft := _draft(facts, name, rows, other)) is not None:
            yield draft


def _draft(facts: Facts, name: str, rows: np.ndarray, other: WorkloadPlan) -> Draft | None:
    held = {gpu for gpu in facts.shares.gpu[rows] if gpu}
    chosen = {placement.gpu for placement in other.placements}
    cost = int(facts.shares.usd_micro[rows].sum())
    planned = round(other.usd_per_month * facts.hours / HOURS_PER_MONTH * MICRO)
    if not chosen or held & chosen or planned >= cost:
        return None
    gpus, to = ", ".join(sorted(held)), ", ".join(sorted(chosen))
    return of_rows(
        facts,
        "oversized",
        scope_of(facts, rows, workload=name, gpu=gpus if len(held) == 1 else None),
        rows,
        wanted_micro=cost - planned,
        list_micro=cost - planned,
        action=f"serve {name} on {to} instead of {gpus}",
        because=f"The plan keeps the promises of {other.id} on {to} for "
        f"{other.usd_per_month:,.0f} a month, predicted; it cost {cost / MICRO:,.2f} in "
        f"{facts.hours:,.0f} h.",
        risk="the plan's demand and prices may not be those of the window",
        how_to_check=f"gpumix explain {other.id} --plan plan.json",
    )
