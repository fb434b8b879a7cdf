"""APIs as a supply of the mix: instances of the work they do, paid for it and without commitment.

An instance of an API does a small part of a workload's work and costs what the API asks for that.
Promised work is covered at the peak of every block, of which an API asks only what arrives: the
price of an instance is that of its mean load, so that all by API costs exactly its tokens.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from gpumix.domain.api import ApiPrice
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Inventory, Tier, Workload
from gpumix.options.option import Option
from gpumix.plan.accounts import Line
from gpumix.plan.cycle import Cycle, mean_demand
from gpumix.plan.formulate import Choice
from gpumix.plan.periods import busiest_week
from gpumix.supply.apis import Quote, quotes
from gpumix.supply.supply import Supply

PARTS: Final = 100
"""Instances that carry the first year's peak: the whole numbers of the mix round by 1 % at most."""


def with_apis(
    choice: Choice, cycle: Cycle, prices: Sequence[ApiPrice]
) -> tuple[Choice, tuple[Supply, ...]]:
    """The choice with the cheapest API of each workload's own model, and these supplies.

    Only where the inventory allows APIs; never for premium work (nothing is known of their
    latency) and for work that names its GPUs.
    """
    if choice.inventory.api is None:
        return choice, ()
    options, supplies = dict(choice.options), []
    for workload, quote in quoted(choice.inventory, prices):
        per_hour, usd_per_hour = _instance(choice, workload, quote, cycle)
        supplies.append(_supply(workload, quote, usd_per_hour))
        options[workload.id] = [*choice.options[workload.id], _option(workload, per_hour)]
    added = tuple(supplies)
    share = {**choice.spot_useful_share, **{s.gpu: 0.0 for s in added}}
    laid = replace(
        choice, options=options, supplies=choice.supplies + added, spot_useful_share=share
    )
    return laid, added


def quoted(inventory: Inventory, prices: Sequence[ApiPrice]) -> Iterator[tuple[Workload, Quote]]:
    """The cheapest API of each workload that one may do, where the inventory allows any."""
    for workload in inventory.workloads if inventory.api is not None else ():
        best = quotes(workload, prices).same[:1]
        if best and workload.tier is not Tier.PREMIUM and not workload.gpus:
            yield workload, best[0]


def api_id(workload: Workload, quote: Quote) -> str:
    """What an API is called as the supply of a workload."""
    return f"api:{quote.price.provider}:{workload.id}"


def _instance(
    choice: Choice, workload: Workload, quote: Quote, cycle: Cycle
) -> tuple[float, float]:
    """Work an instance does [units/h], and its price at its mean load [USD/h]."""
    if workload.is_deferrable:
        per_hour = busiest_week(workload, cycle.periods)
        return per_hour, per_hour * quote.usd_per_unit
    first = cycle.first_week(workload)
    needed = choice.needed(workload, cycle)
    per_hour = max(needed[i] for i in first) / PARTS
    held = arrives = 0.0
    for block, need in zip(cycle.blocks, needed, strict=True):
        held += math.ceil(need / per_hour - 1e-9) * block.hours_per_week
        arrives += mean_demand(workload, block) * block.hours_per_week
    return per_hour, quote.usd_per_unit * arrives / held


def _gpu(workload: Workload) -> str:
    """What takes the place of a GPU's id: prices of an instance are those of one workload."""
    return f"API for {workload.id}"


def _option(workload: Workload, per_hour: float) -> Option:
    return Option(
        workload.id,
        _gpu(workload),
        gpus=1,
        tp=1,
        precision="",
        units_per_hour=per_hour,
        note="latency unknown",
    )


def _supply(workload: Workload, quote: Quote, usd_per_hour: float) -> Supply:
    price = quote.price
    return Supply(
        id=api_id(workload, quote),
        gpu=_gpu(workload),
        gpus_per_instance=1,
        purchase=Purchase.API,
        provider=price.provider,
        region="",
        country=price.country,
        usd_per_instance_hour=usd_per_hour,
        as_of=price.as_of,
        basis=Basis.MEASURED,
        source=price.source,
    )


def api_warnings(lines: Sequence[Line]) -> tuple[str, ...]:
    """Which work an API does, whose latency nobody knows."""
    return tuple(
        f"{use.cell.workload.id}: an API of {line.supply.provider} does it, in part or whole; its "
        "latency is unknown and no promise is checked there"
        for line in lines
        if line.supply.purchase is Purchase.API
        for use in line.uses[:1]  # an API's supply is of one workload
    )
