"""Which workloads and classes of requests the same replicas serve, in words."""

from __future__ import annotations

from gpumix import fields
from gpumix.domain.class_plan import ClassPlan
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


def class_words(plan: Plan) -> list[str]:
    """A sentence for every workload with classes of requests: what each costs, and premium more."""
    return [
        f"{w.id}: per M tokens {'; '.join(_class(one) for one in w.classes)}."
        for w in plan.workloads
        if w.classes
    ]


def _class(one: ClassPlan) -> str:
    share = fields.format_value(fields.field("share", ClassPlan), one.share)
    cost = fields.format_value("usd_per_mtok_total", one.usd_per_mtok_total)
    words = f"{one.name} ({share} of requests, {one.tier}) costs {cost}"
    if one.premium_usd_per_mtok is None:
        return words
    more = fields.format_value("premium_usd_per_mtok", one.premium_usd_per_mtok)
    return f"{words}, {more} of it for being premium"
