"""Rows that keep a workload's demand met after the loss of any one instance (`n_plus_one`).

Columns beside those of the model:

    y_s  1 if a lost instance leaves some of what stops together, 0 if it counts as all lost
    a_c  1 if config c is in use, where several configs stop together
    t    what all configs deliver together, once as it is and once cut at 1
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from gpumix.mix.linear import Linear, Term


@dataclass(frozen=True, slots=True)
class Held:
    """Replicas of one config in one block: column, share of the demand each, how many at most, how
    many may stop with one instance."""

    column: int
    share: float
    most: int
    lost: float


def survive_rows(linear: Linear, stops: Sequence[Sequence[Held]], slack: Sequence[Term]) -> None:
    """Demand is met without what one lost instance stops.

    The loss of what stops together is the smaller of all that it delivers and of an instance full
    of the best config in use. So either the others alone meet the demand (y = 0), or it is met
    without such an instance (y = 1).

    Before them comes a row without y that all plans keep and fractions feel: with A the largest
    replica in use, total >= demand + A, so sum rate_c z_c / (demand + rate_c) >= 1.

    Args:
        linear: the program.
        stops: replicas of the workload, grouped by what stops together.
        slack: the term of a relaxed demand.
    """
    every = [one for together in stops for one in together]
    if not slack:
        linear.row([(h.column, h.share / (1.0 + h.share)) for h in every], lower=1.0)
    total = _sum_column(linear, [(h.column, h.share) for h in every])
    covered = _sum_column(linear, [(h.column, min(h.share, 1.0)) for h in every])
    for together in stops:
        used = [h for h in together if h.most]
        others = [(covered, 1.0), *((h.column, -min(h.share, 1.0)) for h in used), *slack]
        if len(used) == 1:
            _one_stops(linear, used[0], total, others, slack)
        elif used:
            _several_stop(linear, used, total, others, slack)


def _one_stops(
    linear: Linear, held: Held, total: int, others: list[Term], slack: Sequence[Term]
) -> None:
    """Replicas of one config. y = 1 may be kept for as many as are lost, since fewer are all lost.
    Where there cannot be more there is no choice."""
    if held.most <= held.lost:
        linear.row(others, lower=1.0)
        return
    y = linear.column(0.0, 1.0)
    linear.row([*others, (y, 1.0)], lower=1.0)
    linear.row([(total, 1.0), (y, -held.share * held.lost), *slack], lower=1.0)
    linear.row([(held.column, 1.0), (y, -math.floor(held.lost))], lower=0.0)


def _several_stop(
    linear: Linear, used: Sequence[Held], total: int, others: list[Term], slack: Sequence[Term]
) -> None:
    """Replicas of several configs: total >= 1 + loss_c where y = 1 and c is in use."""
    y = linear.column(0.0, 1.0)
    linear.row([*others, (y, 1.0)], lower=1.0)
    for held in used:
        in_use, loss = linear.column(0.0, 1.0), held.share * held.lost
        linear.row([(in_use, float(held.most)), (held.column, -1.0)], lower=0.0)
        linear.row([(total, 1.0), (y, -loss), (in_use, -loss), *slack], lower=1.0 - loss)


def _sum_column(linear: Linear, terms: Sequence[Term]) -> int:
    """A column that is the sum of terms, so that many rows can name it in one term."""
    column = linear.column(0.0, math.inf, integer=False)
    linear.row([*terms, (column, -1.0)], lower=0.0, upper=0.0)
    return column
