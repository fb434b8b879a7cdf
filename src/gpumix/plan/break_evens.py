"""Where decisions flip: a commitment against hours held on demand, a GPU against the next one.

A commitment is paid for every hour; without it one would hold instances by the hour, working or
not, whenever the work needs one. So its break-even is a share of hours held, not of hours busy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from gpumix.cost.cloud import commitment_break_even_utilisation
from gpumix.domain.offer import Purchase, term_words
from gpumix.domain.plan import BreakEven, DecisionRule
from gpumix.domain.workload import Tier
from gpumix.plan.accounts import Line, Use
from gpumix.plan.formulate import holds
from gpumix.plan.interpret import Answer
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply

LEAST_LEFT = 1e-6
"""Share of a GPU below which nothing is missing: rounding of sums."""


def break_evens(
    answer: Answer, rules: Sequence[DecisionRule], supplies: Sequence[Supply]
) -> tuple[BreakEven, ...]:
    """Commitment against on-demand by hours held, and the price at which the next GPU would be
    chosen."""
    return (*_commitments(answer, supplies), *_next_gpu(rules))


def _commitments(answer: Answer, supplies: Sequence[Supply]) -> list[BreakEven]:
    found = []
    for line in answer.lines:
        committing = _committing(line.supply)
        rivals = [s for s in supplies if replaces(s, line)] if committing else []
        if not rivals:
            continue
        rival = min(rivals, key=lambda s: (s.usd_per_gpu_hour, s.gpus_per_instance, s.id))
        value = commitment_break_even_utilisation(
            line.supply.usd_per_gpu_hour, rival.usd_per_gpu_hour
        )
        now = held_share(line, answer, rival.gpus_per_instance)
        found.append(
            BreakEven(
                f"{committing} pays above", "held_share", value, now, _why_below(value, now, answer)
            )
        )
    return found


def replaces(supply: Supply, line: Line) -> bool:
    """Whether it can be held by the hour in the line's place, for all that runs there."""
    return (
        supply.gpu == line.supply.gpu
        and supply.purchase is Purchase.ON_DEMAND
        and all(
            may_run(use.cell.workload, supply) and holds(supply, use.cell.option, use.cell.workload)
            for use in line.uses
        )
    )


def _committing(supply: Supply) -> str:
    """A purchase that is paid for used or not, in words; empty for others, and for what stands or
    runs already."""
    if supply.until_month is not None:
        return ""
    if supply.purchase is Purchase.BUY:
        return f"Buying a {supply.gpu}"
    if supply.offer is None or not supply.offer.term_months:
        return ""
    return f"Reserving a {supply.gpu} for {term_words(supply.offer.term_months)}"


def _why_below(value: float, now: float, answer: Answer) -> str:
    """Why the plan commits though hours held say otherwise; empty where they do not."""
    if now >= value - 1e-9:
        return ""
    inventory, gap = answer.choice.inventory, answer.found.solution.gap or 0.0
    if inventory.simplicity > 0.0 or inventory.limits.must_be_simple:
        return "kept all the same: fewer lines, or within what the search leaves open"
    if gap > 0.0:
        return "kept all the same: within what the search leaves open"
    return "kept all the same: limits leave no other"


def held_share(line: Line, answer: Answer, rival_gpus: int) -> float:
    """Share of the hours paid in which the last instance of a line would have to be held by the
    hour, in instances of `rival_gpus` GPUs, if it were not committed (0-1)."""
    cycle, gpus = answer.formulation.cycle, line.supply.gpus_per_instance
    paid = held = 0.0
    for p in range(len(cycle.blocks)):
        if line.running[p] < 1.0:
            continue
        paid += cycle.hours(p)
        missing = gpus_needed(line, answer, p) - (line.running[p] - 1.0) * gpus
        instances = math.ceil(max(missing, 0.0) / rival_gpus - LEAST_LEFT)
        held += cycle.hours(p) * min(instances * rival_gpus / gpus, 1.0)
    return held / paid if paid else 0.0


def gpus_needed(line: Line, answer: Answer, block: int) -> float:
    """GPUs of a line that its work needs in a block: replicas that could go are not counted, work
    that may wait only while it runs."""
    needed, spare = 0.0, _spare(line, answer, block)
    for use in line.uses:
        if use.block != block:
            continue
        name = use.cell.workload.id
        if use.cell.period is not None:
            needed += use.replicas * use.cell.option.gpu_share * use.load
            continue
        idle = min(int(spare[name] / use.rate + LEAST_LEFT), use.replicas)
        spare[name] -= idle * use.rate
        needed += (use.replicas - idle) * use.cell.option.gpu_share
    return needed


def _spare(line: Line, answer: Answer, block: int) -> dict[str, float]:
    """By workload served on a line, what all its replicas deliver in a block above its peak, and
    above what premium work keeps for the loss of an instance [units/h]."""
    cycle = answer.formulation.cycle
    spare = {}
    for name, workload in {u.cell.workload.id: u.cell.workload for u in line.uses}.items():
        serving = [
            [
                u
                for u in other.uses
                if u.block == block and u.cell.workload.id == name and u.cell.period is None
            ]
            for other in answer.lines
        ]
        delivered = math.fsum(u.replicas * u.rate for uses in serving for u in uses)
        lost = max(map(_lost, serving))
        kept = lost if workload.tier is Tier.PREMIUM and answer.choice.survives_loss else 0.0
        spare[name] = max(delivered - kept - answer.choice.needed(workload, cycle)[block], 0.0)
    return spare


def _lost(uses: Sequence[Use]) -> float:
    """What a workload's replicas on one line deliver less where an instance of it is lost, as the
    mix has it (decision 0022): all, or an instance full of the best of them [units/h]."""
    held = math.fsum(u.replicas * u.rate for u in uses)
    full = max(
        (u.rate * u.cell.supply.gpus_per_instance / u.cell.option.gpu_share for u in uses),
        default=0.0,
    )
    return min(held, full)


def _next_gpu(rules: Sequence[DecisionRule]) -> list[BreakEven]:
    """The prices of the rules, a row each."""
    return [
        BreakEven(
            f"{rule.workload} moves to {rule.next_gpu} below",
            "usd_per_gpu_hour",
            rule.wins_below_usd_per_gpu_hour,
            rule.next_usd_per_gpu_hour,
        )
        for rule in rules
        if rule.wins_below_usd_per_gpu_hour is not None
    ]
