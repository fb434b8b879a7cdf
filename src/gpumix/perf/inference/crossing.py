"""The batch at which a load reaches what a deployment gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gpumix.values import FloatArray, Values

LEAST_BATCH = 1e-3
"""Batch where the search starts [count]."""

_TURNS = 9
"""Steps of the search: more move the answer by < 1e-6."""


def batch_at(strain: Callable[[Values], Values], top: Values) -> FloatArray:
    """The batch up to `top` at which a strain that rises with it reaches 1; 0 if none is below it.

    Args:
        strain: of a batch [count]: what is asked over what is given, or a latency over its limit
            [1].
        top: largest batch of each deployment [count].

    Source: false position, the end that stays weighing half (Dowell and Jarratt 1971).
    """
    low, high = np.full_like(top, LEAST_BATCH), np.asarray(top)
    below, above = _log(strain(low)), _log(strain(high))
    best = np.where(above <= 0.0, high, np.where(below <= 0.0, low, 0.0))
    bracketed = (below < 0.0) & (above > 0.0)
    closest = np.where(bracketed, np.inf, -np.inf)
    before = np.zeros_like(top)
    for _ in range(_TURNS):
        with np.errstate(divide="ignore", invalid="ignore"):
            share = np.where(bracketed, below / (below - above), 0.5)
            crossing = low * (high / low) ** share
        batch = np.where(bracketed, crossing, best)
        miss = _log(strain(batch))
        best = np.where(np.abs(miss) < closest, batch, best)
        closest = np.minimum(closest, np.abs(miss))
        side = np.where(miss <= 0.0, 1.0, -1.0)
        halve = np.where(side == before, 0.5, 1.0)
        low, high = np.where(side > 0.0, batch, low), np.where(side > 0.0, high, batch)
        below, above = (
            np.where(side > 0.0, miss, below * halve),
            np.where(side > 0.0, above * halve, miss),
        )
        before = side
    return np.asarray(np.minimum(best, top))


def _log(strain: Values) -> FloatArray:
    return np.asarray(np.log(np.maximum(strain, 1e-300)))
