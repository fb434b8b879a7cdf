"""What every option really sustains under its traffic, found by simulation."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial

from gpumix.domain.workload import Demand, Inventory, Workload
from gpumix.options.option import Option, beaten, undominated
from gpumix.options.pooled import by_simulation
from gpumix.options.queued import is_queued
from gpumix.serving.capacity import Traffic
from gpumix.serving.simulated_capacity import TOLERANCE, WIDEN, Sustained, capacity_by_simulation
from gpumix.serving.simulator.steptable import StepTable, step_table
from gpumix.units import SECONDS_PER_HOUR

STAYS = 40
"""A run lasts as long as so many requests one after another; in shorter ones the crowd has no time
to swing as far as it does in an hour, and rates come out too high (docs/serving.md)."""

SEED = 20_260_101
POOL = 4
"""Most replicas whose common queue is simulated for a rate."""

FAR = 2.0
"""Cost of a unit over that of the workload's cheapest option, both in closed form, from which an
option's rate need not be known well: simulation lowers the rates of a workload's options by factors
that differ by half at the most (measured: 0.87 to 0.94 of one chat, 0.53 to 0.78 of a copilot)."""

_BELOW = 1e-6
_LEAST, _MOST = 1_500, 20_000
_COARSE = 0.05
_WIDEN = 1.05
"""Factor on a rate from which the search goes on where another option tells about where it ends."""

UsdPerHour = Callable[[Workload, Option], float]
"""What a busy replica costs where it costs least [USD/h]; 0 where it must be known well."""


@dataclass(frozen=True, slots=True)
class Search:
    """How a rate is searched: from the closed form's times `guess` (the search goes on by `widen`),
    to a relative `tolerance`; `known` holds what the same question found before."""

    guess: float = 1.0
    widen: float = WIDEN
    tolerance: float = TOLERANCE
    known: dict[Hashable, Sustained] = field(default_factory=dict)

    @property
    def is_coarse(self) -> bool:
        """Whether the rate need not be known well."""
        return self.tolerance >= _COARSE


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


def simulated(
    inventory: Inventory,
    tried: Mapping[str, Sequence[Option]],
    usd_per_hour: UsdPerHour = lambda workload, option: 0.0,
) -> Rated:
    """The options with simulated rates where no other of its GPU beats one in closed form.

    Options that cannot serve, and those already beaten, stay as they are but for a reason: a
    beaten one is told to be, so that it does not come back with the rate of the closed form.
    Where no option keeps the promises in simulation, all keep the rates of the closed form.
    What costs `FAR` times as much as the cheapest is simulated in short runs.
    """
    known: dict[Hashable, Sustained] = {}
    found: dict[str, list[Option]] = {name: list(options) for name, options in tried.items()}
    unproven = []
    for workload in filter(is_simulated, inventory.workloads):
        options = tried[workload.id]
        able = undominated(options)
        rated = _rated(workload, able, [usd_per_hour(workload, option) for option in able], known)
        new = {id(o): r for o, r in zip(able, rated, strict=True)}
        if any(o.serves for o in rated):
            found[workload.id] = [new[id(o)] if id(o) in new else beaten(o) for o in options]
        else:
            unproven.append(workload.id)
    for workload in filter(is_queued, inventory.workloads):
        found[workload.id] = by_simulation(workload, tried[workload.id])
    return Rated(found, tuple(unproven))


def _rated(
    workload: Workload,
    able: Sequence[Option],
    usd_per_hour: Sequence[float],
    known: dict[Hashable, Sustained],
) -> list[Option]:
    """The options at what they sustain. How far the cheapest falls short of the closed form tells
    where to look for what is far from winning.

    What must be known well sets no price, so that others are far only from what is rented.
    """
    usd = [a / option.units_per_hour for a, option in zip(usd_per_hour, able, strict=True)]
    least = min((one for one in usd if one > 0.0), default=math.inf)
    near = far = Search(known=known)
    if any(one > FAR * least for one in usd):
        first = able[usd.index(least)]
        alone = sustained_by(workload, first, 1, search=near).requests_per_s * SECONDS_PER_HOUR
        guess = alone / first.units_per_hour if alone > 0.0 else 1.0
        far = Search(guess, _WIDEN if alone > 0.0 else WIDEN, _COARSE, known)
    searches = [near if one <= FAR * least else far for one in usd]
    with ThreadPoolExecutor(max_workers=2) as pool:  # the compiled loop lets others run
        return list(pool.map(partial(_simulated, workload), searches, able))


def _simulated(workload: Workload, search: Search, option: Option) -> Option:
    demand = workload.demand
    if demand is None or option.replica is None:
        return option
    quietest = min((u for u in demand.units_per_hour if u > 0.0), default=0.0)
    found, pool = pool_for(workload, option, quietest / SECONDS_PER_HOUR, search)
    if found.requests_per_s <= 0.0:
        return replace(option, reason="misses its latency limits at every load in simulation")
    return at_rate(option, found, pool)


def pool_for(
    workload: Workload, option: Option, requests_per_s: float, search: Search | None = None
) -> tuple[Sustained, int]:
    """The fewest replicas behind one router that carry a demand, `POOL` at most, and their rate.

    A replica of a larger pool sustains more, R(n) / n grows with n, so what holds for the fewest
    holds for busier hours as well. Fewer replicas than n do not carry the demand d, so a replica
    is told to sustain less than d / (n - 1): else the mix would take n - 1 of them.

    Args:
        workload: with the promises.
        option: a replica and its rate in closed form, where the search begins.
        requests_per_s: the demand d of the quietest hour [1/s].
        search: how the rates are searched.

    Source: definition; docs/serving.md.
    """
    search = search or Search()
    each = option.units_per_hour / SECONDS_PER_HOUR * search.guess
    pool = min(max(math.ceil(requests_per_s / each), 1), POOL)
    found = sustained_by(workload, option, pool, search=search)
    while found.requests_per_s < requests_per_s and pool < POOL:
        pool += 1
        found = sustained_by(workload, option, pool, search=search)
    while pool > 1 and found.requests_per_s * (pool - 1) / pool >= requests_per_s:
        fewer = sustained_by(workload, option, pool - 1, search=search)
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
    search: Search | None = None,
) -> Sustained:
    """The highest rate of so many replicas of an option within the promises, all together.

    What was asked before, of a workload that differs in name and amount alone, is not asked again.

    Raises: ValueError for a workload without demand, or an option that cannot be simulated.
    """
    demand = workload.demand
    if demand is None:
        raise ValueError(f"{workload.id}: states no demand")
    search = search or Search()
    traffic = Traffic(demand.input, demand.output, demand.arrival_cv, demand.prefix_share)
    key = (
        *(workload.model, workload.engine, workload.kv_precision, workload.adapters),
        *(option.gpu, option.tp, option.precision, option.units_per_hour, option.batch),
        *(option.replica and option.replica.slowdown, traffic, demand.length_correlation),
        *(workload.slos, replicas, seed, search.guess, search.widen, search.tolerance),
    )
    if key not in search.known:
        requests = requests_for(option, replicas)
        search.known[key] = capacity_by_simulation(
            table_of(option, demand),
            traffic,
            workload.slos,
            option.units_per_hour / SECONDS_PER_HOUR * replicas * search.guess,
            replicas=replicas,
            correlation=demand.length_correlation,
            tolerance=search.tolerance,
            widen=search.widen,
            requests=max(requests // 4, _LEAST) if search.is_coarse else requests,
            seed=seed,
        )
    return search.known[key]


def requests_for(option: Option, replicas: int) -> int:
    """How many requests make a run of so many replicas long enough."""
    running = (option.batch or 1.0) * replicas
    return int(min(max(STAYS * running, _LEAST), _MOST))


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
