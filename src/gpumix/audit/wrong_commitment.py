"""Wrong commitment: machines bought by the hour that a commitment would have made cheaper.

Where somebody had fewer of the hours than the committed price is of the bill (the break-even), a
commitment would be wrong too. The other way round, a commitment that is used too little, is found
as `reservation_unused` and `unallocated`: once the hours without an owner are counted there, the
hours that were used cost less committed than on demand, so nothing is left to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gpumix.audit.draft import Draft, interval, of_rows, scope_of
from gpumix.audit.facts import Facts, IntArray, Seller
from gpumix.domain.fleet import Evidence
from gpumix.telemetry.attribute import MICRO
from gpumix.telemetry.machines import Machine, is_unused, resource_key
from gpumix.telemetry.price_book import Price

_TERMS = {"commit_1y": 1, "commit_3y": 3}
"""Years of a way of buying."""


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every machine whose bill is above that of a commitment of the price book."""
    on_demand = _on_demand(facts)
    for machine in facts.machines:
        if machine.resource is None or machine.gpu is None:
            continue
        key = resource_key(machine.resource)
        if key not in on_demand:
            continue
        seller = facts.sellers.get(key, Seller())
        offers = sorted(
            (p for p in facts.prices if p.purchase in _TERMS and _is_for(p, machine, seller)),
            key=lambda p: (_TERMS[p.purchase], p.usd_per_gpu_hour),
        )
        found = [d for p in offers if (d := _draft(facts, machine, p)) is not None]
        yield from found[:1]  # the shortest term that saves: the history is short


def _is_for(price: Price, machine: Machine, seller: Seller) -> bool:
    """Whether a price is for a machine; what the bill does not say speaks against no price."""
    return (
        price.gpu == machine.gpu
        and price.node in (None, machine.node, machine.resource)
        and (None in (price.provider, seller.provider) or price.provider == seller.provider)
        and (None in (price.region, seller.region) or price.region == seller.region)
    )


def _on_demand(facts: Facts) -> set[str]:
    """Keys of the resources most of whose cost was bought by the hour."""
    bought: dict[str, int] = {}
    other: dict[str, int] = {}
    for line in facts.lines:
        if line.resource_id and line.category == "Usage" and not is_unused(line):
            hourly = line.pricing_category in (None, "Standard") and not line.commitment_id
            of = bought if hourly else other
            key = resource_key(line.resource_id)
            of[key] = of.get(key, 0) + line.effective_micro
    return {name for name, cost in bought.items() if cost > other.get(name, 0)}


def _used(facts: Facts, rows: IntArray) -> float:
    """GPU-hours of some rows that somebody had, or of which nothing is known."""
    shares = facts.shares
    return float(shares.hours[rows][shares.kind[rows] != "unallocated"].sum())


def _draft(facts: Facts, machine: Machine, price: Price) -> Draft | None:
    shares = facts.shares
    rows = np.flatnonzero((shares.node == machine.node) | (shares.node == machine.resource))
    if not len(rows):
        return None
    gpus = len(machine.slots)
    committed = round(gpus * facts.hours * price.usd_per_gpu_hour * MICRO)
    cost, listed = (int(a[rows].sum()) for a in (shares.usd_micro, shares.list_micro))
    saved = cost - committed
    if saved <= 0 or _used(facts, rows) <= gpus * facts.hours * committed / cost:
        return None
    low, _, confidence = interval(facts, "wrong_commitment")
    return replace(
        of_rows(
            facts,
            "wrong_commitment",
            replace(scope_of(facts, rows, gpu=machine.gpu, node=machine.node), devices=()),
            rows,
            wanted_micro=saved,
            list_micro=max(listed - committed, 0) if listed else saved,
            action=f"commit to {gpus} {machine.gpu} of {machine.node} ({price.purchase})",
            because=f"EffectiveCost {cost / MICRO:,.2f} over {facts.hours:,.0f} h, against "
            f"{gpus} GPUs x {facts.hours:,.0f} h x {price.usd_per_gpu_hour:g}, the price "
            f"book's {price.purchase}.",
            risk="a commitment is paid when the machine is no longer needed",
            how_to_check="add up EffectiveCost of the ResourceId, and multiply GPUs, hours and the "
            "committed price",
        ),
        start=facts.start,
        end=facts.end,
        low_micro=round(saved * low),
        high_micro=saved,
        confidence=confidence,
        evidence=(
            Evidence("bill", f"ResourceId = {machine.resource}", "EffectiveCost",
                     {"sum": cost / MICRO}),
            Evidence("price book", f"{machine.gpu}, {price.purchase}", "usd_per_gpu_hour",
                     {"price": price.usd_per_gpu_hour}),
        ),
    )  # fmt: skip
