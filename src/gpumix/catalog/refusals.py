"""Rules that refuse a row: what cannot be true of a price."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from math import inf
from typing import Final

from gpumix.catalog.findings import Known, Placed, kind, named
from gpumix.catalog.machines import Machines, squeezed
from gpumix.catalog.peers import ANY_INSTANCE, Peers, place
from gpumix.domain.bounds import FIRST_PRICE
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.price_check import Finding
from gpumix.errors import did_you_mean, shortened

Rule = Callable[[Offer, int, Known, Machines], Iterator[Finding]]
SAME_PRICE: Final = 1e-9
"""Relative difference below which two prices are one."""


def unknown_gpu(offer: Offer, line: int, known: Known, _: Machines) -> Iterator[Finding]:
    """A GPU that is in no catalogue."""
    if offer.gpu not in known.gpus:
        what = f"unknown GPU {shortened(offer.gpu)}"
        yield Finding(line, "gpu", what, did_you_mean(offer.gpu, known.gpus))


def wrong_machine(offer: Offer, line: int, known: Known, machines: Machines) -> Iterator[Finding]:
    """Another GPU, memory or count than the machine has, or than any machine of the GPU has."""
    if offer.gpu not in known.gpus or offer.instance.lower() == ANY_INSTANCE:
        return
    what = (
        _not_as_sold(offer, machines) or _not_as_named(offer, machines) or _no_size(offer, machines)
    )
    if what:
        yield Finding(line, "wrong-machine", what, "correct gpu, gpus_per_instance or instance")


def _not_as_sold(offer: Offer, machines: Machines) -> str:
    sold = machines.sold_as(offer.provider, offer.instance)
    if not sold or (offer.gpu, offer.gpus_per_instance) in sold:
        return ""
    has = " or ".join(f"{count} x {gpu}" for gpu, count in sorted(sold))
    return (
        f"{offer.provider} {offer.instance} is listed with"
        f" {offer.gpus_per_instance} x {offer.gpu}; it has {has}"
    )


def _not_as_named(offer: Offer, machines: Machines) -> str:
    names = machines.names
    other = names.other_memory(offer.instance, offer.gpu)
    if other is not None:
        return f"{offer.instance} has {other} GB a GPU by its name; {offer.gpu} has not"
    if names.is_other_gpu(offer.instance, offer.gpu):
        return f"{offer.instance} is not a machine of {offer.gpu} by its name"
    return ""


def _no_size(offer: Offer, machines: Machines) -> str:
    if (offer.gpu, offer.gpus_per_instance) in machines.sold_as(offer.provider, offer.instance):
        return ""
    counts = machines.counts[offer.gpu]
    if offer.gpus_per_instance in counts:
        return ""
    sizes = ", ".join(map(str, sorted(counts)))
    return f"no machine has {offer.gpus_per_instance} x {offer.gpu}; they have {sizes}"


def outside_band(offer: Offer, line: int, known: Known, _: Machines) -> Iterator[Finding]:
    """A price outside its band: a bid floor, a cent for a dollar, a node's price per GPU."""
    band = known.bands.of(offer.gpu, offer.provider)
    low = band.low if offer.purchase is Purchase.ON_DEMAND else band.low_discounted
    price = offer.usd_per_gpu_hour
    if not low <= price <= band.high:
        tier = known.bands.tiers.get(offer.provider)
        whose = f" of a {tier}" if tier else ""
        what = (
            f"{named(offer)}: {price:.4g} USD per GPU-hour is outside the sane band{whose},"
            f" {low:g}-{band.high:g}"
        )
        yield Finding(line, "band", what, "check price, GPU count and currency")


def impossible_date(offer: Offer, line: int, known: Known, _: Machines) -> Iterator[Finding]:
    """A price of a time when no such GPU was rented, or of a day that is still to come."""
    latest = known.latest
    if not FIRST_PRICE <= offer.as_of <= latest:
        what = f"{named(offer)}: a price of {offer.as_of} lies outside {FIRST_PRICE} to {latest}"
        yield Finding(line, "date", what, "correct as_of, the day on which the price was true")


SINGLE: Final[tuple[Rule, ...]] = (unknown_gpu, wrong_machine, outside_band, impossible_date)
"""Rules that look at one row."""


def duplicates(placed: Sequence[Placed]) -> Iterator[Finding]:
    """Two rows for one machine, place, kind and day: of two prices neither is known to be right,
    of one price the repetition goes."""
    groups: dict[tuple[object, ...], list[Placed]] = {}
    for offer, line in placed:
        groups.setdefault((*_product(offer), place(offer), offer.as_of), []).append((offer, line))
    for rows in groups.values():
        prices = [offer.usd_per_gpu_hour for offer, _ in rows]
        repeated = max(prices) <= min(prices) * (1.0 + SAME_PRICE)
        for offer, line in rows[1:] if repeated else rows:
            others = ", ".join(str(other) for _, other in rows if other != line)
            price = "the price" if repeated else f"{offer.usd_per_gpu_hour:.4g} here, another price"
            what = f"{named(offer)} of {offer.as_of}: {price} of line {others}"
            yield Finding(line, "duplicate", what, "keep one of them")


def wrong_order(placed: Sequence[Placed], known: Known) -> Iterator[Finding]:
    """A commitment above the on-demand price of its machine, or above a shorter commitment."""
    own = _by_months(offer for offer, _ in placed)
    listed = _by_months(o for o in known.offers if o.purchase is Purchase.ON_DEMAND)
    for offer, line in placed:
        shorter = ((m, own[m].of(offer)) for m in sorted(own) if m < offer.term_months)
        found = [(months, peers) for months, peers in shorter if peers]
        if not any(months == 0 for months, _ in found) and offer.term_months and 0 in listed:
            found += [(0, listed[0].of(offer))]
        for months, peers in found:
            most = max((peer.usd_per_gpu_hour for peer in peers), default=inf)
            if offer.usd_per_gpu_hour > most * (1.0 + SAME_PRICE):
                than = f"for {months} months" if months else "on demand"
                what = (
                    f"{named(offer)}: {offer.usd_per_gpu_hour:.4g} USD per GPU-hour is above"
                    f" {most:.4g} {than}"
                )
                fix = "a longer commitment costs less; check which price is which"
                yield Finding(line, "term-order", what, fix)
                break


def _by_months(offers: Iterable[Offer]) -> dict[int, Peers]:
    """Offers by the length of the commitment; 0 is on demand. Spot prices are left out."""
    by_months: dict[int, list[Offer]] = {}
    for offer in offers:
        if offer.purchase is not Purchase.SPOT:
            by_months.setdefault(offer.term_months, []).append(offer)
    return {months: Peers(found) for months, found in by_months.items()}


def _product(offer: Offer) -> tuple[object, ...]:
    """Machine, kind of purchase and layer: your own rate does not repeat an imported price."""
    return (
        offer.provider,
        squeezed(offer.instance),
        offer.gpu,
        offer.gpus_per_instance,
        kind(offer),
        offer.upfront_share,
        offer.layer,
    )
