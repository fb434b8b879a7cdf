"""Options counted many times over: entries grouped by what acts on them, and factors.

An entry is its amount times the factor of every input that acts on it, a price path once for each
whole year. Entries with the same inputs and the same month are one sum, so that ten thousand draws
of a plan are a few products of matrices.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gpumix.domain.ledger import Entry
from gpumix.domain.money_ranges import Acts
from gpumix.money.held import Held, Option
from gpumix.money.inputs import Input
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

Powers = tuple[tuple[int, int], ...]
"""Inputs that act on an entry, each with how often."""


@dataclass(frozen=True, slots=True)
class Totals:
    """Present cost and cash of the first year of every option at every set of values [n, options],
    in USD."""

    present: FloatArray
    first_year: FloatArray


@dataclass(frozen=True, slots=True)
class _Grouped:
    """An option: sums of its entries by what acts on them (rows) and by month (columns)."""

    powers: tuple[Powers, ...]
    amounts: FloatArray
    first_year: FloatArray


@dataclass(frozen=True, slots=True)
class Costs:
    """The options of a decision, ready to be counted at any values of their inputs.

    `months` are all dates of payment; `rate_per_year` is the cost of capital as it is [1].
    """

    inputs: tuple[Input, ...]
    months: FloatArray
    options: tuple[_Grouped, ...]
    rate_per_year: float

    @property
    def now(self) -> FloatArray:
        """The values that the entries are computed with [inputs]."""
        return np.array([one.now for one in self.inputs])

    def at(self, values: FloatArray) -> Totals:
        """Totals of every option.

        Args:
            values: of every input, in their order and units; shape (n, inputs).

        Source: definition of present value.
        """
        factors = [one.factors(values[:, k]) for k, one in enumerate(self.inputs)]
        years = self.months / MONTHS_PER_YEAR
        worth = (1.0 + self._rates(values)[:, None]) ** -years
        once, growing = np.ones(len(values)), np.ones(len(values))
        for k, one in enumerate(self.inputs):
            if one.range.acts is Acts.SPEED:
                once = once * factors[k]
            if one.range.acts is Acts.GROWTH:
                growing = growing * factors[k]
        present, first = [], []
        for option in self.options:
            rows = _products(option.powers, factors, len(values))
            present.append(once * growing * np.einsum("nm,nm->n", rows @ option.amounts, worth))
            first.append(once * (rows @ option.first_year))
        return Totals(np.column_stack(present), np.column_stack(first))

    def _rates(self, values: FloatArray) -> FloatArray:
        for k, one in enumerate(self.inputs):
            if one.range.acts is Acts.CAPITAL:
                return values[:, k]
        return np.full(len(values), self.rate_per_year)


def _products(powers: Sequence[Powers], factors: Sequence[FloatArray], n: int) -> FloatArray:
    """What each group of entries is times [n, groups]."""
    rows = np.ones((n, len(powers)))
    for column, acting in enumerate(powers):
        for k, power in acting:
            rows[:, column] *= factors[k] ** power
    return rows


def costs_of(
    options: Sequence[Option],
    inputs: Sequence[Input],
    held: Mapping[str, Held],
    rate_per_year: float,
) -> Costs:
    """The options, grouped.

    Args:
        options: the plan first.
        inputs: what is uncertain.
        held: resource -> facts.
        rate_per_year: cost of capital [1].

    Source: docs/cost.md, "How sure".
    """
    months = sorted({entry.month for option in options for entry in option.entries})
    column = {month: index for index, month in enumerate(months)}
    grouped = tuple(_grouped(option.entries, inputs, held, column) for option in options)
    return Costs(tuple(inputs), np.array(months), grouped, rate_per_year)


def year_of(entry: Entry) -> int:
    """Year of the horizon that an entry is cash of, from 0.

    Args:
        entry: a payment.

    Source: the calendar of the horizon.
    """
    return max(int((entry.month - entry.closes) // MONTHS_PER_YEAR), 0)


def _grouped(
    entries: Sequence[Entry],
    inputs: Sequence[Input],
    held: Mapping[str, Held],
    column: Mapping[float, int],
) -> _Grouped:
    acting: dict[tuple[str, str, str, str], list[int]] = {}
    sums: dict[Powers, FloatArray] = {}
    first: dict[Powers, float] = {}
    for entry in entries:
        kind = (entry.option, entry.category, entry.item, entry.currency)
        if kind not in acting:
            acting[kind] = [k for k, one in enumerate(inputs) if _acts(one, entry, held)]
        year = year_of(entry)
        powers = tuple((k, year if inputs[k].range.acts is Acts.PATH else 1) for k in acting[kind])
        row = sums.setdefault(powers, np.zeros(len(column)))
        row[column[entry.month]] += entry.amount
        first[powers] = first.get(powers, 0.0) + (entry.amount if year == 0 else 0.0)
    amounts = np.array(list(sums.values())).reshape(len(sums), len(column))
    return _Grouped(tuple(sums), amounts, np.array(list(first.values())))


def _acts(one: Input, entry: Entry, held: Mapping[str, Held]) -> bool:
    return one.range.acts in (Acts.PRICE, Acts.PATH) and one.acts_on(entry, held)
