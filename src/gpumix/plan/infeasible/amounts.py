"""Keys of an inventory that are amounts: which limits of the mix each sets, and how it moves."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from gpumix import mix
from gpumix.domain.site import Site
from gpumix.domain.workload import Inventory, Kind, Quota, Tier, Workload
from gpumix.errors import Change, Stated
from gpumix.plan.formulate import Formulation
from gpumix.plan.nights import hours_of, nights_of
from gpumix.supply.supply import Supply
from gpumix.units import HOURS_PER_DAY, HOURS_PER_WEEK, SECONDS_PER_HOUR

UP = (1.0, 1.02, 1.05, 1.1, 1.25, 1.5, 2.0, 3.0)
DOWN = (1.0, 0.97, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1)
"""By what a value that would do in the mix is moved further, step by step, until the plan says so
too: that one may rent for work that can wait what the mix at hand does not list."""

DIGITS = 3
"""Digits of amounts that are told."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A key and the limits of the mix that it sets.

    `slack` are those of them that give where it is moved. `tries` are the values to try once the
    mix needs so much, the smallest move first; `moved` is the inventory with one of them, `change`
    its words. `gives_up` says whether moving it leaves work undone or a promise unkept. `opens` is
    the workload whose hours it limits, which limits no row of the mix but the blocks of its work,
    and `hours` those of the week that are left without it.
    """

    stated: Stated
    limits: tuple[str, ...]
    slack: tuple[str, ...]
    tries: Callable[[float], Iterable[float]]
    moved: Callable[[Inventory, float], Inventory]
    change: Callable[[float], Change]
    gives_up: bool = False
    opens: str = ""
    hours: frozenset[int] = frozenset(range(int(HOURS_PER_WEEK)))


def amounts(formulation: Formulation, inventory: Inventory) -> tuple[Amount, ...]:
    """Every amount that limits a mix, those that a conflict should be told in first: what is asked
    for, what is promised about it, what there is, where it stands and what it may cost."""
    limits = mix.limits(formulation.problem)
    found = [_work(w, limits) for w in inventory.workloads]
    found += [_finish_within(w, formulation) for w in inventory.workloads if nights_of(w)]
    found += [_window(w) for w in inventory.workloads if len(set(w.window)) < HOURS_PER_WEEK]
    found += [_tier(w) for w in inventory.workloads if f"n_plus_one:{w.id}" in limits]
    found.append(_spot_share(inventory, limits))
    for site in inventory.sites:
        found += [_owned(site, gpu, count, formulation) for gpu, count in site.owned]
    found.append(_max_instances(inventory, formulation))
    found += _quotas(inventory)
    found += [_racks(site) for site in inventory.sites]
    if inventory.limits.capex_usd is not None:
        found.append(_capex(inventory.limits.capex_usd))
    found += [_cash(*of, formulation) for of in inventory.limits.cash]
    in_force = set(limits)
    return tuple(a for a in found if a.opens or in_force.intersection(a.limits))


# -- what is asked for -----------------------------------------------------------------------


def _work(workload: Workload, limits: Sequence[str]) -> Amount:
    names = [f"demand:{workload.id}"]
    names += [x for x in limits if x.startswith(f"work:{workload.id}@")]
    key, stated = _asked(workload)
    path = ("workloads", workload.id, *key)

    def tries(needed: float) -> Iterator[float]:
        shares = (math.floor(100.0 * needed * step + 1e-6) / 100.0 for step in DOWN)
        return (share for share in dict.fromkeys(shares) if share > 0.0)

    def change(share: float) -> Change:
        note = f"{share:.0%} of the {'traffic' if 'traffic' in key else 'work'} of {workload.id}"
        return Change(Stated(path, _flow(stated)), _flow(scaled(stated, share)), note, share)

    return Amount(
        Stated(path, _flow(stated)),
        tuple(names),
        tuple(names),
        tries,
        lambda inventory, share: changed(inventory, workload.id, lambda w: _cut(w, share)),
        change,
        gives_up=True,
    )


def _asked(workload: Workload) -> tuple[tuple[str, ...], dict[str, float]]:
    """The key of a workload's amount of work, and the amount by its parts ('' = one number)."""
    demand, run = workload.demand, workload.run
    if demand is None:
        return (), {}
    per_hour = math.fsum(demand.units_per_hour) / HOURS_PER_WEEK
    if run is not None:
        return ("tokens",), {"": run.tokens}
    origin = demand.demand_from
    if origin is not None and origin.key:
        share = max(demand.units_per_hour) / SECONDS_PER_HOUR / origin.peak_requests_per_s
        return ("traffic", origin.key), scaled(dict(origin.amounts), share)
    if demand.evidence:
        return ("traffic", "peak_requests_per_s"), {
            "": max(demand.units_per_hour) / SECONDS_PER_HOUR
        }
    if workload.kind is Kind.MEDIA:
        key = "videos_per_day" if workload.frames else "images_per_day"
        return (key,), {"": per_hour * HOURS_PER_DAY}
    if workload.kind is Kind.CUSTOM:
        return ("per_day",), {"": per_hour * HOURS_PER_DAY}
    tokens = {"input": demand.input.mean, "output": demand.output.mean}
    per_day = {name: mean * per_hour * HOURS_PER_DAY for name, mean in tokens.items()}
    if workload.kind is Kind.EMBEDDING:
        return ("tokens_per_day",), {"": per_day["input"]}
    return ("tokens_per_day",), per_day


def _cut(workload: Workload, share: float) -> Workload:
    """A workload of which only a share is asked."""
    if workload.run is not None:
        tokens = workload.run.tokens * share
        return replace(workload, run=replace(workload.run, tokens=tokens))
    if workload.demand is None:
        return workload
    units = tuple(u * share for u in workload.demand.units_per_hour)
    return replace(workload, demand=replace(workload.demand, units_per_hour=units))


def _finish_within(workload: Workload, formulation: Formulation) -> Amount:
    """How long a day's volume may take: from the hours that it has to a whole week."""
    night, blocks = nights_of(workload)[0], [b.hours for b in formulation.cycle.blocks]
    open_h = (night[-1] - night[0]) % HOURS_PER_WEEK + 1.0
    now_h = workload.finish_within_h or open_h
    by_default = "" if workload.finish_within_h else " (the default)"
    stated = Stated(("workloads", workload.id, "finish_within"), f"{now_h:g} h{by_default}")

    def tries(_: float) -> Iterator[float]:
        longer = {float(math.ceil(now_h * step)) for step in UP[4:]}
        days = {day * HOURS_PER_DAY for day in range(1, 8)}
        return iter(sorted(h for h in longer | days if now_h < h <= HOURS_PER_WEEK))

    return Amount(
        stated,
        (),
        (),
        tries,
        lambda inventory, hours: changed(
            inventory, workload.id, lambda w: replace(w, finish_within_h=hours)
        ),
        lambda hours: Change(stated, f"{hours:g} h"),
        gives_up=True,
        opens=workload.id,
        hours=frozenset(h for b in blocks if not set(b).isdisjoint(workload.window) for h in b),
    )


def _window(workload: Workload) -> Amount:
    hours = tuple(dict.fromkeys(h % int(HOURS_PER_DAY) for h in workload.window))
    path = ("workloads", workload.id, "window")
    day = int(HOURS_PER_DAY)

    def tries(_: float) -> Iterator[float]:
        longer = (len(hours) + 1, 1.25 * len(hours), 1.5 * len(hours), 2.0 * len(hours))
        spans = {float(math.ceil(n)) for n in (*longer, 0.5 * day) if n < day}
        return iter([*sorted(spans), float(day)])

    def span(count: float) -> range:
        return range(hours[0], hours[0] + int(count))

    def moved(inventory: Inventory, count: float) -> Inventory:
        wanted = {h % day for h in span(count)}
        window = tuple(h for h in range(int(HOURS_PER_WEEK)) if h % day in wanted)
        return changed(inventory, workload.id, lambda w: replace(w, window=window))

    def written(count: float) -> str:
        return f"{hours[0]:02d}:00-{(hours[0] + int(count)) % day:02d}:00"

    stated = Stated(path, written(len(hours)))
    return Amount(
        stated,
        (),
        (),
        tries,
        moved,
        lambda count: Change(stated, "" if count >= day else f'"{written(count)}"'),
        gives_up=True,
        opens=workload.id,
        hours=hours_of(replace(workload, window=tuple(range(int(HOURS_PER_WEEK))))),
    )


def _tier(workload: Workload) -> Amount:
    stated = Stated(("workloads", workload.id, "tier"), workload.tier.value)
    limits = (f"n_plus_one:{workload.id}",)
    return Amount(
        stated,
        limits,
        limits,
        lambda _: (0.0,),
        lambda inventory, _: changed(
            inventory, workload.id, lambda w: replace(w, tier=Tier.STANDARD)
        ),
        lambda _: Change(stated, Tier.STANDARD.value, "survives the loss of no instance"),
        gives_up=True,
    )


def _spot_share(inventory: Inventory, limits: Sequence[str]) -> Amount:
    stated = Stated(("limits", "spot_share"), f"{100.0 * inventory.limits.spot_share:g} %")
    names = tuple(x for x in limits if x.startswith("max_spot_share:"))

    def tries(needed: float) -> Iterator[float]:
        shares = (min(math.ceil(100.0 * needed * step - 1e-6) / 100.0, 1.0) for step in UP)
        return iter(dict.fromkeys(shares))

    def moved(inventory: Inventory, share: float) -> Inventory:
        return replace(inventory, limits=replace(inventory.limits, spot_share=share))

    return Amount(
        stated, names, names, tries, moved, lambda share: Change(stated, f"{100.0 * share:g} %")
    )


# -- what there is ---------------------------------------------------------------------------


def _owned(site: Site, gpu: str, count: int, formulation: Formulation) -> Amount:
    def stands(supply: Supply) -> bool:
        return supply.site == site.id and supply.gpu == gpu and supply.count > 0

    found = _of_supply(formulation, stands)
    most = tuple(f"max_instances:{name}" for name in found)
    least = tuple(f"min_instances:{name}" for name in found)
    size = max((formulation.supply[name].gpus_per_instance for name in found), default=1)
    stated = Stated(("supply", "owned", site.id, gpu), f"{count}")

    def tries(needed: float) -> Iterator[float]:
        gpus = size * needed
        fewer = (count + share * (gpus - count) for share in (0.25, 0.5, 0.75))
        more = (size * math.ceil(needed * step) for step in UP)
        return (float(math.ceil(n)) for n in dict.fromkeys([*fewer, *more]) if n > count)

    def moved(inventory: Inventory, gpus: float) -> Inventory:
        def more(one: Site) -> Site:
            return replace(
                one, owned=tuple((g, round(gpus) if g == gpu else n) for g, n in one.owned)
            )

        return of_site(inventory, site.id, more)

    def change(gpus: float) -> Change:
        return Change(stated, f"{gpus:.0f}", "GPUs, however you come by them")

    return Amount(stated, (*most, *least), most, tries, moved, change)


def _max_instances(inventory: Inventory, formulation: Formulation) -> Amount:
    most = inventory.cloud.max_instances if inventory.cloud else None
    names = () if most is None else _of_supply(formulation, lambda s: s.most == most and not s.site)
    limits = tuple(f"max_instances:{name}" for name in names)
    stated = Stated(("supply", "cloud", "max_instances"), f"{most}")

    def moved(inventory: Inventory, count: float) -> Inventory:
        cloud = inventory.cloud
        return replace(inventory, cloud=cloud and replace(cloud, max_instances=round(count)))

    return Amount(stated, limits, limits, _counts, moved, lambda n: Change(stated, f"{n:.0f}"))


def _quotas(inventory: Inventory) -> Iterator[Amount]:
    for quota in inventory.cloud.quotas if inventory.cloud else ():
        path = ("supply", "cloud", "max_instances", quota.place)
        stated, limits = Stated(path, f"{quota.instances}"), (f"quota:{quota.place}",)

        def moved(inventory: Inventory, count: float, quota: Quota = quota) -> Inventory:
            return with_quota(inventory, quota, round(count))

        def change(count: float, stated: Stated = stated) -> Change:
            return Change(stated, f"{count:.0f}")

        yield Amount(stated, limits, limits, _counts, moved, change)


def _counts(needed: float) -> Iterator[float]:
    return iter(dict.fromkeys(float(math.ceil(needed * step - 1e-6)) for step in UP))


def _racks(site: Site) -> Amount:
    stated = Stated(("supply", "on_prem", site.id, "racks"), f"{site.racks}")

    def moved(inventory: Inventory, racks: float) -> Inventory:
        return of_site(inventory, site.id, lambda one: replace(one, racks=round(racks)))

    def change(racks: float) -> Change:
        note = f"{racks * site.kw_per_rack:g} kW instead of {site.capacity_kw:g}"
        return Change(stated, f"{racks:.0f}", note)

    limits = (f"site_kw:{site.id}",)
    return Amount(stated, limits, limits, lambda kw: _counts(kw / site.kw_per_rack), moved, change)


def _capex(capex_usd: float) -> Amount:
    stated = Stated(("limits", "capex"), f"{capex_usd:,.0f} USD")

    def moved(inventory: Inventory, usd: float) -> Inventory:
        return replace(inventory, limits=replace(inventory.limits, capex_usd=usd))

    return Amount(
        stated,
        ("capex_budget",),
        ("capex_budget",),
        lambda needed: dict.fromkeys(rounded(needed * step, math.ceil) for step in UP),
        moved,
        lambda usd: Change(stated, f"{usd:,.0f} USD"),
    )


def _cash(year: int, most_usd: float, formulation: Formulation) -> Amount:
    """The problem counts the cash of a year from servers that are all sold at once."""
    stated, limits = (
        Stated(("limits", "cash", f"{year}"), f"{most_usd:,.0f} USD"),
        (f"cash:{year}",),
    )
    counted = next((x.most for x in formulation.problem.cash if x.id == f"{year}"), most_usd)

    def moved(inventory: Inventory, usd: float) -> Inventory:
        cash = tuple((y, usd if y == year else most) for y, most in inventory.limits.cash)
        return replace(inventory, limits=replace(inventory.limits, cash=cash))

    def tries(needed: float) -> Iterable[float]:
        usd = needed + most_usd - counted
        return dict.fromkeys(rounded(usd * step, math.ceil) for step in UP)

    return Amount(
        stated, limits, limits, tries, moved, lambda usd: Change(stated, f"{usd:,.0f} USD")
    )


# -- helpers ---------------------------------------------------------------------------------


def _of_supply(formulation: Formulation, kept: Callable[[Supply], bool]) -> list[str]:
    """Resources of the mix whose supply is one of those."""
    return [r.id for r in formulation.problem.resources if kept(formulation.supply[r.id])]


def changed(inventory: Inventory, name: str, change: Callable[[Workload], Workload]) -> Inventory:
    """The inventory with one of its workloads changed."""
    workloads = tuple(change(w) if w.id == name else w for w in inventory.workloads)
    return replace(inventory, workloads=workloads)


def of_site(inventory: Inventory, name: str, change: Callable[[Site], Site]) -> Inventory:
    """The inventory with one of its sites changed."""
    return replace(
        inventory, sites=tuple(change(s) if s.id == name else s for s in inventory.sites)
    )


def with_quota(inventory: Inventory, quota: Quota, instances: int | None) -> Inventory:
    """The inventory with so many instances allowed at a quota's place; None = any number."""
    cloud = inventory.cloud
    if cloud is None:
        return inventory
    others = tuple(q for q in cloud.quotas if q.place != quota.place)
    own = () if instances is None else (replace(quota, instances=instances),)
    return replace(inventory, cloud=replace(cloud, quotas=(*others, *own)))


def rounded(value: float, towards: Callable[[float], float]) -> float:
    """A value of few digits above (`math.ceil`) or below (`math.floor`) another.

    >>> rounded(282_579.3, math.ceil), rounded(0.0, math.ceil)
    (283000.0, 0.0)
    """
    if value <= 0.0:
        return 0.0
    step = 10.0 ** (math.floor(math.log10(value)) - DIGITS + 1)
    return float(
        f"{towards(value / step - 1e-6 if towards is math.ceil else value / step) * step:.12g}"
    )


def scaled(parts: dict[str, float], share: float) -> dict[str, float]:
    """An amount of work cut to a share."""
    return {name: value * share for name, value in parts.items()}


def _flow(parts: dict[str, float]) -> str:
    """An amount as an inventory writes it: `400`, or `{input: 900M, output: 60M}`."""
    if set(parts) == {""}:
        return written(parts[""])
    return "{" + ", ".join(f"{name}: {written(value)}" for name, value in parts.items()) + "}"


def written(value: float) -> str:
    """A number as an inventory writes it.

    >>> written(1292.0), written(36.5e6), written(1e12)
    ('1292', '36.5M', '1T')
    """
    for size, suffix in ((1e12, "T"), (1e9, "B"), (1e6, "M")):
        if value >= size:
            return f"{value / size:.5g}{suffix}"
    return f"{value:.6g}"
