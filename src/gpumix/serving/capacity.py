"""What one replica sustains within its promises under bursty traffic, in closed form.

At a mean of b requests a replica serves rate(b) requests/s (Little's law), and `open_loop` says
what share of them is within a limit. The highest b at which every promise holds is the capacity.
Where a simulation is worth its time, it answers the same question with the same arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import RequestClass, Slo
from gpumix.perf.inference.deployment import Deployment
from gpumix.serving.open_loop import OpenLoop, open_loop, room
from gpumix.serving.queueing import crowd_quantile, wait_quantile_s
from gpumix.values import FloatArray, Values

_HALVINGS = 22
_SMALLEST_BATCH = 1e-3


@dataclass(frozen=True, slots=True)
class Traffic:
    """What arrives at one replica; `prefix_hit` is the share of the prompt found in the cache.

    Of several `classes` of requests a simulation draws each by itself.
    """

    input: Lengths
    output: Lengths
    arrival_cv: float
    prefix_hit: float = 0.0
    classes: tuple[RequestClass, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Server:
    """A replica that works on one request at a time, and what it promises under which arrivals.

    `times_s` are equally likely times of a request [s], rising, `slowdown` longer than predicted;
    `slos` bind the time from arrival to end; `arrival_cv` is the coefficient of variation of the
    gaps between arrivals.
    """

    times_s: FloatArray
    slos: tuple[Slo, ...]
    arrival_cv: float
    slowdown: float = 1.0

    @property
    def mean_s(self) -> float:
        """Mean time of a request [s]."""
        return float(self.times_s.mean())


@dataclass(frozen=True, slots=True)
class Latency:
    """A replica at a load: requests/s and the latencies at one quantile [s]; one entry a row."""

    batch: FloatArray
    requests_per_s: FloatArray
    ttft_s: FloatArray
    tpot_s: FloatArray
    e2e_s: FloatArray
    crowd: FloatArray


@dataclass(frozen=True, slots=True)
class Capacity:
    """The highest load within the promises.

    `batch` decoding sequences and `requests_per_s` of one deployment; `nearest` is, for each
    promise in order, its latency at vanishing load over its limit (above 1: out of reach).
    """

    batch: FloatArray
    requests_per_s: FloatArray
    batch_max: FloatArray
    nearest: tuple[FloatArray, ...]


def latency(dep: Deployment, traffic: Traffic, batch: Values, quantile: float) -> Latency:
    """Latencies at a mean batch, at one quantile of requests.

    TTFT_q and TPOT_q are those of `open_loop`; E2E_q = TTFT_q + TPOT_mean (output_q - 1)

    Args:
        dep: deployments.
        traffic: lengths and burstiness.
        batch: mean requests of one copy [count].
        quantile: probability [0-1].

    Source: docs/serving.md.
    """
    loop = loop_of(dep, traffic, batch)
    ttft = loop.quantile_s("ttft", quantile)
    return Latency(
        batch=np.asarray(batch, dtype=np.float64),
        requests_per_s=loop.requests_per_s * dep.copies,
        ttft_s=ttft,
        tpot_s=loop.quantile_s("tpot", quantile),
        e2e_s=ttft + _decoding_s(loop, traffic, quantile),
        crowd=np.asarray(crowd_quantile(batch, traffic.arrival_cv**2, quantile)),
    )


def loop_of(dep: Deployment, traffic: Traffic, batch: Values) -> OpenLoop:
    """One copy of each deployment that holds a mean number of requests of this traffic.

    Args:
        dep: deployments.
        traffic: lengths and burstiness.
        batch: mean requests of one copy [count].

    Source: `open_loop`.
    """
    return open_loop(
        dep, traffic.input, traffic.output, traffic.arrival_cv, traffic.prefix_hit, batch
    )


def _decoding_s(loop: OpenLoop, traffic: Traffic, quantile: float) -> FloatArray:
    answer = max(_quantile_or_mean(traffic.output, quantile), 1.0)
    return np.asarray(loop.tpot_s * (answer - 1.0))


def sustained(
    dep: Deployment, traffic: Traffic, slos: Sequence[Slo], slowdown: Values = 1.0
) -> Capacity:
    """The highest load of one deployment at which every promise is kept.

    Args:
        dep: deployments.
        traffic: lengths and burstiness.
        slos: promises; none = whatever fits in memory.
        slowdown: all times are this much longer than predicted (planning on the pessimistic
            end of the interval) [1].

    Source: docs/serving.md.
    """
    most = room(dep, traffic.input, traffic.output)
    smallest = np.full(dep.rows, _SMALLEST_BATCH)
    idle = {q: latency(dep, traffic, smallest, q) for q in {slo.quantile for slo in slos}}
    nearest = tuple(_latency_of(idle[slo.quantile], slo) * slowdown / slo.limit_s for slo in slos)
    low, high = np.zeros(dep.rows), most
    for _ in range(_HALVINGS):
        middle = np.maximum(0.5 * (low + high), _SMALLEST_BATCH)
        kept = _within(dep, traffic, slos, middle, most, slowdown)
        low, high = np.where(kept, middle, low), np.where(kept, high, middle)
    possible = (most >= 1.0) & np.all([n <= 1.0 for n in (*nearest, np.zeros(dep.rows))], axis=0)
    batch = np.where(possible, low, 0.0)
    served = loop_of(dep, traffic, np.maximum(batch, _SMALLEST_BATCH)).requests_per_s * dep.copies
    return Capacity(batch, np.where(possible, served / slowdown, 0.0), most, nearest)


def _within(
    dep: Deployment,
    traffic: Traffic,
    slos: Sequence[Slo],
    batch: FloatArray,
    most: FloatArray,
    slowdown: Values,
) -> FloatArray:
    """Whether every promise holds at a mean batch, and the crowd still finds room."""
    kept = np.ones(dep.rows, dtype=bool)
    loop = loop_of(dep, traffic, batch)
    for slo in slos:
        limit_s, metric = slo.limit_s / slowdown, slo.metric
        if metric == "e2e":
            limit_s, metric = limit_s - _decoding_s(loop, traffic, slo.quantile), "ttft"
        kept &= loop.within(metric, limit_s) >= slo.quantile
        kept &= crowd_quantile(batch, traffic.arrival_cv**2, slo.quantile) <= np.maximum(most, 1.0)
    return kept


def _latency_of(point: Latency, slo: Slo) -> FloatArray:
    return {"ttft": point.ttft_s, "tpot": point.tpot_s, "e2e": point.e2e_s}[slo.metric]


def _quantile_or_mean(lengths: Lengths, quantile: float) -> float:
    return max(lengths.quantile(quantile), lengths.mean) if lengths.quantiles else lengths.mean


def queue_rate(
    service_s: Values,
    slos: Sequence[Slo],
    arrival_cv: float,
    service_cv: Values = 0.0,
    servers: int = 1,
) -> FloatArray:
    """Highest rate of each of some servers that share a queue and work on one request at a time.

    wait_q(rho) + S <= limit, found by halving; without promises 1 / S [1/s].

    Args:
        service_s: time of one request [s].
        slos: promises; those on `e2e` bind, others do not apply.
        arrival_cv, service_cv: coefficients of variation [1].
        servers: servers of the queue [count].

    Source: as `queueing.wait_quantile_s`.
    """
    service = np.asarray(service_s, dtype=np.float64)
    binding = [slo for slo in slos if slo.metric == "e2e"]
    spread = np.square(np.asarray(service_cv, dtype=np.float64))
    low, high = np.zeros_like(service), np.ones_like(service)
    for _ in range(_HALVINGS):
        load = 0.5 * (low + high)
        kept = np.ones_like(service, dtype=bool)
        for slo in binding:
            wait = wait_quantile_s(load, service, arrival_cv**2, spread, slo.quantile, servers)
            kept &= wait + service <= slo.limit_s
        low, high = np.where(kept, load, low), np.where(kept, high, load)
    return np.where(low > 1e-5, low, 0.0) / service if binding else 1.0 / service
