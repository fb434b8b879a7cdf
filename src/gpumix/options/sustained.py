"""What every option really sustains under its traffic, found by simulation."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gpumix.domain.workload import Demand, Inventory, Workload
from gpumix.options.option import Option, beaten, undominated
from gpumix.options.pooled import by_simulation
from gpumix.options.queued import is_queued
from gpumix.serving.capacity import Traffic
from gpumix.serving.kept import BATCHES, BEYOND_DOUBT, REQUESTS, Reached
from gpumix.serving.simulated_capacity import Sustained, capacity_by_simulation
from gpumix.serving.simulator.simulation import Settings, simulate
from gpumix.serving.simulator.steptable import StepTable, step_table
from gpumix.serving.traffic import draw
from gpumix.units import SECONDS_PER_HOUR
from gpumix.values import FloatArray

STAYS = 40
"""A run lasts as long as so many requests one after another; in shorter ones the crowd has no time
to swing as far as it does in an hour, and rates come out too high (docs/serving.md)."""

SEED = 20_260_101
POOL = 4
"""Most replicas whose common queue is simulated for a rate."""

AT_ONCE_PER_S = 1e9
"""Rate of requests that are all there when the run begins."""

FILLING = 0.1
"""Share of a run's requests, at either end, that do not count: the batch fills and empties."""

_BELOW = 1e-6
_LEAST, _MOST = 1_500, 20_000

Known = dict[Hashable, Sustained]
"""What was found before, by all that it hangs on."""


@dataclass(frozen=True, slots=True)
class Rated:
    """Options by workload, and the workloads that no option serves in simulation."""

    options: Mapping[str, Sequence[Option]]
    unproven: tuple[str, ...]


def is_simulated(workload: Workload) -> bool:
    """Whether a workload promises latencies of generated text."""
    demand = workload.demand
    return (
        demand is not None
        and not workload.is_deferrable
        and workload.run is None
        and demand.output.mean >= 1.0
    )


def is_flat_out(workload: Workload) -> bool:
    """Whether a workload's replicas make text without ever waiting for requests."""
    demand = workload.demand
    has_text = demand is not None and demand.output.mean >= 1.0
    return has_text and workload.is_deferrable and workload.run is None


def simulated(inventory: Inventory, tried: Mapping[str, Sequence[Option]]) -> Rated:
    """The options with simulated rates where no other of its GPU beats one in closed form.

    Options that cannot serve, and those already beaten, stay as they are but for a reason: a
    beaten one is told to be, so that it does not come back with the rate of the closed form.
    Where no option keeps the promises in simulation, all keep the rates of the closed form.
    """
    found: dict[str, list[Option]] = {name: list(options) for name, options in tried.items()}
    unproven = []
    known: Known = {}
    for workload in filter(is_simulated, inventory.workloads):
        options = tried[workload.id]
        able = undominated(options)
        with ThreadPoolExecutor(max_workers=2) as pool:  # the compiled loop lets others run
            rated = list(pool.map(partial(_simulated, workload, known), able))
        new = {id(o): r for o, r in zip(able, rated, strict=True)}
        if any(o.serves for o in rated):
            found[workload.id] = [new[id(o)] if id(o) in new else beaten(o) for o in options]
        else:
            unproven.append(workload.id)
    for workload in filter(is_flat_out, inventory.workloads):
        options = tried[workload.id]
        able = undominated(options)
        with ThreadPoolExecutor(max_workers=2) as pool:
            rated = list(pool.map(partial(flat_rated, workload), able))
        new = {id(o): r for o, r in zip(able, rated, strict=True)}
        found[workload.id] = [new[id(o)] if id(o) in new else beaten(o) for o in options]
    for workload in filter(is_queued, inventory.workloads):
        found[workload.id] = by_simulation(workload, tried[workload.id])
    return Rated(found, tuple(unproven))


def _simulated(workload: Workload, known: Known, option: Option) -> Option:
    demand = workload.demand
    if demand is None or option.replica is None:
        return option
    quietest = min((u for u in demand.units_per_hour if u > 0.0), default=0.0)
    found, pool = pool_for(workload, option, quietest / SECONDS_PER_HOUR, known)
    if found.requests_per_s <= 0.0:
        return replace(option, reason="misses its latency limits at every load in simulation")
    return at_rate(option, found, pool)


def pool_for(
    workload: Workload, option: Option, requests_per_s: float, known: Known | None = None
) -> tuple[Sustained, int]:
    """The fewest replicas behind one router that carry a demand, `POOL` at most, and their rate.

    A replica of a larger pool sustains more, R(n) / n grows with n, so what holds for the fewest
    holds for busier hours as well. Fewer replicas than n do not carry the demand d, so a replica
    is told to sustain less than d / (n - 1): else the mix would take n - 1 of them.

    Args:
        workload: with the promises.
        option: a replica and its rate in closed form, where the search begins.
        requests_per_s: the demand d of the quietest hour [1/s].
        known: what `sustained_by` found before; more is added.

    Source: definition; docs/serving.md.
    """
    guess = math.ceil(requests_per_s * SECONDS_PER_HOUR / option.units_per_hour)
    pool = min(max(guess, 1), POOL)
    found = sustained_by(workload, option, pool, known=known)
    while found.requests_per_s < requests_per_s and pool < POOL:
        pool += 1
        found = sustained_by(workload, option, pool, known=known)
    while pool > 1 and found.requests_per_s * (pool - 1) / pool >= requests_per_s:
        fewer = sustained_by(workload, option, pool - 1, known=known)
        if fewer.requests_per_s < requests_per_s:
            most = requests_per_s * pool / (pool - 1) * (1.0 - _BELOW)
            return replace(found, requests_per_s=min(found.requests_per_s, most)), pool
        found, pool = fewer, pool - 1
    return found, pool


def sustained_by(
    workload: Workload,
    option: Option,
    replicas: int,
    seed: int = SEED,
    known: Known | None = None,
) -> Sustained:
    """The highest rate of so many replicas of an option within the promises, all together, as far
    from the users as they are.

    What is `known` of a workload that differs in name and amount alone is not simulated again.

    Raises: ValueError for a workload without demand, or an option that cannot be simulated.
    """
    demand = workload.demand
    if demand is None:
        raise ValueError(f"{workload.id}: states no demand")
    known = {} if known is None else known
    rarest = min((one.share for one in demand.classes), default=1.0)
    slos = workload.seen_from(option.rtt_s).slos
    requests = min(round(requests_for(option, replicas) / rarest), _MOST)
    key = (
        *(workload.model, workload.engine, workload.kv_precision, workload.adapters),
        *(option.gpu, option.tp, option.precision, option.units_per_hour, option.batch),
        *(option.replica and option.replica.slowdown, slos, replicas, seed),
        replace(demand, units_per_hour=(), growth_per_year=0.0, evidence=(), demand_from=None),
    )
    if key not in known:
        known[key] = capacity_by_simulation(
            table_of(option, demand),
            traffic_of(demand),
            slos,
            option.units_per_hour / SECONDS_PER_HOUR * replicas,
            replicas=replicas,
            correlation=demand.length_correlation,
            requests=requests,
            seed=seed,
        )
    return known[key]


def traffic_of(demand: Demand) -> Traffic:
    """What arrives of a demand, in every class of its requests."""
    return Traffic(
        demand.input, demand.output, demand.arrival_cv, demand.prefix_share, demand.classes
    )


def requests_for(option: Option, replicas: int) -> int:
    """How many requests make a run of so many replicas long enough."""
    running = (option.batch or 1.0) * replicas
    return int(min(max(STAYS * running, _LEAST), _MOST))


def flat_rated(workload: Workload, option: Option) -> Option:
    """The option at what a replica surely does that never waits for requests; what is no replica of
    text stays as it is. Steps of requests that end together leave the batch less full than the
    closed form has it, by up to 4 %."""
    demand = workload.demand
    if demand is None or option.replica is None:
        return option
    gap = flat_out(option, demand, REQUESTS, SEED)
    per_s = 1.0 / (gap.seconds + BEYOND_DOUBT * gap.standard_error_s)
    return at_rate(option, Sustained(per_s, (), option.batch or 0.0, 1), 1)


def flat_out(option: Option, demand: Demand, requests: int, seed: int) -> Reached:
    """The mean time from one finished request to the next of a replica that never waits for work.

    Args:
        option: what serves text.
        demand: lengths of its requests.
        requests: of the run [count].
        seed: of what is drawn.
    """
    stream = draw(
        requests,
        AT_ONCE_PER_S,
        demand.input,
        demand.output,
        correlation=demand.length_correlation,
        prefix_share=demand.prefix_share,
        seed=seed,
    )
    ran = simulate(stream, table_of(option, demand), Settings())
    finished = np.sort(ran.finish_s[ran.served])
    edges = np.linspace(FILLING, 1.0 - FILLING, BATCHES + 1) * (len(finished) - 1)
    index = edges.astype(np.int64)
    gaps: FloatArray = np.diff(finished[index]) / np.diff(index).astype(np.float64)
    error_s = float(np.std(gaps, ddof=1)) / math.sqrt(BATCHES)
    return Reached(float(gaps.mean()), error_s, requests)


def at_rate(option: Option, found: Sustained, replicas: int) -> Option:
    """The option at what one of so many replicas sustains, and its latencies there."""
    replica = option.replica
    per_hour = found.requests_per_s * SECONDS_PER_HOUR / replicas
    ratio = per_hour / option.units_per_hour
    slowdown = replica.slowdown if replica else 1.0
    checks = tuple(
        replace(
            check,
            predicted=check.predicted.scaled(
                seconds / slowdown / max(check.predicted.value, 1e-12)
            ),
            kept=True,
        )
        for check, seconds in zip(option.slos, found.latency_s, strict=True)
    )
    return replace(
        option,
        units_per_hour=per_hour,
        rate=option.rate.scaled(ratio) if option.rate else None,
        tokens_per_s=option.tokens_per_s * ratio if option.tokens_per_s else None,
        output_tokens_per_s=(
            option.output_tokens_per_s * ratio if option.output_tokens_per_s else None
        ),
        prefill_share=min(option.prefill_share * ratio, 1.0),
        batch=found.batch,
        slos=checks,
    )


def table_of(option: Option, demand: Demand) -> StepTable:
    """Step times of an option's replica, as slow as it is planned.

    Raises: ValueError for an option that cannot be simulated.
    """
    replica = option.replica
    if replica is None:
        raise ValueError(f"{option.workload} on {option.gpu}: nothing to simulate")
    one = replica.dep.take([replica.row])
    return step_table(one, demand.input.mean, demand.output.mean, replica.slowdown)
