"""What stands behind a prediction, as its readers need it: the step, the nearest measurement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from gpumix import fields
from gpumix.domain.evidence import NearestMeasurement, Speed, StepPart
from gpumix.domain.explanation import PlacementExplanation
from gpumix.domain.plan import Placement, WorkloadPlan
from gpumix.report.tables import Cell, Table, remark, table, text, value

Near = tuple[str, NearestMeasurement]
"""A GPU (or GPU and count), and the measurement nearest to what is predicted for it."""

FAR = "distant"

MINOR = ("differs", "source", "as_of", "load", "predicted", "metric")
"""Columns that a narrow page of measurements loses first."""


def close_table(found: Sequence[Near]) -> Table:
    """The nearest measurements that say something of the predictions: those not distant."""
    return nearest_table([near for near in found if near[1].closeness != FAR])


def far_words(found: Sequence[Near]) -> str:
    """Which GPUs have no close or related measurement, in a sentence, or nothing."""
    names = [name for name, near in found if near.closeness == FAR]
    return f"No close or related measurement for: {', '.join(names)}." if names else ""


def nearest_table(found: Iterable[Near]) -> Table:
    """The nearest measurement of every GPU, and how wrong the engine is there."""
    return table(
        fields.label("nearest"),
        NearestMeasurement,
        found,
        ("gpu", lambda n: text(n[0])),
        ("deployment", lambda n: text(n[1].deployment)),
        ("load", lambda n: text(n[1].load)),
        ("metric", lambda n: text(n[1].metric)),
        ("measured", lambda n: value("measured", n[1].measured)),
        ("predicted", lambda n: value("predicted", n[1].predicted, record=NearestMeasurement)),
        ("error", _error),
        ("closeness", _closeness),
        ("differs", lambda n: remark(n[1].differs)),
        ("as_of", lambda n: text(n[1].as_of)),
        ("source", lambda n: remark(n[1].source)),
    )


def workload_nearest(workload: WorkloadPlan) -> Table:
    """The nearest measurements of a workload's placements and of all other GPUs tried for it."""
    ways = [(p.gpus, p.gpu, p.precision, p.nearest) for p in workload.placements]
    ways += [(c.gpus or 1, c.gpu, c.precision or "", c.nearest) for c in workload.candidates]
    found = {f"{n} x {gpu}, {precision}": near for n, gpu, precision, near in ways if near}
    return nearest_table(found.items())


def steps_table(workload: WorkloadPlan) -> Table:
    """Where the time of a step goes on each of a workload's placements."""
    ways = {f"{_gpus(p)}, {p.precision}": p.speed for p in workload.placements if p.speed}
    return _parts([(name, part) for name, speed in ways.items() for part in speed.parts])


def speed_table(gpu: str, speed: Speed) -> Table:
    """Where the time of one step goes."""
    return _parts([(gpu, part) for part in speed.parts]).without("gpu")


def _parts(parts: Iterable[tuple[str, StepPart]]) -> Table:
    return table(
        fields.label("parts"),
        StepPart,
        parts,
        ("gpu", lambda p: text(p[0])),
        ("name", lambda p: text(p[1].name)),
        ("seconds", lambda p: value("seconds", p[1].seconds, record=StepPart)),
        ("share", lambda p: value("share", p[1].share, record=StepPart)),
        ("formula", lambda p: remark(p[1].formula.removeprefix("gpumix."))),
    )


def _gpus(placement: Placement) -> str:
    """What one replica runs on: `2 x h100-sxm-80gb`, `1g.10gb of h100-sxm-80gb`."""
    if placement.slice:
        return f"{placement.slice} of {placement.gpu}"
    return f"{placement.gpus} x {placement.gpu}"


def placement_words(found: PlacementExplanation) -> str:
    """`chat: Qwen/Qwen3-8B on 2 x h100-sxm-80gb, tp 2, fp8`."""
    p = found.placement
    if not p.precision:  # custom work: neither model nor precision
        return f"{found.workload} on {_gpus(p)}"
    return f"{found.workload}: {found.model} on {_gpus(p)}, tp {p.tp}, {p.precision}"


def speed_words(found: PlacementExplanation) -> str:
    """The prediction with its interval, evidence, load, step and what binds, in one sentence."""
    p, speed = found.placement, found.placement.speed
    if speed is None:
        rate = fields.format_value("units_per_hour", p.units_per_hour)
        return f"{fields.label('units_per_hour')} {rate}; its step has no breakdown."
    predicted = speed.predicted
    shown = fields.format_interval(speed.quantity, predicted.value, predicted.low, predicted.high)
    parts = [f"{fields.label(speed.quantity)} {shown}, {predicted.basis.value}"]
    if speed.step_s is not None:
        step = f"a step of {fields.format_value('step_s', speed.step_s)}"
        batch = fields.format_value("batch", p.batch)
        parts.append(step if p.batch is None else f"a batch of {batch} over {step}")
    bound = [f"bound by {speed.limit}"] if speed.limit else []
    return "; ".join([*parts, *bound]) + "."


def nearest_words(near: NearestMeasurement) -> tuple[str, ...]:
    """The nearest measurement in lines: what ran, what came out, what that is worth, source."""
    measured = fields.format_value("measured", near.measured)
    there = "no prediction there"
    if near.predicted is not None and near.error is not None:
        own = fields.field("predicted", NearestMeasurement)
        error = fields.format_value("error", near.error)
        there = f"predicted {fields.format_value(own, near.predicted)}, error {error}"
    fitted = "; the constants were fitted to this row too" if near.fitted else ""
    apart = f": {near.differs}" if near.differs else ""
    distance = fields.format_value("distance", near.distance)
    return (
        f"{near.deployment}; {near.load}",
        f"{near.metric}: measured {measured}, {there}{fitted}",
        f"{near.closeness} (distance {distance}){apart}",
        f"Source: {near.source}, {near.as_of} ({near.id})",
    )


def _error(near: Near) -> Cell:
    note = "fitted" if near[1].fitted else ""
    drawn = value("error", near[1].error, "no prediction there")
    return drawn if drawn.note else Cell(drawn.text, note)


def _closeness(near: Near) -> Cell:
    return Cell(near[1].closeness, tone="muted" if near[1].closeness == FAR else "")
