"""How each workload's rate was stated, what its replicas serve, and how far its users are."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.domain.traffic import DemandFrom
from gpumix.report.views.sharing import class_words, sharing_words


def demand_words(plan: Plan) -> list[str]:
    """A sentence for each workload whose rate was stated, for all that share replicas, and for each
    that says where its users are."""
    stated = [_words(w, w.demand_from) for w in plan.workloads if w.demand_from]
    trips = [words for w in plan.workloads if (words := _round_trips(w))]
    return [*stated, *sharing_words(plan), *class_words(plan), *trips]


def _round_trips(workload: WorkloadPlan) -> str:
    """How far a workload's users are from what serves them."""
    near = {
        p.resource: f"{fields.format_value('rtt_ms', p.rtt_ms)} ({p.rtt_basis})"
        for p in workload.placements
        if p.rtt_ms is not None
    }
    trips = "; ".join(f"{trip} to {resource}" for resource, trip in near.items())
    return f"{workload.id}: round trip of its users {trips}; part of its promises." if trips else ""


def _words(workload: WorkloadPlan, origin: DemandFrom) -> str:
    peak, mean = (
        fields.format_value(fields.field(name, DemandFrom), getattr(origin, name))
        for name in ("peak_requests_per_s", "mean_requests_per_s")
    )
    rates = f"{peak} {workload.unit}s/s at peak, {mean} in the mean"
    return f"{workload.id}: {rates}, from {origin.stated}: {origin.formula}."
