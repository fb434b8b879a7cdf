"""How measurements of the user's own move predictions nearby, by shrinkage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import numpy.typing as npt

from gpumix.domain.measurement import Shrinkage
from gpumix.perf.inference.deployment import Deployment
from gpumix.values import FloatArray

Names = npt.NDArray[np.str_]

SERVING = ("throughput", "tpot", "itl", "e2e")
FIRST_TOKEN = "ttft"
TRAINING = ("speed", "step")
LOWER_IS_FASTER = ("tpot", "itl", "e2e", "ttft", "step")

CELLS = 4_000_000
"""Entries of the matrix between targets and measurements worked on at once: 32 MB."""

RATES = (
    "bandwidth", "linear_rate", "weight_rate", "head_rate", "head_weight_rate", "kv_rate",
    "prefill_rate", "link_bus", "link_bytes_per_s",
)  # fmt: skip
TIMES = (
    "start_s", "attention_launch_s", "link_latency_s", "step_s", "layer_s", "sequence_s",
    "prompt_token_s", "first_token_s", "request_s",
)  # fmt: skip
"""Fields of a deployment that hold work per second, and seconds."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where predictions or measurements stand, as parallel arrays: what they share, how far off.

    `quantity` is throughput, tpot, itl, e2e or ttft; speed or step of training; or another figure
    that shares its errors with none of these. Lengths below 1 count as 1.
    """

    engine: Names
    gpu: Names
    deployment: Names
    quantity: Names
    input_len: FloatArray
    output_len: FloatArray
    batch: FloatArray

    def __len__(self) -> int:
        return len(self.engine)

    def take(self, index: npt.ArrayLike) -> Places:
        """The places at these positions."""
        chosen = np.asarray(index)
        return replace(self, **{f.name: getattr(self, f.name)[chosen] for f in fields(self)})

    @classmethod
    def join(cls, parts: Sequence[Places]) -> Places:
        """All places of several, in order."""
        return cls(**{f.name: np.concatenate([getattr(p, f.name) for p in parts])
                      for f in fields(cls)})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shift:
    """What measurements say of some places: factor in logs, sigma, and what moved each.

    `weights` has a row for each place and a column for each measurement; `explained` is the share
    of the prior's variance that the measurements take away (0-1).
    """

    log_factor: FloatArray
    sigma: FloatArray
    explained: FloatArray
    weights: FloatArray


def covariance(one: Places, other: Places, prior: Shrinkage) -> FloatArray:
    """Prior covariance of log errors: what two places share of engine, GPU and deployment.

    c = r (s_engine^2 [same engine] + s_gpu^2 [and GPU] + s_deployment^2 (1 + k) / 2 [deployment]),
    k = exp(-d^2 / (6 l^2)), d the distance in logs of input, output and batch; r is the
    correlation of the two quantities, negative between a rate and a time.

    Args:
        one, other: places.
        prior: spreads [log error], l [log distance] and correlations [1].

    Returns: covariance of log(measured / predicted), a row for each of `one` [1].

    Source: kriging with nested effects (Cressie 1993, section 3.2).
    """
    engine = _same(one.engine, other.engine)
    gpu = engine & _same(one.gpu, other.gpu)
    apart = sum(
        _log_distance(a, b) ** 2
        for a, b in (
            (one.input_len, other.input_len),
            (one.output_len, other.output_len),
            (one.batch, other.batch),
        )
    )
    near = 0.5 + 0.5 * np.exp(-apart / (6.0 * prior.length_scale**2))
    shared = (
        prior.engine_sigma**2 * engine
        + prior.gpu_sigma**2 * gpu
        + prior.deployment_sigma**2 * near * _same(one.deployment, other.deployment)
    )
    return np.asarray(shared * _correlation(one.quantity, other.quantity, prior))


def shift(
    known: Places,
    log_error: FloatArray,
    targets: Places,
    sigma: FloatArray,
    prior: Shrinkage,
    origin: npt.NDArray[np.int64] | None = None,
) -> Shift:
    """What measurements say about other places: best linear prediction from the covariance.

    factor = c^T (C + noise^2 I)^-1 e; the variance is the prior's less what the measurements
    explain, never above the prior's, never below the noise. What one origin says of deployments
    that it did not measure is at most run_share x the spread that the two share, and explains less
    in proportion. So one wrong label cannot move a fleet, and origins that agree still add up.

    Args:
        known: places of the measurements.
        log_error: log(measured / predicted) of each [1].
        targets: places to predict.
        sigma: prior sigma of the log error of each target's prediction [1].
        prior: spreads of log errors.
        origin: which measurements came about together and may share one mistake, a number for
            each; without it every deployment is one.

    Source: as `covariance`; James and Stein (1961) for the shrinkage of a mean; a bounded
    influence as in Huber (1981), Robust Statistics.
    """
    n, count = len(targets), len(known)
    if not count or not n:
        nothing = np.zeros(n)
        return Shift(nothing, np.asarray(sigma, float), nothing, np.zeros((n, count)))
    noise = prior.noise_sigma**2
    inverse = np.linalg.inv(covariance(known, known, prior) + noise * np.eye(count))
    weights, explained, factor = np.empty((n, count)), np.empty(n), np.empty(n)
    own = prior.engine_sigma**2 + prior.gpu_sigma**2 + prior.deployment_sigma**2
    origins = np.unique(known.deployment if origin is None else origin, return_inverse=True)[1]
    for part in np.array_split(np.arange(n), -(-n * count // CELLS)):
        some = targets.take(part)
        link = covariance(some, known, prior)
        weights[part] = link @ inverse
        factor[part], trusted = _bounded(some, known, weights[part], log_error, origins, prior)
        explained[part] = np.sum(weights[part] * link * trusted, axis=1) / own
    explained = np.clip(explained, 0.0, 1.0)
    variance = sigma**2 * (1.0 - explained) + noise * explained
    return Shift(factor, np.minimum(np.sqrt(variance), sigma), explained, weights)


def _bounded(
    targets: Places,
    known: Places,
    weights: FloatArray,
    log_error: FloatArray,
    origins: npt.NDArray[np.int64],
    prior: Shrinkage,
) -> tuple[FloatArray, FloatArray]:
    """The log factor of each target, and how much of each measurement's say is left (0-1)."""
    says = weights * log_error
    measured = _same(targets.deployment, known.deployment)
    member = origins[:, None] == np.arange(origins.max() + 1)
    foreign = np.where(measured, 0.0, says) @ member
    same_gpu = _same(targets.gpu, known.gpu) & _same(targets.engine, known.engine)
    spread = np.sqrt(prior.engine_sigma**2 + prior.gpu_sigma**2 * (same_gpu @ member > 0))
    most = prior.run_share * spread
    kept = np.clip(foreign, -most, most)
    share = np.divide(kept, foreign, out=np.ones_like(foreign), where=np.abs(foreign) > 1e-12)
    trusted = np.where(measured, 1.0, share[:, origins])
    return np.sum(says * trusted, axis=1), trusted


def faster(dep: Deployment, speed: FloatArray) -> Deployment:
    """The same deployments with every time divided by `speed`; memory stays as it is.

    Args:
        dep: deployments.
        speed: factor of each; exp(log factor of its throughput) [1].

    Source: `shift`; one factor for all parts, as measurements of whole runs cannot tell them apart.
    """
    changed = {name: getattr(dep, name) * speed for name in RATES}
    changed |= {name: getattr(dep, name) / speed for name in TIMES}
    return replace(dep, **changed)


def _same(one: Names, other: Names) -> npt.NDArray[np.bool_]:
    """Which names are equal, a row for each of `one`."""
    codes = np.unique(np.concatenate([one, other]), return_inverse=True)[1]
    return np.asarray(codes[: len(one), None] == codes[None, len(one) :])


def _log_distance(one: FloatArray, other: FloatArray) -> FloatArray:
    a, b = np.log(np.maximum(one, 1.0)), np.log(np.maximum(other, 1.0))
    return np.asarray(a[:, None] - b[None, :])


def _correlation(one: Names, other: Names, prior: Shrinkage) -> FloatArray:
    """Signed correlation of the errors of two figures."""
    rows, row = np.unique(one, return_inverse=True)
    columns, column = np.unique(other, return_inverse=True)
    table = np.array([[_between(str(a), str(b), prior) for b in columns] for a in rows])
    return np.asarray(table[row[:, None], column[None, :]])


def _between(one: str, other: str, prior: Shrinkage) -> float:
    if one == other:
        return 1.0
    sign = -1.0 if (one in LOWER_IS_FASTER) != (other in LOWER_IS_FASTER) else 1.0
    pair = (one, other)
    if all(name in SERVING for name in pair) or all(name in TRAINING for name in pair):
        return sign * prior.step_correlation
    if all(name in (*SERVING, FIRST_TOKEN) for name in pair):
        return sign * prior.first_token_correlation
    return 0.0
