"""How much of the time work is up, and what surviving the loss of an instance costs, in words."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.plan import Plan, WorkloadPlan


def availability_words(plan: Plan) -> list[str]:
    """A sentence for every workload whose availability is known, and one for premium work."""
    found = [_available(w) for w in plan.workloads if w.availability is not None]
    return [*found, *_surviving(plan)]


def _available(workload: WorkloadPlan) -> str:
    share = fields.format_value(fields.field("availability", WorkloadPlan), workload.availability)
    words = f"{workload.id}: available {share}"
    if workload.promised_availability is None:
        return f"{words}."
    promised = fields.format_value("promised_availability", workload.promised_availability)
    return f"{words}, promised {promised}."


def _surviving(plan: Plan) -> list[str]:
    """What premium work's surviving the loss of an instance costs, where any asks for it."""
    if plan.surviving_usd_per_month is None:
        return []
    month = fields.format_value("surviving_usd_per_month", plan.surviving_usd_per_month)
    share = fields.format_value("surviving_share", plan.surviving_share)
    return [f"Surviving the loss of an instance costs {month} a month, {share} of the plan."]
