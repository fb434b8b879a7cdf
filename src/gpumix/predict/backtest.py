"""Predictions against measured rows: errors by what is asked, source, GPU, engine, kind of model,
length, batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gpumix.domain.backtest import Backtest, ErrorSlice
from gpumix.domain.cells import number_in, numbers_in
from gpumix.errors import InputError, Problem
from gpumix.perf.inference.engines import engine_generation
from gpumix.predict.inference import predict_inference
from gpumix.predict.rows import asked_of, errors
from gpumix.predict.training import predict_training

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

Columns = Mapping[str, Sequence[str]]

TRAINING_METRICS = frozenset(
    {"tok_s_per_gpu", "samples_s_per_gpu", "step_time_s", "tflops_per_gpu", "mem_gib_per_gpu"}
)
_SLICES: dict[str, tuple[str, ...]] = {
    "inference": (
        "split", "asked", "metric", "source", "gpu", "engine", "kind of model", "model family",
        "load", "length", "batch",
    ),
    "training": (
        "split", "metric", "source", "gpu", "task", "stack", "kind of model", "model family",
    ),
}  # fmt: skip
_ADAPTERS = ("lora", "qlora")
_LENGTHS = ((0, "under 512"), (512, "512-2k"), (2048, "2k-8k"), (8192, "8k and more"))
_BATCHES = ((0, "1"), (2, "2-16"), (17, "17-128"), (129, "more than 128"))


def backtest(
    columns: Columns | None, catalog: Catalog, name: str = "packaged evidence"
) -> Backtest:
    """Errors of the predictor on measured rows; without columns, on the packaged evidence.

    Rows marked `usable` no are left out. Raises: InputError where rows hold no measurement.
    """
    slices: list[ErrorSlice] = []
    if columns is None:
        slices += _inference(catalog.evidence_inference, catalog)
        slices += _training(catalog.evidence_training, catalog)
    elif "value" not in columns or "metric" not in columns:
        raise InputError(Problem(name, "has no measured values", "columns metric and value"))
    elif TRAINING_METRICS & set(columns["metric"]):
        slices += _training(columns, catalog)
    else:
        slices += _inference(columns, catalog)
    return Backtest(name, tuple(slices), catalog.coefficients.fitted_on)


def _inference(columns: Columns, catalog: Catalog) -> list[ErrorSlice]:
    rows = _usable(columns)
    return _slices("inference", rows, predict_inference(rows), catalog)


def _training(columns: Columns, catalog: Catalog) -> list[ErrorSlice]:
    rows = _usable(columns)
    return _slices("training", rows, predict_training(rows), catalog)


def _usable(columns: Columns) -> dict[str, list[str]]:
    n = len(columns["value"])
    usable = columns.get("usable", ["yes"] * n)
    kept = [i for i in range(n) if usable[i] != "no" and number_in(columns["value"][i]) > 0.0]
    return {name: [column[i] for i in kept] for name, column in columns.items()}


def _slices(
    engine: str, rows: Columns, out: Mapping[str, Any], catalog: Catalog
) -> list[ErrorSlice]:
    measured = numbers_in(rows["value"])
    predicted, low, high = (numbers_in(out[name]) for name in ("value", "low", "high"))
    error = errors(predicted, measured)
    inside = (low <= measured) & (measured <= high)

    def slice_of(by: str, name: str, here: npt.NDArray[np.bool_]) -> ErrorSlice:
        known = here & np.isfinite(error)
        found = error[known]
        numbers = (
            [None] * 5
            if not len(found)
            else [
                float(np.median(found)),
                float(found.mean()),
                float(np.quantile(found, 0.9)),
                float(np.median(predicted[known] / measured[known] - 1.0)),
                float(inside[known].mean()),
            ]
        )
        n = int(here.sum())
        return ErrorSlice(engine, by, name, n, float(known.sum()) / n if n else 0.0, *numbers)

    slices = [slice_of("all", "all", np.ones(len(measured), dtype=bool))]
    for by in _SLICES[engine]:
        labels = np.array([str(x) for x in _labels(by, rows, catalog)])
        groups = [slice_of(by, str(n), labels == n) for n in np.unique(labels) if n]
        slices += sorted(groups, key=lambda s: -(s.median or 0.0))
    return slices


def _labels(by: str, rows: Columns, catalog: Catalog) -> Sequence[str]:
    n = len(rows["value"])
    empty = [""] * n
    known = catalog.models.values()
    if by == "model family":
        families = {m.id: m.family for m in known}
        return [families.get(m, "") for m in rows.get("model", empty)]
    if by == "kind of model":
        routed = {m.id: "mixture of experts" if m.is_moe else "dense" for m in known}
        tasks = rows.get("task", empty)
        kinds = [routed.get(m, "") for m in rows.get("model", empty)]
        return ["adapters" if t in _ADAPTERS else k for t, k in zip(tasks, kinds, strict=True)]
    if by == "asked":
        loads = rows.get("load", empty)
        return [asked_of(m, load) for m, load in zip(rows["metric"], loads, strict=True)]
    if by == "engine":
        return _generations(rows, catalog)
    if by == "source":
        named = rows.get("source_id") or rows.get("source", empty)
        return [text.split(" ")[0] for text in named]
    if by == "length":
        return _classes(rows.get("input_len", empty), _LENGTHS)
    if by == "batch":
        return _classes(rows.get("load_value", empty), _BATCHES)
    return rows.get(by, empty)


def _generations(rows: Columns, catalog: Catalog) -> list[str]:
    """The engine generation whose constants predict each row."""
    empty = [""] * len(rows["value"])
    names = ("engine", "engine_version", "weight_precision", "gpu")
    found = []
    for engine, version, precision, gpu in zip(*(rows.get(n, empty) for n in names), strict=True):
        part = catalog.gpus.get(gpu)
        own = (part.vendor, part.architecture) if part else ()
        found.append(engine_generation(engine, version, precision, *own)[0] if engine else "")
    return found


def _classes(cells: Sequence[str], bounds: Sequence[tuple[int, str]]) -> list[str]:
    def name(cell: str) -> str:
        value = number_in(cell)
        fitting = [label for bound, label in bounds if value >= bound]
        return fitting[-1] if fitting else ""

    return [name(cell) for cell in cells]
