"""Commitments against hours held: like with like."""

from __future__ import annotations

from types import SimpleNamespace as Named
from typing import Any

import pytest

from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Tier
from gpumix.plan.break_evens import break_evens, held_share
from gpumix.plan.cycle import Block, Cycle, peak_demand
from gpumix.plan.periods import Period, whole_year

DAY, NIGHT = tuple(range(42)), tuple(range(42, 168))
YEAR = whole_year(0)
CYCLE = Cycle((Block("day", YEAR, DAY), Block("night", YEAR, NIGHT)), (YEAR,), repeat=1.0)


def workload(**changes: Any) -> Any:
    demand = Named(units_per_hour=(20.0,) * 42 + (10.0,) * 126, growth_per_year=0.0)
    values: dict[str, Any] = {
        "id": "chat", "countries": (), "gpus": (), "tier": Tier.STANDARD, "run": None,
        "demand": demand, "from_month": 0, "grows_in_month": 0, "until_month": None,
        "availability": None,
    }  # fmt: skip
    return Named(**values | changes)


def supply(**changes: Any) -> Any:
    values: dict[str, Any] = {
        "id": "s", "gpu": "l40s-48gb", "gpus_per_instance": 1, "purchase": Purchase.ON_DEMAND,
        "usd_per_gpu_hour": 1.0, "country": "US", "idle": False, "tier": "neocloud", "offer": None,
        "has_fabric": True, "until_month": None, "availability": None,
        "planned_rtt_s": lambda workload: 0.0,
    }  # fmt: skip
    return Named(**values | changes)


def use(
    own: Any, held: Any, block: int, replicas: int, load: float, period: Period | None = None
) -> Any:
    """Replicas of one GPU that deliver 10 units an hour."""
    hours = len(CYCLE.blocks[block].hours)
    cell = Named(
        workload=own,
        supply=held,
        option=Named(gpus=1, gpu_share=1.0, cut=None, slice=None, rtt_s=0.0),
        period=period,
        duty=1.0,
    )
    units = replicas * 10.0 * hours * load
    return Named(cell=cell, block=block, replicas=replicas, rate=10.0, load=load, units=units)


def answer(line: Any) -> Any:
    choice = Named(
        survives_loss=True,
        inventory=Named(simplicity=0.0, limits=Named(must_be_simple=False)),
        needed=lambda workload, cycle: tuple(peak_demand(workload, b) for b in cycle.blocks),
    )
    return Named(
        lines=[line],
        choice=choice,
        formulation=Named(cycle=CYCLE),
        found=Named(solution=Named(gap=0.0)),
    )


def line_of(held: Any, count: float, *uses: Any) -> Any:
    return Named(supply=held, uses=uses, running=(count, count))


def served(own: Any, held: Any, by_night: int = 2) -> Any:
    """Two instances: both needed by day, one by night whatever stands there."""
    load = 10.0 / (10.0 * by_night)
    return line_of(held, 2.0, use(own, held, 0, 2, 1.0), use(own, held, 1, by_night, load))


@pytest.mark.parametrize("by_night", [1, 2])
def test_the_last_instance_is_held_while_the_work_needs_it(by_night: int) -> None:
    """A replica that stands by night because it costs nothing more is not needed there."""
    line = served(workload(), supply(), by_night)
    assert held_share(line, answer(line), 1) == pytest.approx(42 / 168)


def test_premium_work_needs_its_spare_too() -> None:
    line = served(workload(tier=Tier.PREMIUM), supply())
    assert held_share(line, answer(line), 1) == pytest.approx(1.0)
    alone = answer(line)
    alone.choice.survives_loss = False
    assert held_share(line, alone, 1) == pytest.approx(42 / 168)


def test_work_that_may_wait_is_held_while_it_runs() -> None:
    held = supply()
    line = line_of(held, 1.0, use(workload(), held, 1, 1, 0.5, period=YEAR))
    assert held_share(line, answer(line), 1) == pytest.approx(126 / 168)
    large = supply(gpus_per_instance=8)
    line = line_of(large, 1.0, use(workload(), large, 1, 8, 0.5, period=YEAR))
    assert held_share(line, answer(line), 1) == pytest.approx(126 / 168 * 0.5)


def test_a_rival_in_larger_instances_is_held_whole() -> None:
    held = supply(gpus_per_instance=4)
    line = line_of(held, 1.0, use(workload(), held, 0, 2, 1.0), use(workload(), held, 1, 1, 1.0))
    assert held_share(line, answer(line), 1) == pytest.approx((42 * 2 + 126 * 1) / 4 / 168)
    assert held_share(line, answer(line), 4) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("purchase", "months", "what"),
    [
        (Purchase.BUY, 0, "Buying a l40s-48gb"),
        (Purchase.RESERVED, 1, "Reserving a l40s-48gb for 1 month"),
        (Purchase.RESERVED, 6, "Reserving a l40s-48gb for 6 months"),
        (Purchase.RESERVED_1Y, 12, "Reserving a l40s-48gb for 1 year"),
        (Purchase.RESERVED_3Y, 36, "Reserving a l40s-48gb for 3 years"),
    ],
)
def test_every_length_of_commitment_has_a_break_even(
    purchase: Purchase, months: int, what: str
) -> None:
    held = supply(purchase=purchase, usd_per_gpu_hour=0.7)
    held.offer = Named(term_months=months) if months else None
    line = served(workload(), held)
    (found,) = break_evens(answer(line), (), [held, supply()])
    assert found.what == f"{what} pays above"
    assert found.quantity == "held_share"
    assert (found.value, found.now) == (pytest.approx(0.7), pytest.approx(0.25))
    assert found.note == "kept all the same: limits leave no other"


def test_what_runs_already_is_no_decision() -> None:
    held = supply(purchase=Purchase.RESERVED_3Y, usd_per_gpu_hour=0.7, until_month=12)
    held.offer = Named(term_months=36)
    assert break_evens(answer(served(workload(), held)), (), [held, supply()]) == ()


@pytest.mark.parametrize(("countries", "compared"), [(("BD",), 0), ((), 1)])
def test_what_may_not_be_rented_is_not_compared_with_renting(
    countries: tuple[str, ...], compared: int
) -> None:
    bought = supply(purchase=Purchase.BUY, usd_per_gpu_hour=0.2, country="BD", tier="")
    line = served(workload(countries=countries), bought)
    found = break_evens(answer(line), (), [bought, supply()])
    assert len(found) == compared
    assert not any(flip.note for flip in found)
