"""APIs beside GPUs in a comparison: the price of the work, and from when on a GPU costs less."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from gpumix.compare.winners import Layout
from gpumix.cost.api import BreakEven, Level, Replicas, break_even
from gpumix.domain.api import ApiPrice
from gpumix.domain.comparison import ComparedApi
from gpumix.domain.workload import Demand, Workload
from gpumix.supply.apis import Quote, quotes, usd_per_mtok
from gpumix.units import SECONDS_PER_HOUR

_DAYS_PER_WEEK = 7.0
_NEVER = "no GPU at its median on-demand price costs less at any demand"


def compared_apis(
    workload: Workload, prices: Sequence[ApiPrice], able: Sequence[Layout]
) -> tuple[ComparedApi, ...]:
    """Every provider's price of a workload, its own model first; those that cannot do it last."""
    offers, demand = quotes(workload, prices), workload.demand
    if demand is None:
        return ()
    return tuple(
        _compared(quote, workload, demand, able) for quote in (*offers.same, *offers.substitutes)
    )


def _compared(
    quote: Quote,
    workload: Workload,
    demand: Demand,
    able: Sequence[Layout],
) -> ComparedApi:
    week = sum(demand.units_per_hour)
    levels = _levels(workload, demand)
    found: list[tuple[BreakEven, str]] = []
    for layout in able:
        rate = layout.requests_per_s * SECONDS_PER_HOUR
        replicas = Replicas(rate, 1, layout.usd_per_hour)
        even = break_even(levels, week, quote.usd_per_unit, replicas)
        if even is not None:
            found.append((even, layout.option.gpu))
    even, gpu = min(found, key=lambda f: (f[0].scale, f[1]), default=(None, ""))
    tokens = week * (demand.input.mean + demand.output.mean) / _DAYS_PER_WEEK
    return ComparedApi(
        provider=quote.price.provider,
        name=quote.price.name,
        kind=quote.price.kind,
        batch=quote.batch,
        usd_per_mtok_total=usd_per_mtok(quote, demand),
        tokens_per_day=even.scale * tokens if even else None,
        gpu=gpu,
        replicas=_replicas(workload, even) if even else 0,
        latency="unknown",
        as_of=quote.price.as_of,
        source=quote.price.source,
        reason="" if even else _NEVER,
    )


def _replicas(workload: Workload, even: BreakEven) -> int:
    """Replicas at work at once; of work that may wait, whose levels are hours, over its window."""
    if not workload.is_deferrable:
        return even.replicas
    return math.ceil(even.replicas / len(workload.window))


def _levels(workload: Workload, demand: Demand) -> list[Level]:
    """Hours of the week by their demand, each rented for; work that may wait: its hours in all."""
    if workload.is_deferrable:
        return [Level(sum(demand.units_per_hour), 1.0)]
    return [Level(rate, float(n)) for rate, n in Counter(demand.units_per_hour).items()]
