"""The roads not taken: the plan again under one more restriction, and at other speeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from gpumix import mix
from gpumix.domain.llm import Model
from gpumix.domain.plan import Alternative
from gpumix.domain.workload import Inventory
from gpumix.errors import GpumixError
from gpumix.options.option import Option
from gpumix.plan.cycle import Cycle
from gpumix.plan.few import ONE_PROVIDER, TWO_GPU_TYPES, of_few
from gpumix.plan.formulate import Choice
from gpumix.plan.infeasible.amounts import amounts
from gpumix.plan.infeasible.conflict import minimal
from gpumix.plan.interpret import Answer, answer_of, proof_of, usd_of
from gpumix.plan.restrictions import Restriction, homeless_workloads, restrictions
from gpumix.plan.rule_of_thumb import rule_of_thumb
from gpumix.plan.search import Found, judged, search
from gpumix.supply.supply import Supply
from gpumix.values import more_by


@dataclass(frozen=True, slots=True)
class Variant:
    """A restriction with what was found under it, or why nothing was."""

    restriction: Restriction
    found: Found | None
    reason: str

    @property
    def plan(self) -> Found | None:
        """What was found, where it keeps all that the plan must keep."""
        return self.found if self.restriction.survives_loss else None


def variants(
    answer: Answer,
    choice: Choice,
    cycle: Cycle,
    offered: Sequence[Supply],
    models: Mapping[str, Model],
) -> tuple[Variant, ...]:
    """All variants, two searches at a time; `offered` is all that the plan was chosen from."""
    few = (
        of_few(kind, answer.lines, choice, cycle, offered) for kind in (ONE_PROVIDER, TWO_GPU_TYPES)
    )
    asked = [
        *restrictions(answer, choice, offered),
        *few,
        rule_of_thumb(choice, offered, models),
    ]
    with ThreadPoolExecutor(max_workers=2) as pool:
        tasks = [
            pool.submit(_variant, restriction, answer, choice, cycle, offered)
            for restriction in asked
            if restriction is not None
        ]
        return tuple(task.result() for task in tasks)


def costs_at_ends(
    answer: Answer, choice: Choice, cycle: Cycle
) -> tuple[float | None, float | None]:
    """Cost of the plan made anew with every speed at the high and at the low end of its interval
    [USD].

    Errors of all workloads are taken to go together, so the cost's interval is on the wide side.
    """
    ends = {name: slower_or_faster(found) for name, found in choice.options.items()}
    factors = [{name: both[end] for name, both in ends.items()} for end in (1, 0)]
    with ThreadPoolExecutor(max_workers=2) as pool:
        costs = [pool.submit(cost_at, answer, choice, cycle, factor) for factor in factors]
        fast, slow = (cost.result() for cost in costs)
    return fast, slow


def cost_at(
    answer: Answer,
    choice: Choice,
    cycle: Cycle,
    rate_factor: Mapping[str, float] | None = None,
) -> float | None:
    """Cost at other speeds, from the supplies the plan holds; if they do not do, from all [USD]."""
    held = {line.supply.id for line in answer.lines}
    own = replace(choice, supplies=tuple(s for s in choice.supplies if s.id in held or s.count))
    try:
        tried = (search(c, cycle, choice.work.variant, rate_factor) for c in (own, choice))
        return next((answer_of(f).usd for f in tried if f.solution.cost is not None), None)
    except mix.OutOfTime:
        return None


def _variant(
    restriction: Restriction,
    answer: Answer,
    choice: Choice,
    cycle: Cycle,
    offered: Sequence[Supply],
) -> Variant:
    """What a restriction leaves; the plan itself, without a search, where that keeps it."""
    if restriction.is_kept_by(answer.lines):
        return Variant(restriction, answer.found, "")
    narrowed = restriction.applied(choice, offered)
    if homeless := homeless_workloads(narrowed, narrowed.supplies):
        return Variant(restriction, None, f"nothing can run {', '.join(homeless)}")
    try:
        found = search(narrowed, cycle, choice.work.variant)
    except mix.OutOfTime:
        return Variant(restriction, None, "not looked at: the time limit had passed")
    except GpumixError as error:
        return Variant(restriction, None, str(error))
    if found.solution.cost is None:
        return Variant(restriction, None, _conflict(found, choice.inventory))
    is_dearer_for_less = not restriction.survives_loss and usd_of(found) > answer.minimised_usd
    return Variant(restriction, answer.found if is_dearer_for_less else found, "")


def cheapest(found: Found, others: Sequence[Variant]) -> Found:
    """The plan, or a restricted one that came out cheaper: it keeps the same promises.

    That happens where a search ended at its effort and a narrower one went deeper; what it is
    made of is a plan of the whole problem all the same, whose bound still holds: that of the search
    or, where the narrower problem rents for deferrable work what the whole one does not list, that
    of the fractions.
    """
    best = min(
        (v.plan for v in others if v.plan is not None),
        key=usd_of,
        default=found,
    )
    if usd_of(best) >= more_by(usd_of(found), -1e-9):
        return found
    theirs = best.solution.cost or 0.0
    bounds = (found.solution.bound or 0.0, found.relaxed_bound or 0.0)
    bound = max((b for b in bounds if b <= theirs), default=0.0)
    return replace(
        best,
        choice=replace(best.choice, options=found.choice.options),
        solution=judged(best.solution, bound),
        considered=found.considered,
        relaxed_bound=found.relaxed_bound,
    )


def alternatives(cheapest: Answer, others: Sequence[Variant]) -> tuple[Alternative, ...]:
    """Each restriction's cost above that of the cheapest mix: both as cheap as can be, neither
    made simpler, the worth of waiting counted in what is above. None above it where the cheapest
    keeps the restriction anyway."""
    return tuple(_alternative(v, cheapest) for v in others)


def _alternative(variant: Variant, cheapest: Answer) -> Alternative:
    restriction, least_usd = variant.restriction, cheapest.minimised_usd
    kept = restriction.is_kept_by(cheapest.lines)
    if not kept and (variant.found is None or variant.found.solution.cost is None):
        return Alternative(restriction.name, "infeasible", None, None, None, variant.reason)
    other = cheapest if kept or variant.found is None else answer_of(variant.found)
    proof, delta_usd = proof_of(other), other.minimised_usd - least_usd
    return Alternative(
        name=restriction.name,
        status=proof.status,
        horizon_usd=other.usd,
        delta_usd=delta_usd,
        delta_share=delta_usd / least_usd if least_usd else None,
        reason="",
        gap=proof.gap,
        breaks=restriction.breaks,
    )


def _conflict(found: Found, inventory: Inventory) -> str:
    conflict = minimal(found.formulation, amounts(found.formulation, inventory))
    if len(conflict) == 1:  # work that no amount of anything does
        return f"nothing can run {conflict[0].stated.path[1]}"
    if not conflict:
        return "no plan was found in the work allowed"
    return f"breaks {'; '.join(str(amount.stated) for amount in conflict)}"


def slower_or_faster(options: Sequence[Option]) -> tuple[float, float]:
    """Ends of the 80 % interval of speed over its middle, the widest of a workload's options."""
    rates = [o.rate for o in options if o.rate is not None and o.rate.value > 0.0]
    low = min((r.low / r.value for r in rates), default=1.0)
    high = max((r.high / r.value for r in rates), default=1.0)
    return low, high
