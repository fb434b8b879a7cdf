"""Workloads that a plan serves within their promises for less than they cost.

The plan is where `options` and `predict` were asked; what it says is a prediction, so the interval
is wide.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gpumix.audit.draft import Draft, of_rows, scope_of
from gpumix.audit.facts import Facts, IntArray
from gpumix.domain.plan import WorkloadPlan
from gpumix.telemetry.attribute import MICRO
from gpumix.units import HOURS_PER_MONTH


@dataclass(frozen=True, slots=True)
class PlannedForLess:
    """A workload of the fleet, its rows at work, and the plan's part that does it for less; both
    costs are of the window [1e-6 of the bill's currency]."""

    name: str
    rows: IntArray
    other: WorkloadPlan
    cost_micro: int
    planned_micro: int

    def draft(
        self,
        facts: Facts,
        class_: str,
        gpus: set[str],
        action: str,
        where: str,
        risk: str,
        before: str = "",
    ) -> Draft:
        """A draft of the difference. `where` is how the plan does it, `before` how the fleet did;
        `gpus` are the types that it ran on."""
        saving = self.cost_micro - self.planned_micro
        gpu = min(gpus) if len(gpus) == 1 else None
        return of_rows(
            facts,
            class_,
            scope_of(facts, self.rows, workload=self.name, gpu=gpu),
            self.rows,
            wanted_micro=saving,
            list_micro=saving,
            action=action,
            because=f"The plan keeps the promises of {self.other.id} {where} for "
            f"{self.other.usd_per_month:,.0f} a month, predicted; {before}it cost "
            f"{self.cost_micro / MICRO:,.2f} in {facts.hours:,.0f} h.",
            risk=risk,
            how_to_check=f"gpumix explain {self.other.id} --plan plan.json",
        )


def planned_for_less(facts: Facts) -> Iterator[PlannedForLess]:
    """Every workload at work in the fleet that the plan has too, and does for less."""
    if facts.plan is None:
        return
    planned = {w.id: w for w in facts.plan.workloads}
    for values, rows in facts.shares.groups(("workload",), facts.shares.kind == "used"):
        name = values["workload"]
        other = planned.get(facts.plan_workloads.get(name, name))
        if other is None:
            continue
        cost = int(facts.shares.usd_micro[rows].sum())
        less = round(other.usd_per_month * facts.hours / HOURS_PER_MONTH * MICRO)
        if less < cost:
            yield PlannedForLess(name, rows, other, cost, less)
