"""Quotes of foreign files -> offers of the catalogue: names mapped, money in USD, one a machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from statistics import median
from typing import Final

from gpumix.catalog.importers.gpuhunt import CONSTANTS
from gpumix.catalog.importers.names import Machine, Names, Unmapped, family_of, machine_key
from gpumix.catalog.importers.reading import NO_GPU, Quote, Reading
from gpumix.catalog.marks import ABSENT_SPOT_SHARE
from gpumix.domain.bounds import AHEAD, FIRST_PRICE
from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Layer, Offer, Purchase
from gpumix.domain.price_import import SupersededPrice
from gpumix.errors import UnknownName

MEDIAN_DAYS: Final = 7
"""Days over which medians of a marketplace are pooled: they move by 2.5 times within two weeks."""
SAME_PRICE: Final = 0.001
"""Prices within this share are one, rounded on the way."""
MOST_GPUS: Final = 1024
ExchangeRate = Callable[[str], tuple[float, date | None]]
_Key = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Context:
    """What quotes are mapped with, and what the user said of the file.

    `provider_hint` is the provider that the file's name or folder tells, used last.
    """

    names: Names
    tiers: Mapping[str, str]
    exchange_rate: ExchangeRate
    today: date
    provider: str = ""
    provider_hint: str = ""
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class _Mapped:
    quote: Quote
    offer: Offer
    since: date

    @property
    def rank(self) -> tuple[date, date, bool]:
        """The newer, and of one day the list's own meter, goes before the older."""
        return self.offer.as_of, self.since, self.quote.is_primary


def settle(
    reading: Reading, context: Context
) -> tuple[tuple[Offer, ...], tuple[SupersededPrice, ...]]:
    """Offers of a reading, newest of each machine, and those replaced; others it refuses."""
    groups: dict[_Key, list[_Mapped]] = {}
    for quote in reading.quotes:
        try:
            mapped = _mapped(quote, context, reading)
        except Unmapped as error:
            reading.refuse(quote.place, error.reason, str(error))
        else:
            groups.setdefault(_key(mapped.offer), []).append(mapped)
    kept: dict[_Key, _Mapped] = {}
    superseded: list[SupersededPrice] = []
    for key, group in groups.items():
        kept[key], replaced = _chosen(group)
        superseded += replaced
    for key in [key for key, one in kept.items() if _is_absent_spot(one, kept, key)]:
        one = kept.pop(key)
        reading.refuse(
            one.quote.place, "spot price equals on-demand: no spot market", named(one.offer)
        )
    _warn(kept.values(), reading)
    return tuple(one.offer for one in kept.values()), tuple(superseded)


def _mapped(quote: Quote, context: Context, reading: Reading) -> _Mapped:
    """The offer of one quote. Raises: Unmapped with the reason why there is none."""
    names = context.names
    provider = _provider(quote, context)
    machine = names.machine(provider, quote.instance) if quote.instance else None
    gpu, count, assumed = _gpu_of(quote, provider, machine, names)
    if machine is not None:
        _tell_corrections(quote, machine, reading)
        if machine.sold_as and machine.sold_as != quote.purchase.value:
            raise Unmapped(
                "machine is not sold in this way", f"{quote.instance}: {machine.sold_as} only"
            )
    day = _day(quote, context)
    region = names.region(provider, quote.region)
    price, note = _usd(quote, count, context)
    offer = Offer(
        provider=provider,
        instance=quote.instance,
        region=region,
        country=names.country(provider, region),
        gpu=gpu,
        gpus_per_instance=count,
        purchase=quote.purchase,
        usd_per_instance_hour=price,
        as_of=day,
        as_of_precision="day",
        basis=Basis.ASSUMED if assumed else quote.basis,
        source=quote.place,
        note="; ".join(
            n for n in (quote.note, note, "form factor assumed" if assumed else "") if n
        ),
        tier=context.tiers.get(provider, ""),
        layer=Layer.IMPORT,
        term_months=quote.term_months,
        upfront_share=quote.upfront_share,
    )
    return _Mapped(quote, offer, quote.since or day)


def _provider(quote: Quote, context: Context) -> str:
    named_so = context.provider or quote.provider
    found = (
        context.names.provider(named_so)
        if named_so
        else context.names.provider_of_machine(quote.instance) or context.provider_hint
    )
    if not found:
        raise Unmapped("the file does not name the provider: add --provider", quote.instance)
    return found


def _gpu_of(
    quote: Quote, provider: str, machine: Machine | None, names: Names
) -> tuple[str, int, bool]:
    if machine is not None:
        stated = family_of(quote.gpu)
        if stated and stated != machine.gpu.partition("-")[0]:
            what = f"{quote.instance} is listed with {quote.gpu}; it has {machine.gpu}"
            raise Unmapped("GPU differs from the machine's", what)
        return machine.gpu, machine.gpus, False
    if not quote.gpu and not family_of(quote.instance):
        raise Unmapped(NO_GPU, quote.instance)
    gpu, assumed = names.gpu(provider, quote.gpu, quote.instance, quote.memory_gib)
    count = quote.gpus
    if count is None:
        raise Unmapped(
            "number of GPUs unknown: not in the file, nor in machines.csv", quote.instance
        )
    if count != int(count) or not 1 <= count <= MOST_GPUS:
        raise Unmapped(
            "number of GPUs is not a whole one", f"{quote.instance or quote.gpu}: {count:g}"
        )
    return gpu, int(count), assumed


def _tell_corrections(quote: Quote, machine: Machine, reading: Reading) -> None:
    if quote.gpus is not None and quote.gpus != machine.gpus and not quote.per_gpu:
        reading.warnings.append(
            f"{quote.place}: {quote.instance} is listed with {quote.gpus:g} GPUs;"
            f" it has {machine.gpus}, which are used"
        )


def _day(quote: Quote, context: Context) -> date:
    day = context.as_of if quote.since and context.as_of else quote.as_of or context.as_of
    if day is None:
        raise Unmapped("no date: add --as-of", quote.instance or quote.gpu)
    if max(day, quote.since or day) > context.today + AHEAD or day < FIRST_PRICE:
        raise Unmapped("date in the future or before the first prices", f"{quote.instance} {day}")
    return day


def _usd(quote: Quote, count: int, context: Context) -> tuple[float, str]:
    """USD per hour of the machine, and what to note of the currency."""
    price, note = quote.price, ""
    if price is None or not price > 0.0:
        raise Unmapped("no price above 0", quote.instance or quote.gpu)
    currency = quote.currency.strip().upper()
    if currency != "USD":
        try:
            per_usd, as_of = context.exchange_rate(currency)
        except UnknownName:
            raise Unmapped("currency without a known rate", currency) from None
        note = f"{price:.6g} {currency} at {per_usd:g} {currency} per USD of {as_of}"
        price /= per_usd
    return price * (count if quote.per_gpu else 1), note


def _key(offer: Offer) -> _Key:
    return (
        offer.provider,
        machine_key(offer.instance),
        offer.region,
        offer.gpu,
        offer.gpus_per_instance,
        offer.purchase,
        offer.term_months,
        round(offer.upfront_share, 2),
    )


def _chosen(group: Sequence[_Mapped]) -> tuple[_Mapped, list[SupersededPrice]]:
    """The one price of a machine, and the others.

    Newest wins. Of one day: zones of a region at one price are one; of spot prices and of
    commitments the cheapest is bought; of two list prices the dearer is the cautious one.
    """
    newest = max(one.rank for one in group)
    current = [one for one in group if one.rank == newest]
    cheapest = group[0].offer.purchase is not Purchase.ON_DEMAND
    pick = min if cheapest else max
    best = pick(current, key=lambda one: one.offer.usd_per_instance_hour)
    replaced = [
        SupersededPrice(one.quote.place, one.offer, best.quote.place, _why(one, best))
        for one in group
        if one is not best
    ]
    if best.quote.is_statistic:
        best = _pooled(best, group)
    return best, replaced


def _why(one: _Mapped, best: _Mapped) -> str:
    if one.rank[:2] < best.rank[:2]:
        return "older"
    if one.rank < best.rank:
        return "not the region's own meter"
    price, chosen = one.offer.usd_per_instance_hour, best.offer.usd_per_instance_hour
    if abs(price / chosen - 1.0) <= SAME_PRICE:
        return "same price"
    return "dearer of the same day" if price > chosen else "cheaper of the same day"


def _pooled(best: _Mapped, group: Sequence[_Mapped]) -> _Mapped:
    """A marketplace's median over the last days."""
    since = best.offer.as_of - timedelta(days=MEDIAN_DAYS - 1)
    prices = [one.offer.usd_per_instance_hour for one in group if one.offer.as_of >= since]
    if len(prices) == 1:
        return best
    note = f"{best.offer.note}; median of {len(prices)} days"
    return replace(best, offer=replace(best.offer, usd_per_instance_hour=median(prices), note=note))


def _is_absent_spot(one: _Mapped, kept: dict[_Key, _Mapped], key: _Key) -> bool:
    if one.offer.purchase is not Purchase.SPOT:
        return False
    base = kept.get((*key[:5], Purchase.ON_DEMAND, 0, 0.0))
    if base is None:
        return False
    dearest = ABSENT_SPOT_SHARE * base.offer.usd_per_instance_hour
    return dearest <= one.offer.usd_per_instance_hour <= base.offer.usd_per_instance_hour


def _warn(kept: Iterable[_Mapped], reading: Reading) -> None:
    providers = {one.offer.provider for one in kept}
    undated = {one.offer.provider for one in kept if one.quote.as_of is None}
    for provider in sorted(providers & undated & set(CONSTANTS)):
        reading.warnings.append(
            f"{provider}: gpuhunt writes these prices in its code; they are as old as that"
        )
    if "lambda" in undated:
        reading.warnings.append(
            "lambda: the file lists every machine in every region, sold there or not"
        )


def named(offer: Offer) -> str:
    """An offer as a line of text."""
    words = (offer.provider, offer.instance or offer.gpu, offer.region, offer.purchase.value)
    return " ".join(word for word in words if word)
