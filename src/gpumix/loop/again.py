"""What a drift costs: the plan's inventory planned anew with it and without it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpumix.domain.drift import DriftAnswer, DriftCheck, DriftCost
from gpumix.domain.offer import Layer
from gpumix.domain.plan import Plan
from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, Inventory
from gpumix.errors import Infeasible
from gpumix.loop.drift import ordered
from gpumix.loop.facts import Facts
from gpumix.loop.rows import rows_of
from gpumix.loop.speed import Served, served
from gpumix.plan.effort import WORK
from gpumix.plan.plan import plan

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

SAME = 1e-3
"""Two plans whose costs differ by less than this share cost the same: no search is exacter."""

Solve = Callable[[Inventory, "Catalog"], Plan]


@dataclass(frozen=True, slots=True)
class Drifted:
    """An inventory and a catalogue with something drifted in them."""

    inventory: Inventory
    catalog: Catalog


def quick(inventory: Inventory, catalog: Catalog) -> Plan:
    """A plan of little search. Raises: Infeasible."""
    return plan(inventory, catalog, work=WORK["quick"]).plan


def costed(
    answer: DriftAnswer,
    facts: Facts,
    solve: Solve = quick,
    progress: Callable[[str], None] = lambda _: None,
) -> DriftAnswer:
    """The answer with what each finding costs, and all of them together."""
    if not answer.findings or facts.plan.inventory is None:
        return answer
    seen = served(facts)
    start = together = Drifted(facts.plan.inventory, facts.catalog)
    progress("planning the inventory as it was")
    before = solve(start.inventory, start.catalog)
    findings, solved = [], []
    for finding in answer.findings:
        changed = _with(finding, start, facts, seen)
        if changed is None:
            cost = DriftCost(None, False, (), _no_change(finding))
        else:
            progress(f"planning with the drift of {finding.kind}")
            cost = _cost(before, changed, solve)
            together = _with(finding, together, facts, seen) or together
            solved.append(cost)
        findings.append(replace(finding, cost=cost))
    whole = DriftCost(0.0, False)
    if len(solved) == 1:
        whole = solved[0]
    elif solved:
        progress("planning with all that drifted")
        whole = _cost(before, together, solve)
    more = whole.usd_per_month
    return replace(
        answer,
        findings=ordered(findings),
        again_usd_per_month=before.monthly_usd,
        drifted_usd_per_month=None if more is None else before.monthly_usd + more,
        drifted_note=whole.note,
    )


def with_drift(answer: DriftAnswer, facts: Facts, start: Drifted) -> Drifted:
    """An inventory and a catalogue with all of what drifted that enters a plan."""
    seen = served(facts)
    for finding in answer.findings:
        start = _with(finding, start, facts, seen) or start
    return start


def _cost(before: Plan, changed: Drifted, solve: Solve) -> DriftCost:
    try:
        after = solve(changed.inventory, changed.catalog)
    except Infeasible as error:
        return DriftCost(None, True, (), f"no plan keeps the promises: {error}".splitlines()[0])
    moves = _moves(before, after)
    more = after.monthly_usd - before.monthly_usd
    if not moves and abs(more) <= SAME * abs(before.monthly_usd):
        more = 0.0
    return DriftCost(more, bool(moves), moves)


def _moves(before: Plan, after: Plan) -> tuple[str, ...]:
    """Lines of the mix whose count is another."""
    old, new = ({line.resource: line.count for line in one.mix} for one in (before, after))
    return tuple(
        f"{name}: {old.get(name, 0)} -> {new.get(name, 0)}"
        for name in dict.fromkeys([*old, *new])
        if old.get(name, 0) != new.get(name, 0)
    )


def _no_change(finding: DriftCheck) -> str:
    if finding.kind == "count":
        return "the plan asks for as many GPUs as before: the fleet is not what it asks for"
    if finding.kind == "version":
        return "the speed that was seen with it is as predicted, or is a finding of its own"
    return "nothing of it enters a plan"


def _with(
    finding: DriftCheck, before: Drifted, facts: Facts, seen: Sequence[Served]
) -> Drifted | None:
    """What is planned with a drift; None where it enters no plan."""
    if finding.kind in ("demand", "prompt", "answer", "burstiness"):
        return replace(before, inventory=_asked(finding, before.inventory))
    if finding.kind == "price":
        return _priced(finding, before, facts)
    if finding.kind == "speed":
        return _slower(finding, before, facts, seen)
    return None


def _asked(finding: DriftCheck, inventory: Inventory) -> Inventory:
    """The inventory with the demand of a group of workloads as it was seen."""
    ids = (finding.scope.workload or "").split("+")
    factor = 1.0 + (finding.change_share or 0.0)
    workloads = tuple(
        replace(one, demand=_demand(one.demand, finding.kind, factor))
        if one.id in ids and one.demand is not None
        else one
        for one in inventory.workloads
    )
    return replace(inventory, workloads=workloads)


def _demand(demand: Demand, kind: str, factor: float) -> Demand:
    if kind == "demand":
        return replace(demand, units_per_hour=tuple(u * factor for u in demand.units_per_hour))
    if kind == "burstiness":
        peaked = (1.0 + (demand.arrival_cv**2 - 1.0) / 2.0) * factor
        return replace(demand, arrival_cv=max(2.0 * peaked - 1.0, 0.0) ** 0.5)
    read, written = (factor, 1.0) if kind == "prompt" else (1.0, factor)
    classes = tuple(
        replace(one, input=_scaled(one.input, read), output=_scaled(one.output, written))
        for one in demand.classes
    )
    return replace(
        demand,
        input=_scaled(demand.input, read),
        output=_scaled(demand.output, written),
        classes=classes,
    )


def _scaled(lengths: Lengths, factor: float) -> Lengths:
    quantiles = tuple((share, tokens * factor) for share, tokens in lengths.quantiles)
    return replace(lengths, mean=lengths.mean * factor, quantiles=quantiles)


def _priced(finding: DriftCheck, before: Drifted, facts: Facts) -> Drifted | None:
    """Offers like the line's, of its provider and place, at the price that was seen."""
    factor = 1.0 + (finding.change_share or 0.0)
    line = next(one for one in facts.plan.mix if one.resource == finding.scope.offer)
    key = line.gpu, line.purchase, line.term_months, line.provider, line.region
    offers = [
        one
        for one in before.catalog.offers
        if (one.gpu, one.purchase.value, one.term_months, one.provider, one.region) == key
    ]
    if not offers:
        return None
    now = tuple(
        replace(
            offer,
            layer=Layer.SHEET,
            usd_per_instance_hour=offer.usd_per_instance_hour * factor,
            low_usd_per_instance_hour=offer.low_usd_per_instance_hour * factor,
            high_usd_per_instance_hour=offer.high_usd_per_instance_hour * factor,
        )
        for offer in offers
    )
    kept = [rate for rate in before.catalog.rates if rate not in offers]
    rates = (*kept, *now)
    return Drifted(replace(before.inventory, rates=rates), before.catalog.with_rates(rates))


def _slower(
    finding: DriftCheck, before: Drifted, facts: Facts, seen: Sequence[Served]
) -> Drifted | None:
    """The catalogue with what was served beside its measurements."""
    scope = finding.scope
    own = [
        one
        for one in seen
        if (one.group.name, one.launch.gpu) == (scope.workload, scope.gpu)
        and one.engine_version == (scope.engine_version or "")
    ]
    rows = rows_of(facts, own)
    if not rows:
        return None
    columns = {name: [row.get(name, "") for row in rows] for name in rows[0]}
    columns["id"] = [f"seen-{scope.workload}-{scope.gpu}-{i}" for i in range(len(rows))]
    columns["source"] = ["fleet"] * len(rows)
    return replace(before, catalog=before.catalog.with_rows(columns))
