"""Prices of requests and break-evens, each worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.cost.api import Level, Replicas, break_even, usd_per_request

STEADY = [Level(100.0, 168.0)]
WEEK = 16_800.0
"""Units of a week of `STEADY`."""


def test_a_request_pays_cached_tokens_at_their_own_rate():
    # 2,000 x 0.25 x 0.10 + 2,000 x 0.75 x 0.30 + 500 x 1.20 = 50 + 450 + 600 = 1,100 millionths
    assert usd_per_request(0.30, 0.10, 1.20, 2000.0, 500.0, 0.25) == pytest.approx(1.1e-3)


def test_an_embedding_pays_its_input_alone():
    assert usd_per_request(0.01, 0.01, 0.0, 512.0, 0.0, 0.0) == pytest.approx(5.12e-6)


def test_one_replica_pays_once_the_api_costs_a_week_of_it():
    # a week of 16,800 units at $0.015 is $252; a replica costs $168
    found = break_even(STEADY, WEEK, 0.015, Replicas(100.0, 1, 1.0))
    assert found == pytest.approx((168 / 252, 1, 168.0))


def test_a_spare_replica_moves_it_to_a_whole_second_step():
    # k + 1 replicas carry k units of demand: 336 / 252 = 1.33 > 1, then 504 / 252 = 2.0
    found = break_even(STEADY, WEEK, 0.015, Replicas(100.0, 1, 1.0, spare=1))
    assert found == pytest.approx((2.0, 3, 504.0))


def test_instances_are_whole():
    # four replicas share an instance of $4 an hour: $672 a week, reached at 2.67 of 4
    found = break_even(STEADY, WEEK, 0.015, Replicas(100.0, 4, 4.0))
    assert found == pytest.approx((672 / 252, 3, 672.0))


def test_by_the_hour_each_level_has_its_own_replicas():
    # 84 h at 100 and 84 h at 50 units/h: $151.20 by API; up to 1 replica each $168: not reached;
    # up to 2 and 1: $252, reached at 1.67
    levels = [Level(100.0, 84.0), Level(50.0, 84.0)]
    found = break_even(levels, 12_600.0, 0.012, Replicas(100.0, 1, 1.0))
    assert found == pytest.approx((252 / 151.2, 2, 252.0))


def test_work_costs_on_top_of_standing():
    # $0.50 a busy hour is $0.005 a unit, which leaves 0.010 x 16,800 = 168 for $84 of standing
    found = break_even(STEADY, WEEK, 0.015, Replicas(100.0, 1, 0.5, usd_per_busy_hour=0.5))
    assert found == pytest.approx((0.5, 1, 126.0))


@pytest.mark.parametrize(
    "replicas",
    [
        Replicas(100.0, 1, 1.5),  # full replicas cost $0.015 a unit, as much as the API
        Replicas(100.0, 1, 0.1, usd_per_busy_hour=2.0),  # work alone costs more
        Replicas(100.0, 1, 1.0, spare=1, most=2),  # the third replica is not to be had
        Replicas(100.0, 4, 100.0),
    ],
)
def test_never(replicas: Replicas):
    assert break_even(STEADY, WEEK, 0.015, replicas) is None


def test_no_demand_no_break_even():
    assert break_even([Level(0.0, 168.0)], 0.0, 0.015, Replicas(100.0, 1, 1.0)) is None


@settings(max_examples=50, deadline=None)
@given(
    st.floats(0.001, 0.05),
    st.integers(1, 8),
    st.floats(0.1, 20.0),
    st.integers(0, 2),
    st.floats(0.05, 1.0),
)
def test_below_it_the_api_costs_less(
    usd: float, per_instance: int, hourly: float, spare: int, low: float
):
    levels = [Level(100.0, 50.0), Level(100.0 * low, 118.0)]
    week = 5_000.0 + 11_800.0 * low
    replicas = Replicas(100.0, per_instance, hourly, 0.0, spare)

    def cost(scale: float) -> float:
        total = 0.0
        for level in levels:
            running = -(-level.units_per_hour * scale // 100.0) + spare
            total += -(-running // per_instance) * hourly * level.hours
        return total

    found = break_even(levels, week, usd, replicas)
    highest = found.scale if found else 50.0
    for i in range(1, 200):
        scale = highest * i / 201.0
        assert usd * week * scale < cost(scale) * (1.0 + 1e-6)
    if found:
        assert usd * week * found.scale <= found.usd_per_week * (1.0 + 1e-6)
        assert cost(found.scale * (1.0 + 1e-9)) == pytest.approx(found.usd_per_week)
