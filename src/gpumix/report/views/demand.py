"""How each workload's rate was stated, and what its replicas serve, in sentences."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.plan import Plan, WorkloadPlan
from gpumix.domain.traffic import DemandFrom
from gpumix.report.views.sharing import class_words, sharing_words


def demand_words(plan: Plan) -> list[str]:
    """A sentence for every workload whose rate was stated, and for all that share replicas."""
    stated = [_words(w, w.demand_from) for w in plan.workloads if w.demand_from]
    return [*stated, *sharing_words(plan), *class_words(plan)]


def _words(workload: WorkloadPlan, origin: DemandFrom) -> str:
    peak, mean = (
        fields.format_value(fields.field(name, DemandFrom), getattr(origin, name))
        for name in ("peak_requests_per_s", "mean_requests_per_s")
    )
    rates = f"{peak} {workload.unit}s/s at peak, {mean} in the mean"
    return f"{workload.id}: {rates}, from {origin.stated}: {origin.formula}."
