"""Draws of an option out of corners are the draws counted one by one."""

import numpy as np
import pytest

from gpumix.cost.case.draws import present_costs
from gpumix.cost.case.streams import Stream, present_cost_of


def stream(months, amounts):
    months, amounts = np.array(months, float), np.array(amounts, float)
    ones = np.ones_like(months)
    return Stream("other", "one", months, ones, amounts, ones, amounts, closes=True)


def owned(row):
    """A price, a support share of it, a tariff, and power: two pairs that act on each other."""
    price, support, tariff, kw, _ = row
    months = np.arange(1.0, 25.0)
    return [
        stream([0.0], [price]),
        stream(months, np.full(24, price * support / 12)),
        stream(months, np.full(24, tariff * kw * 730.0)),
    ]


TYPICAL = np.array([100.0, 0.05, 0.1, 2.0, 7.0])
OTHER = np.array([130.0, 0.10, 0.2, 3.0, 9.0])


def drawn(n=200):
    rng = np.random.default_rng(4)
    return TYPICAL + rng.random((n, 5)) * (OTHER - TYPICAL), 0.05 + 0.1 * rng.random(n)


def test_corners_give_what_counting_every_draw_gives():
    draws, rates = drawn()
    counted = []

    def count(row):
        counted.append(1)
        return owned(row)

    found = present_costs(count, TYPICAL, OTHER, draws, rates)
    each = [present_cost_of(owned(row), r) for row, r in zip(draws, rates, strict=True)]
    assert found == pytest.approx(each, rel=1e-12)
    assert len(counted) < 40  # 8 corners and what is checked, of 200 draws


@pytest.mark.parametrize(
    "bent",
    [
        lambda row: [stream([0.0], [row[0] * np.ceil(row[3])])],
        lambda row: [stream([0.0], [max(row[0], 115.0)])],
        lambda row: [stream([0.0], [row[0] ** 1.0001])],
        lambda row: [stream([0.5], [row[0]])],
    ],
    ids=["steps", "a least amount", "a power", "within a month"],
)
def test_what_is_not_linear_in_an_input_is_left_to_be_counted(bent):
    draws, rates = drawn()
    assert present_costs(bent, TYPICAL, OTHER, draws, rates) is None
