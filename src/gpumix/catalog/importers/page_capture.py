"""A captured price page as JSON: provider, day, and the rows as the page words them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from gpumix.catalog.importers.cells import amount_in, day_in, months_in, number_of
from gpumix.catalog.importers.reading import Quote, Reading, Source, as_mapping, as_text, committed
from gpumix.domain.offer import Purchase
from gpumix.reading import parse_json
from gpumix.units import HOURS_PER_MONTH, HOURS_PER_YEAR

HOURS: Final = {"hour": 1.0, "hr": 1.0, "h": 1.0, "month": HOURS_PER_MONTH, "mo": HOURS_PER_MONTH,
                "year": HOURS_PER_YEAR, "yr": HOURS_PER_YEAR, "day": 24.0}  # fmt: skip
_TERM_WORDS = re.compile(
    r"[,(]?\s*\d+[\s-]*(?:months?|years?|yr|mo)\b\s*(?:reserved|contract|commitment)?\)?", re.I
)
_TIME = re.compile(r"(?<![a-z])(hour|hr|h|month|mo|year|yr|day)(?:s|ly)?(?![a-z])")
_EACH = re.compile(r"(?<![a-z])gpu(?![a-z])")
_CURRENCIES: Final = {"€": "EUR", "£": "GBP", "₹": "INR", "¥": "JPY"}


def read(source: Source) -> Reading:
    """Quotes of the day of the capture, by instance or by GPU as each row says.

    Raises: InputError where it is no JSON.
    """
    reading = Reading()
    page = as_mapping(parse_json(source.text, source.name))
    rows = page.get("rows")
    for number, row in enumerate(rows if isinstance(rows, list) else ()):
        _add(as_mapping(row), page, f"{source.name} rows[{number}]", reading)
    return reading


def _add(row: Mapping[str, Any], page: Mapping[str, Any], place: str, reading: Reading) -> None:
    name, written = as_text(row.get("name")), as_text(row.get("price"))
    price = amount_in(written)
    if price is None:
        reading.refuse(place, "no price on the page", f"{name}: {written or 'empty'}")
        return
    unit = " ".join(as_text(row.get(key)) for key in ("unit", "per")).lower()
    unit = unit if _TIME.search(unit) else f"{unit} {written.lower()}"
    found = _TIME.search(unit)
    if found is None and as_text(row.get("unit")):
        reading.refuse(place, "unit of the price unknown", f"{name}: {row.get('unit')}")
        return
    hours = HOURS[found[1]] if found else 1.0
    kind = f"{name} {as_text(row.get('term'))} {as_text(row.get('price_model'))}".lower()
    months = months_in(kind)
    if months is None and "reserved" in kind:
        reading.refuse(place, "commitment without a stated term", name)
        return
    purchase, length = committed(months) if months else (Purchase.ON_DEMAND, 0)
    if "spot" in kind or "preemptible" in kind:
        purchase, length = Purchase.SPOT, 0
    sign = next((code for mark, code in _CURRENCIES.items() if mark in written), "USD")
    reading.quotes.append(
        Quote(
            place=place,
            provider=as_text(page.get("provider")),
            instance=_TERM_WORDS.sub("", name).strip(" ,-"),
            gpu=name,
            gpus=number_of(row.get("gpu_count")),
            region=as_text(row.get("region")),
            purchase=purchase,
            price=price / hours,
            per_gpu=bool(_EACH.search(unit)),
            as_of=day_in(as_text(page.get("captured"))),
            currency=as_text(row.get("currency")) or as_text(page.get("currency")) or sign,
            term_months=length,
            note=f"page {as_text(page.get('url'))}" if page.get("url") else "",
        )
    )
