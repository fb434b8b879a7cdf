"""A plan's replicas run again, as tables and sentences."""

from __future__ import annotations

from collections.abc import Sequence

from gpumix import fields
from gpumix.domain.proof import (
    KEPT,
    UNCLEAR,
    PlannedReplicas,
    PlanSimulation,
    SimulatedHour,
    SimulatedPromise,
)
from gpumix.report.tables import Cell, Table, table, text, value
from gpumix.report.views.plan import hour_words

_TONES = {KEPT: "good", UNCLEAR: "warn"}


def headline(found: PlanSimulation) -> str:
    """How many promises the plan's replicas keep, and how they were run."""
    kept = sum(promise.verdict == KEPT for promise in found.slo)
    seed = "the plan's own seed" if found.seed is None else f"seed {found.seed}"
    confidence = fields.format_value("confidence", found.confidence)
    hours = f"{len(found.simulated_hours)} hour{'s' * (len(found.simulated_hours) != 1)} simulated"
    return (
        f"{found.workload} keeps {kept} of {len(found.slo)} promises at {confidence} confidence"
        f" ({hours}, {seed})."
    )


def promise_table(found: PlanSimulation) -> Table:
    """Each promise in the worst of the hours that were simulated."""
    return table(
        fields.label("slo"),
        SimulatedPromise,
        found.slo,
        ("name", lambda p: text(p.name)),
        ("limit_s", lambda p: value("limit_s", p.limit_s)),
        ("simulated_s", lambda p: value("simulated_s", p.simulated_s, "never")),
        ("standard_error_s", lambda p: value("standard_error_s", p.standard_error_s)),
        ("requests", lambda p: value("requests", p.requests, record=SimulatedPromise)),
        ("worst_hour", lambda p: text(_when(found, p))),
        ("verdict", _verdict),
    )


def hour_table(found: PlanSimulation) -> Table:
    """The hours that were simulated, and what ran in them."""
    return table(
        fields.label("simulated_hours"),
        SimulatedHour,
        found.simulated_hours,
        ("year", lambda h: text(str(h.year + 1))),
        ("hour", lambda h: text(hour_words(h.hour))),
        ("units_per_hour", lambda h: text(_per_hour(h))),
        ("running", lambda h: text(_running(h.running))),
    )


def _per_hour(hour: SimulatedHour) -> str:
    return fields.format_value(fields.field("units_per_hour", SimulatedHour), hour.units_per_hour)


def _verdict(promise: SimulatedPromise) -> Cell:
    return Cell(promise.verdict, tone=_TONES.get(promise.verdict, "bad"))


def _when(found: PlanSimulation, promise: SimulatedPromise) -> str:
    hour = next(hour for hour in found.simulated_hours if promise in hour.slo)
    return f"{hour_words(hour.hour)}, year {hour.year + 1}"


def _running(running: Sequence[PlannedReplicas]) -> str:
    """`3 × 1 × l40s-48gb fp8, ...`: replicas in words."""
    return ", ".join(
        f"{one.replicas} × {one.tp} × {one.gpu}{f' ({one.slice})' if one.slice else ''}"
        f" {one.precision}".rstrip()
        for one in running
    )
