"""Which supplies the mix needs to know of: those that no other one beats."""

from __future__ import annotations

from collections.abc import Mapping

from gpumix.domain.offer import Purchase
from gpumix.options.option import Option
from gpumix.plan.formulate import Choice, holds, rate_on
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply

Rates = Mapping[tuple[str, float, str], float]
"""(workload, GPUs of a replica, part of a GPU that it takes) -> units per hour; a part is told by
where it lies on its GPU, '' = whole GPUs."""


def worthwhile(choice: Choice) -> tuple[Supply, ...]:
    """Supplies that no other one beats for every workload, count for count and price for price.

    Exact: a dropped instance can be replaced by one that costs no more and does as much with as
    many of its GPUs or fewer (or, where all replicas fit it, by as many GPUs in smaller instances,
    unless a quota counts those), and counts against no other quota.
    """
    kept: list[Supply] = []
    tables = {supply.id: _rates(choice, supply) for supply in choice.supplies}
    dated = bool(choice.inventory.limits.cash)
    for supply in sorted(choice.supplies, key=_by_price):
        table = tables[supply.id]
        if supply.count or (
            table
            and not any(
                _beats(k, supply, tables[k.id], table) and not (dated and _pays_sooner(k, supply))
                for k in kept
            )
        ):
            kept.append(supply)
    return tuple(sorted(kept, key=lambda s: s.id))


def _by_price(supply: Supply) -> tuple[float, int, str]:
    return (supply.usd_per_gpu_hour, supply.gpus_per_instance, supply.id)


def _rates(choice: Choice, supply: Supply) -> Rates:
    table: dict[tuple[str, float, str], float] = {}
    for workload in choice.inventory.workloads:
        if not may_run(workload, supply):
            continue
        for option in choice.options.get(workload.id, ()):
            rate = rate_on(option, supply, workload, choice.spot_useful_share)
            if option.gpu == supply.gpu and rate > 0.0 and holds(supply, option, workload):
                key = (workload.id, option.gpu_share, _shape(option))
                table[key] = max(table.get(key, 0.0), rate)
    return table


def _shape(option: Option) -> str:
    """The same for parts of unlike GPUs of which the same sets fit on one GPU."""
    part = option.slice
    return f"{part.length}@{part.places}{part.in_time}" if part else ""


def _beats(
    other: Supply,
    supply: Supply,
    theirs: Rates,
    table: Rates,
) -> bool:
    alike = (
        _begins_and_ends(other, supply)
        and (other.purchase is Purchase.SPOT) == (supply.purchase is Purchase.SPOT)
        and other.site is None
        and supply.site is None
        and other.usd_per_gpu_hour <= supply.usd_per_gpu_hour
        and other.egress_usd_per_gb <= supply.egress_usd_per_gb
        and other.storage_usd_per_gb_month <= supply.storage_usd_per_gb_month
        and other.most is None
        and set(other.quotas) <= set(supply.quotas)
    )
    if not alike:
        return False
    splits = supply.gpus_per_instance % other.gpus_per_instance == 0 and not other.quotas
    if other.gpu == supply.gpu and splits:
        return all(theirs.get(key, 0.0) >= rate for key, rate in table.items())
    if other.gpus_per_instance != supply.gpus_per_instance:
        return False
    return all(
        any(
            w == key[0] and shape == key[2] and gpus <= key[1] and r >= rate
            for (w, gpus, shape), r in theirs.items()
        )
        for key, rate in table.items()
    )


def _pays_sooner(other: Supply, supply: Supply) -> bool:
    """Whether more of one is due when it begins, or for a longer term: of a limited year's cash it
    takes more."""
    shares = [s.offer.upfront_share if s.offer else 0.0 for s in (other, supply)]
    return shares[0] > shares[1]


def _begins_and_ends(other: Supply, supply: Supply) -> bool:
    """Whether one can be held whenever the other can: by the hour both, or in terms that fit."""
    if not (other.purchase.is_committed and supply.purchase.is_committed):
        return not (other.purchase.is_committed or supply.purchase.is_committed)
    if not other.term_months:
        return not supply.term_months
    if supply.starts is not None:  # a shorter term may have to wait before it begins again
        return supply.term_months == other.term_months
    return not supply.term_months or supply.term_months % other.term_months == 0
