"""The one type of quantity the formulas take: a float, or an array of them."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

FloatArray: TypeAlias = npt.NDArray[np.float64]
"""One number a deployment, a question or a grid point."""

Values: TypeAlias = Any
"""A float or an array of floats: every formula of this room works on both alike."""


def smooth_max(x: Values, y: Values) -> Values:
    """Time of two resources used at once, none of which is perfectly hidden behind the other.

    t = sqrt(x^2 + y^2): never below max(x, y), at most 1.41 times it.

    Args:
        x: time on the first resource [s].
        y: time on the second [s].

    Source: the norm exponent fitted to measured decode steps sits at 2, docs/inference.md.

    >>> float(smooth_max(3.0, 4.0))
    5.0
    """
    return np.sqrt(x * x + y * y)
