"""Entries of a case by the line: amounts that differ by their month alone, as arrays.

A stream is a list of ledger entries held as arrays, so that a case can be counted a thousand times
in a second; `entries` writes it out.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from gpumix.domain.case import Case
from gpumix.domain.ledger import Entry
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Stream:
    """Amounts of one item: quantity x price x rate of exchange at each of `months` [n].

    `closes` says that they are paid at the end of their month (what recurs, a resale), not on the
    first day after it.
    """

    category: str
    item: str
    months: FloatArray
    quantity: FloatArray
    price: FloatArray
    rate: FloatArray
    amounts: FloatArray
    closes: bool
    unit: str = ""
    currency: str = "USD"
    source: str = ""
    basis: str = "stated"
    as_of: date | None = None

    @property
    def total(self) -> float:
        """Sum of the amounts [currency of the answer]."""
        return math.fsum(self.amounts)

    def times(self, share: float, category: str, item: str) -> Stream:
        """The same payments with a share of the price, under another name."""
        return replace(
            self,
            category=category,
            item=item,
            price=self.price * share,
            amounts=self.amounts * share,
        )

    def counted(self, count: float) -> Stream:
        """The same payments for so many of what they are of."""
        return replace(self, quantity=self.quantity * count, amounts=self.amounts * count)

    def entries(self, option: str) -> Iterable[Entry]:
        """The entries, in order of time."""
        rows = zip(self.months, self.quantity, self.price, self.rate, strict=True)
        for month, quantity, price, rate in rows:
            yield Entry(
                month=float(month),
                option=option,
                category=self.category,
                item=self.item,
                quantity=float(quantity),
                unit=self.unit,
                price=float(price),
                source=self.source,
                basis=self.basis,
                as_of=self.as_of,
                currency=self.currency,
                rate=float(rate),
                closes=self.closes,
            )


@dataclass(frozen=True, slots=True)
class Clock:
    """When things are paid: the case's months [n], and how its recurring amounts are put together.

    `running_on` is a horizon in place of the case's own, for a payback beyond it.
    """

    case: Case
    running_on: int | None = None

    @property
    def end(self) -> int:
        """Last month."""
        return self.running_on or self.case.months

    @property
    def first_month(self) -> int:
        """Calendar month of the start, from 0."""
        return int(self.case.horizon.start[5:7]) - 1

    def periods(
        self, at: int = 0, until: int | None = None, *, yearly: bool = False
    ) -> tuple[FloatArray, FloatArray]:
        """First and last month of each period of a recurring amount: (start, end], from `at`.

        By the month; by the year where the case's flows are, or from `at` on where `yearly`.
        """
        last = min(until or self.end, self.end)
        if yearly:
            starts = np.arange(at, last, MONTHS_PER_YEAR)
        elif self.case.finance.flows == "yearly":
            first_year = at // int(MONTHS_PER_YEAR) * MONTHS_PER_YEAR
            starts = np.maximum(np.arange(first_year, last, MONTHS_PER_YEAR), at)
        else:
            starts = np.arange(at, last, 1.0)
        ends = np.append(starts[1:], last) if starts.size else starts
        return starts.astype(float), ends.astype(float)

    def rates(self, currency: str | None, months: FloatArray) -> FloatArray:
        """What one of a currency is worth in that of the answer in each month [n]."""
        finance = self.case.finance
        if currency is None or currency == finance.currency:
            return np.ones_like(months)
        return finance.fx[currency].rates(months)

    def stepped(self, change_per_year: float, starts: FloatArray) -> FloatArray:
        """What a price has become: (1 + c)^whole years since the start [n]."""
        return stepped(change_per_year, starts)


def stepped(change_per_year: float, starts: FloatArray) -> FloatArray:
    """What a price has become by some months: (1 + c)^whole years since the start [n].

    Args:
        change_per_year: c, a share.
        starts: first days of the months, after the start [months], shape (n,).

    Source: definition of a price that changes once a year.
    """
    if not change_per_year:
        return np.ones_like(starts)
    return np.asarray((1.0 + change_per_year) ** (starts // MONTHS_PER_YEAR))


def paid_monthly(
    category: str,
    item: str,
    unit: str,
    price: float | FloatArray,
    quantity: FloatArray,
    months: FloatArray,
    **of: object,
) -> Stream:
    """So much at the end of each month, in the currency of the answer.

    Args:
        category, item, unit: of the entries.
        price: of one unit, or in each month [n].
        quantity: units of each month [n].
        months: which months end then [n].
        of: `source`, `basis` and `as_of` of the price.

    Source: docs/tco-case.md, "An entry".
    """
    prices = np.full_like(months, price)
    return Stream(
        category=category,
        item=item,
        months=months,
        quantity=quantity,
        price=prices,
        rate=np.ones_like(months),
        amounts=quantity * prices,
        closes=True,
        unit=unit,
        **of,  # type: ignore[arg-type]
    )


def stream_of(entry: Entry) -> Stream:
    """One payment as a stream.

    Args:
        entry: the payment.

    Source: definition of a stream.
    """
    return Stream(
        category=entry.category,
        item=entry.item,
        months=np.array([entry.month], dtype=float),
        quantity=np.array([entry.quantity]),
        price=np.array([entry.price]),
        rate=np.array([entry.rate]),
        amounts=np.array([entry.amount]),
        closes=entry.closes,
        unit=entry.unit,
        currency=entry.currency,
        source=entry.source,
        basis=entry.basis,
        as_of=entry.as_of,
    )


def present_cost_of(streams: Sequence[Stream], rate_per_year: float) -> float:
    """Worth of all amounts at the start: sum of amount x (1 + r)^(-month / 12).

    Args:
        streams: of one option.
        rate_per_year: cost of capital r [1].

    Source: definition of present value.
    """
    return math.fsum(
        float(np.dot(s.amounts, (1.0 + rate_per_year) ** (-s.months / MONTHS_PER_YEAR)))
        for s in streams
    )


def cash_by_month(streams: Sequence[Stream], months: int) -> FloatArray:
    """Amounts at the start and at the end of each month [months + 1]; what falls later, in the
    last [currency of the answer].

    Args:
        streams: of one option.
        months: length of the horizon [months].

    Source: definition of cash.
    """
    out = np.zeros(months + 1)
    for stream in streams:
        np.add.at(out, np.minimum(stream.months, months).astype(int), stream.amounts)
    return out


def cash_by_year(streams: Sequence[Stream], months: int, first_month: int = 0) -> FloatArray:
    """Amounts by year of the horizon, or of the calendar: what closes a month belongs to it, the
    rest to the next; what falls after the horizon, to its last year [currency of the answer].

    Args:
        streams: of one option.
        months: length of the horizon [months].
        first_month: month of the year in which the horizon starts, from 0; 0 for its own years.

    Source: the calendar of the horizon.
    """
    years = math.ceil((first_month + months) / MONTHS_PER_YEAR)
    out = np.zeros(years)
    for stream in streams:
        month = stream.months - (1.0 if stream.closes else 0.0) + first_month
        year = np.clip(month // MONTHS_PER_YEAR, 0, years - 1).astype(int)
        np.add.at(out, year, stream.amounts)
    return out
