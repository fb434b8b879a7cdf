"""Cells of a table -> numbers. What may be asked of a number is the reader's affair."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def number_in(cell: object) -> float:
    """The finite number in a cell, in digits 0 to 9; NaN where it is empty or holds none.

    >>> number_in(" 12.5 "), number_in("many"), number_in(None), number_in("inf")
    (12.5, nan, nan, nan)
    >>> number_in("1_000"), number_in("1,000")
    (nan, nan)
    """
    text = str(cell).strip()
    if "_" in text or not text.isascii():  # which Python's own reading allows
        return math.nan
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if math.isfinite(value) else math.nan


def numbers_in(cells: Sequence[object]) -> npt.NDArray[np.float64]:
    """The numbers in cells, as `number_in`."""
    return np.array([number_in(cell) for cell in cells], dtype=np.float64)
