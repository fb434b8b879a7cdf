"""The highest load within the promises, found by simulation.

One stream is drawn once and sped up or slowed down until the promises just hold: with the same
draws at every rate the answer is repeatable and hardly jumps. The closed form of `capacity` is
where the search starts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gpumix.domain.traffic import Requests
from gpumix.domain.workload import Slo
from gpumix.serving.capacity import Traffic
from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.simulation import Outcome, Settings, simulate
from gpumix.serving.simulator.steptable import StepTable
from gpumix.serving.traffic import at_rate, draw
from gpumix.values import FloatArray

REQUESTS = 3000
"""Requests of one run: the 95th percentile rests on 150 of them."""

TURNOVERS = 20
"""A run serves at least so many requests for each sequence a replica holds: a shorter one is over
before a queue that grows without end shows."""

TOLERANCE = 0.02
_MOST = 20_000
_WIDEN = 1.3
_SMALLEST = 1e-4
_TURNS = 12


@dataclass(frozen=True, slots=True)
class Sustained:
    """The highest rate that kept every promise, and the latencies there.

    `latency_s` is each promise's quantile at that rate, in order; `batch` the mean sequences
    decoding per replica; `runs` how many simulations it took.
    """

    requests_per_s: float
    latency_s: tuple[float, ...]
    batch: float
    runs: int


def capacity_by_simulation(
    table: StepTable,
    traffic: Traffic,
    slos: Sequence[Slo],
    start_requests_per_s: float,
    *,
    replicas: int = 1,
    correlation: float = 0.0,
    tolerance: float = TOLERANCE,
    requests: int = REQUESTS,
    seed: int = 0,
) -> Sustained:
    """Highest arrival rate at which every promise is kept, known to `tolerance`.

    A promise at quantile q holds if a share q of the requests offered stays within its limit;
    those shed or timed out do not. The first and last requests, which meet a replica that fills
    or empties, are not counted. Where that replica turns out to hold many sequences, the search
    goes on with a longer stream.

    Args:
        table: a replica's step times.
        traffic: lengths and burstiness.
        slos: promises; at least one.
        start_requests_per_s: where to start looking, all replicas together [1/s].
        replicas: behind one router [count].
        correlation: of the ranks of prompt and answer [1].
        tolerance: relative width at which the search ends [1].
        requests: of one run, at least [count].
        seed: of the stream.

    Source: docs/serving.md; common random numbers, Law (2015) section 11.2.
    """
    count, start = requests, start_requests_per_s
    while True:
        stream = draw(
            count,
            1.0,
            traffic.input,
            traffic.output,
            arrival_cv=traffic.arrival_cv,
            correlation=correlation,
            prefix_share=traffic.prefix_hit,
            classes=traffic.classes,
            seed=seed,
        )
        search = _Search(stream, table, tuple(slos), Settings(replicas=replicas))
        found = search.highest(start, tolerance)
        needed = math.ceil(TURNOVERS * found.batch * replicas)
        if needed <= count or count >= _MOST:
            return found
        count, start = min(needed, _MOST), found.requests_per_s


@dataclass(slots=True)
class _Search:
    """Runs of one stream at several rates."""

    stream: Requests
    table: StepTable
    slos: tuple[Slo, ...]
    settings: Settings
    runs: int = 0
    best: Sustained | None = None

    def highest(self, start: float, tolerance: float) -> Sustained:
        """Bracket from the start, then close in where the worst latency meets its limit.

        The next rate is interpolated in logarithms; after two moves of the same end it is the
        middle, so that both ends come in.
        """
        low, high = (0.0, 0.0), (math.inf, math.inf)
        rate, widen, side = max(start, _SMALLEST), _WIDEN, 0
        for _ in range(_TURNS):
            strain = self._strain(rate)
            kept = strain <= 1.0
            side = max(side, 0) + 1 if kept else min(side, 0) - 1
            low, high = ((rate, strain), high) if kept else (low, (rate, strain))
            if low[0] == 0.0 or high[0] == math.inf:
                rate = rate * widen if kept else rate / widen
                widen = min(widen**1.5, 8.0)
            elif high[0] <= low[0] * (1.0 + tolerance):
                break
            else:
                rate = _between(low, high, halve=abs(side) >= 2)
            if rate < _SMALLEST:
                break
        if self.best is None:
            return Sustained(0.0, tuple(math.inf for _ in self.slos), 0.0, self.runs)
        return Sustained(self.best.requests_per_s, self.best.latency_s, self.best.batch, self.runs)

    def _strain(self, rate: float) -> float:
        """The worst latency over its limit at a rate; the best kept rate is remembered."""
        self.runs += 1
        found = simulate(at_rate(self.stream, rate), self.table, self.settings)
        latencies = tuple(quantile_s(found, slo) for slo in self.slos)
        strain = max(t / slo.limit_s for t, slo in zip(latencies, self.slos, strict=True))
        if strain <= 1.0 and (self.best is None or rate > self.best.requests_per_s):
            batch = float(found.sequence_s.sum() / max(found.busy_s.sum(), 1e-12))
            self.best = Sustained(rate, latencies, batch, self.runs)
        return strain


def _between(low: tuple[float, float], high: tuple[float, float], halve: bool) -> float:
    """A rate inside a bracket of (rate, strain) whose strain should be 1."""
    share = 0.5
    if not halve and low[1] > 0.0 and high[1] < math.inf:
        share = -math.log(low[1]) / (math.log(high[1]) - math.log(low[1]))
        share = min(max(share, 0.15), 0.85)
    return float(low[0] * (high[0] / low[0]) ** share)


def quantile_s(found: Outcome, slo: Slo) -> float:
    """A promise's quantile over requests that met a settled replica; lost ones count as late [s].

    Args:
        found: a run.
        slo: the promise.

    Source: definition.
    """
    times = settled_times(found, slo)
    times = np.sort(times[~np.isnan(times)])
    if not len(times):
        return 0.0
    return float(times[min(math.ceil(slo.quantile * len(times)), len(times)) - 1])


def latency_of(found: Outcome, metric: str) -> FloatArray:
    """Each request's `ttft`, `tpot` or `e2e` [s]; infinite where it was not served.

    Args:
        found: a run.
        metric: which.

    Source: definition.
    """
    times = {"ttft": found.ttft_s, "tpot": found.tpot_s, "e2e": found.e2e_s}[metric]
    return np.where(found.outcome == at.SERVED, times, np.inf)


def settled_times(found: Outcome, slo: Slo) -> FloatArray:
    """Times of the requests that a promise is made to, of those that met a settled replica [s].

    Args:
        found: a run.
        slo: the promise.

    Source: definition.
    """
    part = settled(found)
    return latency_of(found, slo.metric)[part][_promised(found, slo)[part]]


def _promised(found: Outcome, slo: Slo) -> npt.NDArray[np.bool_]:
    """Which requests a promise is made to."""
    if not slo.of_class or found.of_class is None:
        return np.ones(len(found.arrival_s), dtype=np.bool_)
    return np.asarray(found.of_class == slo.of_class)


def settled(found: Outcome) -> slice:
    """Requests that arrive after the replicas have filled and before they empty."""
    count = len(found.arrival_s)
    running = found.sequence_s.sum() / max(float(found.clock_s.max(initial=0.0)), 1e-12)
    edge = min(int(2.0 * running) + 1, count // 4)
    return slice(edge, count - edge // 2)


def attainment(found: Outcome, slos: Sequence[Slo]) -> float:
    """Share of offered requests within the limits of all promises [0-1].

    Args:
        found: a run.
        slos: promises; their quantiles do not matter here.

    Source: definition; goodput of DistServe, arXiv 2401.09670.
    """
    if not len(found.arrival_s):
        return 1.0
    kept = found.served
    for slo in slos:
        times = latency_of(found, slo.metric)
        kept = kept & (~_promised(found, slo) | np.isnan(times) | (times <= slo.limit_s))
    return float(kept.mean())
