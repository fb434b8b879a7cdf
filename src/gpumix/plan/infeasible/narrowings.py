"""Keys of an inventory that leave only some of what there is, or ask what little can do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gpumix.domain.gpu import PRECISIONS
from gpumix.domain.offer import TIERS, Purchase
from gpumix.domain.promises import AVAILABILITY
from gpumix.domain.workload import CloudSupply, Inventory, Quota, Slo, Tier, TrainingRun, Workload
from gpumix.errors import Change, Stated
from gpumix.plan.accounts import Line
from gpumix.plan.infeasible.amounts import changed, rounded, with_quota
from gpumix.plan.interpret import answer_of
from gpumix.plan.search import Found
from gpumix.supply.availability import up_share
from gpumix.units import HOURS_PER_DAY, MS, PERCENT

LOOSER = (1.02, 1.1, 1.25, 1.5, 2.0, 3.0, 5.0, 10.0)
"""By what a promise is loosened beyond what the nearest GPU keeps with nothing else to do."""

OPEN = 1e6
"""Times its limit: a promise that anything keeps."""

Tried = tuple[Inventory, Change]
"""An inventory with a key changed, and the change in words."""


@dataclass(frozen=True, slots=True)
class Narrowing:
    """A key, and the inventory without it.

    `tries` are values that might do, the nearest first, given an inventory without the key that
    has a plan, and that plan. Where it `eases`, a later value may do at far less cost.
    """

    stated: Stated
    opened: Callable[[Inventory], Inventory]
    tries: Callable[[Inventory, Found], Iterable[Tried]]
    gives_up: bool = False
    eases: bool = False


def narrowings(
    inventory: Inventory,
    workloads: Sequence[str],
    countries: Sequence[str],
    shortfall: float | None,
) -> tuple[Narrowing, ...]:
    """Every key that narrows what some workloads may use, those first that a conflict should be
    told in.

    `countries` are those that anything is on offer in.
    `shortfall` is, where nothing can do a workload, by what its nearest way misses a promise (1
    where it misses none): then what it promises is such a key, too. None elsewhere.
    """
    asked = [w for w in inventory.workloads if w.id in workloads]
    found: list[Narrowing] = []
    for workload in asked if shortfall is not None else ():
        found += _promises(workload, shortfall or 1.0)
    for workload in asked:
        found += _places(workload, countries)
    for workload in asked if shortfall is not None else ():
        found += _ways(workload)
    if inventory.cloud is not None:
        found += _cloud(inventory.cloud, workloads)
    return tuple(found)


# -- of a workload ---------------------------------------------------------------------------


def _promises(workload: Workload, shortfall: float) -> Iterator[Narrowing]:
    for slo in workload.slos:
        yield _slo(workload, slo, shortfall)
    run = workload.run
    if run is not None and run.finish_within_h is not None:
        yield _deadline(workload, run.finish_within_h, shortfall)


def _slo(workload: Workload, slo: Slo, shortfall: float) -> Narrowing:
    of = ("classes", slo.of_class) if slo.of_class else ()
    stated = Stated(("workloads", workload.id, *of, "slo", slo.key), duration(slo.limit_s))

    def at(inventory: Inventory, limit_s: float) -> Inventory:
        def looser(one: Workload) -> Workload:
            return replace(
                one,
                slos=tuple(
                    replace(s, limit_s=limit_s) if s.name == slo.name else s for s in one.slos
                ),
            )

        return changed(inventory, workload.id, looser)

    def tries(inventory: Inventory, _: Found) -> Iterator[Tried]:
        for factor in LOOSER:
            limit_s = rounded(slo.limit_s * shortfall * factor, math.ceil)
            yield at(inventory, limit_s), Change(stated, duration(limit_s))

    return Narrowing(stated, lambda inv: at(inv, slo.limit_s * OPEN), tries, True, eases=True)


def _deadline(workload: Workload, limit_h: float, shortfall: float) -> Narrowing:
    stated = Stated(("workloads", workload.id, "finish_within"), _hours(limit_h))

    def at(inventory: Inventory, hours: float | None) -> Inventory:
        return _with_run(inventory, workload, lambda run: replace(run, finish_within_h=hours))

    def tries(inventory: Inventory, _: Found) -> Iterator[Tried]:
        for factor in LOOSER:
            hours = rounded(limit_h * shortfall * factor, math.ceil)
            yield at(inventory, hours), Change(stated, _hours(hours))

    return Narrowing(stated, lambda inv: at(inv, None), tries, True, eases=True)


def _places(workload: Workload, countries: Sequence[str]) -> Iterator[Narrowing]:
    if workload.countries:
        yield _listed(
            ("workloads", workload.id, "residency"),
            workload.countries,
            lambda inv, names: changed(inv, workload.id, lambda w: replace(w, countries=names)),
            lambda line: line.supply.country or "",
            [workload.id],
            every=tuple(countries),
            gives_up=True,
        )
    if workload.availability is not None:
        yield _available(workload, workload.availability)
    if workload.gpus:
        yield _listed(
            ("workloads", workload.id, "gpus"),
            workload.gpus,
            lambda inv, names: changed(inv, workload.id, lambda w: replace(w, gpus=names)),
            lambda line: line.supply.gpu,
            [workload.id],
        )


def _available(workload: Workload, promised: float) -> Narrowing:
    """The share of time that it is up: as much as what a plan without the promise runs on."""
    stated = Stated(("workloads", workload.id, "slo", AVAILABILITY), _percent(promised))

    def at(inventory: Inventory, share: float | None) -> Inventory:
        return changed(inventory, workload.id, lambda w: replace(w, availability=share))

    def tries(inventory: Inventory, found: Found) -> Iterator[Tried]:
        shares = [
            up_share(workload, line.supply)
            for line in answer_of(found).lines
            if any(use.cell.workload.id == workload.id for use in line.uses)
        ]
        least = min((share for share in shares if share is not None), default=None)
        if least is not None:
            share = math.floor(least * 1e4) / 1e4
            yield at(inventory, share), Change(stated, _percent(share))

    return Narrowing(stated, lambda inv: at(inv, None), tries, gives_up=True)


def _ways(workload: Workload) -> Iterator[Narrowing]:
    run = workload.run
    if run is not None and run.gpus is not None:
        yield _gang(workload, run.gpus)
    if workload.tier is Tier.PREMIUM:
        stated = Stated(("workloads", workload.id, "tier"), workload.tier.value)

        def standard(inventory: Inventory) -> Inventory:
            return changed(inventory, workload.id, lambda w: replace(w, tier=Tier.STANDARD))

        def tries(inventory: Inventory, _: Found) -> Iterator[Tried]:
            yield standard(inventory), Change(stated, Tier.STANDARD.value)

        yield Narrowing(stated, standard, tries, gives_up=True)
    if workload.precisions:
        yield _precision(workload)


def _gang(workload: Workload, gpus: int) -> Narrowing:
    stated = Stated(("workloads", workload.id, "n_gpus"), f"{gpus}")

    def at(inventory: Inventory, count: int | None) -> Inventory:
        return _with_run(inventory, workload, lambda run: replace(run, gpus=count))

    def tries(inventory: Inventory, found: Found) -> Iterator[Tried]:
        lines = answer_of(found).lines
        used = {
            use.cell.option.gpus
            for line in lines
            for use in line.uses
            if use.cell.workload.id == workload.id
        }
        for count in sorted(used):
            yield at(inventory, count), Change(stated, f"{count}")
        yield at(inventory, None), Change(stated, "")

    return Narrowing(stated, lambda inv: at(inv, None), tries)


def _precision(workload: Workload) -> Narrowing:
    path = ("workloads", workload.id, "precision")
    stated = Stated(path, _list(workload.precisions))

    def at(inventory: Inventory, names: tuple[str, ...]) -> Inventory:
        return changed(inventory, workload.id, lambda w: replace(w, precisions=names))

    def tries(inventory: Inventory, found: Found) -> Iterator[Tried]:
        new = {
            use.cell.option.precision
            for line in answer_of(found).lines
            for use in line.uses
            if use.cell.workload.id == workload.id
        } - set(workload.precisions)
        for name in sorted(new):
            names = (*workload.precisions, name)
            yield at(inventory, names), Change(stated, _list(names), "check the quality")

    every = tuple(PRECISIONS) if workload.run is None else (*workload.precisions, "fp8")
    return Narrowing(stated, lambda inv: at(inv, every), tries, gives_up=True)


def _with_run(
    inventory: Inventory, workload: Workload, change: Callable[[TrainingRun], TrainingRun]
) -> Inventory:
    def rerun(one: Workload) -> Workload:
        return one if one.run is None else replace(one, run=change(one.run))

    return changed(inventory, workload.id, rerun)


# -- of the supply ---------------------------------------------------------------------------


def _cloud(cloud: CloudSupply, workloads: Sequence[str]) -> Iterator[Narrowing]:
    def listed(
        key: str, field: str, names: Sequence[str] | None, name: Callable[[Line], str]
    ) -> Iterator[Narrowing]:
        def narrowed(inventory: Inventory, names: tuple[str, ...]) -> Inventory:
            now = inventory.cloud or cloud
            values: object = names or None
            if field == "purchases":
                values = tuple(map(Purchase, names or RENTED))
            return replace(inventory, cloud=replace(now, **{field: values}))  # type: ignore[arg-type]

        if names is not None:
            yield _listed(("supply", "cloud", key), tuple(names), narrowed, name, workloads)

    yield from listed("gpus", "gpus", cloud.gpus, lambda line: line.supply.gpu)
    if not set(RENTED) <= {p.value for p in cloud.purchases}:
        names = [p.value for p in cloud.purchases]
        yield from listed("purchase", "purchases", names, lambda line: line.supply.purchase.value)
    yield from listed("providers", "providers", cloud.providers, lambda line: line.supply.provider)
    yield from listed("regions", "regions", cloud.regions, lambda line: line.supply.region)
    yield from listed(
        "countries", "countries", cloud.countries, lambda line: line.supply.country or ""
    )
    if cloud.providers is None and cloud.tiers is not None and len(cloud.tiers) < len(TIERS):
        yield from listed("tiers", "tiers", cloud.tiers, lambda line: line.supply.tier)
    for quota in cloud.quotas:
        if not quota.instances:
            yield _closed(quota)


RENTED = (Purchase.ON_DEMAND.value, Purchase.SPOT.value, Purchase.RESERVED.value)


def _closed(quota: Quota) -> Narrowing:
    """A place of which nothing may be rented."""
    stated = Stated(("supply", "cloud", "max_instances", quota.place), "0")

    def tries(inventory: Inventory, found: Found) -> Iterator[Tried]:
        lines = [
            line
            for line in answer_of(found).lines
            if quota.covers(line.supply.provider, line.supply.region, line.supply.gpu)
        ]
        count = max(sum(line.most for line in lines), 1)
        for most in dict.fromkeys((count, 2 * count)):
            yield with_quota(inventory, quota, most), Change(stated, f"{most}")

    return Narrowing(stated, lambda inv: with_quota(inv, quota, None), tries)


def _listed(
    path: tuple[str, ...],
    names: tuple[str, ...],
    narrowed: Callable[[Inventory, tuple[str, ...]], Inventory],
    name: Callable[[Line], str],
    workloads: Sequence[str],
    *,
    every: tuple[str, ...] = (),
    gives_up: bool = False,
) -> Narrowing:
    """A list of names: what a plan uses without it (with `every` name) is added to it, one name
    where that will do."""
    stated = Stated(path, _list(names))

    def tries(inventory: Inventory, found: Found) -> Iterator[Tried]:
        usd: dict[str, float] = {}
        for line in answer_of(found).lines:
            new = name(line)
            if new and new not in names and any(u.cell.workload.id in workloads for u in line.uses):
                usd[new] = usd.get(new, 0.0) + line.usd
        ranked = sorted(usd, key=lambda one: (-usd[one], one))
        sets = [(one,) for one in ranked] + [tuple(ranked[:n]) for n in range(2, len(ranked) + 1)]
        for added in sets:
            value = (*names, *added)
            yield narrowed(inventory, value), Change(stated, _list(value))

    return Narrowing(stated, lambda inv: narrowed(inv, every), tries, gives_up)


# -- words -----------------------------------------------------------------------------------


def _list(names: Iterable[str]) -> str:
    return f"[{', '.join(names)}]"


def duration(seconds: float) -> str:
    """A time as an inventory writes it.

    >>> duration(0.0114), duration(2.5)
    ('11.4 ms', '2.5 s')
    """
    return f"{seconds / MS:.4g} ms" if seconds < 2.0 else f"{seconds:.6g} s"


def _percent(share: float) -> str:
    return f"{share / PERCENT:.6g} %"


def _hours(hours: float) -> str:
    if hours < 1.0:
        return f"{hours * 60.0:.4g} min"
    return f"{hours:.4g} h" if hours < 2.0 * HOURS_PER_DAY else f"{hours / HOURS_PER_DAY:.4g} d"
