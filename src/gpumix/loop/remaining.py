"""What is left of a plan on a day, as an inventory: what stands is today's, the end stays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date

from gpumix.domain.contracts import Credit
from gpumix.domain.defaults import SERVER_LEAD_MONTHS
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.plan import Plan
from gpumix.domain.replanned import FleetCount
from gpumix.domain.site import OwnedTerms, Site
from gpumix.domain.today import Rented, Today
from gpumix.domain.workload import Inventory, Limits, Workload
from gpumix.errors import InputError, Problem
from gpumix.loop.standing import Owned, Standing, gpus_of, less
from gpumix.plan.periods import Period, growth
from gpumix.plan.timeline import day
from gpumix.units import MONTHS_PER_YEAR

_YEAR = int(MONTHS_PER_YEAR)
CREDITS = "credits"
"""The part of a plan's cost that credits pay."""


def remaining(
    plan: Plan, inventory: Inventory, stands: Standing, as_of: date, rates: Sequence[Offer] = ()
) -> Inventory:
    """The inventory of a plan from the month of a day on, with what stands as today's fleet.

    Demand has grown, and grows when it would have; commitments, servers and limits are what is
    left of them. `rates` are newer prices, which go before the inventory's own.

    Raises: InputError where nothing is left of the plan.
    """
    gone = stands.months
    left = inventory.months - gone
    workloads = tuple(
        _moved(w, gone)
        for w in inventory.workloads
        if w.until_month is None or w.until_month > gone
    )
    if left < 1 or not workloads:
        what = f"ended before {as_of}: nothing of it is left"
        raise InputError(Problem("--plan", what, "plan again: gpumix plan INVENTORY"))
    years = math.ceil(left / _YEAR)
    found = replace(
        inventory,
        start=day(inventory, gone),
        years=years,
        short_months=years * _YEAR - left,
        as_of=as_of,
        workloads=workloads,
        sites=tuple(_site(s, stands.owned, inventory) for s in inventory.sites),
        limits=_limits(inventory.limits, stands, day(inventory, gone).year),
        rates=over(rates, inventory.rates),
        today=Today((*stands.committed, *stands.hourly), None),
        phases=None if inventory.phases is None else _phases(inventory.phases, gone),
    )
    return _with_credits_left(found, plan, gone)


def seen_instead(
    stands: Standing, seen: Mapping[str, int]
) -> tuple[Standing, tuple[FleetCount, ...]]:
    """What stands, with the numbers of GPUs that a fleet shows where they differ.

    What is missing is first taken from what is rented by the hour, then from servers of one's own;
    a commitment is paid whether it is seen or not.
    """
    counts = []
    for gpu in sorted({*seen, *(o.gpu for o in stands.owned), *gpus_of(_all(stands))}):
        owned = sum(o.gpus for o in stands.owned if o.gpu == gpu)
        planned = owned + gpus_of(_all(stands)).get(gpu, 0)
        missing = planned - seen.get(gpu, 0)
        if missing == 0:
            continue
        stands, note = _without(stands, gpu, missing)
        counts.append(FleetCount(gpu, planned, seen.get(gpu, 0), note))
    return stands, tuple(counts)


def _all(stands: Standing) -> tuple[Rented, ...]:
    return (*stands.committed, *stands.hourly)


def _without(stands: Standing, gpu: str, missing: int) -> tuple[Standing, str]:
    """What stands less GPUs that are not seen, or with those that nobody planned."""
    hourly = gpus_of(stands.hourly).get(gpu, 0)
    if missing < 0:
        if not hourly:
            return stands, "more than the plan has: nothing says how they are paid, left out"
        return (
            replace(stands, hourly=less(stands.hourly, gpu, missing)),
            "more than the plan has: counted as rented by the hour",
        )
    said = []
    if taken := min(missing, hourly):
        stands = replace(stands, hourly=less(stands.hourly, gpu, taken))
        said.append(f"{taken} rented by the hour no longer run")
    owned = sum(o.gpus for o in stands.owned if o.gpu == gpu)
    if gone := min(missing - taken, owned):
        stands = replace(stands, owned=_fewer(stands.owned, gpu, gone))
        said.append(f"{gone} that you own no longer serve")
    if still := missing - taken - gone:
        said.append(f"{still} are committed, and paid whether they are seen or not")
    return stands, "; ".join(said)


def _fewer(owned: Sequence[Owned], gpu: str, gone: int) -> tuple[Owned, ...]:
    found = []
    for one in owned:
        taken = min(gone, one.gpus) if one.gpu == gpu else 0
        gone -= taken
        if one.gpus > taken:
            found.append(replace(one, gpus=one.gpus - taken))
    return tuple(found)


def over(newer: Sequence[Offer], older: Sequence[Offer]) -> tuple[Offer, ...]:
    """Prices of which the newer stand in place of older ones of the same machine and terms, and of
    those that they contradict: a longer commitment dearer than a shorter one, or than none."""
    names = {_key(offer) for offer in newer}
    left = (offer for offer in older if _key(offer) not in names)
    return (*newer, *(o for o in left if not any(_contradict(o, new) for new in newer)))


def _key(offer: Offer) -> tuple[object, ...]:
    return (*_machine(offer), offer.gpus_per_instance, offer.purchase, offer.term_months)


def _machine(offer: Offer) -> tuple[str, str, str]:
    return (offer.provider, offer.region, offer.gpu)


def _contradict(one: Offer, other: Offer) -> bool:
    if _machine(one) != _machine(other):
        return False
    pairs = ((one, other), (other, one))
    return any(
        short.term_months < long.term_months and long.usd_per_gpu_hour > short.usd_per_gpu_hour
        for short, long in pairs
        if short.purchase is not Purchase.SPOT
    )


def _moved(workload: Workload, gone: int) -> Workload:
    """A workload told from so many months later, with the demand that it has then."""
    demand, until = workload.demand, workload.until_month
    if demand is not None and workload.from_month <= gone:
        grown = growth(workload, Period(gone, 1))
        demand = replace(demand, units_per_hour=tuple(grown * u for u in demand.units_per_hour))
    return replace(
        workload,
        demand=demand,
        from_month=max(workload.from_month - gone, 0),
        until_month=None if until is None else until - gone,
        grows_in_month=(workload.grows_in_month - gone) % _YEAR,
    )


def _site(site: Site, owned: Sequence[Owned], inventory: Inventory) -> Site:
    """A site with what stands there; where clouds can bridge it, what is ordered now takes the
    usual time where none is stated."""
    here = [one for one in owned if one.site == site.id]
    terms = tuple(OwnedTerms(one.gpu, one.age_months) for one in here)
    lead = site.lead_months
    if lead is None and inventory.cloud is not None:
        lead = SERVER_LEAD_MONTHS
    return replace(
        site,
        owned=tuple((one.gpu, one.gpus) for one in here),
        owned_terms=terms,
        lead_months=lead,
        fit_out_usd=0.0 if here else site.fit_out_usd,
    )


def _limits(limits: Limits, stands: Standing, year: int) -> Limits:
    capex = limits.capex_usd
    return replace(
        limits,
        capex_usd=None if capex is None else max(capex - stands.spent_usd, 0.0),
        cash=tuple((y, usd) for y, usd in limits.cash if y >= year),
    )


def _phases(phases: Sequence[int], gone: int) -> tuple[int, ...]:
    """Months in which it may decide: the day itself is one."""
    return tuple(sorted({0, *(month - gone for month in phases if month > gone)}))


def _share_gone(gone: int, left: int) -> float:
    """What of a year of a plan is over, after so many months of it; the last may be short."""
    months = min(left, _YEAR)
    return min(max(gone, 0), months) / months


def _with_credits_left(inventory: Inventory, plan: Plan, gone: int) -> Inventory:
    """Credits less what the plan has drawn of them, those that end first."""
    cloud = inventory.cloud
    if cloud is None or not cloud.contracts.credits:
        return inventory
    part = next((one for one in plan.costs if one.name == CREDITS), None)
    drawn = 0.0
    for year, usd in enumerate(part.usd_by_year if part else ()):
        drawn -= usd * _share_gone(gone - year * _YEAR, plan.months - year * _YEAR)
    left: list[Credit] = []
    for credit in sorted(cloud.contracts.credits, key=lambda one: one.until):
        taken = min(drawn, credit.usd)
        drawn -= taken
        if credit.usd > taken and credit.until >= inventory.start:
            left.append(replace(credit, usd=credit.usd - taken))
    contracts = replace(cloud.contracts, credits=tuple(left))
    return replace(inventory, cloud=replace(cloud, contracts=contracts))
