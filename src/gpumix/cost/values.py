"""The one type of the formulas here: floats and numpy arrays go through the same code."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

Value = TypeVar("Value", float, FloatArray)
"""A float or an array of floats; the arguments of one call are all of the same sort."""


def choose(condition: Any, then: Any, otherwise: Any) -> Any:
    """`numpy.where` that gives a float back where all it got were floats."""
    chosen = np.where(condition, then, otherwise)
    return chosen.item() if chosen.ndim == 0 else chosen


def exp(x: Value) -> Value:
    """e^x; a float for a float."""
    power: Value = choose(True, np.exp(x), 0.0)
    return power
