"""The AWS bulk price list of EC2, `index.csv`: metadata, then a row a price dimension."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Final

from gpumix.catalog.importers.cells import Line, day_in, months_in
from gpumix.catalog.importers.reading import NO_GPU, Quote, Reading, Source, committed, table_in
from gpumix.domain.offer import Purchase
from gpumix.units import HOURS_PER_YEAR

COLUMNS: Final = frozenset({"sku", "termtype", "priceperunit"})
_WANTED: Final = (
    ("operating system", ("linux",), "another operating system"),
    ("tenancy", ("shared",), "dedicated tenancy"),
    ("capacitystatus", ("used",), "capacity reservation"),
    ("pre installed s/w", ("", "na"), "software installed"),
    ("marketoption", ("", "ondemand"), "capacity block: booked ahead for a while"),
    ("license model", ("", "no license required"), "licence included"),
)
"""Column -> the values that a plain machine has, and what others mean."""
_UPFRONT: Final = "upfront fee"
_Offered = tuple[str, str, str, str]


def read(source: Source) -> Reading:
    """Quotes on demand and reserved; the two lines of a part-paid reservation make one.

    A price is of the list's publication date, when the list was true. Raises: InputError where it
    is no such table.
    """
    reading = Reading()
    grid = table_in(source, COLUMNS, reading)
    published = day_in(grid.preamble.get("publication date", ""))
    reserved: dict[_Offered, list[Line]] = {}
    for line in grid.lines:
        why = _why_no_offer(line)
        if why:
            reading.refuse(line.place, why, line.text("instance type"))
        elif line.text("termtype").lower() == "reserved":
            columns = ("sku", "leasecontractlength", "purchaseoption", "offeringclass")
            sku, lease, option, kind = (line.text(c) for c in columns)
            reserved.setdefault((sku, lease, option, kind), []).append(line)
        else:
            reading.quotes.append(
                _quote(line, published, Purchase.ON_DEMAND, line.number("priceperunit"))
            )
    for lines in reserved.values():
        _add_reserved(lines, published, reading)
    return reading


def _why_no_offer(line: Line) -> str:
    count = line.number("gpu")
    if not line.text("instance type") or not count:
        return NO_GPU
    if line.text("region code", "regioncode").lower().startswith("us-gov"):
        return "GovCloud: sold to agencies of the USA and their suppliers only"
    for column, plain, why in _WANTED:
        value = line.cells.get(column, plain[0]).strip().lower()
        if value not in plain and not (value in ("na", "n/a") and "" in plain):
            system = value == "windows" and column == "operating system"
            return "Windows: licence included" if system else why
    if line.text("termtype").lower() == "ondemand" and line.number("priceperunit") == 0.0:
        return "price 0"
    return ""


def _quote(
    line: Line,
    published: date | None,
    purchase: Purchase,
    price: float | None,
    months: int = 0,
    upfront: float = 0.0,
    note: str = "",
) -> Quote:
    since = day_in(line.text("effectivedate"))
    return Quote(
        place=line.place,
        provider="aws",
        instance=line.text("instance type"),
        gpu="",
        gpus=line.number("gpu"),
        region=line.text("region code", "regioncode"),
        purchase=purchase,
        price=price,
        as_of=published or since,
        since=since,
        currency=line.text("currency") or "USD",
        term_months=months,
        upfront_share=upfront,
        note=note,
    )


def _add_reserved(lines: Sequence[Line], published: date | None, reading: Reading) -> None:
    first = lines[0]
    months = months_in(first.text("leasecontractlength"))
    if months is None:
        reading.refuse(first.place, "commitment without a stated term", first.text("instance type"))
        return
    once = [line for line in lines if line.text("pricedescription").lower() == _UPFRONT]
    hourly = [line for line in lines if line not in once]
    paid = sum(line.number("priceperunit") or 0.0 for line in once[:1])
    rate = sum(line.number("priceperunit") or 0.0 for line in hourly[:1])
    option = first.text("purchaseoption")
    if not hourly or (not once and option.lower() in ("all upfront", "partial upfront")):
        reading.refuse(
            first.place,
            "half of a reservation: its upfront or its hourly line is missing",
            f"{first.text('instance type')}, {option}",
        )
        return
    total = paid / (HOURS_PER_YEAR * months / 12) + rate
    share = paid / (HOURS_PER_YEAR * months / 12) / total if total else 0.0
    purchase, length = committed(months)
    note = f"{option.lower()}, {first.text('offeringclass').lower()} reserved instance"
    reading.quotes.append(
        _quote(hourly[0], published, purchase, total, length, share, note.strip(", "))
    )
