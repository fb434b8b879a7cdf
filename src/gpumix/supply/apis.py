"""What APIs ask for a workload, the cheapest first, and why others cannot do it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from gpumix.cost.api import usd_per_request
from gpumix.domain.api import ApiKind, ApiPrice
from gpumix.domain.api_plan import ApiRefusal
from gpumix.domain.workload import Demand, Kind, Workload
from gpumix.units import MEGA

FITTING: Final = 0.99
"""Share of a workload's prompts that must fit the context of an API."""
UNPRICED: Final = {
    Kind.FINETUNE: "APIs have no price for fine-tuning a model of your own",
    Kind.PRETRAIN: "APIs have no price for pre-training",
    Kind.MEDIA: "the catalogue has no API prices of images and videos",
    Kind.CUSTOM: "no API does custom work",
}


@dataclass(frozen=True, slots=True)
class Quote:
    """What a request of a workload costs at an API [USD]; `batch` at batch rates."""

    price: ApiPrice
    usd_per_unit: float
    batch: bool


@dataclass(frozen=True, slots=True)
class Quotes:
    """Offers of APIs for a workload; `reason` where none does it."""

    same: tuple[Quote, ...]
    substitutes: tuple[Quote, ...]
    refused: tuple[ApiRefusal, ...]
    reason: str

    @property
    def best(self) -> Quote | None:
        """The cheapest of the same model; else of the substitutes."""
        return next(iter((*self.same, *self.substitutes)), None)


def quotes(workload: Workload, prices: Iterable[ApiPrice]) -> Quotes:
    """What APIs ask for a workload: of its own model, and of closed models in its place."""
    demand = workload.demand
    if demand is None or workload.kind in UNPRICED:
        return Quotes((), (), (), UNPRICED.get(workload.kind, "it states no demand"))
    embeds = workload.kind is Kind.EMBEDDING
    able: dict[ApiKind, list[Quote]] = {ApiKind.SAME: [], ApiKind.SUBSTITUTE: []}
    refused: dict[str, list[str]] = {}
    for price in prices:
        if price.embeds is not embeds or price.model not in (None, workload.model):
            continue
        if reason := _refusal(price, workload, demand):
            refused.setdefault(reason, []).append(price.provider)
        else:
            able[price.kind].append(_quote(price, demand, may_wait=workload.is_deferrable))
    told = tuple(ApiRefusal(tuple(dict.fromkeys(names)), why) for why, names in refused.items())
    same, others = (_cheapest(able[kind]) for kind in (ApiKind.SAME, ApiKind.SUBSTITUTE))
    reason = "" if same or others else _none(workload, told)
    return Quotes(same, others, told, reason)


def _none(workload: Workload, refused: Sequence[ApiRefusal]) -> str:
    if not refused:
        return f"no API of {workload.model} and no substitute has a known price"
    return "; ".join(dict.fromkeys(one.reason for one in refused))


def _cheapest(found: Sequence[Quote]) -> tuple[Quote, ...]:
    """Each provider's cheapest, in order of cost."""
    ranked = sorted(found, key=lambda q: (q.usd_per_unit, q.price.provider, q.price.name))
    first: dict[str, Quote] = {}
    for quote in ranked:
        first.setdefault(quote.price.provider, quote)
    return tuple(first.values())


def _refusal(price: ApiPrice, workload: Workload, demand: Demand) -> str:
    """Why an API cannot do a workload; empty where it can."""
    if workload.adapters is not None:
        return "it serves the base model alone, not the team's adapters"
    if workload.countries and price.country not in workload.countries:
        where = f"it runs in {price.country}" if price.country else "its country is not known"
        return f"{where}, residency asks for {', '.join(workload.countries)}"
    longest = demand.input.quantile(FITTING) + demand.output.mean
    if price.context is not None and longest > price.context:
        return f"its context of {price.context:,} tokens is shorter than requests of {longest:,.0f}"
    return ""


def _quote(price: ApiPrice, demand: Demand, *, may_wait: bool) -> Quote:
    """At batch rates where the work may wait and they are cheaper; those know no cached rate."""
    cached = price.usd_per_mtok_cached
    usd = usd_per_request(
        price.usd_per_mtok_input,
        price.usd_per_mtok_input if cached is None else cached,
        price.usd_per_mtok_output,
        demand.input.mean,
        demand.output.mean,
        demand.prefix_share,
    )
    if may_wait and price.batch_input is not None:
        listed = price.usd_per_mtok_output
        batch = usd_per_request(
            price.batch_input,
            price.batch_input,
            listed if price.batch_output is None else price.batch_output,
            demand.input.mean,
            demand.output.mean,
            0.0,
        )
        if batch < usd:
            return Quote(price, batch, batch=True)
    return Quote(price, usd, batch=False)


def usd_per_mtok(quote: Quote, demand: Demand) -> float:
    """Of a million tokens in and out together [USD]."""
    return quote.usd_per_unit * MEGA / (demand.input.mean + demand.output.mean)
