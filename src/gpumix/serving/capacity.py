"""What one replica sustains within its promises under bursty traffic, in closed form.

At a mean of b decoding sequences a replica serves rate(b) requests/s (Little's law). Around that
mean the crowd swings with the arrivals, so the tail of TPOT is the step at the crowd's quantile;
TTFT is the prompt's own prefill after a wait in front of the prefill of others. The highest b
whose tails keep every promise is the capacity. Where a simulation is worth its time, it answers
the same question with the same arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import RequestClass, Slo
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import closed_loop, open_service
from gpumix.perf.inference.memory import memory
from gpumix.perf.inference.steps import prefill_s
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

    TTFT_q = TTFT of an open loop + wait_q; TPOT_q = step at the crowd's quantile;
    E2E_q = TTFT_q + TPOT_mean (output_q - 1)

    Prompts that wait are prefilled together, as many as the step's token budget takes, so what
    one adds to the queue is its share of a full step.

    Args:
        dep: deployments.
        traffic: lengths and burstiness.
        batch: mean decoding sequences of one copy [count].
        quantile: probability [0-1].

    Source: docs/serving.md; Kingman's wait and Little's law as in `queueing`.
    """
    sizes, lengths = traffic.input, np.maximum(traffic.output.mean, 1.0)
    crowd = crowd_quantile(batch, traffic.arrival_cv**2, quantile)
    mean = closed_loop(dep, sizes.mean, lengths, batch * dep.copies, prefix_hit=traffic.prefix_hit)
    tail = closed_loop(dep, sizes.mean, lengths, crowd * dep.copies, prefix_hit=traffic.prefix_hit)
    rate = mean.output_tokens_per_s / lengths
    one = open_service(dep, sizes.mean, lengths, batch, prefix_hit=traffic.prefix_hit)
    each = _queued_prefill_s(dep, sizes.mean, traffic.prefix_hit)
    load = rate / dep.copies * each
    wait = wait_quantile_s(load, each, traffic.arrival_cv**2, sizes.cv**2, quantile)
    longest = _quantile_or_mean(sizes, quantile)
    ratio = _prefill_ratio(dep, longest, sizes.mean, traffic.prefix_hit)
    ttft = one.ttft_s + np.maximum((ratio - 1.0) * one.prompt_s, wait)
    answer = max(_quantile_or_mean(traffic.output, quantile), 1.0)
    return Latency(
        batch=np.asarray(batch, dtype=np.float64),
        requests_per_s=rate,
        ttft_s=ttft,
        tpot_s=tail.tpot_s,
        e2e_s=ttft + mean.tpot_s * (answer - 1.0),
        crowd=np.asarray(crowd),
    )


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
    tokens = traffic.input.mean, np.maximum(traffic.output.mean, 1.0)
    most = memory(dep, *tokens).batch_max / dep.copies
    most = np.where(most >= 1.0, np.minimum(most, dep.max_sequences * dep.ranks), 0.0)
    smallest = np.full(dep.rows, _SMALLEST_BATCH)
    nearest = tuple(
        _latency_of(latency(dep, traffic, smallest, slo.quantile), slo) * slowdown / slo.limit_s
        for slo in slos
    )
    low, high = np.zeros(dep.rows), most
    for _ in range(_HALVINGS):
        middle = np.maximum(0.5 * (low + high), _SMALLEST_BATCH)
        kept = _within(dep, traffic, slos, middle, most, slowdown)
        low, high = np.where(kept, middle, low), np.where(kept, high, middle)
    possible = (most >= 1.0) & np.all([n <= 1.0 for n in (*nearest, np.zeros(dep.rows))], axis=0)
    batch = np.where(possible, low, 0.0)
    served = latency(dep, traffic, np.maximum(batch, _SMALLEST_BATCH), 0.5).requests_per_s
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
    by_quantile = {q: latency(dep, traffic, batch, q) for q in {s.quantile for s in slos}}
    for slo in slos:
        point = by_quantile[slo.quantile]
        kept &= _latency_of(point, slo) * slowdown <= slo.limit_s
        kept &= point.crowd <= np.maximum(most, 1.0)
    return kept


def _latency_of(point: Latency, slo: Slo) -> FloatArray:
    return {"ttft": point.ttft_s, "tpot": point.tpot_s, "e2e": point.e2e_s}[slo.metric]


def _quantile_or_mean(lengths: Lengths, quantile: float) -> float:
    return max(lengths.quantile(quantile), lengths.mean) if lengths.quantiles else lengths.mean


def _queued_prefill_s(dep: Deployment, length: float, prefix_hit: float) -> Values:
    """Time one more prompt adds to a queue of prompts that share full steps [s]."""
    fresh = max(length * (1.0 - prefix_hit), 1.0)
    together = np.maximum(np.floor(dep.chunk_tokens / fresh), 1.0)
    return prefill_s(dep, together * fresh, length) / together


def _prefill_ratio(dep: Deployment, longest: float, mean: float, prefix_hit: float) -> Values:
    """How much longer the longest prompt's prefill takes than the mean one's."""
    if longest <= mean:
        return 1.0
    fresh = 1.0 - prefix_hit
    ratio = prefill_s(dep, longest * fresh, longest) / prefill_s(dep, mean * fresh, mean)
    return np.maximum(ratio, 1.0)


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
