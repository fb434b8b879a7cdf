"""The types of quantity that formulas take: a float, or an array of them, through the same code."""

from __future__ import annotations

from typing import TypeAlias, TypeVar, cast

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""One number a deployment, a question or a grid point."""

Values: TypeAlias = float | FloatArray
"""A float or an array of floats; one call may mix both."""

Value = TypeVar("Value", float, FloatArray)
"""A float or an array of floats; all arguments of one call are of the same sort, and so is the
answer."""


def choose(condition: npt.ArrayLike, then: Value, otherwise: Value | float) -> Value:
    """`numpy.where` that gives a float back where all it got were floats."""
    chosen = np.where(condition, then, otherwise)
    return cast(Value, chosen.item() if chosen.ndim == 0 else chosen)


def repeated(text: str, rows: int) -> npt.NDArray[np.object_]:
    """A column of one text, held once: `numpy.full` makes a new text for every row.

    >>> repeated("host", 2)
    array(['host', 'host'], dtype=object)
    """
    column = np.empty(rows, dtype=object)
    column.fill(text)
    return column


def exp(x: Value) -> Value:
    """e^x; a float for a float."""
    power: Value = choose(True, np.exp(x), 0.0)
    return power


def more_by(value: float, share: float) -> float:
    """A value and a share of its size more: of a cost below 0 too, where sales bring more than it.

    >>> more_by(100.0, 0.02), more_by(-100.0, 0.02)
    (102.0, -98.0)
    """
    return value + share * abs(value)
