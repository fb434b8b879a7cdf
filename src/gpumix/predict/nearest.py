"""The measurement nearest to a prediction, and what the engine says of that very run.

distance = sum of w over the words that differ + sum of w |ln(row / asked)| over the figures, among
rows that measure the same quantity; the weights are data/nearness.csv. A row of the team's own that
is close or related goes before every packaged one.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gpumix import formats
from gpumix.domain.cells import number_in, numbers_in
from gpumix.domain.engines import engine_family
from gpumix.domain.evidence import NearestMeasurement
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.errors import UnknownName
from gpumix.perf.inference.engines import engine_generation
from gpumix.perf.media import denoiser, parse_picture
from gpumix.predict.columns import IntArray, column, distinct, rows_of
from gpumix.predict.evidence import batch_of
from gpumix.predict.inference import predict_inference
from gpumix.predict.rows import figure_of
from gpumix.predict.stated import stated_weights
from gpumix.predict.training import predict_training
from gpumix.predict.training_rows import METRICS
from gpumix.values import FloatArray

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

CHUNK_ROWS = 2_000
"""Questions held against all measured rows at once."""

UNSTATED = 1.0
"""|ln ratio| where one of two runs does not state a figure."""

REPORTED_FROM = 0.05
"""Least part of a distance that is reported."""

MOST_REPORTED = 3
FITTED = "calib"
"""What a row says of itself that predictions were fitted on."""

NEAR, AKIN = 0.45, 1.0
"""Distances up to which a measured run is `close`, or `related`; beyond it is `distant`.

Over the 7,395 measured rows, each against its nearest packaged one, the log errors of the two
correlate by 0.55 up to 0.45, by 0.2 to 0.3 up to 1.0, and not at all beyond, nor across sources.
"""

Points = Mapping[str, Sequence[object]]
Cells = Mapping[str, str]

_SERVING = (
    "gpu", "n_gpus", "tp", "pp", "dp", "model", "weight_precision", "engine", "engine_version",
    "input_len", "output_len", "load", "load_value", "metric", "dataset",
)  # fmt: skip
_TRAINING = (
    "gpu", "n_gpus", "model", "task", "precision", "stack", "seq_len", "global_batch", "metric",
)  # fmt: skip
_COMMIT = re.compile(r"@([0-9a-f]{10})[0-9a-f]{6,}")


@dataclass(frozen=True, slots=True)
class Run:
    """What tells one run from another; runs of unlike `quantity` are never near each other."""

    quantity: str
    words: Mapping[str, str]
    figures: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs as arrays, one entry a row; the empty quantity is that of runs nobody can place."""

    quantity: npt.NDArray[Any]
    words: Mapping[str, npt.NDArray[Any]]
    logs: Mapping[str, FloatArray]

    @classmethod
    def of(cls, runs: Sequence[Run | None]) -> Runs:
        """Runs as arrays; None = cannot be placed."""
        known = [run for run in runs if run is not None]
        words = dict.fromkeys(name for run in known for name in run.words)
        figures = dict.fromkeys(name for run in known for name in run.figures)

        def texts(name: str) -> npt.NDArray[Any]:
            return np.array(["" if r is None else r.words[name] for r in runs], dtype=np.str_)

        def logs(name: str) -> FloatArray:
            cells = np.array([np.nan if r is None else r.figures[name] for r in runs])
            return np.log(np.where(cells > 0.0, cells, np.nan))

        quantity = np.array(["" if r is None else r.quantity for r in runs], dtype=np.str_)
        return cls(quantity, {n: texts(n) for n in words}, {n: logs(n) for n in figures})


def gaps(asked: Runs, known: Runs, weights: Mapping[str, float]) -> dict[str, FloatArray]:
    """Parts of the distance from every run asked for to every known one, by name."""
    found: dict[str, FloatArray] = {}
    for name, own in asked.words.items():
        found[name] = weights[name] * (own[:, None] != known.words[name][None, :])
    for name, figure in asked.logs.items():
        apart = np.abs(known.logs[name][None, :] - figure[:, None])
        neither = np.isnan(known.logs[name])[None, :] & np.isnan(figure)[:, None]
        apart = np.where(np.isnan(apart), np.where(neither, 0.0, UNSTATED), apart)
        found[name] = weights[name] * apart
    return found


def distances(asked: Runs, known: Runs, weights: Mapping[str, float]) -> FloatArray:
    """Distance from every run asked for to every known one; infinite between unlike quantities."""
    shape = (len(asked.quantity), len(known.quantity))
    total = sum(gaps(asked, known, weights).values(), np.zeros(shape))
    alike = asked.quantity[:, None] == known.quantity[None, :]
    return np.where(alike & (asked.quantity != "")[:, None], total, np.inf)


def nearest_serving(points: Points, catalog: Catalog) -> list[NearestMeasurement | None]:
    """The measured row nearest to each point of the contract's columns, in order.

    None where nothing alike was measured, or GPU or model are unknown. Raises: InputError where
    columns differ in length.
    """
    return _nearest(_SERVING_WORK, points, catalog)


def nearest_training(points: Points, catalog: Catalog) -> list[NearestMeasurement | None]:
    """As `nearest_serving`, of training."""
    return _nearest(_TRAINING_WORK, points, catalog)


def nearest_columns(found: Sequence[NearestMeasurement | None]) -> dict[str, list[Any]]:
    """The measurements as columns `nearest_<field>`; empty where there is none."""
    names = [field.name for field in fields(NearestMeasurement)]
    return {
        f"nearest_{name}": ["" if one is None else getattr(one, name) for one in found]
        for name in names
    }


@dataclass(frozen=True, slots=True)
class _Work:
    """What differs between kinds of work: columns, where a row stands, predictor, words."""

    name: str
    columns: tuple[str, ...]
    run_of: Callable[[Cells, Gpu, Model], Run]
    rows: Callable[[Catalog], dict[str, list[str]]]
    predict: Callable[..., Mapping[str, Any]]
    deployment: Callable[[Cells], str]
    load: Callable[[Cells], str]


def _nearest(work: _Work, points: Points, catalog: Catalog) -> list[NearestMeasurement | None]:
    asked, index = _placed(work, points, catalog)
    known = _known(work, catalog)
    weights = catalog.nearness[work.name]
    packaged = len(work.rows(catalog)["id"])
    at = np.full(len(asked.quantity), -1)
    for start in range(0, len(at), CHUNK_ROWS):
        rows = np.arange(start, min(start + CHUNK_ROWS, len(at)))
        apart = distances(_take(asked, rows), known, weights)
        own = apart[:, packaged:]
        if own.size:
            is_like = own.min(axis=1) <= AKIN
            apart[is_like, :packaged] = np.inf
        best = np.argmin(apart, axis=1)
        at[rows] = np.where(np.isfinite(apart[np.arange(len(rows)), best]), best, -1)
    predicted = _predictions(work, at, catalog)
    made: list[NearestMeasurement | None] = []
    for row, place in enumerate(at.tolist()):
        if place < 0:
            made.append(None)
            continue
        parts = gaps(_take(asked, [row]), _take(known, [place]), weights)
        made.append(_record(work, catalog, place, predicted[place], asked, row, known, parts))
    return [made[i] for i in index.tolist()]


def _placed(work: _Work, points: Points, catalog: Catalog) -> tuple[Runs, IntArray]:
    """The distinct runs of a table, and which of them each row is."""
    rows = rows_of(points)
    table = [column(points, name, rows) for name in work.columns]
    first, index = distinct(table)
    cells = [{c.name: c.texts[int(c.codes[row])] for c in table} for row in first.tolist()]
    return Runs.of([_run(work, cell, catalog) for cell in cells]), index


def _run(work: _Work, cell: Cells, catalog: Catalog) -> Run | None:
    try:
        named = catalog.named_model(cell["model"])
        if "weight_precision" in cell:
            weights, _, _ = stated_weights(named, cell["weight_precision"], "")
            cell = {**cell, "weight_precision": weights}
        return work.run_of(cell, catalog.gpu(cell["gpu"]), named.model)
    except UnknownName:
        return None


@lru_cache(maxsize=16)
def _known(work: _Work, catalog: Catalog) -> Runs:
    columns = _rows(work, catalog)
    rows = range(len(columns["id"]))
    cells = [{name: columns[name][i] for name in work.columns if name in columns} for i in rows]
    return Runs.of([_run(work, cell, catalog) for cell in cells])


@lru_cache(maxsize=16)
def _rows(work: _Work, catalog: Catalog) -> dict[str, list[str]]:
    """The packaged rows of a kind of work, then the team's own, as columns of text."""
    columns, own = work.rows(catalog), catalog.measured
    is_training = work.name == "training"
    kept = [i for i, m in enumerate(own.get("metric", ())) if (m in METRICS) == is_training]
    blank = [""] * len(own.get("metric", ()))

    def more(name: str) -> list[str]:
        cells = own.get(name, blank)
        return [_own_cell(name, cells[i]) for i in kept]

    return {name: [*cells, *more(name)] for name, cells in columns.items()}


def _own_cell(name: str, cell: str) -> str:
    """A cell of the team's own row: predictions are moved by it, as they are fitted on others."""
    return {"split": FITTED, "source": f"own: {cell}"}.get(name, cell)


def _take(runs: Runs, rows: npt.ArrayLike) -> Runs:
    index = np.asarray(rows)
    return Runs(
        runs.quantity[index],
        {name: texts[index] for name, texts in runs.words.items()},
        {name: logs[index] for name, logs in runs.logs.items()},
    )


def _predictions(work: _Work, at: npt.NDArray[Any], catalog: Catalog) -> dict[int, float]:
    """What is predicted for the measured rows at these places."""
    places = sorted({int(place) for place in at if place >= 0})
    if not places:
        return {}
    columns = _rows(work, catalog)
    rows = {name: [cells[place] for place in places] for name, cells in columns.items()}
    values = numbers_in(list(work.predict(rows, catalog=catalog)["value"]))
    return dict(zip(places, values.tolist(), strict=True))


def _record(
    work: _Work,
    catalog: Catalog,
    place: int,
    predicted: float,
    asked: Runs,
    row: int,
    known: Runs,
    parts: Mapping[str, FloatArray],
) -> NearestMeasurement:
    cell = {name: cells[place] for name, cells in _rows(work, catalog).items()}
    measured = float(cell["value"])
    answered = np.isfinite(predicted)
    apart = {name: float(part[0, 0]) for name, part in parts.items()}
    distance = sum(apart.values())
    order = sorted(apart, key=lambda name: -apart[name])
    reported = [name for name in order if apart[name] >= REPORTED_FROM][:MOST_REPORTED]
    return NearestMeasurement(
        id=cell["id"],
        source=_COMMIT.sub(r"@\1", cell["source"]),
        as_of=cell["date"],
        deployment=work.deployment(cell),
        load=work.load(cell),
        metric=cell["metric"],
        measured=measured,
        predicted=predicted if answered else None,
        error=predicted / measured - 1.0 if answered else None,
        fitted=cell["split"] == FITTED,
        distance=distance,
        closeness="close" if distance <= NEAR else "related" if distance <= AKIN else "distant",
        differs=", ".join(_difference(name, asked, row, known, place) for name in reported),
    )


def _difference(name: str, asked: Runs, row: int, known: Runs, place: int) -> str:
    """`batch x0.25`: the measured row's over what was asked; `other engine`."""
    if name in asked.words:
        return f"other {name}"
    ratio = float(np.exp(known.logs[name][place] - asked.logs[name][row]))
    return f"{name} x{ratio:.2g}" if np.isfinite(ratio) else f"{name} not stated"


# -- where a row stands ----------------------------------------------------------------------


def _parts(gpu: Gpu, model: Model, precision: str) -> tuple[dict[str, str], dict[str, float]]:
    """What runs of both kinds of work are told apart by."""
    name = {"": "bf16", "fp16": "bf16"}.get(precision, precision)
    form = formats.precisions().get(name)
    words = {
        "model": model.id,
        "kind of model": "moe" if model.is_moe else model.kind,
        "architecture": gpu.architecture,
        "precision": name,
    }
    figures = {
        "active parameters": model.params_active_b,
        "total parameters": model.params_total_b,
        "bandwidth": gpu.bandwidth_gb_per_s,
        "compute": gpu.flops_16bit,
        "bits of a weight": form.bytes_per_weight if form else math.nan,
    }
    return words, figures


def _serving_run(cell: Cells, gpu: Gpu, model: Model) -> Run:
    words, figures = _parts(gpu, model, cell["weight_precision"])
    engine, metric = engine_family(cell["engine"]), cell["metric"]
    generation, _ = engine_generation(
        engine, cell["engine_version"], cell["weight_precision"], gpu.vendor, gpu.architecture
    )
    layout = math.prod(number_in(cell[name] or "1") for name in ("tp", "pp", "dp"))
    value, output = number_in(cell["load_value"]), number_in(cell["output_len"])
    batch = batch_of(np.array([cell["load"]]), np.array([value]), np.array([output]))
    quantity = figure_of(metric)
    if model.is_denoiser:
        quantity = f"media {quantity}"
    elif metric == "prefill_tok_s" or (quantity == "throughput" and output == 0.0):
        quantity = "reading"
    return Run(
        quantity,
        {
            **words,
            "engine": engine,
            "engine generation": generation,
            "kind of load": cell["load"],
            "statistic": metric.rpartition("_")[2] if "_ms_" in metric else "",
        },
        {
            **figures,
            "GPUs": number_in(cell["n_gpus"]) if cell["n_gpus"] else layout,
            "input tokens": number_in(cell["input_len"]),
            "output tokens": output,
            "batch": float(batch[0]),
            "FLOPs of a sample": _sample_flops(cell, model),
        },
    )


def _sample_flops(cell: Cells, model: Model) -> float:
    """Work of one image or video; NaN for texts, and where it is not known."""
    if not model.is_denoiser or not model.tflop_per_pass:
        return math.nan
    work = denoiser(model, parse_picture(cell.get("dataset", "")))
    return work.flop * work.passes


def _training_run(cell: Cells, gpu: Gpu, model: Model) -> Run:
    words, figures = _parts(gpu, model, cell["precision"])
    kind = {"mem_gib_per_gpu": "memory", "step_time_s": "step"}.get(cell["metric"], "speed")
    gpus = number_in(cell["n_gpus"] or "1")
    return Run(
        kind if model.layers else f"vision {kind}",
        {**words, "stack": cell["stack"], "task": cell["task"]},
        {
            **figures,
            "GPUs": gpus,
            "sequence length": number_in(cell["seq_len"]),
            "sequences per GPU": number_in(cell["global_batch"]) / max(gpus, 1.0),
        },
    )


# -- in words --------------------------------------------------------------------------------


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)


def _serving_deployment(cell: Cells) -> str:
    layout = "".join(
        f" {name}{cell[name]}" for name in ("tp", "pp", "dp", "ep") if cell[name] not in ("", "1")
    )
    precision = cell["weight_precision"] or "16 bits"
    engine = f"{cell['engine']} {cell['engine_version']}".strip()
    gpus = f"{cell['n_gpus'] or '1'} x {cell['gpu']}{layout}"
    return _joined(gpus, cell["model"], precision, engine)


def _serving_load(cell: Cells) -> str:
    if cell["input_len"] or cell["output_len"]:
        lengths = f"{_whole(cell['input_len'])} in, {_whole(cell['output_len'])} out"
    else:
        lengths = cell["dataset"]
    kind = f"{cell['load']} {cell['load_value']}".replace("_", " ").strip()
    return _joined(lengths, kind)


def _whole(cell: str) -> str:
    return f"{float(cell):,.0f}" if cell else "?"


def _training_deployment(cell: Cells) -> str:
    gpus = f"{cell['n_gpus'] or '1'} x {cell['gpu']}"
    return _joined(gpus, cell["model"], cell["precision"], cell["stack"])


def _training_load(cell: Cells) -> str:
    length = f"sequences of {cell['seq_len']}" if cell["seq_len"] else ""
    batch = f"global batch {cell['global_batch']}" if cell["global_batch"] else ""
    return _joined(cell["task"], length, batch)


_SERVING_WORK = _Work(
    "inference",
    _SERVING,
    _serving_run,
    lambda catalog: catalog.evidence_inference,
    predict_inference,
    _serving_deployment,
    _serving_load,
)
_TRAINING_WORK = _Work(
    "training",
    _TRAINING,
    _training_run,
    lambda catalog: catalog.evidence_training,
    predict_training,
    _training_deployment,
    _training_load,
)
