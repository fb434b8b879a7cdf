"""Moves tell the first year: how many of what, and from when on."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

import pytest
from years_fixture import planned, rented, workload

from gpumix.domain.offer import Purchase
from gpumix.domain.today_plan import Action, Move
from gpumix.plan.interpret import Answer, first_year_usd
from gpumix.plan.moves import moves_between
from gpumix.units import MONTHS_PER_YEAR

HOURLY = rented(Purchase.ON_DEMAND, 3.0)
ONE_YEAR = rented(Purchase.RESERVED_1Y, 2.0)


def today_of(count: int) -> Answer:
    """So many GPUs by the hour around the clock."""
    runs = replace(HOURLY, id="today", count=count, most=count, always_on=True)
    return planned([workload()], [runs], years=1)


def told(moves: tuple[Move, ...]) -> list[tuple[date, Action, int]]:
    return [(move.date, move.action, move.count) for move in moves]


def test_what_later_years_add_is_neither_kept_nor_started_now() -> None:
    today, plan = today_of(2), planned([workload(growth=1.0)], [HOURLY])
    moves = moves_between(today, plan)
    assert told(moves) == [
        (date(2027, 1, 1), Action.STOP, 1),
        (date(2027, 1, 1), Action.KEEP, 1),
    ]
    saved_usd = (first_year_usd(today) - first_year_usd(plan)) / MONTHS_PER_YEAR
    assert math.fsum(move.usd for move in moves) == pytest.approx(saved_usd)


def test_what_begins_within_the_year_starts_then() -> None:
    plan = planned([workload(units=20.0, from_month=6)], [ONE_YEAR], years=2)
    assert told(moves_between(today_of(1), plan)) == [
        (date(2027, 1, 1), Action.STOP, 1),
        (date(2027, 7, 1), Action.START, 2),
    ]
