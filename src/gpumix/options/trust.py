"""How far predictions of serving can be relied on, and what a team's own measurements do to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.evidence import Basis
from gpumix.domain.llm import Model
from gpumix.domain.workload import Workload
from gpumix.options.option import Row
from gpumix.perf.calibrate import Places
from gpumix.perf.inference.constants import is_fitted
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.memory import memory
from gpumix.perf.interval import Z80, slowdown_at, tier_sigma
from gpumix.predict.evidence import Asked, Evidence, Moved, serving_label
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Trust:
    """How far the predictions of some rows can be relied on.

    `sigma` is the standard deviation of log(predicted / true) of each row, wider where no measured
    row covers the architecture; `confidence` the probability with which the plan's promises hold.
    """

    sigma: FloatArray
    confidence: float
    basis: tuple[Basis, ...]
    notes: tuple[str, ...] = ()

    @property
    def spread(self) -> FloatArray:
        """The high end of the 80 % interval of times over their middle."""
        return np.exp(Z80 * self.sigma)

    @property
    def planned(self) -> FloatArray:
        """How much longer than predicted the plan takes times to be."""
        return slowdown_at(self.sigma, self.confidence)

    def note(self, row: int, other: str) -> str:
        """A row's note, with what measurements did to it."""
        own = self.notes[row] if self.notes else ""
        return "; ".join(part for part in (other, own) if part)


def trust_in(
    dep: Deployment, workload: Workload, model: Model, coefficients: Coefficients
) -> Trust:
    """How far rows can be relied on before a team has measured anything."""
    keys = [dep.keys[i] for i in dep.key_index]
    machines = np.array([key.machine for key in keys])
    sigma = tier_sigma(
        coefficients.inference,
        np.full(dep.rows, "throughput"),
        machines,
        np.array([key.engine for key in keys]),
        np.full(dep.rows, model.is_moe),
    )
    measured = (is_fitted(key, coefficients.inference) for key in keys)
    basis = tuple(Basis.CALIBRATED if known else Basis.MODELLED for known in measured)
    return Trust(sigma, workload.confidence, basis)


def widened(trust: Trust, by: float) -> Trust:
    """Trust in what no measurement covers: intervals of times wider by a factor."""
    sigma = trust.sigma + np.log(by) / Z80
    return replace(trust, sigma=sigma, basis=(Basis.MODELLED,) * len(trust.basis))


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
    return evidence.move(Asked(places, np.array(labels)), trust.sigma)


def tightened(trust: Trust, moved: Moved) -> Trust:
    """Trust after measurements: narrower where they are near."""
    near = moved.basis != ""
    basis = tuple(
        Basis.CALIBRATED if own else kind for own, kind in zip(near, trust.basis, strict=True)
    )
    return Trust(np.asarray(moved.sigma), trust.confidence, basis, tuple(moved.note.tolist()))
