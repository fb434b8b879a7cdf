"""A table of training questions -> predictions with intervals, every row back in order.

Columns and defaults are those of docs/contracts.md, "Points (training)"; outcome columns are
never read. `points_training_rows` fills the defaults in; one vectorised call answers them all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gpumix.catalog import Catalog, load
from gpumix.domain.defaults import GPUS_PER_NODE
from gpumix.domain.evidence import Basis
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.predictions import Predictions
from gpumix.errors import UnknownName
from gpumix.perf.calibrate import Places
from gpumix.perf.interval import Z80
from gpumix.perf.training.constants import UNKNOWN, Constants
from gpumix.perf.training.job import TrainingJob
from gpumix.perf.training.memory import memory
from gpumix.perf.training.step import PCIE_GEN4_BYTES_PER_S, step
from gpumix.perf.training.terms import power_share
from gpumix.perf.training.vision import gradient_time, sample_time
from gpumix.predict.evidence import (
    Asked,
    Evidence,
    collect,
    rows_for,
    stack_of,
    training_label,
)
from gpumix.predict.training_rows import METRICS, Resolved, Table, has_tokens, join, resolve
from gpumix.units import GIB, GIGA, TERA
from gpumix.values import FloatArray

NEW = ("new stack", "new architecture")
"""Intervals of jobs whose software stack, or GPU architecture, no fitted row has run on."""


def predict_training(
    points: Mapping[str, Sequence[Any]],
    *,
    gpus: Path | None = None,
    models: Path | None = None,
    measured: Path | None = None,
    catalog: Catalog | None = None,
) -> Predictions:
    """Predictions for a mapping of column name to sequence.

    `gpus`, `models`: sheets laid over the catalogue; `measured`: folder of the team's own
    measurements, which move predictions near them. Every row comes back in order; `value` is
    NaN, with the reason in `note`, where nothing can be said.

    Raises: InputError if a column the contract needs (gpu, model, metric) is missing.
    """
    known = catalog or load(gpus=gpus, models=models, measured=measured)
    return _predict(Table(points), known, training_evidence(known))


@lru_cache(maxsize=8)
def training_evidence(catalog: Catalog) -> Evidence | None:
    """What the catalogue's measured rows say of training; None where there are none."""
    columns = rows_for(catalog.measured, training=True)
    if not columns.get("value"):
        return None
    table = Table(columns)
    predicted = _predict(table, catalog, None).value
    return collect(columns, _asked(table, catalog), predicted, catalog.shrinkage["training"])


def _predict(table: Table, known: Catalog, evidence: Evidence | None) -> Predictions:
    constants = known.coefficients.training
    resolved = resolve(table, known, constants)
    value, limit = np.full(len(table), np.nan), np.full(len(table), "", dtype=object)
    slices = np.full((len(table), 3), "", dtype=object)
    _answer_jobs(table, resolved, constants, value, limit, slices)
    _answer_vision(table, known, resolved, constants, value, limit, slices)
    out = _out(table, resolved.notes, value, limit, slices, constants)
    if evidence is not None:
        _move(out, evidence, _asked(table, known))
    return out


def _asked(table: Table, catalog: Catalog) -> Asked:
    """Where jobs stand: whose stack and kind, which GPUs, model and method, how long, how much.

    A stack's errors on dense models say nothing of its errors on experts or adapters. Tokens/s,
    samples/s, FLOP/s and step time of a job are one figure, memory is another.
    """
    word, number = table.word, table.number
    gpu = [_id(catalog.gpu, name) for name in word["gpu"]]
    stacks = [name or UNKNOWN for name in word["stack"]]
    labels = [
        training_label(
            gpu[i], _id(catalog.model, word["model"][i]), stacks[i], word["task"][i],
            word["precision"][i], float(number["n_gpus"][i]),
        )
        for i in range(len(table))
    ]  # fmt: skip
    quantity = [
        {"mem_gib_per_gpu": "memory", "step_time_s": "step"}.get(name, "speed")
        for name in word["metric"]
    ]
    batch = np.nan_to_num(number["global_batch"], nan=1.0)
    length = np.nan_to_num(number["seq_len"], nan=1.0)
    alike = [
        _stack(catalog, stacks[i], word["model"][i], word["task"][i]) for i in range(len(table))
    ]
    stack, parts, named, figure = (
        np.array(texts, dtype=np.str_) for texts in (alike, gpu, labels, quantity)
    )
    places = Places(stack, parts, named, figure, length, np.ones(len(table)), batch)
    keys = [
        f"{labels[i]}|{word['metric'][i]}|{length[i]:g}|{batch[i]:g}" for i in range(len(table))
    ]
    return Asked(places, np.array(keys, dtype=np.str_))


def _id(find: Any, name: str) -> str:
    try:
        return str(find(name).id)
    except UnknownName:
        return name


def _stack(catalog: Catalog, stack: str, model: str, task: str) -> str:
    """Stack and kind of a job; dense for a model nobody knows."""
    try:
        return stack_of(stack, catalog.model(model), task)
    except UnknownName:
        return f"{stack} dense"


def _move(out: Predictions, evidence: Evidence, asked: Asked) -> None:
    """Move predictions, and narrow their intervals, by what was measured near them."""
    value, low, high = out.value.copy(), out.low.copy(), out.high.copy()
    known = np.isfinite(value)
    sigma = np.where(known, 0.5 * np.log(np.where(known, high / low, 1.0)) / Z80, 1.0)
    moved = evidence.move(asked, sigma)
    width = moved.sigma / sigma
    with np.errstate(invalid="ignore"):
        ends = value * moved.factor, (low / value) ** width, (high / value) ** width
    for i in np.flatnonzero(known).tolist():
        out.value[i] = ends[0][i]
        out.low[i], out.high[i] = (ends[0][i] * end[i] for end in ends[1:])
        out.basis[i] = str(moved.basis[i]) or out.basis[i]
        if moved.note[i]:
            out.note[i] = join(out.note[i], str(moved.note[i]))


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
    slices[rows, 0] = interval_slices(jobs, metric, constants)
    for column, new in enumerate(unmeasured(jobs, constants), start=1):
        slices[rows, column] = np.where(new, NEW[column - 1], "")
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
    kind = np.where(jobs.kind == "adapter", "adapter tuned", jobs.kind)
    plain = (tuned <= 0) & ((jobs.kind == "adapter") | (jobs.kind == "dense"))
    return np.where(metric == "mem_gib_per_gpu", "memory", np.where(plain, "plain", kind))


def unmeasured(jobs: TrainingJob, constants: Constants) -> tuple[NDArray[Any], NDArray[Any]]:
    """Which jobs run on a software stack, or a GPU architecture, without a fitted row."""

    def none(table: str, names: tuple[str, ...], codes: NDArray[np.int64]) -> NDArray[Any]:
        rows = [constants[table].get(name, {}).get("rows", 0.0) for name in names]
        unknown: NDArray[Any] = np.array(rows)[codes] <= 0
        return unknown

    return (
        none("stack", jobs.stacks, jobs.stack),
        none("architecture", jobs.architectures, jobs.parts.architecture),
    )


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
            gpus_per_node=float(
                np.nan_to_num(table.number["gpus_per_node"][row], nan=GPUS_PER_NODE)
            ),
            inter_gbps_per_node=float(table.number["inter_gbps_per_node"][row]),
            intra_link=table.word["intra_link"][row],
        )  # fmt: skip
        metric = table.word["metric"][row]
        if isinstance(answer, str):
            resolved.notes[row] = "seq_len is needed" if has_tokens(model) else answer
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
        limit[row], slices[row, 0] = "bandwidth", "vision"


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
    intra_link: str = "",
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
    fed = gpu.bandwidth_bytes_per_s
    work = float(sample_time(flops, peak * kept, rates["efficiency"], rates["bytes_per_flop"], fed))
    batch = global_batch / n_gpus
    if n_gpus > 1 and batch == batch:
        slot = PCIE_GEN4_BYTES_PER_S * 2.0 ** ((gpu.pcie_gen or 4) - 4)
        fast = gpu.nvlink_gb_per_s > 0 and intra_link not in ("pcie", "none")
        inside = gpu.nvlink_gb_per_s / 2.0 * GIGA if fast else slot
        inside *= constants["link"]["nvlink" if fast else "pcie"]["ring"]
        across = inter_gbps_per_node / 8.0 * GIGA if inter_gbps_per_node > 0 else inside
        slow = min(across, inside) if n_gpus > gpus_per_node else inside
        reduce = float(gradient_time(model.params_total_b * GIGA, n_gpus, slow))
        work += reduce / batch
    return work, batch


def _out(
    table: Table,
    notes: list[str],
    value: FloatArray,
    limit: NDArray[Any],
    slices: NDArray[Any],
    constants: Constants,
) -> Predictions:
    intervals = constants["interval"]
    known = np.isfinite(value)
    exact = {"low": 1.0, "high": 1.0}
    spread = [[intervals.get(name, exact) for name in names] for names in slices.tolist()]
    low = [min(s["low"] for s in row) for row in spread]
    high = [max(s["high"] for s in row) for row in spread]
    basis = [Basis.MODELLED.value if any(s[1:]) else Basis.CALIBRATED.value for s in slices]

    for row in np.flatnonzero(~known).tolist():
        limit[row] = ""
        notes[row] = notes[row] or "these numbers lead to no finite answer"
    value = np.where(known, value, np.nan)
    return Predictions(
        id=np.array(table.ids, dtype=object),
        value=value,
        low=value * np.array(low),
        high=value * np.array(high),
        basis=np.where(known, np.array(basis, dtype=object), ""),
        limit=limit,
        note=np.array(notes, dtype=object),
    )
