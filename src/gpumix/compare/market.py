"""What a comparison may use and what that costs: the whole market, or what an inventory allows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from gpumix.catalog import price_summary
from gpumix.domain.comparison import PriceUsed
from gpumix.domain.gpu import Gpu
from gpumix.domain.offer import OLD, Purchase
from gpumix.domain.workload import Workload
from gpumix.errors import InputError, Problem, unknown_name
from gpumix.options.needs import lacks
from gpumix.supply.allowed import may_run
from gpumix.supply.supply import Supply

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

LARGEST_INSTANCE = 8
"""GPUs of the largest instance that the whole market is taken to have of each GPU."""
CHEAPEST = "cheapest that the inventory allows the workload"


@dataclass(frozen=True, slots=True)
class Market:
    """GPUs in the order in which they are told, with what each costs by way of paying for it.

    `largest` are the GPUs of the largest instance of each; `refused` says of a GPU that was asked
    for why it may not be used; `notes` what was taken for GPUs whose names leave something open.
    """

    rule: str
    gpus: tuple[Gpu, ...]
    prices: Mapping[tuple[str, Purchase], PriceUsed]
    largest: Mapping[str, int]
    refused: Mapping[str, str]
    notes: tuple[str, ...] = ()

    @property
    def purchases(self) -> tuple[Purchase, ...]:
        """Ways of paying that have a price, in the order in which they are listed."""
        return tuple(p for p in Purchase if any(paid is p for _, paid in self.prices))

    def price(self, gpu: str) -> PriceUsed | None:
        """The least price of a GPU, however it is paid for; None without one."""
        own = [price for (name, _), price in self.prices.items() if name == gpu]
        return min(own, key=lambda price: price.usd_per_gpu_hour, default=None)


def gpu_notes(names: Sequence[str] | None, catalog: Catalog) -> tuple[str, ...]:
    """What was taken for GPUs whose names leave something open."""
    found = [catalog.named_gpu(name) for name in names or ()]
    return tuple(dict.fromkeys(one.note for one in found if one.note))


def compared_gpus(names: Sequence[str] | None, catalog: Catalog) -> list[Gpu]:
    """The GPUs of these names, or all. Raises: InputError naming every unknown one."""
    if names is None:
        return list(catalog.gpus.values())
    problems: list[Problem] = []
    found: list[Gpu] = []
    for name in names:
        try:
            found.append(catalog.gpu(name, "--gpus"))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return list(dict.fromkeys(found))


def whole_market(
    names: Sequence[str] | None,
    catalog: Catalog,
    as_of: date,
    purchases: Sequence[Purchase] = (Purchase.ON_DEMAND,),
    providers: Sequence[str] = (),
) -> Market:
    """All GPUs, or those named, at the median of what providers ask, or of what these ask.

    Raises: InputError naming every unknown GPU and provider.
    """
    gpus, offers = compared_gpus(names, catalog), catalog.quoted(as_of)
    if providers:
        usable = catalog.usable(as_of)
        known = sorted({offer.provider for offer in usable})
        if wrong := [name for name in providers if name not in known]:
            raise InputError(
                [unknown_name("--providers", "provider", name, known) for name in wrong]
            )
        offers = tuple(offer for offer in usable if offer.provider in providers)
    found = {
        (gpu.id, purchase): price
        for gpu in gpus
        for purchase in purchases
        if (price := price_summary(offers, gpu.id, purchase)) is not None
    }
    rule = _rule(purchases, providers)
    largest = {gpu.id: LARGEST_INSTANCE for gpu in gpus}
    return Market(rule, tuple(gpus), found, largest, {}, gpu_notes(names, catalog))


def _rule(purchases: Sequence[Purchase], providers: Sequence[str]) -> str:
    """How prices are chosen, in words."""
    words = ["reserved" if p.is_committed else p.value.replace("_", "-") for p in purchases]
    paid = " and ".join(dict.fromkeys(words))
    over = ", ".join(providers) if providers else "providers"
    return f"median over {over} of current {paid} offers"


def sold_today(catalog: Catalog) -> tuple[str, ...]:
    """Ids of the data-centre GPUs that are on sale."""
    return tuple(gpu for gpu in catalog.gpus if gpu not in catalog.markets)


def allowed_market(
    workload: Workload,
    supplies: Sequence[Supply],
    names: Sequence[str] | None,
    catalog: Catalog,
    as_of: date,
) -> Market:
    """What an inventory lets a workload run on, each at its least price; a GPU that is named and
    may not be used stays, with the reason.

    Raises: InputError naming every unknown GPU, and where nothing may run the workload.
    """
    allowed = [supply for supply in supplies if may_run(workload, supply)]
    held = dict.fromkeys(supply.gpu for supply in allowed)
    if not held:
        fix = "gpumix plan names what prevents it"
        raise InputError(Problem(workload.id, "nothing in this inventory may run it", fix))
    gpus = compared_gpus(names if names is not None else list(held), catalog)
    prices, largest = {}, {}
    for gpu in gpus:
        own = [supply for supply in allowed if supply.gpu == gpu.id]
        largest[gpu.id] = max((supply.gpus_per_instance for supply in own), default=0)
        for purchase in dict.fromkeys(supply.purchase for supply in own):
            paid = [supply for supply in own if supply.purchase is purchase]
            prices[gpu.id, purchase] = _least(paid, as_of)
    refused = {gpu.id: _why_not(workload, gpu, supplies) for gpu in gpus if gpu.id not in held}
    refused |= {gpu.id: reason for gpu in gpus if (reason := lacks(workload.needs, gpu))}
    notes = gpu_notes(names, catalog)
    return Market(CHEAPEST, tuple(gpus), prices, largest, refused, notes)


def _least(supplies: Sequence[Supply], as_of: date) -> PriceUsed:
    """The cheapest of some supplies of a GPU, beside the dearest and their ages."""
    costs = [supply.usd_per_gpu_hour for supply in supplies]
    dates = [supply.as_of or as_of for supply in supplies]
    old = [supply.offer is not None and OLD in supply.offer.marks for supply in supplies]
    return PriceUsed(
        usd_per_gpu_hour=min(costs),
        low=min(costs),
        high=max(costs),
        providers=len({supply.provider for supply in supplies}),
        oldest=min(dates),
        newest=max(dates),
        is_old=all(old),
    )


def _why_not(workload: Workload, gpu: Gpu, supplies: Sequence[Supply]) -> str:
    if workload.gpus and gpu.id not in workload.gpus:
        return f"`gpus` of the workload names {', '.join(workload.gpus)}"
    if not any(supply.gpu == gpu.id for supply in supplies):
        return "`supply` of the inventory has none of it"
    return "residency, tier or promised availability keep the workload off what there is of it"
