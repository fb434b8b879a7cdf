"""How far predictions of serving can be relied on, and what a team's own measurements do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.evidence import Basis
from gpumix.domain.llm import Model
from gpumix.domain.workload import Tier, Workload
from gpumix.options.option import Row
from gpumix.perf.calibrate import Places
from gpumix.perf.inference.constants import is_fitted
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import memory
from gpumix.perf.interval import Z80, tier_sigma
from gpumix.predict.evidence import Asked, Evidence, Moved, serving_label
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Trust:
    """How far the predictions of some rows can be relied on.

    `spread` is the high end of the 80 % interval of times over their middle; `planned` the part
    of it that the plan takes: all of it for premium work and for architectures that no measured
    row covers, else none.
    """

    spread: FloatArray
    planned: FloatArray
    basis: tuple[Basis, ...]
    notes: tuple[str, ...] = ()

    def note(self, row: int, other: str) -> str:
        """A row's note, with what measurements did to it."""
        own = self.notes[row] if self.notes else ""
        return "; ".join(part for part in (other, own) if part)


def trust_in(
    dep: Deployment, workload: Workload, model: Model, coefficients: Coefficients
) -> Trust:
    """How far rows can be relied on before a team has measured anything."""
    keys = [dep.keys[i] for i in dep.key_index]
    architectures = np.array([key.architecture for key in keys])
    sigma = tier_sigma(
        coefficients.inference,
        np.full(dep.rows, "throughput"),
        architectures,
        np.array([key.engine for key in keys]),
        np.full(dep.rows, model.is_moe),
    )
    spread = np.exp(Z80 * sigma)
    measured = np.array([is_fitted(key, coefficients.inference) for key in keys])
    cautious = ~measured | (workload.tier is Tier.PREMIUM)
    return Trust(
        spread,
        np.where(cautious, spread, 1.0),
        tuple(Basis.CALIBRATED if known else Basis.MODELLED for known in measured),
    )


def widened(trust: Trust, by: float) -> Trust:
    """Trust in what no measurement covers: wider intervals, planned at their far end."""
    spread = trust.spread * by
    return Trust(spread, spread, (Basis.MODELLED,) * len(trust.basis), trust.notes)


def measured_by(
    evidence: Evidence,
    rows: Sequence[Row],
    dep: Deployment,
    workload: Workload,
    model: Model,
    trust: Trust,
) -> Moved:
    """What the team's own measurements say of the throughput of each row.

    The batch is not known yet: halfway, in logs, to the most that fits stands for it.
    """
    keys = [dep.keys[i] for i in dep.key_index]
    engine = [key.engine for key in keys]
    labels = [
        serving_label(row.gpu.id, model.id, (row.tp, 1, 1, 1), row.precision, key)
        for row, key in zip(rows, keys, strict=True)
    ]
    lengths = (
        (workload.demand.input.mean, workload.demand.output.mean) if workload.demand else (1.0, 1.0)
    )
    most = np.asarray(memory(dep, *lengths).batch_max)
    one = np.ones(dep.rows)
    places = Places(
        np.array(engine), np.array([row.gpu.id for row in rows]), np.array(labels),
        np.full(dep.rows, "throughput"), one * lengths[0], one * lengths[1],
        np.sqrt(np.maximum(np.minimum(most, dep.max_sequences), 1.0)),
    )  # fmt: skip
    return evidence.move(Asked(places, np.array(labels)), np.log(trust.spread) / Z80)


def tightened(trust: Trust, moved: Moved, workload: Workload) -> Trust:
    """Trust after measurements: narrower, and planned in the middle where they are of the row."""
    spread = np.exp(Z80 * moved.sigma)
    near = moved.basis != ""
    cautious = (trust.planned > 1.0) & (~near.astype(bool) | (workload.tier is Tier.PREMIUM))
    basis = tuple(
        Basis.CALIBRATED if own else kind for own, kind in zip(near, trust.basis, strict=True)
    )
    return Trust(spread, np.where(cautious, spread, 1.0), basis, tuple(moved.note.tolist()))
