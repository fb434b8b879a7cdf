"""Wrong precision: a plan serves the same work on the same GPU with other weights, for less.

At which precision a server computes, only the name of its model may say (`...-FP8`); one whose name
says nothing is not looked at. What the plan says is a prediction, so the interval is wide.
"""

from __future__ import annotations

from collections.abc import Iterator

from gpumix.audit.draft import Draft, of_rows, scope_of
from gpumix.audit.facts import Facts, IntArray
from gpumix.domain.plan import WorkloadPlan
from gpumix.formats import stated_in
from gpumix.telemetry.attribute import MICRO
from gpumix.units import HOURS_PER_MONTH


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every workload that the plan has on its GPU at a precision of another name."""
    if facts.plan is None:
        return
    planned = {w.id: w for w in facts.plan.workloads}
    shares = facts.shares
    for values, rows in shares.groups(("workload",), shares.kind == "used"):
        name = values["workload"]
        other = planned.get(facts.plan_workloads.get(name, name))
        if other is not None and (draft := _draft(facts, name, rows, other)) is not None:
            yield draft


def _draft(facts: Facts, name: str, rows: IntArray, other: WorkloadPlan) -> Draft | None:
    shares = facts.shares
    now = {stated.precision for m in set(shares.model[rows]) if m and (stated := stated_in(m))}
    held = {gpu for gpu in shares.gpu[rows] if gpu}
    wanted = {placement.precision for placement in other.placements}
    on_same = held == {placement.gpu for placement in other.placements}
    cost = int(shares.usd_micro[rows].sum())
    planned = round(other.usd_per_month * facts.hours / HOURS_PER_MONTH * MICRO)
    if len(now) != 1 or not wanted or now & wanted or not on_same or planned >= cost:
        return None
    was, to = ", ".join(now), ", ".join(sorted(wanted))
    return of_rows(
        facts,
        "wrong_precision",
        scope_of(facts, rows, workload=name, gpu=held.pop() if len(held) == 1 else None),
        rows,
        wanted_micro=cost - planned,
        list_micro=cost - planned,
        action=f"serve {name} at {to} instead of {was}",
        because=f"The plan keeps the promises of {other.id} on the same GPUs at {to} for "
        f"{other.usd_per_month:,.0f} a month, predicted; at {was} it cost {cost / MICRO:,.2f} in "
        f"{facts.hours:,.0f} h.",
        risk="other weights may answer worse: hold them against your own tests first",
        how_to_check=f"gpumix explain {other.id} --plan plan.json",
    )
