"""Cells of a table as numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from gpumix.domain.cells import number_in, numbers_in


@pytest.mark.parametrize(
    ("cell", "number"),
    [("12.5", 12.5), (" 3 ", 3.0), ("-1e3", -1000.0), (4, 4.0), (np.int64(2), 2)],
)
def test_numbers_are_read(cell: object, number: float) -> None:
    assert number_in(cell) == number


@pytest.mark.parametrize("cell", ["", " ", "many", "12 ms", None, "nan", "inf", "-inf", True])
def test_everything_else_is_not_stated(cell: object) -> None:
    assert math.isnan(number_in(cell))


def test_a_column_keeps_its_order_and_its_gaps() -> None:
    np.testing.assert_array_equal(numbers_in(["1", "", "3"]), [1.0, np.nan, 3.0])
    assert numbers_in([]).shape == (0,)
