"""Pools of replicas that work on one request at a time, all behind one queue, by simulation.

A pool of several sustains more than as many replicas with a queue of their own each, so what a
replica sustains depends on how many there are.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from gpumix.domain.workload import Slo
from gpumix.serving.capacity import Server
from gpumix.serving.kept import BATCHES, BEYOND_DOUBT, MOST_REQUESTS, REQUESTS
from gpumix.serving.simulator.queue import times_in_system
from gpumix.serving.traffic import arrivals
from gpumix.values import FloatArray

WARM_UP = 0.1
"""Share of a run's requests that do not count: they meet servers that all started idle."""

LARGEST = 64
"""Replicas of the largest pool that is searched; of more each sustains at least as much."""

SEED = 20_260_401
_HALVINGS = 9


@dataclass(frozen=True, slots=True)
class Within:
    """A promise in a run: its quantile [s], the share of requests within the limit (0-1), and the
    standard error of that share."""

    slo: Slo
    quantile_s: float
    share: float
    error: float

    @property
    def is_kept(self) -> bool:
        """Whether enough requests are within the limit, without the benefit of the doubt."""
        return self.share >= self.slo.quantile

    @property
    def is_sure(self) -> bool:
        """Whether that lies beyond the run's own doubt."""
        return abs(self.share - self.slo.quantile) >= BEYOND_DOUBT * self.error


@lru_cache(maxsize=16)
def _drawn(count: int, arrival_cv: float, seed: int) -> tuple[FloatArray, FloatArray]:
    """Arrival times at one request a second, and for each request which of its times it takes."""
    rng = np.random.default_rng(seed)
    return arrivals(count, 1.0, arrival_cv, rng), rng.uniform(size=count)


def times_of(
    pool: Mapping[Server, int], requests_per_s: float, count: int = REQUESTS, seed: int = SEED
) -> FloatArray:
    """From arrival to end of each request that meets a settled pool [s].

    Args:
        pool: how many servers there are of each kind; all promise the same under like arrivals.
        requests_per_s: arrivals at all of them [1/s].
        count: requests [count].
        seed: of what is drawn.

    Raises: ValueError for an empty pool.

    Source: simulation of the queue, `simulator.queue`.
    """
    first = next(iter(pool), None)
    if first is None:
        raise ValueError("an empty pool serves nothing")
    arrival, rank = _drawn(count, first.arrival_cv, seed)
    service = np.stack([s.times_s[(rank * len(s.times_s)).astype(np.int64)] for s in pool])
    spent = times_in_system(arrival / requests_per_s, service, list(pool.values()))
    return spent[int(WARM_UP * count) :]


def reached(times_s: FloatArray, slo: Slo) -> Within:
    """A promise over requests in order of arrival; neighbours fare alike, so batches of them count.

    Args:
        times_s: from arrival to end of each [s].
        slo: the promise.

    Source: batch means, Law, "Simulation Modeling and Analysis" (2015), section 9.5.3.
    """
    within = (times_s <= slo.limit_s).astype(np.float64)
    means = [float(batch.mean()) for batch in np.array_split(within, BATCHES)]
    error = math.sqrt(float(np.var(means, ddof=1)) / BATCHES)
    at = math.ceil(slo.quantile * len(times_s)) - 1
    return Within(slo, float(np.partition(times_s, at)[at]), float(within.mean()), error)


def proven(
    pool: Mapping[Server, int], requests_per_s: float, seed: int = SEED, most: int = MOST_REQUESTS
) -> tuple[FloatArray, tuple[Within, ...]]:
    """Times [s] and promises of a run just long enough to leave no doubt, of `most` requests at
    the most.

    Args:
        pool: how many servers there are of each kind.
        requests_per_s: arrivals at all of them [1/s].
        seed: of what is drawn.
        most: requests of the longest run [count].

    Source: simulation of the queue.
    """
    slos, count = next(iter(pool)).slos, REQUESTS
    while True:
        times_s = times_of(pool, requests_per_s, count, seed)
        found = tuple(reached(times_s, slo) for slo in slos)
        if all(one.is_sure for one in found) or count >= most:
            return times_s, found
        count *= 2


def _bears(server: Server, servers: int, requests_per_s: float, most: int = MOST_REQUESTS) -> bool:
    """Whether a pool surely keeps every promise at a rate of arrivals [1/s]."""
    if requests_per_s * server.mean_s >= servers:
        return False
    _, found = proven({server: servers}, requests_per_s, most=most)
    return all(one.is_kept and one.is_sure for one in found)


@lru_cache(maxsize=4096)
def pool_rate(server: Server, servers: int) -> float:
    """What each of some servers of one queue sustains within its promises [1/s]; 0 where they are
    broken at any load.

    The highest load is found by halving, to 0.2 % of what the servers could do without promises.

    Args:
        server: the kind of server.
        servers: how many, of which more than `LARGEST` count as `LARGEST` [count].

    Source: simulation of the queue.
    """
    count = min(servers, LARGEST)
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        load = 0.5 * (low + high)
        if _bears(server, count, load * count / server.mean_s, most=REQUESTS):
            low = load
        else:
            high = load
    return low / server.mean_s


@lru_cache(maxsize=65_536)
def fewest(server: Server, requests_per_s: float) -> int:
    """The fewest servers of one queue that keep every promise; 0 where no number does.

    Args:
        server: the kind of server.
        requests_per_s: arrivals at all of them [1/s].

    Source: simulation of the queue.
    """
    if requests_per_s <= 0.0:
        return 0
    least = max(math.ceil(requests_per_s * server.mean_s - 1e-9), 1)
    if least >= LARGEST:
        rate = pool_rate(server, LARGEST)
        return math.ceil(requests_per_s / rate - 1e-9) if rate > 0.0 else 0
    low, high = least - 1, least
    while not _bears(server, high, requests_per_s):
        if high >= LARGEST:
            rate = pool_rate(server, LARGEST)
            return math.ceil(requests_per_s / rate - 1e-9) if rate > 0.0 else 0
        low, high = high, min(high + max(high - least, 1), LARGEST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if _bears(server, middle, requests_per_s) else (middle, high)
    return high
