"""Going on as planned, as supply: what the plan has and will have is taken, and nothing else.

Commitments, servers and sales are as its steps date them; what it rents by the hour may run as the
work asks, at today's prices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Layer, Offer, Purchase
from gpumix.domain.plan import MixLine, Plan
from gpumix.domain.workload import Inventory
from gpumix.loop.standing import Coming, Standing, base_id
from gpumix.supply.availability import with_availability
from gpumix.supply.charges import charged
from gpumix.supply.data import data_price_of
from gpumix.supply.rentals import rental, with_data
from gpumix.supply.round_trip import with_round_trips
from gpumix.supply.supply import Supplies, Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

ORDERED = " (ordered)"
"""Ends the id of servers that were ordered and have not arrived."""
_HOURLY = (Purchase.ON_DEMAND, Purchase.SPOT)


@dataclass(frozen=True, slots=True)
class Ways:
    """What a plan may go on with, made for the inventory of what is left of it.

    `rented` are the supplies of its rented lines at today's prices by resource; `notes` name prices
    that are no longer to be had.
    """

    stands: Standing
    rented: Mapping[str, Supply]
    hourly: tuple[str, ...]
    notes: tuple[str, ...]

    def keeping(self, whole: Supplies) -> Supplies:
        """What there is to keep, and nothing beside it."""
        of = [self._kept(s) for s in whole.of if s.until_month is not None or _stands(s)]
        of += [self.rented[name] for name in self.hourly if name in self.rented]
        of += _forced(_ordered(self.stands.coming), whole.of, {}, ORDERED)
        of += _forced([c for c in self.stands.coming if not c.ordered], whole.of, self.rented, "")
        return replace(whole, of=tuple(of))

    def beside(self, whole: Supplies) -> Supplies:
        """All that there is, what the plan rents by the hour among it; what was ordered comes."""
        known = {supply.id for supply in whole.of}
        more = [self.rented[n] for n in self.hourly if n in self.rented and n not in known]
        ordered = _forced(_ordered(self.stands.coming), whole.of, {}, ORDERED)
        return replace(whole, of=(*whole.of, *more, *ordered))

    def _kept(self, supply: Supply) -> Supply:
        """What stands is sold when the plan does, or not at all."""
        if supply.until_month is not None:
            return supply
        starts = {month for name, month in self.stands.sales if name == supply.id}
        return replace(supply, starts=tuple(sorted(starts)))


def ways_to_keep(plan: Plan, inventory: Inventory, catalog: Catalog, stands: Standing) -> Ways:
    """What a plan may go on with; `inventory` is what is left of it."""
    lines = {base_id(line.resource): line for line in plan.mix}
    hourly = tuple(n for n, line in lines.items() if Purchase(line.purchase) in _HOURLY)
    coming = {one.resource for one in stands.coming}
    notes: list[str] = []
    offers = {
        name: _offer_of(line, inventory, catalog, notes)
        for name, line in lines.items()
        if name in hourly or (name in coming and Purchase(line.purchase).is_rental)
    }
    supplies = _priced(offers, inventory, catalog)
    return Ways(stands, supplies, hourly, tuple(notes))


def _stands(supply: Supply) -> bool:
    return supply.purchase is Purchase.OWNED and supply.count > 0


def _ordered(coming: Iterable[Coming]) -> list[Coming]:
    return [one for one in coming if one.ordered]


def _forced(
    coming: Sequence[Coming], of: Iterable[Supply], rented: Mapping[str, Supply], mark: str
) -> list[Supply]:
    """Supplies of which exactly as much is taken as comes, in its months."""
    known, found = {supply.id: supply for supply in of} | dict(rented), []
    for name in dict.fromkeys(one.resource for one in coming):
        supply, own = known.get(name), [one for one in coming if one.resource == name]
        if supply is None:
            continue
        ends = [(one.month, one.until) for one in own]
        most = max(
            sum(o.count for o in own if o.month <= at and (o.until is None or o.until > at))
            for at, _ in ends
        )
        starts = tuple(sorted({one.month for one in own}))
        found.append(
            replace(
                supply,
                id=f"{name}{mark}",
                starts=starts,
                lead_months=0,
                count=sum(one.count for one in own),
                most=most,
                quotas=(),
            )
        )
    return found


def _offer_of(line: MixLine, inventory: Inventory, catalog: Catalog, notes: list[str]) -> Offer:
    """What a line costs today: the same machine, place and terms; at its old price where that is no
    longer to be had."""
    purchase = Purchase(line.purchase)
    alike = [
        offer
        for offer in catalog.usable(inventory.as_of, estimated=True)
        if (offer.provider, offer.region, offer.gpu) == (line.provider, line.region, line.gpu)
        and offer.gpus_per_instance == line.gpus_per_instance
        and offer.purchase is purchase
        and offer.term_months == line.term_months
        and offer.upfront_share == line.upfront_share
    ]
    same = [offer for offer in alike if offer.instance == line.instance]
    if alike:
        return min(same or alike, key=lambda offer: offer.usd_per_gpu_hour)
    notes.append(f"{base_id(line.resource)}: no price of today is known, that of the plan is used")
    return Offer(
        provider=line.provider,
        instance=line.instance,
        region=line.region,
        country=line.country,
        gpu=line.gpu,
        gpus_per_instance=line.gpus_per_instance,
        purchase=purchase,
        usd_per_instance_hour=line.usd_per_gpu_hour * line.gpus_per_instance,
        as_of=line.price_as_of or inventory.as_of,
        as_of_precision="day",
        basis=Basis.ASSUMED,
        source=line.source,
        note="price of the plan before",
        tier=line.tier,
        layer=Layer.SHEET,
        term_months=line.term_months,
        upfront_share=line.upfront_share,
    )


def _priced(
    offers: Mapping[str, Offer], inventory: Inventory, catalog: Catalog
) -> dict[str, Supply]:
    """A supply of each, charged and limited like all others."""
    bill = charged(list(offers.values()), inventory)
    data_price, cloud = data_price_of(inventory, catalog), inventory.cloud
    made = []
    for offer in bill.offers:
        supply = rental(offer, catalog.fabrics.joins(offer), bill.words.get(offer))
        supply = with_data(supply, data_price(offer))
        if cloud is not None:
            quotas = cloud.quotas_of(supply.provider, supply.region, supply.gpu)
            supply = replace(supply, most=cloud.max_instances, quotas=quotas)
        made.append(supply)
    up = with_availability(made, inventory, catalog)
    near = with_round_trips(up, inventory, catalog)
    return {name: replace(supply, id=name) for name, supply in zip(offers, near, strict=True)}
