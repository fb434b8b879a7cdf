"""Decision rules of one team: which GPU carries a workload, and when the next one would win.

Unit costs are those of the workload's candidates, on full replicas at their cheapest price. The
carrier's real cost is that over its load, the share of what its replicas sustain that is asked of
them. The next GPU wins at a load above u = its unit cost / the carrier's real cost, or, as full as
the carrier's,
below the price p = its price x the carrier's unit cost / its unit cost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gpumix.domain.gpu import family_of
from gpumix.domain.plan import Candidate, DecisionRule, WorkloadPlan
from gpumix.plan.interpret import Answer

COMPARED = ("H100", "A100", "L40S")
"""Families that a rule names where they win at no use: those that teams ask for first."""


def decision_rules(answer: Answer, workloads: Sequence[WorkloadPlan]) -> tuple[DecisionRule, ...]:
    """A rule a workload; none for one that no GPU of the candidates carries."""
    found = (_rule(plan, answer) for plan in workloads)
    return tuple(rule for rule in found if rule is not None)


def _rule(plan: WorkloadPlan, answer: Answer) -> DecisionRule | None:
    carrier = _carrier(plan)
    if carrier is None or not carrier.unit_cost_usd:
        return None
    load = _load(plan.id, carrier.gpu, answer)
    real_usd = carrier.unit_cost_usd / load if load else math.inf
    other = min(
        (c for c in plan.candidates if not c.chosen and c.unit_cost_usd),
        key=lambda c: c.unit_cost_usd or 0.0,
        default=None,
    )
    named = {family_of(c.gpu) for c in (carrier, other) if c is not None}
    nowhere = tuple(
        name for name in COMPARED if name not in named and _loses(name, plan.candidates, real_usd)
    )
    above, below = _flips(carrier, other, real_usd)
    return DecisionRule(
        workload=plan.id,
        sentence=_sentence(plan.id, carrier, other, above, below, nowhere),
        gpu=carrier.gpu,
        load=load,
        next_gpu=other.gpu if other else None,
        next_usd_per_gpu_hour=other.usd_per_gpu_hour if other else None,
        wins_below_usd_per_gpu_hour=below,
        wins_above_load=above,
        nowhere=nowhere,
    )


def _carrier(plan: WorkloadPlan) -> Candidate | None:
    """The GPU that does most of the workload's work."""
    share: dict[str, float] = {}
    for placement in plan.placements:
        share[placement.gpu] = share.get(placement.gpu, 0.0) + placement.share
    gpu = max(share, key=lambda name: share[name], default="")
    return next((c for c in plan.candidates if c.gpu == gpu), None)


def _load(workload: str, gpu: str, answer: Answer) -> float:
    """Share of what a workload's replicas on a GPU sustain that is asked of them (0-1)."""
    cycle = answer.formulation.cycle
    uses = [
        u
        for line in answer.lines
        for u in line.uses
        if u.cell.workload.id == workload and u.cell.option.gpu == gpu
    ]
    held = math.fsum(
        u.share * u.replicas * u.cell.option.gpu_share * cycle.hours(u.block) * u.cell.duty
        for u in uses
    )
    return math.fsum(u.loaded_gpu_hours for u in uses) / held if held else 0.0


def _flips(
    carrier: Candidate, other: Candidate | None, real_usd: float
) -> tuple[float | None, float | None]:
    """Load above which, and price below which, the next GPU wins; None where none is."""
    if other is None or not other.unit_cost_usd or not carrier.unit_cost_usd:
        return None, None
    above = other.unit_cost_usd / real_usd
    ratio = carrier.unit_cost_usd / other.unit_cost_usd
    price = other.usd_per_gpu_hour
    below = price * ratio if price is not None and ratio < 1.0 else None
    return (above if above <= 1.0 else None), below


def _loses(family: str, candidates: Sequence[Candidate], real_usd: float) -> bool:
    """Whether a family was tried and is dearer than the carrier however full it is."""
    own = [c for c in candidates if family_of(c.gpu) == family]
    return bool(own) and all(
        not c.chosen and (c.unit_cost_usd is None or c.unit_cost_usd > real_usd) for c in own
    )


def _sentence(
    workload: str,
    carrier: Candidate,
    other: Candidate | None,
    above: float | None,
    below: float | None,
    nowhere: Sequence[str],
) -> str:
    """`l40s-48gb carries chat; h100-sxm-80gb would win above 71 % load or below $2.10 an hour;
    A100 nowhere.`"""
    parts = [f"{carrier.gpu} carries {workload}"]
    if other is None:
        parts.append("no other GPU on offer can do it alone")
    else:
        ends = [] if above is None else [f"above {100.0 * above:.0f} % load"]
        ends += [] if below is None else [f"below ${below:.2f} an hour"]
        parts.append(f"{other.gpu} would win {' or '.join(ends) or 'nowhere'}")
        if nowhere:
            parts.append(f"{' and '.join(nowhere)} nowhere")
    return "; ".join(parts)
