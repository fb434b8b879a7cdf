"""The roads not taken: the plan again under one more restriction, and where decisions flip."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from gpumix import mix
from gpumix.cost.cloud import commitment_break_even_utilisation
from gpumix.domain.offer import Purchase, term_words
from gpumix.domain.plan import Alternative, BreakEven, WorkloadPlan
from gpumix.domain.workload import Inventory
from gpumix.errors import GpumixError
from gpumix.options.option import Option
from gpumix.plan.cycle import Cycle
from gpumix.plan.formulate import Choice, may_run
from gpumix.plan.infeasible.amounts import amounts
from gpumix.plan.infeasible.conflict import minimal
from gpumix.plan.interpret import Answer, answer_of, proof_of, usd_of
from gpumix.plan.restrictions import Restriction, homeless_workloads, narrow, restrictions
from gpumix.plan.search import Found, judged, search
from gpumix.supply.supply import Supply


@dataclass(frozen=True, slots=True)
class Variant:
    """A restriction with what was found under it, or why nothing was."""

    restriction: Restriction
    found: Found | None
    reason: str


def variants(
    answer: Answer, choice: Choice, cycle: Cycle, offered: Sequence[Supply]
) -> tuple[Variant, ...]:
    """All variants, two searches at a time; `offered` is all that the plan was chosen from."""
    with ThreadPoolExecutor(max_workers=2) as pool:
        tasks = [
            pool.submit(_variant, restriction, answer, choice, cycle, offered)
            for restriction in restrictions(answer, choice, offered)
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
        costs = [pool.submit(_cost_at, answer, choice, cycle, factor) for factor in factors]
        fast, slow = (cost.result() for cost in costs)
    return fast, slow


def _cost_at(
    answer: Answer, choice: Choice, cycle: Cycle, rate_factor: Mapping[str, float]
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
    if all(map(restriction.allows, offered)):
        return Variant(restriction, answer.found, "")
    narrowed = narrow(choice, offered, restriction.allows)
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
    return Variant(restriction, found, "")


def cheapest(found: Found, others: Sequence[Variant]) -> Found:
    """The plan, or a restricted one that came out cheaper: it keeps the same promises.

    That happens where a search ended at its effort and a narrower one went deeper; what it is
    made of is a plan of the whole problem all the same, whose bound still holds: that of the search
    or, where the narrower problem rents for deferrable work what the whole one does not list, that
    of the fractions.
    """
    best = min(
        (v.found for v in others if v.found is not None),
        key=usd_of,
        default=found,
    )
    if usd_of(best) >= usd_of(found) * (1.0 - 1e-9):
        return found
    theirs = best.solution.cost or 0.0
    bounds = (found.solution.bound or 0.0, found.relaxed_bound or 0.0)
    bound = max((b for b in bounds if b <= theirs), default=0.0)
    return replace(
        best,
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
    name, least_usd = variant.restriction.name, cheapest.usd
    if all(variant.restriction.allows(line.supply) for line in cheapest.lines):
        return Alternative(name, cheapest.found.solution.status, least_usd, 0.0, 0.0, "")
    if variant.found is None or variant.found.solution.cost is None:
        return Alternative(name, "infeasible", None, None, None, variant.reason)
    other = answer_of(variant.found)
    delta = other.minimised_usd - cheapest.minimised_usd
    share = delta / cheapest.minimised_usd if cheapest.minimised_usd else None
    return Alternative(name, proof_of(other).status, other.usd, delta, share, "")


def _conflict(found: Found, inventory: Inventory) -> str:
    conflict = minimal(found.formulation, amounts(found.formulation, inventory))
    if len(conflict) == 1:  # work that no amount of anything does
        return f"nothing can run {conflict[0].stated.path[1]}"
    if not conflict:
        return "no plan was found in the work allowed"
    return f"breaks {'; '.join(str(amount.stated) for amount in conflict)}"


# -- where decisions flip --------------------------------------------------------------------


def break_evens(
    answer: Answer, workloads: Sequence[WorkloadPlan], supplies: Sequence[Supply]
) -> tuple[BreakEven, ...]:
    """Commitment against on-demand by use, and the price at which the next GPU would be chosen."""
    return (*_commitments(answer, supplies), *_next_gpu(workloads))


def _commitments(answer: Answer, supplies: Sequence[Supply]) -> list[BreakEven]:
    found = []
    for line in answer.lines:
        supply = line.supply
        committing = _committing(supply)
        if not committing:
            continue
        workloads = [use.cell.workload for use in line.uses]
        rivals = [
            s.usd_per_gpu_hour
            for s in supplies
            if s.gpu == supply.gpu
            and s.purchase is Purchase.ON_DEMAND
            and all(may_run(w, s) for w in workloads)
        ]
        if not rivals:
            continue
        value = commitment_break_even_utilisation(supply.usd_per_gpu_hour, min(rivals))
        found.append(BreakEven(f"{committing} pays above", "utilisation", value, line.utilisation))
    return found


def _committing(supply: Supply) -> str:
    """A purchase that is paid for used or not, in words; empty for others and for what stands."""
    if supply.purchase is Purchase.BUY:
        return f"Buying a {supply.gpu}"
    if supply.offer is None or not supply.offer.term_months:
        return ""
    return f"Reserving a {supply.gpu} for {term_words(supply.offer.term_months)}"


def _next_gpu(workloads: Sequence[WorkloadPlan]) -> list[BreakEven]:
    found = []
    for plan in workloads:
        costs = [c for c in plan.candidates if c.unit_cost_usd is not None]
        chosen = [c for c in costs if c.chosen]
        others = [c for c in costs if not c.chosen and c.usd_per_gpu_hour is not None]
        if not chosen or not others:
            continue
        best = min(c.unit_cost_usd or 0.0 for c in chosen)
        other = others[0]
        price = other.usd_per_gpu_hour or 0.0
        if not other.unit_cost_usd or other.unit_cost_usd <= best:
            continue
        what = f"{plan.id} moves to {other.gpu} below"
        found.append(BreakEven(what, "usd_per_gpu_hour", price * best / other.unit_cost_usd, price))
    return found


def slower_or_faster(options: Sequence[Option]) -> tuple[float, float]:
    """Ends of the 80 % interval of speed over its middle, the widest of a workload's options."""
    rates = [o.rate for o in options if o.rate is not None and o.rate.value > 0.0]
    low = min((r.low / r.value for r in rates), default=1.0)
    high = max((r.high / r.value for r in rates), default=1.0)
    return low, high
