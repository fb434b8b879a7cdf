"""Uncertain figures, each with the entries that it acts on."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.domain.ledger import Entry
from gpumix.domain.money import MoneyInput
from gpumix.domain.money_ranges import Acts, MoneyRange
from gpumix.money.held import Held, Option
from gpumix.values import FloatArray

TENTH = 1.0 - math.sqrt(0.2)
"""Where the tenth and the ninetieth of a hundred lie in a triangle of two halves with the same
weight, as a share of the way from its middle to a foot."""
TIMES = "times"
_LEAST = 0.01
"""Share of its cost that a plan costs however fast its work is."""


@dataclass(frozen=True, slots=True)
class Whole:
    """What the whole cost is times at some values of an input that no single entry tells: straight
    between `values` in order."""

    values: tuple[float, ...]
    factors: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Input:
    """One uncertain figure of these options: its ends, what it does, and to which entries.

    `now` is the figure that the entries are computed with; `key` names the one provider or currency
    that it is of, empty for all. What acts on the whole cost is drawn between its `feet`.
    """

    shown: MoneyInput
    range: MoneyRange
    now: float
    key: str = ""
    whole: Whole | None = None
    feet: tuple[float, float] = (1.0, 1.0)

    def acts_on(self, entry: Entry, held: Mapping[str, Held]) -> bool:
        """Whether an entry is larger where the figure is."""
        of = held.get(entry.option)
        return _is_of(self.range, entry, of) and self.key in ("", _key(self.range, entry, of))

    def factors(self, values: FloatArray) -> FloatArray:
        """What amounts are times at values of the figure [n]."""
        if self.whole is not None:
            return np.interp(values, self.whole.values, self.whole.factors)
        return values / self.now

    def drawn(self, rng: np.random.Generator, draws: int) -> FloatArray:
        """Values between its ends [draws]: triangular, the typical one the likeliest. What acts on
        the whole cost is as often below what the plan is computed with as above it."""
        low, typical, high = self.shown.low, self.shown.typical, self.shown.high
        if self.whole is not None:
            foot = np.where(rng.random(draws) < 0.5, *self.feet)
            return typical + (foot - typical) * (1.0 - np.sqrt(1.0 - rng.random(draws)))
        if low >= high:
            return np.full(draws, typical)
        return rng.triangular(low, typical, high, size=draws)


def inputs_of(
    ranges: Sequence[MoneyRange],
    options: Sequence[Option],
    held: Mapping[str, Held],
    rate_per_year: float,
    whole: Mapping[Acts, Whole],
) -> tuple[Input, ...]:
    """The figures behind these options, in the order of the table.

    Args:
        ranges: the table.
        options: the plan first.
        held: resource -> facts.
        rate_per_year: cost of capital [1]; at 0 it is no uncertain figure.
        whole: what the speed and the growth do to the whole cost, where that is known.

    Source: data/money_ranges.csv.
    """
    found: list[Input] = []
    by_kind = {option.name: _by_kind(option.entries) for option in options}
    for one in ranges:
        if one.acts is Acts.CAPITAL:
            found += [_scaled(one, rate_per_year, one.unit)] if rate_per_year else []
        elif one.acts in (Acts.SPEED, Acts.GROWTH):
            found += [_of_whole(one, whole[one.acts])] if one.acts in whole else []
        else:
            found += _by_key(one, by_kind, held)
    return tuple(found)


def _is_of(one: MoneyRange, entry: Entry, of: Held | None) -> bool:
    categories, purchases = one.categories, one.purchases
    paid = not purchases or (of is not None and of.purchase in purchases)
    return paid and (not categories or bool({entry.category, entry.item} & categories))


def _key(one: MoneyRange, entry: Entry, of: Held | None) -> str:
    if one.each == "provider":
        return of.provider if of else ""
    return entry.currency if one.each == "currency" else ""


def _by_kind(entries: Sequence[Entry]) -> list[list[Entry]]:
    """Entries that no range tells apart, together."""
    found: dict[tuple[str, str, str, str], list[Entry]] = {}
    for entry in entries:
        kind = (entry.option, entry.category, entry.item, entry.currency)
        found.setdefault(kind, []).append(entry)
    return list(found.values())


def _by_key(
    one: MoneyRange, by_kind: Mapping[str, Sequence[Sequence[Entry]]], held: Mapping[str, Held]
) -> Iterator[Input]:
    """One input, or one for each provider or currency, of those that any entry is of; what it is
    now is what the first option says that has any, the plan before its alternatives."""
    first: dict[str, str] = {}
    own: dict[str, list[Entry]] = {}
    of_key: dict[str, set[str]] = {}
    for name, kinds in by_kind.items():
        for entries in kinds:
            of = held.get(entries[0].option)
            if not _is_of(one, entries[0], of):
                continue
            key = _key(one, entries[0], of)
            of_key.setdefault(key, set()).add(entries[0].option)
            if first.setdefault(key, name) == name:
                own.setdefault(key, []).extend(entries)
    own.pop("USD", None)
    for key, entries in own.items():
        every = [entry for kind in by_kind[first[key]] for entry in kind]
        now = _now(one, entries, every, held)
        unit = one.unit if now is not None or one.acts is Acts.PATH else TIMES
        ends = _ends(of_key[key], held) if one.each == "provider" else None
        yield _scaled(one, now or 1.0, unit, key, ends)


def _scaled(
    one: MoneyRange,
    now: float,
    unit: str,
    key: str = "",
    ends: tuple[float, float] | None = None,
) -> Input:
    """An input whose ends are factors of what it is now."""
    low, high = ends or (one.low or one.typical, one.high or one.typical)
    most = one.most or one.typical
    if unit.startswith("share"):
        most = min(most, 1.0 / now)
    shown = MoneyInput(
        name=f"{one.name} {key}".rstrip(),
        low=low * now,
        typical=now,
        high=high * now,
        unit=unit,
        least=(one.least or 0.0) * now,
        most=most * now,
        source=one.source,
        as_of=one.as_of,
        sourced=one.sourced,
    )
    return Input(shown, one, now, key)


def _of_whole(one: MoneyRange, whole: Whole) -> Input:
    """An input of the whole cost. Ends that the table does not state are the tenth and the
    ninetieth of a hundred, so that it is drawn between feet that lie further out."""
    low, high = min(whole.values), max(whole.values)
    feet = (low, high)
    if one.low is None or one.high is None:
        least, most = (one.typical + (end - one.typical) / TENTH for end in feet)
        feet = (max(least, _LEAST), most)
        ends = (feet[0], one.typical, feet[1])
        whole = Whole(ends, ends)
    shown = MoneyInput(
        name=one.name,
        low=low,
        typical=one.typical,
        high=high,
        unit=one.unit,
        least=low,
        most=high,
        source=one.source,
        as_of=one.as_of,
        sourced=one.sourced,
    )
    return Input(shown, one, one.typical, whole=whole, feet=feet)


def _now(
    one: MoneyRange, own: Sequence[Entry], every: Sequence[Entry], held: Mapping[str, Held]
) -> float | None:
    """The figure in its own unit, where the entries of an option tell it."""
    bought = [entry for entry in every if entry.category == "hardware"]
    if one.unit == "USD a server":
        return _ratio([e.amount for e in bought], [e.quantity for e in bought])
    if one.unit == "share of the price new":
        new = {entry.option for entry in bought}
        sold = [-entry.amount for entry in own if entry.option in new]
        return _ratio(sold, [entry.amount for entry in bought])
    if one.unit == "USD a GPU-hour":
        rented = [e for e in own if e.unit == "instance-hour" and e.option in held]
        hours = [e.quantity * held[e.option].gpus_per_instance for e in rented]
        return _ratio([e.amount for e in rented], hours)
    return None


def _ratio(amounts: Sequence[float], of: Sequence[float]) -> float | None:
    total = math.fsum(of)
    return math.fsum(amounts) / total if total > 0.0 and math.fsum(amounts) > 0.0 else None


def _ends(resources: Collection[str], held: Mapping[str, Held]) -> tuple[float, float] | None:
    """The widest ends of assumed prices among resources, as factors; None where none is assumed."""
    of = [held[name] for name in resources if name in held]
    lows = [one.low for one in of if one.low is not None]
    highs = [one.high for one in of if one.high is not None]
    if not lows and not highs:
        return None
    return min([*lows, 1.0]), max([*highs, 1.0])
