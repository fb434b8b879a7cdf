"""A mixed-integer linear program under construction: columns and sparse rows, nothing of GPUs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gpumix.mix.digits import dot

Term = tuple[int, float]
"""A column and its coefficient."""


@dataclass(frozen=True, slots=True)
class Program:
    """A finished program as arrays, its rows one after the other (CSR); shared, never changed.

    min cost x, row_lower <= A x <= row_upper, lower <= x <= upper, x whole where `integer`.
    """

    cost: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    integer: NDArray[np.bool_]
    row_lower: NDArray[np.float64]
    row_upper: NDArray[np.float64]
    start: NDArray[np.int32]
    index: NDArray[np.int32]
    value: NDArray[np.float64]

    @property
    def has_empty_range(self) -> bool:
        """Whether some column's lower bound is above its upper bound."""
        return bool((self.lower > self.upper).any())

    @property
    def refuses_zero(self) -> bool:
        """Whether some row is broken where every column is 0."""
        return bool((self.row_lower > 0.0).any() or (self.row_upper < 0.0).any())

    @property
    def row_of(self) -> NDArray[np.intp]:
        """The row of each entry of `index` and `value`."""
        return np.repeat(np.arange(len(self.row_lower)), np.diff(self.start))

    def activity(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """A x."""
        products = self.value * values[self.index]
        return np.bincount(self.row_of, products, len(self.row_lower)).astype(np.float64)

    def relaxed(self) -> Program:
        """The same program without whole columns."""
        return replace(self, integer=np.zeros_like(self.integer))


class Linear:
    """min cost x, row_lower <= A x <= row_upper, lower <= x <= upper, some x whole."""

    __slots__ = (
        "cost",
        "index",
        "integer",
        "lower",
        "row_lower",
        "row_upper",
        "start",
        "upper",
        "value",
    )

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.integer: list[bool] = []
        self.row_lower: list[float] = []
        self.row_upper: list[float] = []
        self.start: list[int] = [0]
        self.index: list[int] = []
        self.value: list[float] = []

    def column(self, cost: float, upper: float, lower: float = 0.0, *, integer: bool = True) -> int:
        """Add a column; returns its number."""
        self.cost.append(cost)
        self.lower.append(lower)
        self.upper.append(upper)
        self.integer.append(integer)
        return len(self.cost) - 1

    def columns(self, costs: Sequence[float], uppers: Sequence[float]) -> tuple[int, ...]:
        """Add whole columns from 0 on; returns their numbers."""
        first, count = len(self.cost), len(costs)
        self.cost += costs
        self.lower += [0.0] * count
        self.upper += uppers
        self.integer += [True] * count
        return tuple(range(first, first + count))

    def row(self, terms: Iterable[Term], lower: float = -np.inf, upper: float = np.inf) -> None:
        """Add a row; its columns must differ, terms of coefficient 0 are left out."""
        kept = [term for term in terms if term[1] != 0.0]
        self.index += [column for column, _ in kept]
        self.value += [coefficient for _, coefficient in kept]
        self.start.append(len(self.index))
        self.row_lower.append(lower)
        self.row_upper.append(upper)

    @property
    def rows(self) -> int:
        """How many rows there are, hence the number of the next."""
        return len(self.row_lower)

    def program(self) -> Program:
        """What has been built, as arrays."""
        return Program(
            np.array(self.cost, dtype=np.float64),
            np.array(self.lower, dtype=np.float64),
            np.array(self.upper, dtype=np.float64),
            np.array(self.integer, dtype=np.bool_),
            np.array(self.row_lower, dtype=np.float64),
            np.array(self.row_upper, dtype=np.float64),
            np.array(self.start, dtype=np.int32),
            np.array(self.index, dtype=np.int32),
            np.array(self.value, dtype=np.float64),
        )

    def objective(self, values: NDArray[np.float64]) -> float:
        """cost x."""
        return float(dot(np.array(self.cost), values))
