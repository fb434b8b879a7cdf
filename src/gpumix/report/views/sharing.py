"""Which workloads the same replicas serve, in words."""

from __future__ import annotations

from gpumix.domain.plan import Plan, WorkloadPlan


def served_together(workload: WorkloadPlan) -> frozenset[str]:
    """The workload and all that its replicas serve too."""
    return frozenset((workload.id, *(id for p in workload.placements for id in p.shared_with)))


def sharing_words(plan: Plan) -> list[str]:
    """A sentence for every group of workloads that share replicas."""
    groups = dict.fromkeys(served_together(w) for w in plan.workloads)
    return [
        f"{', '.join(sorted(group))}: the same replicas serve them and are shown whole with each; "
        "their cost is split by GPU time (share_replicas: false gives a workload its own)."
        for group in groups
        if len(group) > 1
    ]
