"""A table of training questions -> predictions with intervals, every row back in order.

Columns and defaults are those of "Points (training)" in docs/contracts.md; outcome columns are
never read. `points_training_rows` fills the defaults in; one vectorised call answers them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpumix.catalog import Catalog, load
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.perf.training import step
from gpumix.perf.training_job import TrainingJob
from gpumix.perf.training_lookup import UNKNOWN, Constants
from gpumix.perf.training_memory import memory
from gpumix.perf.training_terms import power_share
from gpumix.perf.training_vision import gradient_time, sample_time
from gpumix.perf.values import FloatArray
from gpumix.planner.points_training_rows import METRICS, Resolved, Table, join, resolve
from gpumix.units import GIB, GIGA, TERA

OUT = ("id", "value", "low", "high", "basis", "limit", "note")


def predict_training(
    points: Mapping[str, Sequence[Any]],
    *,
    gpus: Path | None = None,
    models: Path | None = None,
    catalog: Catalog | None = None,
) -> dict[str, list[Any]]:
    """Predictions for a mapping of column name to sequence; returns the OUT columns.

    `gpus`, `models`: sheets laid over the catalogue. Every row comes back in order; `value` is
    None, with the reason in `note`, where nothing can be said.

    Raises: InputError if a column the contract needs (gpu, model, metric) is missing.
    """
    known = catalog or load(gpus=gpus, models=models)
    table = Table(points)
    constants = known.coefficients.training
    resolved = resolve(table, known, constants)
    value, limit = np.full(len(table), np.nan), np.full(len(table), "", dtype=object)
    slices = np.full(len(table), "", dtype=object)
    _answer_jobs(table, resolved, constants, value, limit, slices)
    _answer_vision(table, known, resolved, constants, value, limit, slices)
    return _out(table, resolved.notes, value, limit, slices, constants)


def _answer_jobs(
    table: Table,
    resolved: Resolved,
    constants: Constants,
    value: FloatArray,
    limit: NDArray[Any],
    slices: NDArray[Any],
) -> None:
    rows, jobs = resolved.rows, resolved.jobs
    if jobs is None:
        return
    times, need = step(jobs, constants), memory(jobs, constants)
    metric = np.array([table.word["metric"][r] for r in rows])
    answers = {
        "tok_s_per_gpu": times.tokens_per_s_per_gpu,
        "samples_s_per_gpu": times.tokens_per_s_per_gpu / jobs.seq_len,
        "step_time_s": times.step_s,
        "tflops_per_gpu": times.tflops_per_gpu,
        "mem_gib_per_gpu": need.total_bytes / GIB,
    }
    value[rows] = np.select([metric == m for m in METRICS], [answers[m] for m in METRICS])
    limit[rows] = np.where(metric == "mem_gib_per_gpu", "", times.limit)
    slices[rows] = interval_slices(jobs, metric, constants)
    over = ~need.fits
    for row, total, usable in zip(
        rows[over], need.total_bytes[over] / GIB, need.usable_bytes[over] / GIB, strict=True
    ):
        text = f"predicted to need {total:.0f} GiB of {usable:.0f} GiB usable per GPU"
        resolved.notes[row] = join(resolved.notes[row], text)


def interval_slices(
    jobs: TrainingJob, metric: NDArray[Any], constants: Constants
) -> NDArray[np.str_]:
    """Which residuals a row's interval comes from: kind of model, task and stack."""
    tuned = np.array([constants["stack"][s]["tuned"] for s in jobs.stacks])[jobs.stack]
    kind = np.select(
        [jobs.shapes.encoder > 0, jobs.shapes.experts > 0, jobs.trains_adapter & (tuned > 0),
         tuned <= 0],
        ["encoder", "moe", "adapter tuned", "plain"],
        "dense",
    )  # fmt: skip
    return np.where(metric == "mem_gib_per_gpu", "memory", kind)


def _answer_vision(
    table: Table,
    catalog: Catalog,
    resolved: Resolved,
    constants: Constants,
    value: FloatArray,
    limit: NDArray[Any],
    slices: NDArray[Any],
) -> None:
    for row in resolved.vision:
        model = catalog.model(table.word["model"][row])
        gpu = catalog.gpu(table.word["gpu"][row])
        answer = vision_seconds(
            model, gpu, constants,
            n_gpus=float(np.nan_to_num(table.number["n_gpus"][row], nan=1.0)),
            global_batch=float(table.number["global_batch"][row]),
            precision=table.word["precision"][row],
            gpus_per_node=float(np.nan_to_num(table.number["gpus_per_node"][row], nan=8.0)),
            inter_gbps_per_node=float(table.number["inter_gbps_per_node"][row]),
        )  # fmt: skip
        metric = table.word["metric"][row]
        if isinstance(answer, str):
            resolved.notes[row] = answer
            continue
        per_sample, batch = answer
        if metric == "samples_s_per_gpu":
            value[row] = 1.0 / per_sample
        elif metric == "step_time_s" and batch == batch:
            value[row] = per_sample * batch
        elif metric == "tflops_per_gpu":
            value[row] = 3.0 * (model.tflop_per_pass or 0.0) / per_sample
        else:
            resolved.notes[row] = f"{metric} is not predicted for image models"
            continue
        limit[row], slices[row] = "bandwidth", "vision"


def vision_kind(model: Model) -> str:
    """Class of an image model: denoiser (attention and wide products) or cnn."""
    return "denoiser" if model.is_denoiser or "diffusion" in model.id else "cnn"


def vision_seconds(
    model: Model,
    gpu: Gpu,
    constants: Constants,
    *,
    n_gpus: float,
    global_batch: float,
    gpus_per_node: float,
    precision: str,
    inter_gbps_per_node: float,
) -> tuple[float, float] | str:
    """GPU-seconds per sample and samples per GPU and step, or why neither can be said."""
    if not model.tflop_per_pass:
        return f"no FLOPs figure for {model.id}"
    rates = constants["vision"][vision_kind(model)]
    peak = gpu.flops_16bit * (rates["fp32_share"] if precision in ("fp32", "tf32") else 1.0)
    flops = model.tflop_per_pass * TERA
    parts = constants["architecture"]
    full_power = parts.get(gpu.architecture, parts[UNKNOWN])["watts_per_tflop"]
    kept = power_share(
        gpu.tdp_w * TERA / gpu.flops_16bit, full_power, constants["kernel"]["all"]["power_exponent"]
    )
    work = sample_time(
        flops, peak * kept, rates["efficiency"], rates["bytes_per_flop"], gpu.bandwidth_bytes_per_s
    )
    batch = global_batch / n_gpus
    if n_gpus > 1 and batch == batch:
        inside = max(gpu.nvlink_gb_per_s / 2.0, 12.0)
        across = inter_gbps_per_node / 8.0 if inter_gbps_per_node > 0 else inside
        slow = GIGA * (across if n_gpus > gpus_per_node else inside)
        reduce = gradient_time(model.params_total_b * GIGA, n_gpus, slow)
        work = float(np.hypot(work * batch, reduce)) / batch
    return work, batch


def _out(
    table: Table,
    notes: list[str],
    value: FloatArray,
    limit: NDArray[Any],
    slices: NDArray[Any],
    constants: Constants,
) -> dict[str, list[Any]]:
    intervals = constants["interval"]
    known = np.isfinite(value)
    spread = [intervals.get(s, intervals["dense"]) for s in slices.tolist()]
    low, high = ([s[side] for s in spread] for side in ("low", "high"))
    stacks = constants["stack"]
    fitted = [s in stacks and s != UNKNOWN for s in table.word["stack"]]
    basis = [Basis.CALIBRATED.value if f else Basis.MODELLED.value for f in fitted]

    def cells(column: Sequence[Any]) -> list[Any]:
        return [x if k else None for x, k in zip(column, known.tolist(), strict=True)]

    return {
        "id": table.ids,
        "value": cells(value.tolist()),
        "low": cells((value * np.array(low)).tolist()),
        "high": cells((value * np.array(high)).tolist()),
        "basis": [b if k else "" for b, k in zip(basis, known.tolist(), strict=True)],
        "limit": limit.tolist(),
        "note": notes,
    }
