"""Fit of the media constants: samples per second of image and video denoisers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
from scipy.optimize import least_squares

from gpumix.catalog import Catalog
from gpumix.domain.coefficients import Coefficients
from gpumix.perf import media

Row = Mapping[str, str]
Tables = dict[str, dict[str, dict[str, float]]]

PRIORS: dict[tuple[str, str, str], tuple[float, float]] = {
    ("architecture", "any", "mfu"): (0.6, 0.2),
    ("architecture", "any", "low_precision_ratio"): (0.75, 0.2),
    ("architecture", "Hopper", "mfu"): (1.0, 0.1),
    ("architecture", "Ada Lovelace", "mfu"): (1.0, 0.1),
    ("architecture", "Blackwell", "mfu"): (1.0, 0.1),
    ("architecture", "Hopper", "low_precision_ratio"): (1.0, 0.1),
    ("architecture", "Ada Lovelace", "low_precision_ratio"): (1.0, 0.1),
    ("architecture", "Blackwell", "low_precision_ratio"): (1.0, 0.1),
    ("common", "any", "half_hidden"): (500.0, 0.7),
    ("common", "any", "half_tokens"): (500.0, 1.0),
    ("common", "any", "link_share"): (0.4, 0.4),
    ("common", "any", "exchange_s"): (1e-4, 1.0),
    ("common", "any", "decode_flop_per_pixel"): (1e7, 1.0),
    ("common", "any", "server_share"): (0.95, 0.03),
    ("engine", "xdit", "layer_s"): (4e-4, 1.0),
    ("engine", "xdit", "step_s"): (5e-3, 1.0),
    ("engine", "xdit", "run_s"): (0.1, 1.0),
    ("engine", "tensorrt", "layer_s"): (2e-5, 0.8),
    ("engine", "tensorrt", "step_s"): (1e-3, 0.8),
    ("engine", "tensorrt", "run_s"): (0.01, 0.8),
    ("engine", "tensorrt", "compute"): (1.0, 0.15),
}
"""Constant -> typical value and the standard deviation of its logarithm."""

RANGE_SIGMAS = 3.0
"""Constants may move this many prior standard deviations."""


def tables_of(theta: npt.NDArray[np.float64]) -> Tables:
    """The media tables at a point of the fit."""
    out: Tables = {"architecture": {}, "common": {}, "engine": {"xdit": {"compute": 1.0}}}
    for value, ((table, key, name), (typical, sigma)) in zip(theta, PRIORS.items(), strict=True):
        level = typical
        if table == "architecture" and key != "any":
            level *= out[table]["any"][name]
        out[table].setdefault(key, {})[name] = float(level * np.exp(value * sigma))
    out["engine"]["other"] = out["engine"]["xdit"]
    out["architecture"]["Blackwell Ultra"] = out["architecture"]["Blackwell"]
    common = out["common"]["any"]
    common["server_share"] = min(common["server_share"], 1.0)
    return out


def predict(rows: Sequence[Row], catalog: Catalog, tables: Tables) -> npt.NDArray[np.float64]:
    """Samples per second of each row."""
    coefficients = Coefficients(inference={}, training={}, media=tables, power={}, fitted_on="")
    return np.array([_one(row, catalog, coefficients) for row in rows])


def _one(row: Row, catalog: Catalog, coefficients: Coefficients) -> float:
    model, gpu = catalog.models[row["model"]], catalog.gpus[row["gpu"]]
    return media.load_rate(
        media.denoiser(model, media.parse_picture(row["dataset"])), gpu, model,
        gpus=int(row["n_gpus"]), copies=not row["tp"] or int(row["dp"] or 1) > 1, load=row["load"],
        load_value=float(row["load_value"] or "nan"), precision=row["weight_precision"],
        engine=row["engine"], coefficients=coefficients,
    )  # fmt: skip


def calibration_rows(rows: Sequence[Row], catalog: Catalog) -> list[Row]:
    """Rows to fit on: `calib`, usable, of denoisers."""
    return [
        row
        for row in rows
        if row["split"] == "calib"
        and row["usable"] == "yes"
        and catalog.models[row["model"]].is_denoiser
    ]


def residuals(
    rows: Sequence[Row], catalog: Catalog
) -> Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]:
    """Weighted residuals at a point, then the priors; every model weighs like the root of its
    rows."""
    measured = np.log([float(row["value"]) for row in rows])
    counts = Counter(row["model"] for row in rows)
    weight = np.array([counts[row["model"]] ** -0.25 for row in rows])

    def at(theta: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        log_error = (np.log(predict(rows, catalog, tables_of(theta))) - measured) / 0.15
        soft = np.sqrt(2.0 * (np.sqrt(1.0 + log_error**2) - 1.0)) * np.sign(log_error)
        return np.concatenate([soft * weight, theta])

    return at


def fit(rows: Sequence[Row], catalog: Catalog) -> Tables:
    """Fitted media tables."""
    found = least_squares(
        residuals(rows, catalog), np.zeros(len(PRIORS)), bounds=(-RANGE_SIGMAS, RANGE_SIGMAS),
        max_nfev=25,
    )  # fmt: skip
    return tables_of(found.x)
