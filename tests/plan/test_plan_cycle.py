"""Blocks of the cycle: all hours, no mixed windows, never less than the demand, no waste more."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gpumix.domain.traffic import Lengths
from gpumix.domain.workload import Demand, Inventory, Kind, Limits, Slo, Tier, Workload
from gpumix.plan.cycle import (
    Cycle,
    cycle_of,
    mean_demand,
    peak_demand,
)
from gpumix.plan.periods import (
    WEEKS_PER_YEAR,
    Period,
    growth,
    units_by_year,
    whole_year,
    work_per_week,
)

WEEK = tuple(range(168))
NIGHT = tuple(h for h in WEEK if h % 24 >= 22 or h % 24 < 6)
NOON = tuple(h for h in WEEK if 11 <= h % 24 < 14)


def workload(
    name: str,
    week: tuple[float, ...],
    growth_per_year: float = 0.0,
    window: tuple[int, ...] = WEEK,
    kind: Kind = Kind.CHAT,
) -> Workload:
    demand = Demand(
        week, growth_per_year, Lengths(100.0, 0.0), Lengths(10.0, 0.0), 1.0, 0.0, "test"
    )
    return Workload(
        id=name, kind=kind, model="m", precisions=("bf16",), kv_precision="", engine="vllm",
        tier=Tier.STANDARD, demand=demand, run=None,
        slos=(Slo("ttft", 0.95, 1.0),) if kind is Kind.CHAT else (),
        window=window, countries=(), gpus=(),
    )  # fmt: skip


def inventory(*workloads: Workload, years: int = 2) -> Inventory:
    return Inventory(
        name="t", start=date(2027, 1, 1), years=years, timezone="UTC", as_of=date(2026, 11, 1),
        report_currency="USD", workloads=workloads, cloud=None, sites=(),
        limits=Limits(None, 1.0), rates=(), notes=(),
    )  # fmt: skip


def waste(whole: Inventory, cycle: Cycle, weights: list[float]) -> float:
    """Weighted demand that the blocks of the first year hold above their hours' own."""
    return sum(
        weight
        * sum(
            peak_demand(w, cycle.blocks[i]) * len(cycle.blocks[i].hours) for i in cycle.of_year(0)
        )
        / max(w.demand.units_per_hour)
        - weight * work_per_week(w, whole_year(0)) / max(w.demand.units_per_hour)
        for w, weight in zip(whole.workloads, weights, strict=True)
        if w.demand is not None and not w.is_deferrable
    )


def business_week(peak: float) -> tuple[float, ...]:
    return tuple(
        peak * (0.2 + 0.8 * max(0.0, np.sin(np.pi * (h % 24) / 24.0)) * (0.4 if h >= 120 else 1.0))
        for h in WEEK
    )


WEEKS = st.lists(st.floats(0.01, 100.0), min_size=168, max_size=168).map(tuple)
WINDOWS = st.sampled_from([WEEK, NIGHT, NOON])


@settings(deadline=None, max_examples=20)
@given(
    first=WEEKS, second=WEEKS, windows=st.tuples(WINDOWS, WINDOWS),
    growth_per_year=st.floats(-0.5, 2.0), years=st.integers(1, 3), blocks=st.integers(1, 9),
)  # fmt: skip
def test_blocks_cover_every_hour_and_its_demand(
    first: tuple[float, ...],
    second: tuple[float, ...],
    windows: tuple[tuple[int, ...], tuple[int, ...]],
    growth_per_year: float,
    years: int,
    blocks: int,
) -> None:
    steady = (1.0,) * 168
    whole = inventory(
        workload("a", first, growth_per_year),
        workload("b", second),
        workload("x", steady, window=windows[0], kind=Kind.BATCH),
        workload("y", steady, window=windows[1], kind=Kind.BATCH),
        years=years,
    )
    weights = [1.0, 3.0, 1.0, 1.0]
    cycle = cycle_of(whole, weights, blocks)
    for year in range(years):
        own = [cycle.blocks[i] for i in cycle.of_year(year)]
        assert sorted(h for block in own for h in block.hours) == list(WEEK)
        assert all(block.period == whole_year(year) for block in own)
        for block in own:
            for w in whole.workloads:
                inside = {h in w.window for h in block.hours}
                assert not w.is_deferrable or len(inside) == 1
                assert w.demand is not None
                for hour in block.hours:
                    demand = w.demand.units_per_hour[hour] * growth(w, whole_year(year))
                    assert demand <= peak_demand(w, block) * (1.0 + 1e-12)
    assert len({block.id for block in cycle.blocks}) == len(cycle.blocks)
    assert cycle == cycle_of(whole, weights, blocks)


@settings(deadline=None, max_examples=15)
@given(first=WEEKS, second=WEEKS, window=WINDOWS, weight=st.floats(0.0, 50.0))
def test_more_blocks_never_waste_more(
    first: tuple[float, ...], second: tuple[float, ...], window: tuple[int, ...], weight: float
) -> None:
    whole = inventory(
        workload("a", first),
        workload("b", second),
        workload("x", (1.0,) * 168, window=window, kind=Kind.BATCH),
    )
    weights = [1.0, weight, 1.0]
    wasted = [waste(whole, cycle_of(whole, weights, n), weights) for n in (1, 2, 3, 5, 8, 20)]
    assert all(later <= earlier + 1e-6 for earlier, later in itertools.pairwise(wasted))


def test_one_workload_is_cut_where_an_exhaustive_search_cuts() -> None:
    """Of one workload, hours sorted by load: all ways to cut 8 levels into 3 runs are tried."""
    levels = [1.0, 1.1, 1.2, 4.0, 4.1, 9.0, 9.5, 9.6]
    week = tuple(levels[h % 8] for h in WEEK)
    whole = inventory(workload("a", week), years=1)
    found = waste(whole, cycle_of(whole, [1.0], 3), [1.0])
    best = min(
        sum(
            21 * (max(part) - level) / max(levels)
            for part in (levels[:i], levels[i:j], levels[j:])
            for level in part
        )
        for i in range(1, 7)
        for j in range(i + 1, 8)
    )
    assert found == pytest.approx(best)


def test_the_unit_of_a_workload_shapes_no_blocks() -> None:
    """Requests or tokens: what counts is the share of its peak, and what its peak costs."""
    rng = np.random.default_rng(2)
    first, second = (tuple(rng.uniform(1.0, 9.0, 168)) for _ in range(2))
    cut = [
        cycle_of(
            inventory(workload("a", first), workload("b", tuple(unit * d for d in second))),
            [2.0, 1.0],
            5,
        )
        for unit in (1.0, 1000.0)
    ]
    assert [b.hours for b in cut[0].blocks] == [b.hours for b in cut[1].blocks]


def test_the_peak_is_kept() -> None:
    week = (*business_week(10.0)[:-1], 50.0)
    w = workload("a", week, growth_per_year=0.5)
    cycle = cycle_of(inventory(w, years=3), [1.0])
    for year in range(3):
        peak = max(peak_demand(w, cycle.blocks[i]) for i in cycle.of_year(year))
        assert peak == pytest.approx(50.0 * 1.5**year)


def test_as_many_hours_as_blocks_waste_nothing() -> None:
    whole = inventory(workload("a", business_week(10.0)), years=1)
    assert waste(whole, cycle_of(whole, [1.0], 168), [1.0]) == pytest.approx(0.0, abs=1e-6)


def test_flat_demand_needs_one_block_only() -> None:
    whole = inventory(workload("a", (3.0,) * 168), years=1)
    assert [b.hours for b in cycle_of(whole, [1.0]).blocks] == [WEEK]


def test_windows_part_the_week_where_nothing_is_served() -> None:
    whole = inventory(workload("x", (1.0,) * 168, window=NIGHT, kind=Kind.BATCH), years=1)
    hours = {block.hours for block in cycle_of(whole, [1.0]).blocks}
    assert hours == {NIGHT, tuple(h for h in WEEK if h not in NIGHT)}


def test_what_cannot_wait_ignores_its_window() -> None:
    """Only deferrable work is held to a window; a served one's must not cut blocks."""
    whole = inventory(workload("a", (3.0,) * 168, window=NIGHT), years=1)
    assert len(cycle_of(whole, [1.0]).blocks) == 1


def test_work_without_demand_asks_for_nothing() -> None:
    none = replace(workload("a", (1.0,) * 168), demand=None)
    cycle = cycle_of(inventory(none, years=1), [1.0])
    assert work_per_week(none, whole_year(0)) == 0.0
    assert peak_demand(none, cycle.blocks[0]) == 0.0


def test_work_of_a_year() -> None:
    w = workload("a", (2.0,) * 168, growth_per_year=0.25)
    assert work_per_week(w, whole_year(2)) == pytest.approx(2.0 * 168 * 1.25**2)
    assert pytest.approx(365.0 / 7.0) == WEEKS_PER_YEAR


def test_a_workload_that_never_runs_does_not_break_the_blocks() -> None:
    whole = inventory(workload("a", business_week(5.0)), workload("b", (0.0,) * 168), years=1)
    cycle = cycle_of(whole, [1.0, 1.0])
    assert sorted(h for block in cycle.blocks for h in block.hours) == list(WEEK)
    assert len(cycle.blocks) > 1


def coming(w: Workload, start: int, until: int | None) -> Workload:
    return replace(w, from_month=start, until_month=until)


def test_a_period_starts_where_something_changes_and_nowhere_else() -> None:
    steady = workload("a", (1.0,) * 168)
    whole = inventory(steady, coming(steady, 6, 20), years=2)
    assert cycle_of(whole, [1.0, 1.0]).periods == (
        Period(0, 6), Period(6, 6), Period(12, 8), Period(20, 4),
    )  # fmt: skip
    changed = cycle_of(inventory(steady, years=2), [1.0], changes=[3, 12, 30])
    assert changed.periods == (Period(0, 3), Period(3, 9), Period(12, 12))
    assert len({block.id for block in changed.blocks}) == len(changed.blocks)


def test_periods_share_out_the_hours_of_the_horizon() -> None:
    whole = inventory(workload("a", business_week(3.0)), years=2)
    cycle = cycle_of(whole, [1.0], changes=[5, 17])
    hours = [cycle.hours(i) for i in range(len(cycle.blocks))]
    assert sum(hours) == pytest.approx(2.0 * 8760.0)
    assert sum(hours[i] for i in cycle.of_period(Period(5, 7))) == pytest.approx(7.0 * 730.0)
    week = sorted(h for i in cycle.of_period(Period(5, 7)) for h in cycle.blocks[i].hours)
    assert week == list(WEEK)


def test_demand_is_none_before_a_workload_comes_and_after_it_goes() -> None:
    w = coming(workload("a", (2.0,) * 168, growth_per_year=0.5), 6, 30)
    cycle = cycle_of(inventory(w, years=3), [1.0])
    asked = {b.period: (peak_demand(w, b), mean_demand(w, b)) for b in cycle.blocks}
    assert asked == {
        Period(0, 6): (0.0, 0.0), Period(6, 6): (2.0, 2.0), Period(12, 12): (3.0, 3.0),
        Period(24, 6): (4.5, 4.5), Period(30, 6): (0.0, 0.0),
    }  # fmt: skip
    assert units_by_year(w, 36) == pytest.approx((8760.0, 3.0 * 8760.0, 4.5 * 4380.0))


def test_stated_demand_is_that_of_the_year_in_which_a_workload_comes() -> None:
    w = coming(workload("a", (2.0,) * 168, growth_per_year=0.5), 14, None)
    cycle = cycle_of(inventory(w, years=3), [1.0])
    first = [cycle.blocks[i] for i in cycle.first_week(w)]
    assert {b.period for b in first} == {Period(14, 10)}
    assert max(peak_demand(w, b) for b in first) == 2.0
    assert units_by_year(w, 36)[0] == 0.0
