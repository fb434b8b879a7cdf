"""All ranges drawn together, and one at a time: how sure a cost is, and what matters most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gpumix.domain.money import TornadoBar
from gpumix.domain.tco import Spread
from gpumix.money.costs import Costs, Totals
from gpumix.values import FloatArray

LARGEST = 10
"""Inputs that a tornado shows."""


def drawn(costs: Costs, draws: int, seed: int) -> Totals:
    """Totals over triangular draws of every range together: the same draws for every option.

    Args:
        costs: the options.
        draws: how many.
        seed: random seed; the same one gives the same draws.

    Source: triangular distribution by low, typical and high.
    """
    rng = np.random.default_rng(seed)
    values = np.empty((draws, len(costs.inputs)))
    for k, one in enumerate(costs.inputs):
        values[:, k] = one.drawn(rng, draws)
    return costs.at(values)


def spread_of(amounts: FloatArray) -> Spread:
    """Amounts at which 10, 50 and 90 % of the draws are no higher.

    Args:
        amounts: one a draw; shape (draws,).

    Source: definition of a percentile.
    """
    return Spread(*(float(v) for v in np.percentile(amounts, (10, 50, 90))))


def shares_cheapest(present: FloatArray, keeping: Sequence[int]) -> dict[int, float]:
    """Index of an option -> share of the draws in which it is the cheapest of some (0-1).

    Args:
        present: present cost; shape (draws, options).
        keeping: which options count.

    Source: docs/tco-case.md, "Figures".
    """
    order = list(keeping)
    wins = np.bincount(np.argmin(present[:, order], axis=1), minlength=len(order))
    return {index: float(n) / len(present) for index, n in zip(order, wins, strict=True)}


def tornado_of(
    costs: Costs, names: Sequence[str], keeping: Sequence[int]
) -> tuple[TornadoBar, ...]:
    """The plan's present cost at both ends of one input, the others typical; the longest first.

    Args:
        costs: the options, the plan first.
        names: of the options.
        keeping: which options keep the promises.

    Source: docs/tco-case.md, "Figures".
    """
    order = list(keeping)
    ranged = [(k, one) for k, one in enumerate(costs.inputs) if one.shown.low < one.shown.high]
    rows = np.tile(costs.now, (2 * len(ranged) + 1, 1))
    for row, (k, one) in enumerate(ranged):
        rows[2 * row, k], rows[2 * row + 1, k] = one.shown.low, one.shown.high
    present = costs.at(rows).present
    best = [names[order[i]] for i in np.argmin(present[:, order], axis=1)]
    found = [
        TornadoBar(
            input=one.shown,
            low_usd=float(present[2 * row, 0]),
            high_usd=float(present[2 * row + 1, 0]),
            cheapest_at_low=best[2 * row],
            cheapest_at_high=best[2 * row + 1],
            flips=len({best[-1], *best[2 * row : 2 * row + 2]}) > 1,
        )
        for row, (_, one) in enumerate(ranged)
    ]
    moving = [bar for bar in found if bar.flips or bar.high_usd != bar.low_usd]
    return tuple(sorted(moving, key=lambda bar: -abs(bar.high_usd - bar.low_usd))[:LARGEST])
