"""Cash of an option at a thousand draws of its inputs, from a few dozen counts of the case.

Cash is a sum of products of prices, counts, shares and hours: it is linear in each input where the
others stand. Such a function of k inputs is known from its values at corners: with every input at
its typical value or at one other. Corners whose inputs do not act on each other add nothing and are
not counted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from gpumix.cost.case.streams import Stream
from gpumix.units import MONTHS_PER_YEAR
from gpumix.values import FloatArray

Count = Callable[[FloatArray], Sequence[Stream]]
"""Inputs [k] -> streams of an option."""

_NOTHING = 1e-12
"""Share of the largest amount below which a corner's own part is rounding."""
_SAME = 1e-9
"""Share by which a cost out of corners may miss the counted one."""
_CHECKED = 8
"""Draws that are counted whatever they are, besides the lowest and the highest of each input."""


def present_costs(
    count: Count, typical: FloatArray, other: FloatArray, draws: FloatArray, rates: FloatArray
) -> FloatArray | None:
    """Present cost at each draw [n]; None where the option is not linear in each of its inputs.

    Args:
        count: the option's streams at given inputs.
        typical: typical value of each input [k].
        other: another value of each, not its typical one [k].
        draws: values of the inputs [n, k].
        rates: cost of capital of each draw [n].

    Source: a multilinear function by its values at corners (Moebius inversion).
    """
    corners = _corners(count, typical, other, most=draws.shape[0] // 2)
    if corners is None:
        return None
    away = (draws - typical) / (other - typical)
    basis = np.column_stack([away[:, list(of)].prod(axis=1) for of in corners.parts])
    months = np.arange(corners.amounts.shape[1])
    paid = basis @ corners.amounts
    costs: FloatArray = (paid * (1.0 + rates[:, None]) ** (-months / MONTHS_PER_YEAR)).sum(axis=1)
    checked = {*range(min(_CHECKED, costs.size)), *draws.argmin(axis=0), *draws.argmax(axis=0)}
    for index in sorted(int(one) for one in checked):
        cash = _by_month(count(draws[index]), months.size)
        if cash is None:
            return None
        discounted = cash * (1.0 + rates[index]) ** (-months / MONTHS_PER_YEAR)
        scale = float(np.abs(discounted).sum())
        if abs(costs[index] - discounted.sum()) > _SAME * scale:
            return None
    return costs


@dataclass(frozen=True, slots=True)
class _Corners:
    """Which inputs act on each other, and what each such set adds by month [parts, months]."""

    parts: tuple[tuple[int, ...], ...]
    amounts: FloatArray


def _corners(count: Count, typical: FloatArray, other: FloatArray, most: int) -> _Corners | None:
    """What each set of inputs adds, from single ones up: a set is looked at where all its parts
    add something. None beyond `most` counts, or where payments fall within a month."""
    found: dict[tuple[int, ...], FloatArray] = {}
    size = max((int(s.months.max()) for s in count(other) if s.months.size), default=0) + 1
    level: list[tuple[int, ...]] = [()]
    counted, scale = 0, 0.0
    while level:
        added = []
        for part in level:
            counted += 1
            at = typical.copy()
            at[list(part)] = other[list(part)]
            cash = _by_month(count(at), size)
            if cash is None or counted > most:
                return None
            own = cash - sum(found[of] for of in _below(part) if of in found)
            scale = max(scale, float(np.abs(cash).max(initial=0.0)))
            if not part or np.abs(own).max() > _NOTHING * scale:
                found[part] = own
                added.append(part)
        level = [
            (*part, index)
            for part in added
            for index in range(part[-1] + 1 if part else 0, typical.size)
            if all(of in found for of in combinations((*part, index), len(part)))
        ]
    return _Corners(tuple(found), np.array(list(found.values())))


def _below(part: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [of for size in range(len(part)) for of in combinations(part, size)]


def _by_month(streams: Sequence[Stream], size: int) -> FloatArray | None:
    """Amounts by month [size]; None where one falls within a month or later."""
    out = np.zeros(size)
    for stream in streams:
        index = stream.months.astype(int)
        if (index != stream.months).any() or (index >= size).any():
            return None
        np.add.at(out, index, stream.amounts)
    return out
