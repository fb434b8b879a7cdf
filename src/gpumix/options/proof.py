"""The proof of what serves a workload: the busiest hours of what is planned, on its replicas.

The plan's own replay and `gpumix simulate --plan` run this, so that the same replicas under the
same traffic give the same figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np

from gpumix.domain.proof import PlannedHours, PlannedReplicas, ReplayedSlo
from gpumix.domain.workload import Demand, Slo
from gpumix.options import sustained
from gpumix.options.option import Option
from gpumix.options.promised import Part, Runs
from gpumix.serving import pools
from gpumix.serving.capacity import Server
from gpumix.serving.kept import MOST_REQUESTS, REQUESTS, Reached, Run, reached_in
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray

SEED = sustained.SEED + 1
QUEUE_SEED = pools.SEED + 1
"""Not those of the rates: a plan is proven on traffic that its rates were not found with."""

MOST_REPLICAS = 4
"""Replicas of a kind that are run, with their share of the traffic, if it has more."""

POINTS = 1_000
"""Equally likely times that stand for those of an hour when hours are put together."""

Pool = tuple[tuple[Server, int], ...]
"""Servers of one queue, how many of each kind."""


@dataclass(frozen=True, slots=True)
class Hour:
    """An hour of the week and the replicas that serve it; `units` of the week that it stands for.

    `planned` are the hours of the plan that it is the busiest of, or one of.
    """

    planned: PlannedHours
    hour: int
    units: float
    parts: tuple[Part, ...]

    @property
    def load(self) -> float:
        """How busy its replicas are, all alike (0-1)."""
        return self.parts[0].load

    @property
    def replicas(self) -> tuple[tuple[Option, int], ...]:
        """What runs in it."""
        return tuple((part.option, part.replicas) for part in self.parts)

    @property
    def units_per_hour(self) -> float:
        """What arrives at all of them [units/h]."""
        return math.fsum(part.units_per_hour for part in self.parts)


@dataclass(frozen=True, slots=True)
class Judged:
    """An hour that was simulated, and what each promise came to.

    Of text there are the runs, of units that wait in one queue equally likely times [s].
    """

    hour: Hour
    reached: tuple[Reached, ...]
    ran: Sequence[Run] = ()
    times_s: FloatArray = field(default_factory=lambda: np.zeros(0))


def checked(slo: Slo, index: int, every: Sequence[Judged], week_s: float) -> ReplayedSlo:
    """A promise in the hour that came nearest to breaking it.

    Args:
        slo: the promise.
        index: its place among the workload's.
        every: the hours that were simulated; at least one.
        week_s: its percentile over the first week [s].
    """
    worst = max(every, key=lambda one: one.reached[index].seconds)
    reached = worst.reached[index]
    return ReplayedSlo(
        name=slo.name,
        limit_s=slo.limit_s,
        week_s=week_s,
        worst_s=reached.seconds,
        worst_hour=worst.hour.hour,
        kept=all(one.reached[index].is_kept(slo.limit_s) for one in every),
        worst_year=worst.hour.planned.year,
        standard_error_s=reached.standard_error_s,
        requests=reached.requests,
    )


def hour_of(
    planned: PlannedHours,
    options: Mapping[PlannedReplicas, Option],
    demand: Demand,
    hour: int | None = None,
    seed: int = SEED,
) -> Hour | None:
    """An hour on what the plan runs in it; the busiest one by default. None where nothing runs in
    it that can be simulated, or nothing arrives.

    Args:
        planned: hours of the plan that hold it.
        options: what each of its replicas is.
        demand: of the workload, by hour of its first year.
        hour: of the week; None for the busiest.
        seed: of the first kind's traffic; each kind of replica has one of its own.
    """
    busiest = max(planned.hours, key=lambda h: demand.units_per_hour[h])
    hour = busiest if hour is None else hour
    most = demand.units_per_hour[busiest]
    arriving = planned.peak_units_per_hour * (demand.units_per_hour[hour] / most if most else 0.0)
    parts = tuple(
        Part(options[one], one.replicas, arriving * one.share, seed + stream)
        for stream, one in enumerate(planned.running)
        if one in options
    )
    if arriving <= 0.0 or not parts:
        return None
    return Hour(planned, hour, math.fsum(demand.units_per_hour[h] for h in planned.hours), parts)


def judged(
    runs: Runs,
    demand: Demand,
    slos: Sequence[Slo],
    hours: Sequence[Hour],
    requests: int = REQUESTS,
) -> list[Judged]:
    """Those hours of generated text that none of the others dominates, the busiest first, of
    equally busy ones the smallest.

    Args:
        runs: what has been run before.
        demand: of the workload.
        slos: its promises.
        hours: to be proven.
        requests: of the first run of each kind; more follow while a promise is in doubt [count].
    """
    found: list[Judged] = []
    alone: list[Part] = []
    seen: set[tuple[tuple[Option, int], ...]] = set()
    most = max(requests, MOST_REQUESTS)
    for hour in sorted(hours, key=lambda h: (-round(h.load, 9), sum(n for _, n in h.replicas))):
        covered = all(any(_no_easier(one, part) for one in alone) for part in hour.parts)
        if covered or hour.replicas in seen:
            continue
        seen.add(hour.replicas)
        ran, reached = runs.until_sure(demand, slos, hour.parts, requests, most)
        found.append(Judged(hour, reached, ran))
        for part in hour.parts:
            _, own = runs.until_sure(demand, slos, (part,), requests, most)
            if all(r.is_kept(s.limit_s) for r, s in zip(own, slos, strict=True)):
                alone.append(part)
    return found


def _no_easier(one: Part, other: Part) -> bool:
    """Whether one has no more replicas of the same kind as the other, each at least as busy."""
    fewer = min(one.replicas, MOST_REPLICAS) <= other.replicas
    return one.option == other.option and fewer and one.load >= other.load * (1.0 - 1e-12)


def queued(hour: Hour, requests: int = REQUESTS, most: int = MOST_REQUESTS) -> Judged:
    """An hour whose replicas share one queue.

    Args:
        hour: with replicas that work on one unit at a time.
        requests: of the first run; twice as many while a promise is in doubt [count].
        most: of the last run, unless the first has more [count].
    """
    pool = tuple((p.option.server, p.replicas) for p in hour.parts if p.option.server is not None)
    per_s = hour.units_per_hour / SECONDS_PER_HOUR
    nearest_s = hour.parts[0].option.rtt_s
    farther_s = max(p.option.rtt_s for p in hour.parts) - nearest_s  # any may be done there
    times_s, found = _queued(pool, per_s, hour.parts[0].seed, requests, most, farther_s)
    seen = tuple(replace(one, seconds=one.seconds + nearest_s) for one in found)
    return Judged(hour, seen, times_s=times_s + nearest_s)


@lru_cache(maxsize=1024)
def _queued(
    pool: Pool, requests_per_s: float, seed: int, requests: int, most: int, farther_s: float
) -> tuple[FloatArray, tuple[Reached, ...]]:
    """Times and promises at the first server's distance, whose limits leave out its round trip."""
    slos = pool[0][0].slos
    while True:
        times_s = pools.times_of(dict(pool), requests_per_s, requests, seed) + farther_s
        found = tuple(reached_in([times_s], [1.0], slo.quantile) for slo in slos)
        is_sure = all(
            one.is_sure(slo.limit_s) and pools.reached(times_s, slo).is_sure
            for one, slo in zip(found, slos, strict=True)
        )
        if is_sure or requests >= most:
            return np.quantile(times_s, (np.arange(POINTS) + 0.5) / POINTS), found
        requests = min(2 * requests, most)


def slowdown_of(option: Option) -> float:
    """How much longer than predicted an option's times are taken to be."""
    if option.replica is not None:
        return option.replica.slowdown
    if option.server is not None:
        return option.server.slowdown
    return option.rate.value / option.units_per_hour if option.rate and option.serves else 1.0


def at_slowdown(option: Option, slowdown: float) -> Option:
    """The option with times so much longer than predicted; what has a rate alone, at a rate so much
    lower.

    Args:
        option: what serves text, one unit at a time, or flat out.
        slowdown: planned over predicted times [1].
    """
    longer = slowdown / slowdown_of(option)
    if longer == 1.0:
        return option
    if option.replica is not None:
        return replace(option, replica=replace(option.replica, slowdown=slowdown))
    if option.server is None:
        return replace(option, units_per_hour=option.units_per_hour / longer)
    times_s = option.server.times_s * longer
    return replace(option, server=replace(option.server, times_s=times_s, slowdown=slowdown))
