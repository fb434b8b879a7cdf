"""Fit of GPU power while serving text and while making pictures (GPU-only measurements)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from gpumix.catalog import Catalog
from gpumix.domain.coefficients import Coefficients
from gpumix.perf import media
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.questions import Questions, rates_of
from gpumix.perf.power import gpu_power_w, idle_power_w, serving_loads
from gpumix.perf.precision import weight_format

Row = Mapping[str, str]
Powers = dict[str, dict[str, dict[str, float]]]

SERVING = {"base": (0.25, 0.3), "compute": (0.6, 0.5), "memory": (0.5, 0.5), "cap": (0.95, 0.05)}
PICTURES = {"base": (0.3, 0.3), "compute": (1.2, 0.5), "cap": (0.95, 0.05)}
"""Constant -> typical value and the standard deviation of its logarithm."""


def _fit(
    priors: Mapping[str, tuple[float, float]],
    watts: npt.NDArray[np.float64],
    predict: object,
) -> dict[str, float]:
    names = list(priors)

    def table(theta: npt.NDArray[np.float64]) -> dict[str, float]:
        return {
            n: float(priors[n][0] * np.exp(t * priors[n][1]))
            for n, t in zip(names, theta, strict=True)
        }

    def residuals(theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        log_error = np.log(predict(table(theta)) / watts) / 0.12  # type: ignore[operator]
        soft = np.sqrt(2.0 * (np.sqrt(1.0 + log_error**2) - 1.0)) * np.sign(log_error)
        return np.concatenate([soft, theta])

    return table(least_squares(residuals, np.zeros(len(names)), bounds=(-3.0, 3.0)).x)


def fit_serving(dep: Deployment, asked: Questions, watts: npt.NDArray[np.float64]) -> Powers:
    """Power of text serving: from the loads the engine's own prediction gives."""
    out = np.zeros((2, dep.rows))
    for load in np.unique(asked.load):
        rows = np.flatnonzero(asked.load == load)
        part, question = dep.take(rows), asked.take(rows)
        rates = rates_of(part, question, str(load))
        out[:, rows] = serving_loads(part, rates, question.input_len, question.output_len)
    idle = idle_power_w(dep.tdp_w, dep.idle_w)

    def predict(k: Mapping[str, float]) -> npt.NDArray[np.float64]:
        return np.asarray(dep.gpus * gpu_power_w(dep.tdp_w, idle, out[0], out[1], k))

    return {"serving": {"any": _fit(SERVING, watts, predict)}}


def fit_pictures(rows: Sequence[Row], catalog: Catalog, coefficients: Coefficients) -> Powers:
    """Power of image and video work: from the share of the compute peak in use."""
    watts = np.array([float(row["avg_power_w"]) for row in rows])
    gpus = [catalog.gpus[row["gpu"]] for row in rows]
    busy = []
    for row, gpu in zip(rows, gpus, strict=True):
        model = catalog.models[row["model"]]
        work = media.denoiser(model, media.parse_picture(row["dataset"]))
        rate = media.load_rate(
            work, gpu, model, gpus=int(row["n_gpus"]), copies=not row["tp"], load=row["load"],
            load_value=float(row["load_value"] or "nan"), precision=row["weight_precision"],
            engine=row["engine"], coefficients=coefficients,
        )  # fmt: skip
        peak = weight_format(row["weight_precision"], gpu, model, row["engine"]).flops
        busy.append(rate * work.flop * work.passes / (int(row["n_gpus"]) * peak))
    count = np.array([int(row["n_gpus"]) for row in rows])
    tdp = np.array([gpu.tdp_w for gpu in gpus])
    idle = idle_power_w(tdp, np.array([gpu.idle_w if gpu.idle_w else np.nan for gpu in gpus]))
    share = np.array(busy)

    def predict(k: Mapping[str, float]) -> npt.NDArray[np.float64]:
        return np.asarray(count * gpu_power_w(tdp, idle, share, 0.0, {**k, "memory": 0.0}))

    fitted = _fit(PICTURES, watts, predict)
    error = np.abs(predict(fitted) / watts - 1.0)
    return {"media": {"any": {**fitted, "memory": 0.0, "median_error": float(np.median(error))}}}


def fit(rows: Sequence[Row], catalog: Catalog, tables: Mapping[str, Any]) -> Powers:
    """Fitted power tables from the rows that measured GPUs only.

    Argonne's rows do not say whether power is summed over GPUs and are left out.
    """
    from fit_inference import bench, coefficients_of

    usable = [
        {**row, "metric": "avg_power_w", "value": row["avg_power_w"]}
        for row in rows
        if row["split"] == "calib"
        and row["usable"] == "yes"
        and row["avg_power_w"]
        and row["power_scope"].startswith("GPU")
        and row["source_id"] != "argonne-lib"
        and row["model"] in catalog.models
    ]
    text = [
        row
        for row in usable
        if not catalog.models[row["model"]].is_denoiser and row["input_len"] and row["output_len"]
    ]
    pictures = [row for row in usable if catalog.models[row["model"]].is_denoiser]
    coefficients = coefficients_of(tables["inference"], {"media": tables["media"], "power": {}})
    data = bench(text, catalog, coefficients)
    out = fit_serving(data.dep, data.questions, data.measured)
    error = np.abs(
        np.log(
            data.predict(
                Coefficients(
                    inference=coefficients.inference, training={}, media=coefficients.media,
                    power=out, fitted_on="",
                )
            )
            / data.measured
        )
    )  # fmt: skip
    out["serving"]["any"]["sigma"] = float(np.nanquantile(error, 0.8)) / 1.2816
    return out | fit_pictures(pictures, catalog, coefficients)
