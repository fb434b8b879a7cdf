"""Distances over the earth and round trips in fibre."""

import math

import pytest

from gpumix.perf.network import FARTHEST_KM, great_circle_km, round_trip_s


@pytest.mark.parametrize(
    ("one", "other", "km"),
    [
        ((23.71, 90.41), (1.29, 103.85), 2890.0),  # Dhaka, Singapore
        ((40.71, -74.01), (51.51, -0.13), 5570.0),  # New York, London
        ((-17.0, 179.0), (-17.0, -179.0), 212.7),  # over the date line
        ((0.0, 0.0), (0.0, 180.0), FARTHEST_KM),
    ],
)
def test_great_circle(one, other, km):
    assert great_circle_km(*one, *other) == pytest.approx(km, rel=5e-3)
    assert great_circle_km(*other, *one) == pytest.approx(great_circle_km(*one, *other))


def test_a_round_trip_goes_both_ways_at_the_speed_of_light_in_fibre():
    assert round_trip_s(1000.0, 1.0) == pytest.approx(0.01)
    assert round_trip_s(1000.0, 2.1) == pytest.approx(0.021)
    assert math.isclose(FARTHEST_KM, 20_015, rel_tol=1e-4)
