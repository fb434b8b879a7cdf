"""Conditions under which a difference fails."""

from __future__ import annotations

from datetime import date

import pytest

from gpumix.domain.plan_difference import Figure, PlanDifference, Side
from gpumix.errors import InputError
from gpumix.loop.conditions import conditions

SIDE = Side("t", date(2027, 1, 1), 24, date(2026, 11, 1), "0", None)


def found(**figures: tuple[float, float]) -> PlanDifference:
    made = tuple(Figure(name, *both) for name, both in figures.items())
    return PlanDifference(SIDE, SIDE, made, (), (), (), (), (), (), ())


CASES = [
    ("monthly_usd>+10%", 100.0, 111.0, True),
    ("monthly_usd>+10%", 100.0, 110.0, False),
    ("monthly_usd>=10%", 100.0, 110.0, True),
    ("monthly_usd<-5%", 100.0, 94.0, True),
    ("monthly_usd>+5", 100.0, 106.0, True),
    ("monthly_usd > $1.5k", 100.0, 1501.0, True),
    ("monthly_usd<1,000", 100.0, 1000.0, False),
    ("monthly_usd>+10%", 0.0, 1.0, True),
    ("gap>30%", 0.1, 0.31, True),
    ("gap>+10%", 0.1, 0.15, False),
    ("utilisation<40%", 0.9, 0.39, True),
    ("promises_broken>0", 0.0, 1.0, True),
]


@pytest.mark.parametrize(("text", "before", "after", "is_met"), CASES)
def test_conditions(text: str, before: float, after: float, is_met: bool) -> None:
    (one,) = conditions([text])
    assert one.is_met(found(**{one.field: (before, after)})) is is_met


def test_several_stand_in_one_text() -> None:
    read = conditions(["monthly_usd>1,500, gpus>64", "lines>=3"])
    assert [(c.field, c.value) for c in read] == [
        ("monthly_usd", 1500.0), ("gpus", 64.0), ("lines", 3.0),
    ]  # fmt: skip


def test_all_that_cannot_be_read_is_named() -> None:
    with pytest.raises(InputError) as caught:
        conditions(["monthly_us>+10%", "gpus=3", ""])
    assert len(caught.value.problems) == 3
    assert "monthly_usd" in str(caught.value)
