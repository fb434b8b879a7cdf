"""When each day's volume is done, by hand."""

from __future__ import annotations

import math

import pytest

from gpumix.simulate.volume import slowest

NIGHTS = tuple(tuple((24 * day + 22 + k) % 168 for k in range(8)) for day in range(7))


def by_night(units_per_hour: float) -> tuple[float, ...]:
    open_hours = {hour for night in NIGHTS for hour in night}
    return tuple(units_per_hour if hour in open_hours else 0.0 for hour in range(168))


def test_a_night_is_done_when_its_units_are() -> None:
    opened, done_h, limit_h = slowest(by_night(100.0), 7 * 250.0, NIGHTS, NIGHTS)
    assert opened % 24 == 22
    assert (done_h, limit_h) == (pytest.approx(2.5), 8.0)


def test_what_a_night_cannot_do_waits_and_delays_the_next() -> None:
    _, done_h, limit_h = slowest(by_night(100.0), 7 * 800.0, NIGHTS, NIGHTS)
    assert done_h == pytest.approx(8.0)
    _, done_h, _ = slowest(by_night(100.0), 7 * 801.0, NIGHTS, NIGHTS)
    assert done_h > limit_h


def test_one_weak_night_is_the_slowest_unless_others_are_asked_about() -> None:
    capacity = tuple(
        50.0 if hour in NIGHTS[2] else units for hour, units in enumerate(by_night(100.0))
    )
    assert slowest(capacity, 7 * 300.0, NIGHTS, NIGHTS)[:2] == (NIGHTS[2][0], pytest.approx(6.0))
    opened, done_h, _ = slowest(capacity, 7 * 300.0, NIGHTS, NIGHTS[:1])
    assert (opened, done_h) == (NIGHTS[0][0], pytest.approx(3.0))


def test_without_nights_the_weeks_volume_counts() -> None:
    assert slowest((10.0,) * 168, 840.0, (), ()) == (0, pytest.approx(84.0), 168.0)
    assert slowest((0.0,) * 168, 840.0, (), ())[1] == math.inf
