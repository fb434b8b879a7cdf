"""Lines of an option as streams: how often each is paid, its taxes, refunds, and what is left."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from gpumix.cost.case.power import Draw
from gpumix.cost.case.size import Size, per_year
from gpumix.cost.case.streams import Clock, Stream
from gpumix.cost.hardware import residual_share
from gpumix.domain.case import Case, Depreciation, Line, Residual, Tax
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

_NOUNS = {"once": "", "month": "month", "year": "year", "hour": "hour", "busy_hour": "busy hour"}
_JULIAN_YEAR_HOURS = 8766.0
"""Hours of a year in which depreciation by orders of magnitude is stated."""


@dataclass(frozen=True, slots=True)
class Written:
    """A line as it is counted: its own payments, their taxes, refunds and what is left of it."""

    line: Line
    paid: tuple[Stream, ...]
    taxes: tuple[Stream, ...] = ()
    refunds: tuple[Stream, ...] = ()
    residual: tuple[Stream, ...] = ()

    @property
    def streams(self) -> tuple[Stream, ...]:
        """All of them; a line that is split shows as its parts."""
        parts = [part for stream in self.paid for part in _split(self.line, stream)]
        return (*parts, *self.taxes, *self.refunds, *self.residual)


def write_lines(
    lines: Sequence[Line], before: Sequence[Stream], size: Size, draw: Draw | None, clock: Clock
) -> list[Written]:
    """The lines of an option in order: those with a price of their own, shares of others, credits.

    Args:
        lines: of the option.
        before: what the option pays besides (electricity, staff), of which lines may be shares.
        size: its GPUs and servers.
        draw: its power.
        clock: months of the ledger.

    Source: docs/tco-case.md, "Lines".
    """
    written: dict[int, Written] = {}
    pool = list(before)

    def add(index: int, paid: Sequence[Stream]) -> None:
        found = _with_taxes(lines[index], tuple(paid), clock)
        written[index] = found
        pool.extend(found.paid)

    own = [i for i, line in enumerate(lines) if not line.of and not _is_credit(line)]
    shares = [i for i, line in enumerate(lines) if line.of]
    credits = [i for i, line in enumerate(lines) if _is_credit(line) and not line.of]
    for index in own:
        add(index, [_own(lines[index], size, draw, clock)])
    for index in shares:
        add(index, _shares(lines[index], pool, clock))
    rent = [stream for stream in pool if stream.category == "rent"]
    for index in credits:
        add(index, [_credit(lines[index], rent, clock)])
    return [written[index] for index in range(len(lines))]


def _is_credit(line: Line) -> bool:
    return line.category == "credit"


def quantity_of(quantity: float | str, size: Size, draw: Draw | None) -> float:
    """A quantity as stated, or the count that the option itself knows [its own unit].

    Args:
        quantity: a number, or `servers`, `gpus`, `it_kw`, `nameplate_kw`.
        size: GPUs and servers of the option.
        draw: its power.

    Source: docs/tco-case.md, "Lines".
    """
    known = {
        "servers": size.servers,
        "gpus": size.gpus,
        "it_kw": None if draw is None else draw.load_it_kw,
        "nameplate_kw": None if draw is None else draw.nameplate_kw,
    }
    return (known[quantity] or 0.0) if isinstance(quantity, str) else quantity


def _own(line: Line, size: Size, draw: Draw | None, clock: Clock) -> Stream:
    count = quantity_of(line.quantity, size, draw)
    if line.depreciation is not None:
        return _by_use(line, line.depreciation, count, clock)
    price = line.price * (1.0 - line.discount)
    if line.often == "once":
        at = np.array([float(line.at)])
        return _stream(line, at, np.array([count]), price, at, clock, closes=False)
    starts, ends = clock.periods(
        line.at, line.until, yearly=line.often == "year" and line.timing is not None
    )
    quantity = count * per_year(line.often, clock.case.load) * (ends - starts) / MONTHS_PER_YEAR
    early = line.timing == "start"
    months = starts if early else ends
    return _stream(line, months, quantity, price, starts, clock, closes=not early)


def _by_use(line: Line, by: Depreciation, count: float, clock: Clock) -> Stream:
    """A price charged by the hours of a run: price x d ln 10 x hours / 8766.

    Source: Epoch AI, "The rising costs of training frontier AI models" (arXiv 2405.21015).
    """
    hours = clock.case.load.gpu_hours or 0.0
    share = by.ooms_per_year * math.log(10.0) * hours / _JULIAN_YEAR_HOURS
    now = np.zeros(1)
    return _stream(line, now, np.array([count * share]), line.price, now, clock, closes=False)


def _stream(
    line: Line,
    months: FloatArray,
    quantity: FloatArray,
    price: float,
    priced_at: FloatArray,
    clock: Clock,
    *,
    closes: bool,
) -> Stream:
    prices = price * clock.stepped(line.price_change_per_year, priced_at)
    rate = clock.rates(line.currency, months)
    noun = line.per if line.per in clock_units(clock.case) else _NOUNS.get(line.often, "")
    return Stream(
        category=line.category,
        item=line.item,
        months=months,
        quantity=quantity,
        price=prices,
        rate=rate,
        amounts=quantity * prices * rate,
        closes=closes,
        unit=line.unit or noun or "",
        currency=line.currency or clock.case.finance.currency,
        source=line.source,
        basis=line.basis,
        as_of=line.as_of,
    )


def clock_units(case: Case) -> tuple[str, ...]:
    """Names of what the work is counted in.

    Args:
        case: the case.

    Source: docs/tco-case.md, "The file".
    """
    return tuple(unit.name for unit in case.load.units)


def _shares(line: Line, pool: Sequence[Stream], clock: Clock) -> list[Stream]:
    """A line that is a share of others: of what they cost so far a year, or of each payment."""
    share = line.price * (1.0 - line.discount)
    if line.gross_up:
        share /= 1.0 - share
    base = [s for s in pool if s.category in line.of or s.item in line.of]
    capital: list[Stream] = []
    if line.often != "once":
        capital = [s for s in base if not s.closes and s.months.size == 1]
        base = [s for s in base if s.closes or s.months.size != 1]
    found = [_on_capital(line, capital, share, clock)] if capital else []
    return found + [_on_payments(line, stream, share, clock) for stream in base]


def _on_payments(line: Line, stream: Stream, share: float, clock: Clock) -> Stream:
    start, end = float(line.at), float(line.until or clock.end)
    kept = (stream.months >= start) & (stream.months <= end)
    months, amounts = stream.months[kept], stream.amounts[kept]
    steps = clock.stepped(line.price_change_per_year, np.maximum(months - stream.closes, 0.0))
    return replace(
        _named(line, stream, clock),
        months=months,
        quantity=amounts,
        price=share * steps,
        rate=np.ones_like(months),
        amounts=amounts * share * steps,
    )


def _on_capital(line: Line, capital: Sequence[Stream], share: float, clock: Clock) -> Stream:
    """So much a year of what has been bought by then."""
    starts, ends = clock.periods(
        line.at, line.until, yearly=line.often == "year" and line.timing is not None
    )
    bought = np.concatenate([s.months for s in capital])
    amounts = np.concatenate([s.amounts for s in capital])
    stands = np.clip(ends[:, None] - np.maximum(bought, starts[:, None]), 0.0, None)
    due = stands @ amounts * per_year(line.often, clock.case.load) / MONTHS_PER_YEAR
    price = share * clock.stepped(line.price_change_per_year, starts)
    early = line.timing == "start"
    months = starts if early else ends
    return replace(
        _named(line, capital[0], clock),
        months=months,
        quantity=due,
        price=price,
        rate=np.ones_like(months),
        amounts=due * price,
        closes=not early,
    )


def _named(line: Line, stream: Stream, clock: Clock) -> Stream:
    return replace(
        stream,
        category=line.category,
        item=line.item,
        unit=line.unit or "of " + ", ".join(line.of),
        currency=clock.case.finance.currency,
        source=line.source,
        basis=line.basis,
        as_of=line.as_of,
    )


def _credit(line: Line, rent: Sequence[Stream], clock: Clock) -> Stream:
    """A credit, up to the rent of each month: all of a one-off until it is used, else each its
    own."""
    due = np.zeros(clock.end + 1)
    for stream in rent:
        np.add.at(due, np.minimum(stream.months, clock.end).astype(int), stream.amounts)
    due[: line.at] = 0.0
    due[(line.until or clock.end) + 1 :] = 0.0
    one = np.array([float(line.at)])
    worth = -line.price * float(clock.rates(line.currency, one)[0])
    worth *= line.quantity if isinstance(line.quantity, float | int) else 1.0
    if line.often == "once":
        left = np.minimum(np.cumsum(due), worth)
        used = np.diff(left, prepend=0.0)
    else:
        used = np.minimum(due, worth * per_year(line.often, clock.case.load) / MONTHS_PER_YEAR)
    months = np.flatnonzero(used).astype(float)
    amounts = used[used != 0.0]
    ones = np.ones_like(months)
    return Stream(
        category="credit",
        item=line.item,
        months=months,
        quantity=ones,
        price=-amounts,
        rate=ones,
        amounts=-amounts,
        closes=True,
        unit=line.unit or "month",
        currency=clock.case.finance.currency,
        source=line.source,
        basis=line.basis,
        as_of=line.as_of,
    )


def tax_shares(stack: Sequence[Tax]) -> dict[str, float]:
    """Each tax of a stack as a share of the value: rate x (value and taxes in its base).

    Args:
        stack: the taxes in the order in which they are laid.

    Source: Bangladesh Customs Tariff, fiscal year 2025-26.

    >>> tax_shares((Tax(name="duty", rate=5.0), Tax(name="VAT", rate=15.0, base=("value", "duty"))))
    {'duty': 0.05, 'VAT': 0.1575}
    """
    of = {"value": 1.0}
    for tax in stack:
        of[tax.name] = tax.rate / 100.0 * math.fsum(of[base] for base in tax.base)
    return {name: share for name, share in of.items() if name != "value"}


def _with_taxes(line: Line, paid: tuple[Stream, ...], clock: Clock) -> Written:
    stack = clock.case.site.taxes.get(line.tax, ()) if line.tax else ()
    if not stack and line.residual is None:
        return Written(line, paid)
    shares = tax_shares(stack)
    taxes = [s.times(shares[t.name], "tax", f"{t.name} on {s.item}") for s in paid for t in stack]
    refunds = [
        _refund(stream, -shares[tax.name] * tax.recoverable, tax, clock)
        for stream in paid
        for tax in stack
        if tax.recoverable
    ]
    left = [] if line.residual is None else [_left(line.residual, s, clock) for s in paid]
    return Written(
        line,
        paid,
        tuple(t for t in taxes if t.amounts.any()),
        tuple(t for t in refunds if t.amounts.any()),
        tuple(s for s in left if s.amounts.size),
    )


def _refund(stream: Stream, share: float, tax: Tax, clock: Clock) -> Stream:
    """What comes back of a tax, at the rate of exchange of the month in which it does."""
    back = stream.times(share, "tax refund", f"{tax.name} back on {stream.item}")
    months = back.months + tax.lag_months
    rate = clock.rates(stream.currency, months)
    return replace(back, months=months, rate=rate, amounts=back.quantity * back.price * rate)


def _left(residual: Residual, stream: Stream, clock: Clock) -> Stream:
    """Resale on the last day of the horizon, of a price before tax."""
    bought = stream.months[stream.months <= clock.case.months]
    end = np.full_like(bought, clock.case.months)
    share = residual_share(residual, end - bought)
    rate = clock.rates(stream.currency, end)
    kept = slice(0, bought.size)
    price = -stream.price[kept] * share
    return replace(
        stream,
        category="residual",
        item=f"resale of {stream.item}",
        months=end,
        price=price,
        rate=rate,
        quantity=stream.quantity[kept],
        amounts=stream.quantity[kept] * price * rate,
        closes=True,
    )


def _split(line: Line, stream: Stream) -> Iterable[Stream]:
    if not line.split:
        return (stream,)
    rest = 1.0 - math.fsum(line.split.values())
    parts = [stream.times(share, stream.category, part) for part, share in line.split.items()]
    return (*parts, stream.times(rest, stream.category, line.rest)) if rest > 1e-12 else parts
