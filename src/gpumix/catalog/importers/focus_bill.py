"""FOCUS bills (FinOps Foundation, versions 1.0 to 1.2): what the hours of a machine really cost."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from gpumix.catalog.importers.cells import Line, day_in, months_in, number_of
from gpumix.catalog.importers.names import family_of
from gpumix.catalog.importers.reading import (
    NO_GPU,
    Quote,
    Reading,
    Source,
    as_mapping,
    as_text,
    committed,
    table_in,
)
from gpumix.domain.offer import Purchase
from gpumix.domain.price_import import CommitmentUse, MoneyCredit
from gpumix.units import SECONDS_PER_HOUR

COLUMNS: Final = frozenset({"chargecategory", "effectivecost", "pricingquantity"})
_NOT_USAGE: Final = {
    "purchase": "purchase of a commitment: its hours carry the cost",
    "tax": "tax",
    "credit": "credit: money given once, no rate",
    "adjustment": "adjustment",
}
_HOURS: Final = {"hours": 1.0, "hour": 1.0, "hrs": 1.0, "hr": 1.0, "h": 1.0, "instance-hours": 1.0,
                 "seconds": 1 / SECONDS_PER_HOUR, "second": 1 / SECONDS_PER_HOUR,
                 "minutes": 1 / 60, "minute": 1 / 60}  # fmt: skip
_HOST_PART = re.compile(r"\b(?:core|cpu|vcpu|ram|memory)\b", re.I)
_GPU_METER = re.compile(r"\bgpu\b", re.I)
_CONTRACT = re.compile(r"\breserved\b|\bcommitted\b|\bcontract\b", re.I)


@dataclass(slots=True)
class _Hours:
    """Hours of one machine, place and kind of purchase within a billing period."""

    quote: Quote
    lines: int = 0
    cost: float = 0.0
    hours: float = 0.0


@dataclass(slots=True)
class _Bill:
    """What is gathered while a bill is read."""

    terms: Mapping[str, int]
    hosts: Mapping[tuple[str, str], float]
    machines: frozenset[str]
    hours: dict[tuple[object, ...], _Hours] = field(default_factory=dict)
    used: dict[tuple[str, str], list[float]] = field(default_factory=dict)


def read(source: Source, machines: frozenset[str]) -> Reading:
    """Effective rates: EffectiveCost / PricingQuantity over a billing period; `machines` are known.

    A unit that is billed as GPU, CPU and memory of one resource is added up. Purchases, taxes,
    credits, corrections and unused commitment give no rate; the use of commitments is reported.

    Raises: InputError where it is no such table.
    """
    reading = Reading()
    grid = table_in(source, COLUMNS, reading)
    bill = _Bill(_terms(grid.lines), _host_costs(grid.lines), machines)
    for line in grid.lines:
        _read_line(line, bill, reading)
    for one in bill.hours.values():
        reading.quotes.append(_rate(one))
    for (commitment, provider), (used, unused) in sorted(bill.used.items()):
        share = used / (used + unused) if used + unused > 0.0 else 0.0
        reading.commitments.append(CommitmentUse(commitment, provider, used, unused, share))
    return reading


def _terms(lines: Sequence[Line]) -> dict[str, int]:
    """Length [months] of each commitment, from any of its rows that states it."""
    found: dict[str, int] = {}
    for line in lines:
        commitment = line.text("commitmentdiscountid")
        stated = (
            line.text(c)
            for c in ("commitmentdiscountname", "commitmentdiscounttype", "chargedescription")
        )
        months = next((m for m in map(months_in, stated) if m), None)
        if commitment and months:
            found.setdefault(commitment, months)
    return found


def _host_costs(lines: Sequence[Line]) -> dict[tuple[str, str], float]:
    """Effective cost of CPU and memory billed apart, by resource and charge period."""
    found: dict[tuple[str, str], float] = {}
    for line in lines:
        cost = line.number("effectivecost")
        if _is_host_part(line) and cost is not None and line.text("resourceid"):
            key = (line.text("resourceid"), line.text("chargeperiodstart"))
            found[key] = found.get(key, 0.0) + cost
    return found


def _is_host_part(line: Line) -> bool:
    instance = _instance(line, _details(line))
    words = f"{line.text('chargedescription')} {line.text('skumeter')} {instance}"
    usage = line.text("chargecategory").lower() == "usage" and not line.text("chargeclass")
    return usage and bool(_HOST_PART.search(words)) and not _GPU_METER.search(words)


def _read_line(line: Line, bill: _Bill, reading: Reading) -> None:
    details = _details(line)
    instance = _instance(line, details)
    why = _why_no_rate(line, bill, details, instance)
    if line.text("chargecategory").lower() == "credit":
        _add_credit(line, reading)
    _add_use(line, bill)
    if why:
        reading.refuse(line.place, why, instance or line.text("chargedescription"))
        return
    cost, quantity = line.number("effectivecost") or 0.0, line.number("pricingquantity") or 0.0
    host = bill.hosts.get((line.text("resourceid"), line.text("chargeperiodstart")), 0.0)
    is_meter = _is_gpu_meter(instance, bill)
    if is_meter and not host:
        reading.warnings.append(
            f"{line.place}: {instance} is the GPU meter alone; add the CPU and memory of its host,"
            " which are billed as SKUs of their own"
        )
    quote = _quote(line, details, instance, bill)
    key = (
        quote.provider, quote.instance, quote.region, quote.purchase, quote.term_months,
        quote.currency, line.text("billingperiodstart"),
    )  # fmt: skip
    one = bill.hours.setdefault(key, _Hours(quote))
    if quote.as_of and (one.quote.as_of is None or quote.as_of > one.quote.as_of):
        one.quote = quote
    one.lines += 1
    one.cost += cost + (host if is_meter else 0.0)
    one.hours += quantity * _HOURS[line.text("pricingunit").lower()]


def _why_no_rate(line: Line, bill: _Bill, details: Mapping[str, Any], instance: str) -> str:
    category = line.text("chargecategory").lower()
    if line.text("chargeclass").lower() == "correction":
        return "correction of an earlier bill"
    if category != "usage":
        return _NOT_USAGE.get(category, "charge of another kind")
    if line.text("commitmentdiscountstatus").lower() == "unused":
        return "unused commitment: a cost without hours"
    if _is_host_part(line):
        return "CPU or memory of a host: added to the GPU's meter"
    count = number_of(details.get("gpucount"))
    if count == 0.0 or (count is None and not _names_gpu(instance, bill)):
        return NO_GPU
    if "windows" in as_text(details.get("operatingsystem")).lower():
        return "Windows: licence included"
    if line.text("pricingunit").lower() not in _HOURS:
        return "not billed by time"
    if not (line.number("pricingquantity") or 0.0) > 0.0:
        return "no hours"
    if not (line.number("effectivecost") or 0.0) > 0.0:
        return "no effective cost"
    return ""


def _names_gpu(instance: str, bill: _Bill) -> bool:
    return instance.lower() in bill.machines or bool(family_of(instance))


def _is_gpu_meter(instance: str, bill: _Bill) -> bool:
    return bool(_GPU_METER.search(instance)) and instance.lower() not in bill.machines


def _details(line: Line) -> Mapping[str, Any]:
    """`SkuPriceDetails` with keys in lower case; what is no JSON object gives an empty one."""
    try:
        found = json.loads(line.text("skupricedetails") or "{}")
    except (ValueError, RecursionError):
        return {}
    return {key.lower(): value for key, value in as_mapping(found).items()}


def _instance(line: Line, details: Mapping[str, Any]) -> str:
    sku = line.text("skuid").removeprefix("SKU-")
    return as_text(details.get("instancetype")) or sku or line.text("chargedescription")


def _quote(line: Line, details: Mapping[str, Any], instance: str, bill: _Bill) -> Quote:
    purchase, months = _purchase(line, bill)
    listed = line.number("listunitprice")
    note = f"effective rate of a bill{f', list {listed:g}' if listed else ''}"
    if purchase is Purchase.RESERVED and not months:
        note += ", term not stated"
    return Quote(
        place=line.place,
        provider=line.text("providername", "serviceprovidername", "publishername"),
        instance=instance,
        gpu=instance if family_of(instance) else "",
        gpus=number_of(details.get("gpucount")),
        region=line.text("regionid", "regionname"),
        purchase=purchase,
        price=None,
        as_of=day_in(line.text("chargeperiodstart")),
        currency=line.text("billingcurrency") or "USD",
        term_months=months,
        note=note,
    )


def _purchase(line: Line, bill: _Bill) -> tuple[Purchase, int]:
    category = line.text("pricingcategory").lower()
    if category == "dynamic":
        return Purchase.SPOT, 0
    commitment = line.text("commitmentdiscountid")
    if category == "committed" or commitment or _CONTRACT.search(line.text("chargedescription")):
        months = bill.terms.get(commitment) or months_in(line.text("chargedescription")) or 0
        return committed(months)
    return Purchase.ON_DEMAND, 0


def _rate(one: _Hours) -> Quote:
    note = f"{one.quote.note}, {one.hours:g} hours"
    return replace(one.quote, price=one.cost / one.hours, note=note)


def _add_use(line: Line, bill: _Bill) -> None:
    commitment, cost = line.text("commitmentdiscountid"), line.number("effectivecost")
    status = line.text("commitmentdiscountstatus").lower()
    if commitment and cost is not None and status in ("used", "unused"):
        both = bill.used.setdefault((commitment, line.text("providername")), [0.0, 0.0])
        both[status == "unused"] += cost


def _add_credit(line: Line, reading: Reading) -> None:
    reading.credits.append(
        MoneyCredit(
            line.place,
            line.text("providername", "serviceprovidername"),
            line.number("billedcost", "effectivecost") or 0.0,
            line.text("billingcurrency") or "USD",
            line.text("chargedescription"),
            None,
        )
    )
