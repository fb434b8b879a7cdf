"""The 80 % interval of a prediction, from residuals of whole groups left out of the fit."""

from __future__ import annotations

from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from gpumix.domain.coefficients import Table
from gpumix.values import FloatArray, Values

Z80 = 1.2815515655446004
"""Standard normal quantile of 0.9: an 80 % interval is +-1.28 sigma."""


def interval(value: Values, sigma: Values, lean: Values = 0.0) -> tuple[Values, Values]:
    """Low and high end: value exp(-1.28 sigma (1 - lean)), value exp(1.28 sigma (1 + lean)).

    Args:
        value: prediction [any unit].
        sigma: standard deviation of log(predicted / measured) [1].
        lean: how far the interval leans upwards [-1 to 1].

    Source: residuals of groups left out, tools/fit_left_out.py.

    >>> low, high = interval(100.0, 0.1)
    >>> round(float(low), 1), round(float(high), 1)
    (88.0, 113.7)
    >>> round(float(interval(100.0, 0.1, 0.3)[1]), 1)
    118.1
    """
    width = Z80 * np.asarray(sigma)
    return value * np.exp(-width * (1.0 - lean)), value * np.exp(width * (1.0 + lean))


def slowdown_at(sigma: Values, confidence: float) -> FloatArray:
    """How much slower than predicted the true speed is at most, with a probability: exp(z sigma),
    z the standard normal quantile of the confidence; 1 at 0.5.

    Args:
        sigma: standard deviation of log(predicted / measured) [1].
        confidence: the probability, 0.5 to 1 (exclusive).

    Source: the prediction's own interval; log-normal errors.

    >>> slowdown_at(0.1, 0.5), slowdown_at(0.1, 0.8).round(3)
    (array(1.), np.float64(1.088))
    """
    return np.asarray(np.exp(NormalDist().inv_cdf(confidence) * np.asarray(sigma)))


def tier_sigma(
    tables: Mapping[str, Table],
    quantity: npt.NDArray[np.str_],
    architecture: npt.NDArray[np.str_],
    engine: npt.NDArray[np.str_],
    is_moe: npt.NDArray[np.bool_],
) -> FloatArray:
    """Sigma of each row: by quantity, widened where architecture, engine or routing are less sure.

    sigma = sigma_quantity f_architecture f_engine f_routing

    Args:
        tables: `coefficients.inference` (its `sigma` table).
        quantity: throughput, ttft, tpot, power, media.
        architecture: GPU architecture, its GeForce cards apart (`Key.machine`).
        engine: engine generation.
        is_moe: whether tokens are routed.

    Returns: standard deviation of log(predicted / measured) [1].

    Source: residuals of groups left out, tools/fit_left_out.py.
    """
    sigma = tables["sigma"]
    base = _looked_up(sigma["quantity"], quantity, "throughput")
    part = _looked_up(sigma["architecture"], architecture, "any")
    stack = _looked_up(sigma["engine"], engine, "other")
    routed = np.where(is_moe, sigma["model"]["moe"], sigma["model"]["dense"])
    return np.asarray(base * part * stack * routed)


def lean_of(tables: Mapping[str, Table], quantity: npt.NDArray[np.str_]) -> FloatArray:
    """How far the interval of each row leans upwards [-1 to 1].

    Args:
        tables: `coefficients.inference` (its `sigma` table).
        quantity: throughput, ttft, tpot, power, media; one without a figure leans nowhere.

    Source: quantiles of the residuals of groups left out, tools/fit_left_out.py.
    """
    lean = {"": 0.0, **tables["sigma"].get("lean", {})}
    return _looked_up(lean, quantity, "")


def widths(
    tables: Mapping[str, Table],
    quantities: npt.NDArray[np.str_],
    quantity: npt.NDArray[np.intp],
    machines: npt.NDArray[np.str_],
    engines: npt.NDArray[np.str_],
    key: npt.NDArray[np.intp],
    routed: npt.NDArray[np.bool_],
) -> tuple[FloatArray, FloatArray]:
    """`tier_sigma` and `lean_of` of each row; names are looked up once a kind of row.

    Args:
        tables: `coefficients.inference` (its `sigma` table).
        quantities: throughput, ttft, tpot, power, media; `quantity` says which is a row's.
        machines, engines: parallel; `key` says which pair is a row's.
        routed: whether tokens are routed, of each row.

    Returns: sigma and lean of each row [1].

    Source: residuals of groups left out, tools/fit_left_out.py.
    """
    cells = np.indices((len(quantities), len(machines), 2)).reshape(3, -1)
    sigma = tier_sigma(
        tables, quantities[cells[0]], machines[cells[1]], engines[cells[1]], cells[2] > 0
    )
    cell = (quantity * len(machines) + key) * 2 + routed
    return sigma[cell], lean_of(tables, quantities)[quantity]


def _looked_up(table: Mapping[str, float], names: npt.NDArray[np.str_], other: str) -> FloatArray:
    unique, index = np.unique(names, return_inverse=True)
    values = np.array([table.get(str(n), table[other]) for n in unique], dtype=np.float64)
    return np.asarray(values[index])
