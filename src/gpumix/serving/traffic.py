"""Streams of requests to simulate: drawn from a profile, or a trace cut, repeated and rescaled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from gpumix.domain.traffic import Lengths, Profile, Requests
from gpumix.domain.workload import RequestClass
from gpumix.values import FloatArray

ARRIVALS = ("poisson", "gamma", "weibull", "on-off")
"""Kinds of gaps between arrivals; all but `poisson` take a coefficient of variation."""

_NORMAL = NormalDist()
_HALVINGS = 60


def arrivals(
    count: int, requests_per_s: float, cv: float, rng: np.random.Generator, kind: str = "gamma"
) -> FloatArray:
    """Arrival times of a renewal process; on-off bursts are Poisson with pauses between [s].

    gamma: shape 1 / cv^2; weibull: the shape whose cv it is; on-off: a gap is a pause with
    probability 0.1 and exponential in either state, the pause as long as the cv asks.

    Args:
        count: requests [count].
        requests_per_s: mean rate [1/s].
        cv: coefficient of variation of the gaps [1].
        rng: source of randomness.
        kind: one of `ARRIVALS`.

    Source: ServeGen, arXiv 2505.09999 (Gamma and Weibull gaps by client).
    """
    if kind not in ARRIVALS:
        raise ValueError(f"arrivals {kind!r}: one of {', '.join(ARRIVALS)}")
    if kind == "poisson" or (kind != "on-off" and abs(cv - 1.0) < 1e-9):
        gaps = rng.exponential(1.0, count)
    elif kind == "gamma":
        shape = 1.0 / max(cv, 1e-3) ** 2
        gaps = rng.gamma(shape, 1.0 / shape, count)
    elif kind == "weibull":
        shape = weibull_shape(cv)
        gaps = rng.weibull(shape, count) / math.gamma(1.0 + 1.0 / shape)
    else:
        gaps = _on_off(count, cv, rng)
    return np.cumsum(gaps) / requests_per_s


def weibull_shape(cv: float) -> float:
    """Shape of the Weibull distribution with this coefficient of variation [1].

    cv^2 = G(1 + 2/k) / G(1 + 1/k)^2 - 1, found by halving

    Args:
        cv: coefficient of variation, 0.05 to 20 [1].

    Source: moments of the Weibull distribution.

    >>> round(weibull_shape(1.0), 6)
    1.0
    """

    def excess(k: float) -> float:
        return math.lgamma(1.0 + 2.0 / k) - 2.0 * math.lgamma(1.0 + 1.0 / k) - math.log1p(cv**2)

    low, high = 0.15, 40.0
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if excess(middle) > 0.0 else (low, middle)
    return high


def _on_off(count: int, cv: float, rng: np.random.Generator) -> FloatArray:
    """Exponential gaps of mean 1 and this cv, short ones nine times in ten.

    A mixture of means m1 (0.9) and m2 (0.1): 0.9 m1 + 0.1 m2 = 1 and
    2 (0.9 m1^2 + 0.1 m2^2) = 1 + cv^2 give m2 = 1 + 3 sqrt((cv^2 - 1) / 2).
    """
    long = 1.0 + 3.0 * math.sqrt(max(cv**2 - 1.0, 0.0) / 2.0)
    long = min(long, 10.0)
    short = (1.0 - 0.1 * long) / 0.9
    pause = rng.uniform(size=count) < 0.1
    return np.where(pause, long, short) * rng.exponential(1.0, count)


def lengths(
    sizes: Lengths, uniform: FloatArray, least: int, rescale: bool = True
) -> npt.NDArray[np.int32]:
    """Token counts at these probabilities: quantiles interpolated, their mean kept [tokens].

    Without quantiles a lognormal with the mean and cv stated, or the mean itself.

    Args:
        sizes: the distribution.
        uniform: probabilities [0-1].
        least: smallest count [tokens].
        rescale: stretch so that the mean is the stated one.

    Source: inverse transform sampling.
    """
    if sizes.quantiles:
        p, tokens = np.array(sizes.quantiles).T
        drawn = np.interp(uniform, p, tokens)
        inner = float(np.sum(0.5 * (tokens[1:] + tokens[:-1]) * np.diff(p)))
        if rescale and inner > 0.0 and sizes.mean > 0.0:
            drawn = drawn * (sizes.mean / inner)
    elif sizes.cv > 0.0 and sizes.mean > 0.0:
        sigma2 = math.log1p(sizes.cv**2)
        drawn = sizes.mean * np.exp(math.sqrt(sigma2) * _normal(uniform) - 0.5 * sigma2)
    else:
        drawn = np.full(len(uniform), sizes.mean)
    return np.asarray(np.maximum(np.rint(drawn), least), dtype=np.int32)


def _normal(uniform: FloatArray) -> FloatArray:
    """Standard normal quantiles, from a table fine enough for sampling."""
    return np.interp(uniform, *_normal_table())


@cache
def _normal_table() -> tuple[FloatArray, FloatArray]:
    grid = np.linspace(0.0005, 0.9995, 1000)
    return grid, np.array([_NORMAL.inv_cdf(float(p)) for p in grid])


def draw(
    count: int,
    requests_per_s: float,
    input: Lengths,
    output: Lengths,
    *,
    arrival_cv: float = 1.0,
    correlation: float = 0.0,
    prefix_share: float = 0.0,
    arrival_kind: str = "gamma",
    classes: Sequence[RequestClass] = (),
    seed: int = 0,
) -> Requests:
    """A stream of independent requests at a constant mean rate.

    With `classes` each request is of one of them, by their shares, and as long as those are.

    `correlation` is that of the ranks of prompt and answer, which follow a Gaussian copula:
    normals whose correlation is 2 sin(pi / 6 x that of the ranks). `prefix_share` of each prompt is
    a prefix that all share.

    Raises: ValueError for an unknown kind of arrivals.
    """
    rng = np.random.default_rng(seed)
    times = arrivals(count, requests_per_s, arrival_cv, rng, arrival_kind)
    first = rng.standard_normal(count)
    tied = 2.0 * math.sin(math.pi / 6.0 * correlation)
    second = tied * first + math.sqrt(1.0 - tied**2) * rng.standard_normal(count)
    if not classes:
        prompts, answers = _sizes(input, output, first, second)
        return stream(times, prompts, answers, prefix_tokens=np.rint(prefix_share * prompts))
    which = rng.choice(len(classes), count, p=[one.share for one in classes])
    prompts, answers = np.ones(count, dtype=np.int32), np.ones(count, dtype=np.int32)
    for i, one in enumerate(classes):
        own = which == i
        prompts[own], answers[own] = _sizes(one.input, one.output, first[own], second[own])
    drawn = stream(times, prompts, answers, prefix_tokens=np.rint(prefix_share * prompts))
    return replace(drawn, of_class=np.array([one.name for one in classes])[which])


def _sizes(
    input: Lengths, output: Lengths, first: FloatArray, second: FloatArray
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Prompts and answers whose ranks are those of these draws."""
    rank = np.argsort(np.argsort(first)), np.argsort(np.argsort(second))
    prompts = lengths(input, (rank[0] + 0.5) / len(first), 1)
    answers = lengths(output, (rank[1] + 0.5) / len(first), 1 if output.mean >= 1.0 else 0)
    return prompts, answers


def from_profile(profile: Profile, count: int, requests_per_s: float, seed: int = 0) -> Requests:
    """A stream with the lengths, burstiness and shared prefixes of a profile, at a mean rate."""
    return draw(
        count,
        requests_per_s,
        profile.input,
        profile.output,
        arrival_cv=profile.arrival_cv,
        correlation=profile.length_correlation,
        prefix_share=profile.prefix_share or 0.0,
        seed=seed,
    )


def stream(
    arrival_s: npt.ArrayLike,
    input_tokens: npt.ArrayLike,
    output_tokens: npt.ArrayLike,
    *,
    prefix_tokens: npt.ArrayLike = 0,
    prefix_id: npt.ArrayLike | None = None,
    tier: npt.ArrayLike = 0,
    follows: npt.ArrayLike = -1,
) -> Requests:
    """Requests from arrays or single values; `prefix_tokens` alone are shared by all."""
    arrival = np.array(arrival_s, dtype=np.float64)
    n = len(arrival)
    shared = np.broadcast_to(np.asarray(prefix_tokens), n)
    ids = np.where(shared > 0, 0, -1) if prefix_id is None else prefix_id
    return Requests(
        arrival,
        np.broadcast_to(input_tokens, n).astype(np.int32),
        np.broadcast_to(output_tokens, n).astype(np.int32),
        np.broadcast_to(ids, n).astype(np.int32),
        shared.astype(np.int32),
        np.broadcast_to(tier, n).astype(np.int8),
        np.broadcast_to(follows, n).astype(np.int64),
    )


def _at(requests: Requests, order: npt.NDArray[np.int64]) -> Requests:
    return Requests(
        requests.arrival_s[order],
        requests.input_tokens[order],
        requests.output_tokens[order],
        requests.prefix_id[order],
        requests.prefix_tokens[order],
        requests.tier[order],
        requests.follows[order],
    )


def mean_rate(requests: Requests) -> float:
    """Mean arrival rate: gaps over the time they span [1/s].

    Args:
        requests: a stream of at least two.

    Returns: arrivals per second; 0 for a stream without span [1/s].

    Source: definition.
    """
    span = float(requests.arrival_s[-1] - requests.arrival_s[0]) if len(requests) else 0.0
    return (len(requests) - 1) / span if span > 0.0 else 0.0


def at_rate(requests: Requests, requests_per_s: float) -> Requests:
    """The same stream, faster or slower in time, at this mean rate, from time 0.

    Raises: ValueError for a stream of one moment.
    """
    rate = mean_rate(requests)
    if rate <= 0.0:
        raise ValueError("a stream of one moment has no rate to change")
    factor = rate / requests_per_s
    return _with_arrivals(requests, (requests.arrival_s - requests.arrival_s[0]) * factor)


def resized(requests: Requests, count: int) -> Requests:
    """The first `count` requests; a shorter stream is repeated, one mean gap between rounds.

    Raises: ValueError for an empty stream.
    """
    n = len(requests)
    if n == 0:
        raise ValueError("an empty stream cannot be repeated")
    order = np.arange(count) % n
    rate = mean_rate(requests)
    round_s = float(requests.arrival_s[-1] - requests.arrival_s[0]) + (1.0 / rate if rate else 1.0)
    repeated = _at(requests, order)
    rounds = np.arange(count) // n
    follows = np.where(repeated.follows >= 0, repeated.follows + rounds * n, -1)
    shifted = repeated.arrival_s + np.where(follows < 0, rounds * round_s, 0.0)
    return stream(
        shifted,
        repeated.input_tokens,
        repeated.output_tokens,
        prefix_tokens=repeated.prefix_tokens,
        prefix_id=repeated.prefix_id,
        tier=repeated.tier,
        follows=follows,
    )


def _with_arrivals(requests: Requests, arrival_s: FloatArray) -> Requests:
    pauses = requests.follows >= 0
    return replace(requests, arrival_s=np.where(pauses, requests.arrival_s, arrival_s))
