"""How measurements of the user's own move predictions nearby, by shrinkage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENGINE_SIGMA = 0.10
GPU_SIGMA = 0.08
DEPLOYMENT_SIGMA = 0.15
NOISE_SIGMA = 0.06
"""Prior spread of log errors shared by an engine, by a GPU under it, by a deployment; and noise.

Source: variance of left-out residuals by level, tools/fit_inference.py; the noise is that of the
next engine version (data README, 5-7 %).
"""

LENGTH_SCALE = 1.2
"""Distance in log input, output and batch at which two points of a deployment are unrelated."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a prediction or a measurement stands: what it shares with others, and how far off."""

    engine: str
    gpu: str
    deployment: str
    quantity: str
    input_len: float
    output_len: float
    batch: float


@dataclass(frozen=True, slots=True)
class Known:
    """One measurement: its place and log(measured / predicted)."""

    place: Place
    log_error: float


@dataclass(frozen=True, slots=True)
class Shift:
    """Factor in logs to multiply a prediction by, its sigma, and the weights of what moved it."""

    log_factor: float
    sigma: float
    weights: tuple[float, ...]


def covariance(one: Place, other: Place) -> float:
    """Prior covariance of two log errors: what they share of engine, GPU and deployment.

    Within a deployment it falls with the distance in log length and batch. Latencies and rates
    count with opposite sign.

    Args:
        one, other: places.

    Returns: covariance of log(predicted / measured) [1].

    Source: kriging with nested effects (Cressie 1993, section 3.2).
    """
    shared = 0.0
    if one.engine == other.engine:
        shared += ENGINE_SIGMA**2
        if one.gpu == other.gpu:
            shared += GPU_SIGMA**2
    if one.deployment == other.deployment:
        apart = np.log(
            [
                max(one.input_len, 1.0) / max(other.input_len, 1.0),
                max(one.output_len, 1.0) / max(other.output_len, 1.0),
                max(one.batch, 1.0) / max(other.batch, 1.0),
            ]
        )
        near = float(np.exp(-0.5 * np.sum(apart**2) / (3.0 * LENGTH_SCALE**2)))
        shared += DEPLOYMENT_SIGMA**2 * (0.5 + 0.5 * near)
    return shared * _sign(one) * _sign(other)


def shift(known: Sequence[Known], targets: Sequence[Place], sigma: float) -> list[Shift]:
    """What measurements say about other places: best linear prediction from the covariance.

    factor = c^T (C + noise I)^-1 e; the variance is the prior's less what the measurements
    explain, never above the prior's, never below the noise.

    Args:
        known: measurements with their log errors.
        targets: places to predict.
        sigma: prior sigma of the log error of a prediction.

    Source: as `covariance`; James and Stein (1961) for the shrinkage of a mean.

    >>> here = Place("vllm 0.9", "h100", "llama", "throughput", 512, 128, 32)
    >>> moved = shift([Known(here, 0.2)], [here], 0.2)[0]
    >>> 0.1 < moved.log_factor < 0.2 and moved.sigma < 0.2
    True
    """
    if not known:
        return [Shift(0.0, sigma, ()) for _ in targets]
    places = [one.place for one in known]
    matrix = np.array([[covariance(a, b) for b in places] for a in places])
    matrix += np.eye(len(known)) * NOISE_SIGMA**2
    error = np.array([one.log_error for one in known])
    out = []
    for target in targets:
        link = np.array([covariance(target, place) for place in places])
        weights = np.linalg.solve(matrix, link)
        prior = covariance(target, target)
        explained = float(link @ weights) / prior
        variance = sigma**2 * max(1.0 - explained, 0.0) + NOISE_SIGMA**2 * min(explained, 1.0)
        out.append(
            Shift(
                float(weights @ error), float(min(np.sqrt(variance), sigma)),
                tuple(float(w) for w in weights),
            )
        )  # fmt: skip
    return out


def _sign(place: Place) -> float:
    return 1.0 if place.quantity in ("throughput", "power") else -1.0
