"""Numbers as every machine has them.

exp, log and the sums of BLAS differ between processors in the last of their 53 binary digits. That
is nothing to any figure, but a search whose costs tie or nearly tie takes another turn at it, and
ends at another plan as good. So a problem is settled to fewer digits before it is searched, and the
search sums in one order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Final, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

_T = TypeVar("_T")
_DIGITS: Final = 32
"""Binary digits kept: a part in 8 billion, far below `TOLERANCE`, and far above what differs."""


def settled(value: _T) -> _T:
    """A record, or numbers in tuples and mappings, with every float in 32 binary digits.

    >>> settled((122070.31249999999, 0.1 + 0.2)) == settled((122070.3125, 0.3))
    True
    """
    return cast(_T, _settled(value))


def _settled(value: object) -> object:
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, tuple):
        return tuple(_settled(one) for one in value)
    if isinstance(value, Mapping):
        return {key: _settled(one) for key, one in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{one.name: _settled(getattr(value, one.name)) for one in fields(value)}
        )
    return value


def _number(value: float) -> float:
    if not math.isfinite(value):
        return value
    part, power = math.frexp(value)
    return math.ldexp(round(math.ldexp(part, _DIGITS)), power - _DIGITS)


def dot(rows: NDArray[np.float64], column: NDArray[np.float64]) -> NDArray[np.float64]:
    """Inner products of rows, or of one row, with a column, each summed in one order; `@` sums as
    the processor likes.

    >>> float(dot(np.array([1.0, 2.0]), np.array([3.0, 4.0])))
    11.0
    """
    return np.asarray((rows * column).sum(axis=-1))
