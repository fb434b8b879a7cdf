"""A vendor's quotation as a sheet: free columns, words and number formats of people."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from gpumix.catalog.importers.cells import Line, amount_in, day_in, head_rows, months_in
from gpumix.catalog.importers.reading import Quote, Reading, Source, committed, table_in
from gpumix.domain.offer import Purchase
from gpumix.domain.price_import import ListDiscount, MoneyCredit
from gpumix.units import HOURS_PER_MONTH, HOURS_PER_YEAR, PERCENT

_COLUMNS: Final = {
    "provider": ("vendor", "provider", "supplier", "anbieter", "lieferant"),
    "instance": ("sku", "instance", "machine", "product", "artikel"),
    "gpu": ("gpu", "gpu type", "gpu model", "accelerator"),
    "count": ("qty", "quantity", "gpus", "# gpus", "gpu count", "no. of gpus", "anzahl"),
    "region": ("region", "location", "site", "standort"),
    "term": ("term", "commitment", "laufzeit", "period", "contract"),
    "payment": ("payment", "zahlung"),
    "list": ("list",),
    "discount": ("discount", "rabatt"),
    "rate": ("net", "rate", "price", "unit price", "our price", "nettopreis", "preis"),
    "unit": ("unit", "per", "einheit"),
    "currency": ("currency", "währung", "waehrung", "ccy"),
    "from": ("valid from", "quote date", "date", "as of", "as_of", "gültig ab", "gueltig ab"),
    "until": ("valid until", "valid to", "expires", "expiry", "gültig bis", "gueltig bis"),
    "quote": ("quote no", "quote", "angebot"),
    "notes": ("notes", "note", "comment", "remarks", "bemerkung"),
}
"""Meaning of a column -> how its name begins, in English or German."""
_TIME = re.compile(
    r"(?:per|/|pro|je|and|und|-)\s*(hour|hr|h\b|stunde|month|monat|mo\b|year|yr|jahr)", re.I
)
_WHOLE = re.compile(r"(?:per|/|pro|je)\s*(node|server|instance|machine|system|knoten|box)", re.I)
_EACH = re.compile(r"(?:per|/|pro|je|\$/)\s*gpu", re.I)
_SIZE = re.compile(
    r"(?:^|[\s_(-])(\d{1,2})\s*x[\s_]*[a-z]|[-_ ](?:x)?(\d{1,2})$|x(\d{1,2})(?![\da-z])", re.I
)
_SHARE = re.compile(r"(\d+(?:[.,]\d+)?)\s*%")
_OPEN_TERMS = re.compile(
    r"on.?demand|month(?:ly)?|monatlich|hourly|payg|pay as you go|flex|none", re.I
)
_AGREE: Final = 0.005
_LARGEST: Final = 8


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Where each meaning stands, and the order of day and month in the sheet's dates."""

    columns: Mapping[str, str]
    month_first: bool | None

    def text(self, line: Line, meaning: str) -> str:
        """The cell of a meaning; empty where the sheet has no such column."""
        return line.text(self.columns[meaning]) if meaning in self.columns else ""

    def day(self, line: Line, meaning: str) -> date | None:
        """The day of a meaning."""
        return day_in(self.text(line, meaning), month_first=self.month_first)


def meanings(header: Sequence[str]) -> dict[str, str]:
    """Meaning -> column, for a header; the longest beginning that fits decides."""
    found: dict[str, str] = {}
    for meaning, beginnings in _COLUMNS.items():
        for name in header:
            plain = name.strip().lower()
            named = plain in beginnings or any(
                re.match(rf"{re.escape(b)}(?![a-z])", plain) for b in beginnings
            )
            if named and name not in found.values() and meaning not in found:
                found[meaning] = plain
    return found


def is_quotation(header: Sequence[str]) -> bool:
    """Whether a header is that of a quotation: who, what and for how much."""
    found = meanings(header)
    return {"provider", "rate"} <= found.keys() and bool({"gpu", "instance"} & found.keys())


def read(source: Source, today: date) -> Reading:
    """Rates per GPU-hour or machine-hour; discounts and credits apart, which are no rates.

    Raises: InputError where no line is the header of a quotation.
    """
    reading = Reading()
    header = next((row for row in head_rows(source.text, source.name) if is_quotation(row)), [])
    grid = table_in(source, frozenset(c.strip().lower() for c in header), reading)
    columns = meanings(grid.columns)
    days = [line.text(columns[m]) for m in ("from", "until") if m in columns for line in grid.lines]
    sheet = _Sheet(columns, _month_first(days))
    for line in grid.lines:
        _read_line(line, sheet, today, reading)
    return reading


def _month_first(days: Sequence[str]) -> bool | None:
    """Whether the month comes first, where some date of the sheet allows only one reading."""
    for text in days:
        found = re.match(r"(\d{1,2})[/-](\d{1,2})[/-]\d{4}", text)
        if found and int(found[2]) > 12:
            return True
        if found and int(found[1]) > 12:
            return False
    return None


def _read_line(line: Line, sheet: _Sheet, today: date, reading: Reading) -> None:
    rate, discount = amount_in(sheet.text(line, "rate")), sheet.text(line, "discount")
    listed = amount_in(sheet.text(line, "list"))
    off = _SHARE.search(discount)
    share = float(off[1].replace(",", ".")) * PERCENT if off else None
    what = sheet.text(line, "instance") or sheet.text(line, "gpu")
    if "credit" in what.lower() or (rate is not None and rate < 0.0):
        _add_credit(line, sheet, rate, what, reading)
        return
    if rate is None and listed is None and share is not None:
        _add_discount(line, sheet, share, discount, reading)
        return
    if rate is None and listed is not None:
        rate = listed * (1.0 - (share or 0.0))
    kind = _purchase(sheet.text(line, "term"))
    if rate is None:
        reading.refuse(line.place, "no price", what)
    elif kind is None:
        reading.refuse(line.place, "commitment without a stated term", sheet.text(line, "term"))
    else:
        _warn(line, sheet, rate, listed, share, today, reading)
        reading.quotes.append(_quote(line, sheet, rate, kind))


def _purchase(term: str) -> tuple[Purchase, int] | None:
    months = months_in(term)
    if months:
        return committed(months)
    if "spot" in term.lower() or "preempt" in term.lower():
        return Purchase.SPOT, 0
    return (Purchase.ON_DEMAND, 0) if not term or _OPEN_TERMS.search(term) else None


def _quote(line: Line, sheet: _Sheet, rate: float, kind: tuple[Purchase, int]) -> Quote:
    said = [sheet.text(line, "notes"), sheet.text(line, "unit")]
    said += [sheet.columns.get("rate", ""), sheet.columns.get("list", "")]
    time = next((found[1].lower() for found in map(_TIME.search, said) if found), "hour")
    hours = {"m": HOURS_PER_MONTH, "y": HOURS_PER_YEAR, "j": HOURS_PER_YEAR}.get(time[0], 1.0)
    whole = next(
        (bool(_WHOLE.search(s)) for s in said if _WHOLE.search(s) or _EACH.search(s)), False
    )
    instance, gpu = sheet.text(line, "instance"), sheet.text(line, "gpu")
    count = amount_in(sheet.text(line, "count"))
    until = sheet.day(line, "until")
    notes = [
        sheet.text(line, "quote"),
        f"until {until}" if until else "",
        sheet.text(line, "notes"),
    ]
    return Quote(
        place=line.place,
        provider=sheet.text(line, "provider"),
        instance=instance,
        gpu=gpu or instance,
        gpus=_machine_size(instance, count),
        region=sheet.text(line, "region"),
        purchase=kind[0],
        price=rate / hours,
        per_gpu=not whole,
        as_of=sheet.day(line, "from"),
        currency=sheet.text(line, "currency") or "USD",
        term_months=kind[1],
        upfront_share=_upfront(sheet.text(line, "payment")) if kind[1] else 0.0,
        note=", ".join(note for note in notes if note),
    )


def _machine_size(instance: str, ordered: float | None) -> float | None:
    """GPUs of one machine: by its name, else what machines of up to 8 make up the quantity."""
    found = _SIZE.search(instance)
    if found:
        return float(next(size for size in found.groups() if size))
    if ordered is None or ordered <= 0.0 or ordered != int(ordered):
        return ordered
    return float(ordered if ordered <= _LARGEST else math.gcd(int(ordered), _LARGEST))


def _upfront(payment: str) -> float:
    found = _SHARE.search(payment)
    if found:
        return min(float(found[1].replace(",", ".")) * PERCENT, 1.0)
    if re.search(r"all up.?front|prepaid|in advance", payment, re.I):
        return 1.0
    return 0.5 if re.search(r"partial", payment, re.I) else 0.0


def _warn(
    line: Line,
    sheet: _Sheet,
    rate: float,
    listed: float | None,
    share: float | None,
    today: date,
    reading: Reading,
) -> None:
    until = sheet.day(line, "until")
    if until and until < today:
        reading.warnings.append(f"{line.place}: the quotation ended on {until}; ask for a new one")
    net = None if listed is None or share is None else listed * (1.0 - share)
    if net is not None and abs(net - rate) > _AGREE * rate:
        reading.warnings.append(
            f"{line.place}: list {listed:g} less {share:.0%} is {net:.4g}, but the rate is"
            f" {rate:g}; the rate is used"
        )


def _add_discount(line: Line, sheet: _Sheet, share: float, text: str, reading: Reading) -> None:
    reading.discounts.append(
        ListDiscount(
            place=line.place,
            provider=sheet.text(line, "provider").lower(),
            instance=sheet.text(line, "instance"),
            gpu=sheet.text(line, "gpu"),
            region=sheet.text(line, "region"),
            share=share,
            text=text,
            until=sheet.day(line, "until"),
        )
    )
    reading.refuse(line.place, "a discount on list prices, no rate", text)


def _add_credit(
    line: Line, sheet: _Sheet, amount: float | None, what: str, reading: Reading
) -> None:
    reading.credits.append(
        MoneyCredit(
            line.place,
            sheet.text(line, "provider"),
            amount or 0.0,
            sheet.text(line, "currency") or "USD",
            sheet.text(line, "notes") or what,
            sheet.day(line, "until"),
        )
    )
    reading.refuse(line.place, "credit: money given once, no rate", what)
