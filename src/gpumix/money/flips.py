"""At which value of one input another option is as cheap as the plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gpumix.cost.case.returns import crossings
from gpumix.domain.money import Flip
from gpumix.domain.money_ranges import Acts
from gpumix.money.costs import Costs
from gpumix.money.inputs import Input
from gpumix.values import FloatArray

POINTS = 60
"""At which an input is tried on either side of its value before a crossing is closed in on."""

_NOTHING = 1e-9
"""Share of the largest difference below which two options cost the same: no side is taken."""

Needs = Callable[[FloatArray], tuple[FloatArray, FloatArray]]
"""What the plan costs above the cheapest other at some values [n], and which that is."""


def flips_of(costs: Costs, names: Sequence[str], keeping: Sequence[int]) -> tuple[Flip, ...]:
    """Where each input would change the decision, the nearest to its value of today.

    Args:
        costs: the options, the plan first.
        names: of the options.
        keeping: which options keep the promises, the plan among them.

    Source: docs/tco-case.md, "Figures".
    """
    rivals = [index for index in keeping if index != 0]
    if not rivals:
        return ()
    tried = [
        (k, one)
        for k, one in enumerate(costs.inputs)
        if one.range.acts in (Acts.PRICE, Acts.PATH, Acts.CAPITAL)
    ]
    return tuple(_flip(costs, names, rivals, k, one) for k, one in tried)


def _flip(costs: Costs, names: Sequence[str], rivals: Sequence[int], k: int, one: Input) -> Flip:
    def needs(values: FloatArray) -> tuple[FloatArray, FloatArray]:
        """What the plan costs above the cheapest other, and which that is."""
        rows = np.tile(costs.now, (len(values), 1))
        rows[:, k] = values
        present = costs.at(rows).present
        others = present[:, list(rivals)]
        return present[:, 0] - others.min(axis=1), np.argmin(others, axis=1)

    shown = one.shown
    sides = (
        np.linspace(shown.typical, shown.least, POINTS),
        np.linspace(shown.typical, shown.most, POINTS),
    )
    found = [root for side in sides for root in _roots(needs, side)]
    if found:
        value = min(found, key=lambda root: abs(root - shown.typical))
        rival = names[rivals[int(needs(np.array([value]))[1][0])]]
        return Flip(shown.name, shown.unit, shown.typical, value, rival)
    now, which = needs(np.array([shown.typical]))
    rival = names[rivals[int(which[0])]]
    cheaper = names[0] if now[0] <= 0.0 else rival
    reason = f"{cheaper} is cheaper from {shown.least:.4g} to {shown.most:.4g} {shown.unit}"
    return Flip(shown.name, shown.unit, shown.typical, None, rival, reason)


def _roots(needs: Needs, side: FloatArray) -> list[float]:
    """The first zero on the way from today's value to an end."""
    needed = needs(side)[0]
    sides = np.flatnonzero(np.abs(needed) > _NOTHING * np.abs(needed).max())
    changes = np.flatnonzero(np.diff(np.sign(needed[sides])))
    if not changes.size:
        return []
    first = int(changes[0])
    ends = np.sort(side[sides[first : first + 2]])
    return crossings(lambda value: float(needs(np.array([value]))[0][0]), ends, most=1)
