"""What measurements of a team's own change: the predictions before and after, and how sure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gpumix.catalog import Catalog
from gpumix.domain.cells import numbers_in
from gpumix.domain.defaults import PRECISION
from gpumix.domain.measurement import CalibratedDeployment, CalibratedPoint, MovedPrediction
from gpumix.perf.calibrate import Places
from gpumix.perf.interval import Z80
from gpumix.predict.evidence import Asked, Evidence, rows_for
from gpumix.predict.inference import predict_inference, serving_evidence
from gpumix.predict.training import predict_training, training_evidence
from gpumix.predict.training_rows import METRICS as TRAINING_METRICS

SUSPICIOUS = 3.0
"""A measurement this many times off its prediction is doubted: the GPU or model may be another."""

SUSPICIOUS_COUNT = 2.0
"""The same where nobody says how many GPUs there were: two are nearly twice as fast as one."""

_ELSEWHERE = 8.0
"""How much longer and fuller the example of another load of a deployment is."""

_TIMES = ("tpot_ms_", "itl_ms_", "step_time_s")
_RATES = (
    "output_tok_s_total", "total_tok_s_total", "requests_s", "samples_s", "prefill_tok_s",
    "tok_s_per_gpu", "samples_s_per_gpu", "tflops_per_gpu",
)  # fmt: skip
"""How metrics of a step begin that are the shorter, the faster; and metrics of speed."""

Columns = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class Change:
    """What new measurements make of predictions."""

    deployments: tuple[CalibratedDeployment, ...]
    moved: tuple[MovedPrediction, ...]
    points: tuple[CalibratedPoint, ...]
    warnings: tuple[str, ...]


def change(plain: Catalog, calibrated: Catalog, new: set[str]) -> Change:
    """What the measurements with the ids `new` change, between a catalogue without any
    measurements of the team's own and one with all of them."""
    views = [v for v in (_view(plain, calibrated, new, job) for job in (False, True)) if v]
    points = tuple(point for view in views for point in _points(view))
    return Change(
        tuple(d for view in views for d in _deployments(view)),
        tuple(m for view in views for m in _moved(view)),
        points,
        tuple(_warnings(points, new, views)),
    )


def speed_ratio(columns: Columns, predicted: npt.NDArray[np.float64]) -> float | None:
    """Measured over predicted speed of rows, the median; None where they do not tell the speed.

    A rate that the offered load dictates does not, and the first token waits in queues.
    """
    ratios = numbers_in(columns["value"]) / predicted
    loads = columns.get("load", [""] * len(ratios))
    logs = [
        -np.log(ratio) if metric.startswith(_TIMES) else np.log(ratio)
        for metric, load, ratio in zip(columns["metric"], loads, ratios, strict=True)
        if metric.startswith(_TIMES) or (metric in _RATES and load != "request_rate")
    ]
    return float(np.exp(np.median(logs))) if logs else None


@dataclass(frozen=True, slots=True)
class _View:
    """The evidence of one kind of work, and which of it is new.

    `base` and `sigma` are each measurement's prediction without any evidence, and its spread.
    """

    columns: Columns
    evidence: Evidence
    base: npt.NDArray[np.float64]
    sigma: npt.NDArray[np.float64]
    is_new: npt.NDArray[np.bool_]

    def cell(self, i: int, name: str) -> str:
        """A cell of a measurement's row."""
        column = self.columns.get(name)
        return column[self.evidence.rows[i]] if column else ""

    def move(self, i: int, ignored: npt.NDArray[np.bool_]) -> tuple[float, float]:
        """Factor and sigma of a measurement's prediction, some measurements ignored."""
        asked = self.evidence.asked
        here = Asked(asked.places.take([i]), asked.keys[[i]])
        moved = self.evidence.without(ignored).move(here, self.sigma[[i]])
        return float(moved.factor[0]), float(moved.sigma[0])

    def own_run(self, i: int) -> npt.NDArray[np.bool_]:
        """All measurements of the run that this one belongs to."""
        places = self.evidence.asked.places
        source = np.array([self.cell(k, "source") for k in range(self.evidence.size)])
        same = (places.deployment == places.deployment[i]) & (source == source[i])
        for axis in (places.input_len, places.output_len, places.batch):
            same &= axis == axis[i]
        return np.asarray(same)


def _view(plain: Catalog, catalog: Catalog, new: set[str], training: bool) -> _View | None:
    evidence = training_evidence(catalog) if training else serving_evidence(catalog)
    if evidence is None:
        return None
    columns = rows_for(catalog.measured, training)
    is_new = np.array([columns["id"][row] in new for row in evidence.rows])
    if not is_new.any():
        return None
    chosen = {name: [column[r] for r in evidence.rows] for name, column in columns.items()}
    out: Mapping[str, Any] = (predict_training if training else predict_inference)(
        chosen, catalog=plain
    )
    base, low, high = (numbers_in(out[name]) for name in ("value", "low", "high"))
    sigma = 0.5 * np.log(high / low) / Z80
    return _View(columns, evidence, base, sigma, is_new)


def _points(view: _View) -> list[CalibratedPoint]:
    nothing = np.zeros(view.evidence.size, dtype=bool)
    points = []
    for i in np.flatnonzero(view.is_new).tolist():
        base = float(view.base[i])
        own = view.own_run(i)
        factor, sigma = view.move(i, nothing)
        width = float(np.exp(Z80 * sigma))
        points.append(
            CalibratedPoint(
                measurement=view.evidence.names[i],
                deployment=_deployment(view, i),
                load=_load(view, i),
                metric=view.cell(i, "metric"),
                measured=float(view.cell(i, "value")),
                before=base * view.move(i, view.is_new)[0],
                after=base * factor,
                low=base * factor / width,
                high=base * factor * width,
                left_out=None if own.all() else base * view.move(i, own)[0],
            )
        )
    return points


def _deployments(view: _View) -> list[CalibratedDeployment]:
    labels = view.evidence.asked.places.deployment
    found = []
    for label in dict.fromkeys(labels[view.is_new].tolist()):
        members = np.flatnonzero(labels == label).tolist()
        before, after, left_out, wide, narrow = [], [], [], [], []
        nothing = np.zeros(view.evidence.size, dtype=bool)
        for i in members:
            old, sigma_old = view.move(i, view.is_new)
            new, sigma_new = view.move(i, nothing)
            own = view.own_run(i)
            before.append(_error(old, view.evidence.log_error[i]))
            after.append(_error(new, view.evidence.log_error[i]))
            if (labels[~own] == label).any():
                left_out.append(_error(view.move(i, own)[0], view.evidence.log_error[i]))
            wide.append(sigma_old)
            narrow.append(sigma_new)
        found.append(
            CalibratedDeployment(
                deployment=_deployment(view, members[0]),
                measurements=len(members),
                error_before=float(np.median(before)),
                error_after=float(np.median(after)),
                error_left_out=float(np.median(left_out)) if left_out else None,
                interval_before=float(np.exp(Z80 * np.median(wide)) - 1.0),
                interval_after=float(np.exp(Z80 * np.median(narrow)) - 1.0),
            )
        )
    return found


def _error(factor: float, log_error: float) -> float:
    """|predicted - measured| / measured of a prediction moved by a factor."""
    return abs(factor / float(np.exp(log_error)) - 1.0)


def _moved(view: _View) -> list[MovedPrediction]:
    """The speed of what was not measured: other loads, other models, other GPUs."""
    places = view.evidence.asked.places
    first = {
        label: i
        for i, label in reversed(list(enumerate(places.deployment.tolist())))
        if view.is_new[i]
    }
    found: dict[str, float] = {}
    for label, i in sorted(first.items(), key=lambda item: item[1]):
        is_training = view.cell(i, "metric") in TRAINING_METRICS
        quantity = "speed" if is_training else "throughput"
        gpu, engine = str(places.gpu[i]), str(places.engine[i])
        far = _ELSEWHERE
        examples = (
            (f"other loads of {_deployment(view, i)}", engine, gpu, label, far),
            (
                f"other {'jobs' if is_training else 'models'} on {gpu}, {engine}",
                engine,
                gpu,
                "",
                1.0,
            ),
            (f"other GPUs, {engine}", engine, "", "", 1.0),
        )
        for what, stack, part, deployment, scale in examples:
            target = Places(
                np.array([stack]), np.array([part]), np.array([deployment]), np.array([quantity]),
                places.input_len[[i]] * scale, places.output_len[[i]], places.batch[[i]] * scale,
            )  # fmt: skip
            moved = view.evidence.move(Asked(target, np.array([""])), np.ones(1))
            found.setdefault(what, float(moved.factor[0]) - 1.0)
    return [MovedPrediction(what, change) for what, change in found.items()]


def _deployment(view: _View, i: int) -> str:
    cell = view.cell
    gpus = cell(i, "n_gpus") or cell(i, "tp") or "1"
    precision = cell(i, "weight_precision") or cell(i, "precision") or PRECISION
    how = cell(i, "task")
    stack = cell(i, "engine") or cell(i, "stack") or str(view.evidence.asked.places.engine[i])
    version = cell(i, "engine_version")
    parts = [f"{cell(i, 'model')} on {gpus} x {cell(i, 'gpu')}", precision, how]
    return ", ".join(part for part in (*parts, f"{stack} {version}".strip()) if part)


def _load(view: _View, i: int) -> str:
    cell = view.cell
    if cell(i, "metric") in TRAINING_METRICS:
        parts = (("seq_len", "tokens"), ("global_batch", "sequences"))
        return ", ".join(f"{cell(i, name)} {unit}" for name, unit in parts if cell(i, name))
    tokens = f"{cell(i, 'input_len')} in, {cell(i, 'output_len')} out"
    return f"{tokens}, {cell(i, 'load')} {cell(i, 'load_value')}".strip()


def _warnings(
    points: Sequence[CalibratedPoint], new: set[str], views: Sequence[_View]
) -> list[str]:
    far: dict[str, list[float]] = {}
    for point in points:
        ratio = point.measured / point.before if point.before else 1.0
        if not 1.0 / SUSPICIOUS <= ratio <= SUSPICIOUS:
            far.setdefault(point.deployment, []).append(ratio)
    found = [
        f"{deployment}: {len(ratios)} figures are {min(ratios):.2g} to {max(ratios):.2g} times "
        "their prediction; did it run on this GPU, model, layout and precision?"
        for deployment, ratios in far.items()
    ]
    if new and not views:
        found.append("the new rows do not tell the speed: they report the offered rate only")
    return found
