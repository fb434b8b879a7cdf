"""A fleet held to its plan: every check, those that have drifted first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gpumix.domain.drift import SCHEMA_VERSION, DriftAnswer, DriftCheck
from gpumix.domain.fleet import Note
from gpumix.loop import counts, demand, prices, speed, versions
from gpumix.loop.changes import days_between_false_alarms
from gpumix.loop.facts import HOUR_S, Facts, joined
from gpumix.telemetry.store import utc

_ORDER: Final = (
    "version", "speed", "demand", "prompt", "answer", "burstiness", "price", "count",
)  # fmt: skip


def hold(facts: Facts, currency: str, notes: Sequence[Note] = ()) -> DriftAnswer:
    """Everything that a plan says of a fleet, beside what the fleet shows."""
    served = speed.served(facts)
    found = [
        *versions.find(facts),
        *speed.find(facts, served),
        *demand.find(facts),
        *prices.find(facts),
        *counts.find(facts),
    ]
    rules = facts.rules
    return DriftAnswer(
        schema_version=SCHEMA_VERSION,
        plan=facts.plan.name,
        start=utc(facts.span[0] * HOUR_S),
        end=utc(facts.span[1] * HOUR_S),
        currency=currency,
        findings=tuple(sorted((c for c in found if c.has_drifted), key=_rank)),
        checks=tuple(sorted((c for c in found if not c.has_drifted), key=_rank)),
        not_looked_for=tuple(_not_looked_for(facts, found)),
        notes=tuple(notes),
        days_between_false_alarms=days_between_false_alarms(
            rules.of("all", "allowance_sigmas"), rules.of("all", "threshold_sigmas")
        ),
        planned_usd_per_month=facts.plan.monthly_usd,
    )


def _rank(check: DriftCheck) -> tuple[float, int, str]:
    """The dearest first, then by kind."""
    cost = check.cost.usd_per_month if check.cost else None
    cost = check.usd_per_month_kept if cost is None else cost
    return -abs(cost or 0.0), _ORDER.index(check.kind), str(check.scope)


def ordered(findings: Sequence[DriftCheck]) -> tuple[DriftCheck, ...]:
    """Findings, the dearest first."""
    return tuple(sorted(findings, key=_rank))


def _not_looked_for(facts: Facts, found: Sequence[DriftCheck]) -> list[str]:
    told = []
    if facts.bill is None and not facts.book:
        told.append("prices: there is no bill and no price book (--bill, --prices)")
    elif facts.bill is not None and facts.bill.currency != "USD":
        told.append(f"prices: the bill is in {facts.bill.currency}, the plan in USD")
    seen = {facts.planned_name(w) for w in facts.hours.workload.tolist() if w is not None}
    for group in facts.groups:
        kinds = {c.kind for c in found if c.scope.workload == group.name}
        if not seen & {one.id for one in group.members}:
            told.append(f"{group.name}: no workload of the fleet has this name (plan_workloads)")
            continue
        if "demand" not in kinds:
            told.append(f"{group.name}: demand, no tokens on enough days")
        if "speed" not in kinds:
            why = "no tokens and running requests of replicas that the plan has"
            told.append(f"{group.name}: speed, {why}")
        if "burstiness" not in kinds:
            told.append(f"{group.name}: burstiness, samples are too rare or tell no load")
        if not any(
            c.scope.workload == group.name and c.names.get("what") == "engine" for c in found
        ):
            told.append(f"{group.name}: engine version, no source says it")
    known = {one.id for group in facts.groups for one in group.members}
    planned = {w.id for w in facts.plan.inventory.workloads} if facts.plan.inventory else set()
    if others := sorted(planned - known):
        told.append(f"{joined(others)}: only their GPUs are held to the plan: they answer no text")
    if strange := sorted(seen - planned - {None}, key=str):
        told.append(f"workloads that the plan has not: {joined(map(str, strange))}")
    return told
