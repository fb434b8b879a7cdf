"""A mixed-integer linear program under construction: columns and sparse rows, nothing of GPUs."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable

import numpy as np
from numpy.typing import NDArray

Term = tuple[int, float]
"""A column and its coefficient."""


class Linear:
    """min cost x, row_lower <= A x <= row_upper, lower <= x <= upper, some x whole."""

    __slots__ = (
        "cost",
        "index",
        "integer",
        "lower",
        "row_lower",
        "row_upper",
        "stage",
        "start",
        "upper",
        "value",
    )

    def __init__(self) -> None:
        self.cost: list[float] = []
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.integer: list[bool] = []
        self.stage: list[int] = []
        self.row_lower: list[float] = []
        self.row_upper: list[float] = []
        self.start: list[int] = [0]
        self.index: list[int] = []
        self.value: list[float] = []

    def column(
        self,
        cost: float,
        upper: float,
        lower: float = 0.0,
        *,
        integer: bool = True,
        stage: int = -1,
    ) -> int:
        """Add a column; returns its number. `stage` = the block it belongs to, -1 for none."""
        self.cost.append(cost)
        self.lower.append(lower)
        self.upper.append(upper)
        self.integer.append(integer)
        self.stage.append(stage)
        return len(self.cost) - 1

    def row(self, terms: Iterable[Term], lower: float = -np.inf, upper: float = np.inf) -> None:
        """Add a row; its columns must differ, terms of coefficient 0 are left out."""
        for column, coefficient in terms:
            if coefficient != 0.0:
                self.index.append(column)
                self.value.append(coefficient)
        self.start.append(len(self.index))
        self.row_lower.append(lower)
        self.row_upper.append(upper)

    def relaxed(self, whole: Collection[int] = ()) -> Linear:
        """The same program with only some columns whole; the rest is shared, not copied."""
        relaxed = copy.copy(self)
        relaxed.integer = [column in whole for column in range(len(self.integer))]
        return relaxed

    @property
    def has_empty_range(self) -> bool:
        """Whether some column's lower bound is above its upper bound."""
        return any(low > high for low, high in zip(self.lower, self.upper, strict=True))

    @property
    def refuses_zero(self) -> bool:
        """Whether some row is broken where every column is 0."""
        return any(
            low > 0.0 or high < 0.0
            for low, high in zip(self.row_lower, self.row_upper, strict=True)
        )

    def objective(self, values: NDArray[np.float64]) -> float:
        """cost x."""
        return float(np.dot(self.cost, values))
