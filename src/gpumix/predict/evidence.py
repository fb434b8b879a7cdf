"""A team's own measurements as evidence: which of them count, and what they do to a prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gpumix.domain.cells import numbers_in
from gpumix.domain.evidence import Basis
from gpumix.domain.llm import Model
from gpumix.domain.measurement import Shrinkage
from gpumix.perf.calibrate import Places, shift
from gpumix.perf.inference.constants import Key
from gpumix.perf.inference.questions import Questions
from gpumix.predict.training_rows import METRICS as TRAINING_METRICS
from gpumix.values import FloatArray

CALIBRATED_FROM = 0.4
"""Share of a prediction's variance that measurements must explain for it to count as calibrated:
what one run elsewhere in the same deployment does, and one on another model does not."""

REPORTED_FROM = 0.005
"""Smallest move that a note tells."""

MOVED = "moved "
"""How a note of measurements begins."""

TYPICAL_BATCH = 64.0
TYPICAL_TPOT_S = 0.025
"""Where loads that state no batch stand on the batch axis; distances alone matter."""

_STATISTICS = ("mean", "p50", "p95", "p99")
_RATES = ("output_tok_s_total", "total_tok_s_total", "requests_s", "samples_s", "prefill_tok_s")
_RANK = {name: i for i, name in enumerate((*_RATES, *_STATISTICS))}

Columns = Mapping[str, Sequence[str]]
Words = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions as evidence sees them: their places, and a key that is equal for equal ones."""

    places: Places
    keys: Words


@dataclass(frozen=True, slots=True)
class Moved:
    """What evidence does to predictions: factor, sigma after, basis and note of each."""

    factor: FloatArray
    sigma: FloatArray
    explained: FloatArray
    basis: Words
    note: Words


@dataclass(frozen=True, slots=True)
class Evidence:
    """Measured rows that say how fast something is, beside what was predicted for them.

    `rows` are their positions among the project's rows of this kind of work; `origin` numbers
    what came about together: measurements of one file on one GPU, and of one deployment.
    """

    asked: Asked
    log_error: FloatArray
    names: tuple[str, ...]
    rows: tuple[int, ...]
    prior: Shrinkage
    origin: npt.NDArray[np.int64]

    @property
    def size(self) -> int:
        """Number of measurements."""
        return len(self.names)

    def without(self, left_out: npt.NDArray[np.bool_]) -> Evidence:
        """The other measurements."""
        kept = np.flatnonzero(~left_out)
        asked = Asked(self.asked.places.take(kept), self.asked.keys[kept])
        names = tuple(self.names[i] for i in kept)
        rows = tuple(self.rows[i] for i in kept)
        return Evidence(asked, self.log_error[kept], names, rows, self.prior, self.origin[kept])

    def move(self, asked: Asked, sigma: FloatArray) -> Moved:
        """Predictions as the measurements leave them; `sigma` is of each prediction's log error."""
        found = shift(
            self.asked.places, self.log_error, asked.places, sigma, self.prior, self.origin
        )
        factor = np.exp(found.log_factor)
        same = np.isin(asked.keys, self.asked.keys)
        basis = np.where(
            same,
            Basis.MEASURED.value,
            np.where(found.explained >= CALIBRATED_FROM, Basis.CALIBRATED.value, ""),
        ).astype(object)
        reported = (np.abs(factor - 1.0) >= REPORTED_FROM) | (basis != "")
        notes = np.full(len(factor), "", dtype=object)
        for row in np.flatnonzero(reported):
            notes[row] = self._note(float(factor[row]), found.weights[row])
        return Moved(factor, found.sigma, found.explained, basis, notes)

    def _note(self, factor: float, weights: FloatArray) -> str:
        """`moved +12 % by 5 measurements, most by m3 (conc4.json), m1 (conc1.json)`."""
        order = np.argsort(-np.abs(weights), kind="stable")[:2]
        many = int(np.sum(np.abs(weights) > 1e-6))
        most = ", ".join(self.names[i] for i in order)
        if many <= len(order):
            return f"{MOVED}{factor - 1.0:+.0%} by {most}"
        return f"{MOVED}{factor - 1.0:+.0%} by {many} measurements, most by {most}"


def collect(
    columns: Columns, asked: Asked, predicted: FloatArray, prior: Shrinkage
) -> Evidence | None:
    """The evidence in measured rows, given what is predicted for them without it.

    Figures of one run and kind are one measurement: the mean stands for its percentiles, output
    tokens/s for the other rates. A rate that the offered load dictates says nothing of speed.
    """
    value = numbers_in(columns["value"])
    with np.errstate(invalid="ignore", divide="ignore"):
        log_error = np.log(value / predicted)
    kept = np.flatnonzero(np.isfinite(log_error) & ~_dictated(columns, asked)).tolist()
    best: dict[tuple[object, ...], int] = {}
    sources = columns.get("source", [""] * len(value))
    for i in kept:
        run = _run(sources[i], asked, i)
        best[run] = min(best.get(run, len(_RANK)), _rank(columns["metric"][i]))
    chosen = [i for i in kept if _rank(columns["metric"][i]) == best[_run(sources[i], asked, i)]]
    if not chosen:
        return None
    names = tuple(_name(columns["id"][i], sources[i]) for i in chosen)
    picked = Asked(asked.places.take(chosen), asked.keys[chosen])
    origin = _origins([sources[i] for i in chosen], picked.places)
    return Evidence(picked, log_error[chosen], names, tuple(chosen), prior, origin)


def _origins(sources: Sequence[str], places: Places) -> npt.NDArray[np.int64]:
    """Numbers of measurements that may share a mistake: a label given to a whole file, or to all
    files of a deployment."""
    number = np.arange(len(sources))
    files = [f"{source} {gpu}" for source, gpu in zip(sources, places.gpu, strict=True)]
    for _ in range(len(sources)):
        before = number.copy()
        for groups in (files, places.deployment):
            code = np.unique(groups, return_inverse=True)[1]
            least = np.full(code.max() + 1, len(sources))
            np.minimum.at(least, code, number)
            number = least[code]
        if (number == before).all():
            break
    return number


def rows_for(columns: Columns, training: bool) -> dict[str, list[str]]:
    """The rows of a project's table that measure training, or those that measure serving."""
    metrics = columns.get("metric", ())
    kept = [i for i, name in enumerate(metrics) if (name in TRAINING_METRICS) == training]
    return {name: [column[i] for i in kept] for name, column in columns.items()}


def serving_label(gpu: str, model: str, layout: Sequence[int], precision: str, key: Key) -> str:
    """What makes two rows points of one serving deployment; `layout` is tp, pp, dp, ep."""
    degrees = "x".join(str(degree) for degree in layout)
    return f"{gpu} {model} {degrees} {precision or 'bf16'} kv{key.kv_width} {key.engine}"


def stack_of(stack: str, model: Model, task: str) -> str:
    """The stack with the kind of job, as `TrainingJob.kind` tells it: errors are of both."""
    kind = "adapter" if task in ("lora", "qlora") else "dense"
    if model.kind == "encoder":
        kind = "encoder"
    elif model.is_moe:
        kind = "moe"
    return f"{stack} {kind}"


def training_label(gpu: str, model: str, stack: str, task: str, precision: str, gpus: float) -> str:
    """What makes two rows points of one training deployment; the layout is the stack's affair."""
    return f"{gpu} {model} {stack} {task} {precision or 'bf16'} {gpus:g}"


def batch_of(load: Words, load_value: FloatArray, output_len: FloatArray) -> FloatArray:
    """Where a load stands on the batch axis: its batch, or one that Little's law suggests."""
    value = np.where(np.isfinite(load_value), load_value, TYPICAL_BATCH)
    by_rate = load_value * np.nan_to_num(output_len) * TYPICAL_TPOT_S
    at_rate = np.where(np.isfinite(load_value), np.maximum(by_rate, 1.0), TYPICAL_BATCH)
    other = np.where(load == "single_stream", 1.0, value)
    most = np.where(load == "max_throughput", 4.0 * TYPICAL_BATCH, other)
    return np.asarray(np.where(load == "request_rate", at_rate, most))


def _dictated(columns: Columns, asked: Asked) -> npt.NDArray[np.bool_]:
    rows = len(columns["value"])
    load = np.array(columns.get("load", [""] * rows), dtype=object)
    stated = np.isfinite(numbers_in(columns.get("load_value", [""] * rows)))
    return np.asarray((load == "request_rate") & stated & (asked.places.quantity == "throughput"))


def _run(source: str, asked: Asked, i: int) -> tuple[object, ...]:
    places = asked.places
    return (
        source, str(places.deployment[i]), str(places.quantity[i]), float(places.input_len[i]),
        float(places.output_len[i]), float(places.batch[i]),
    )  # fmt: skip


def _rank(metric: str) -> int:
    return _RANK.get(metric, _RANK.get(metric.rpartition("_")[2], 0))


def _name(identity: str, source: str) -> str:
    return f"{identity} ({source})" if source else identity


def asked_of(
    engine: npt.NDArray[np.str_],
    gpu: npt.NDArray[np.str_],
    label: npt.NDArray[np.str_],
    figures: npt.NDArray[np.str_],
    questions: Questions,
) -> Asked:
    """Where questions stand, and a key that is equal for equal ones."""
    batch = batch_of(questions.load, questions.load_value, questions.output_len)
    lengths = np.nan_to_num(questions.input_len), np.nan_to_num(questions.output_len)
    places = Places(engine, gpu, label, figures, *lengths, batch)
    key = label
    numeric = (*lengths, batch)
    for part in (questions.load, questions.metric, *(np.char.mod("%.5g", x) for x in numeric)):
        key = np.char.add(np.char.add(key, "|"), part)
    return Asked(places, key)
