"""Pages of the Azure Retail Prices API: `Items` of every kind of meter, one machine in many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any, Final

from gpumix.catalog.importers.cells import day_in, months_in, number_of
from gpumix.catalog.importers.names import family_of
from gpumix.catalog.importers.reading import (
    NO_GPU,
    Quote,
    Reading,
    Source,
    as_mapping,
    as_text,
    committed,
)
from gpumix.domain.offer import Purchase
from gpumix.reading import parse_json
from gpumix.units import HOURS_PER_YEAR

_NOT_RENTED: Final = (
    ("windows", "Windows meter: licence included"),
    ("low priority", "Low Priority: for Azure Batch only"),
    ("dedicated host", "dedicated host, not a machine"),
    ("cloud services", "Cloud Services, not a virtual machine"),
    ("promo", "promotional meter"),
)
"""What a product's, meter's or SKU's name says -> why it is no offer."""


def read(source: Source) -> Reading:
    """Quotes on demand, spot and committed; of a reservation the price is the whole term's.

    Raises: InputError where it is no JSON.
    """
    reading = Reading()
    page = parse_json(source.text, source.name)
    items = page if isinstance(page, list) else as_mapping(page).get("Items")
    for number, item in enumerate(items if isinstance(items, list) else ()):
        add_item(as_mapping(item), f"{source.name} Items[{number}]", reading)
    if as_text(as_mapping(page).get("NextPageLink")):
        reading.warnings.append(
            f"{source.name}: is one page of a longer list (NextPageLink is set);"
            " `gpumix prices refresh --source azure` reads all pages"
        )
    return reading


def add_item(
    item: Mapping[str, Any], place: str, reading: Reading, seen: date | None = None
) -> None:
    """Add the quotes of one item, or the reason why it has none.

    `seen` is the day on which the list was fetched; without it a price is of the day from which
    it holds.
    """
    machine = as_text(item.get("armSkuName"))
    names = " ".join(as_text(item.get(k)) for k in ("productName", "meterName", "skuName")).lower()
    why = _why_no_offer(item, names)
    if not machine or not family_of(f"{machine} {names}"):
        reading.refuse(place, NO_GPU, machine or as_text(item.get("productName")))
        return
    if why:
        reading.refuse(place, why, machine)
        return
    since = day_in(as_text(item.get("effectiveStartDate")))
    base = Quote(
        place=place,
        provider="azure",
        instance=machine,
        gpu="",
        gpus=None,
        region=as_text(item.get("armRegionName")),
        purchase=Purchase.SPOT if " spot" in f" {names}" else Purchase.ON_DEMAND,
        price=number_of(item.get("retailPrice")),
        as_of=seen or since,
        since=since,
        currency=as_text(item.get("currencyCode")) or "USD",
        is_primary=item.get("isPrimaryMeterRegion") is not False,
    )
    if as_text(item.get("type")).lower() == "reservation":
        _add_commitment(base, as_text(item.get("reservationTerm")), "reservation", True, reading)
        return
    reading.quotes.append(base)
    plans = item.get("savingsPlan")
    for plan in plans if isinstance(plans, list) else ():
        offered = replace(base, price=number_of(as_mapping(plan).get("retailPrice")))
        _add_commitment(
            offered, as_text(as_mapping(plan).get("term")), "savings plan", False, reading
        )


def _why_no_offer(item: Mapping[str, Any], names: str) -> str:
    kind = as_text(item.get("type")).lower()
    service = as_text(item.get("serviceName")).lower()
    if kind.startswith("devtest"):
        return "DevTest price: for subscribers of Visual Studio only"
    if kind not in ("consumption", "reservation", ""):
        return f"price of another kind ({kind[:30]})"
    if service and service != "virtual machines":
        return "another service than Virtual Machines"
    unit = as_text(item.get("unitOfMeasure")).lower()
    if kind != "reservation" and unit not in ("1 hour", "1 hours", ""):
        return f"priced in another unit than the hour ({unit[:30]})"
    return next((why for word, why in _NOT_RENTED if word in names), "")


def _add_commitment(base: Quote, term: str, kind: str, is_total: bool, reading: Reading) -> None:
    months = months_in(term)
    if months is None:
        reading.refuse(base.place, "commitment without a stated term", base.instance)
        return
    purchase, length = committed(months)
    hours = HOURS_PER_YEAR * months / 12
    price = base.price / hours if is_total and base.price is not None else base.price
    note = f"{kind}, {term.lower()}"
    reading.quotes.append(
        replace(base, purchase=purchase, term_months=length, price=price, note=note)
    )
