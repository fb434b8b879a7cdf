"""A team's quotations for servers: a CSV sheet -> records, every bad row at once."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from gpumix.catalog.currencies import Rates, unknown_currency
from gpumix.catalog.tables import Row, read_sheet, refuse_input
from gpumix.domain.quote import INCLUDES, Quote
from gpumix.errors import Problem, unknown_name

REQUIRED: Final = ("item", "gpu", "gpus", "price", "as_of")
COLUMNS: Final = (*REQUIRED, "currency", "tax", "includes", "valid_until")
OLDEST: Final = date(2020, 1, 1)
MOST_GPUS: Final = 1_000_000
MOST_USD: Final = 1e12


def read_quotes(
    path: Path,
    names: Mapping[str, str],
    known: Collection[str],
    rates: Rates,
    as_of: date,
    today: date,
) -> tuple[Quote, ...]:
    """The quotations in a sheet.

    Args:
        path: the sheet.
        names: every name of a GPU in lower case -> its id.
        known: ids of GPUs.
        rates: currencies with a rate.
        as_of: the day of the plan, on which a quotation must still hold.
        today: the latest day on which one may have been made.

    Raises: InputError with every bad row: a price that is not above 0, an unknown GPU, currency or
        part, dates out of order or in the future, a quotation that has expired, one given twice.
    """
    found: dict[tuple[str, str, int], str] = {}
    quotes: list[Quote] = []
    problems: list[Problem] = []

    def record(row: Row) -> Quote:
        return _quote(row, names, rates)

    for quote, row in read_sheet(path, REQUIRED, COLUMNS, record):
        problems = row.problems
        if quote.gpu and quote.gpu not in known:
            problems.append(unknown_name(row.place, "GPU", quote.gpu, known))
        _check_dates(quote, row, as_of, today)
        key = (quote.item, quote.gpu, quote.gpus)
        if key in found:
            row.wrong(f"has the quotation of {found[key]} again", "keep one of them")
        found[key] = f"line {row.line}"
        quotes.append(quote)
    refuse_input(problems)
    return tuple(quotes)


def _quote(row: Row, names: Mapping[str, str], rates: Rates) -> Quote:
    gpu, price = row.required_text("gpu"), row.positive("price", MOST_USD)
    gpus, currency = row.positive("gpus", MOST_GPUS), row.text("currency", "USD").upper()
    if gpus != int(gpus):
        row.wrong(f"gpus is {gpus:g}", "write a whole number")
    rate = 1.0
    if currency in rates:
        rate = rates[currency][0]
    else:
        row.problems.append(unknown_currency(row.place, currency, rates))
    return Quote(
        item=row.required_text("item"),
        gpu=names.get(gpu.lower(), gpu),
        gpus=max(int(gpus), 1),
        price=price,
        currency=currency,
        usd=price / rate,
        tax=row.text("tax"),
        includes=_includes(row),
        as_of=row.day("as_of"),
        valid_until=row.day("valid_until") if row.text("valid_until") else None,
    )


def _includes(row: Row) -> tuple[str, ...]:
    parts = [part for part in re.split(r"[;,+|\s]+", row.text("includes").lower()) if part]
    for part in parts:
        if part not in INCLUDES:
            row.problems.append(unknown_name(row.place, "part in includes", part, INCLUDES))
    if "tax" in parts and row.text("tax"):
        row.wrong("includes tax and names taxes", "keep one: the column tax, or tax in includes")
    return tuple(part for part in INCLUDES if part in parts)


def _check_dates(quote: Quote, row: Row, as_of: date, today: date) -> None:
    """Notes dates that cannot be, and a quotation that nobody has to keep any more."""
    if date.min in (quote.as_of, quote.valid_until):
        return
    if not OLDEST <= quote.as_of <= today:
        row.wrong(f"as_of is {quote.as_of}", f"a day from {OLDEST} to {today}")
    until = quote.valid_until
    if until is None:
        return
    if until < quote.as_of:
        row.wrong(
            f"valid_until, {until}, is before as_of, {quote.as_of}", "write the dates in order"
        )
    elif until < as_of:
        row.wrong(
            f"the quotation {quote.item!r} for {quote.gpu} expired on {until}, before {as_of}",
            "ask for a new one and write its price and dates, or delete the line",
        )
