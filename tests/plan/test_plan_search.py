"""Bound, gap and status are of all supplies, whatever entered the search."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from chosen_fixture import chosen

from gpumix import mix
from gpumix.catalog import load
from gpumix.domain.evidence import Basis, Estimate
from gpumix.inventory import read_inventory
from gpumix.options.option import Option
from gpumix.plan import plan as planner
from gpumix.plan import regret
from gpumix.plan.choose import cycles_for
from gpumix.plan.cycle import Cycle
from gpumix.plan.effort import NORMAL, WORK
from gpumix.plan.formulate import Choice, formulate
from gpumix.plan.regret import Variant, cheapest, slower_or_faster
from gpumix.plan.restrictions import Restriction
from gpumix.plan.search import GAP, Found, best_cycle, judged, search

INVENTORY = """
name: few GPUs
horizon: {start: 2027-01, years: 1}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    tier: premium
    traffic: {profile: azure-conv, peak_requests_per_s: 12}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 300M, output: 20M}
supply:
  cloud:
    gpus: [h100-sxm-80gb, l40s-48gb, a100-sxm-80gb, l4-24gb]
    purchase: [on_demand, spot, reserved_1y]
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> tuple[Choice, Cycle]:
    path: Path = tmp_path_factory.mktemp("search") / "team.yaml"
    path.write_text(INVENTORY, encoding="utf-8")
    catalog = load()
    inventory = read_inventory(path, catalog, date(2026, 11, 24))
    choice = chosen(inventory, catalog)
    return choice, planner.cycle_for(choice)


@pytest.mark.parametrize("rounds", [1, 3])
def test_the_bound_holds_for_supplies_that_are_not_listed(
    asked: tuple[Choice, Cycle], rounds: int
) -> None:
    whole = mix.solve(formulate(*asked).problem, gap=1e-3)
    found = search(*asked, replace(NORMAL.plan, largest=0, rounds=(rounds,)))
    cost, bound, gap = found.solution.cost, found.solution.bound, found.solution.gap
    assert cost is not None
    assert bound is not None
    assert whole.cost is not None
    assert len(found.choice.supplies) < found.considered
    assert 0.0 < bound <= whole.cost * (1 + 1e-9)
    assert gap == pytest.approx((cost - bound) / cost)
    assert found.solution.status == ("optimal" if gap <= GAP else "feasible")
    assert not mix.check(found.formulation.problem, found.solution)
    assert len(found.formulation.cells) == len(found.formulation.problem.configs)


def test_a_small_problem_enters_whole_and_is_proven(asked: tuple[Choice, Cycle]) -> None:
    found = search(*asked, replace(NORMAL.plan, largest=10**6))
    assert len(found.choice.supplies) == found.considered
    assert found.relaxed_bound is not None
    assert found.solution.bound is not None
    assert found.relaxed_bound < found.solution.bound


def solution(cost: float, bound: float) -> mix.Solution:
    return judged(mix.Solution("optimal", cost, cost, 0.0, {}, ()), bound)


def found_at(cost: float, bound: float, relaxed: float) -> Found:
    anything: Any = object()
    choice = Choice(anything, {}, (), {})
    return Found(choice, anything, solution(cost, bound), 47, relaxed)


def test_a_cheaper_variant_is_judged_by_the_bound_of_the_whole_problem(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A variant's own proof covers its own supplies only; nor is the plan's bound its cost."""
    monkeypatch.setattr(regret, "usd_of", lambda found: found.solution.cost)
    variant = found_at(446.0, 445.0, 306.0)
    others = (Variant(Restriction("", lambda _: True), variant, ""),)
    for mine, expected in (
        (found_at(857.0, 293.0, 293.0), 293.0),
        (found_at(857.0, 440.0, 293.0), 440.0),
        (found_at(857.0, 450.0, 293.0), 293.0),
    ):
        best = cheapest(mine, others)
        assert best.solution.cost == 446.0
        assert best.solution.bound == expected
        assert best.solution.gap == pytest.approx(1.0 - expected / 446.0)
        assert best.solution.status == "feasible"
        assert best.relaxed_bound == 293.0
    dearer = found_at(440.0, 430.0, 293.0)
    assert cheapest(dearer, others) is dearer


def test_a_variant_cheaper_than_every_bound_is_proven_by_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Bounds above what a plan costs were rounded or wrong; none of them is told."""
    monkeypatch.setattr(regret, "usd_of", lambda found: found.solution.cost)
    variant = found_at(446.0, 445.0, 306.0)
    others = (Variant(Restriction("", lambda _: True), variant, ""),)
    best = cheapest(found_at(857.0, 450.0, 447.0), others)
    assert (best.solution.cost, best.solution.bound, best.solution.gap) == (446.0, 0.0, 1.0)


def test_speed_is_told_at_the_widest_ends_of_a_workloads_options() -> None:
    def option(low: float, value: float, high: float) -> Option:
        rate = Estimate(value, low, high, Basis.MODELLED)
        return Option("chat", "h100-sxm-80gb", 1, 1, "bf16", rate=rate)

    found = [option(8.0, 10.0, 15.0), option(30.0, 50.0, 60.0), option(0.0, 0.0, 0.0)]
    assert slower_or_faster(found) == (0.6, 1.5)
    assert slower_or_faster([]) == (1.0, 1.0)


@pytest.mark.parametrize(("bound", "status"), [(99.6, "optimal"), (99.4, "feasible")])
def test_optimal_is_said_of_a_proven_gap_only(bound: float, status: str) -> None:
    assert solution(100.0, bound).status == status


def test_a_mix_whose_fractions_cost_too_much_is_not_searched_for(
    asked: tuple[Choice, Cycle], monkeypatch: pytest.MonkeyPatch
) -> None:
    choice, cycle = asked
    found = search(choice, cycle, NORMAL.plan)
    assert found.solution.cost is not None
    assert found.relaxed_bound is not None
    again = search(choice, cycle, NORMAL.plan, most_usd=found.solution.cost)
    assert again.solution.cost == found.solution.cost

    def never(*_: object, **__: object) -> mix.Solution:
        raise AssertionError("searched")

    monkeypatch.setattr(mix, "solve", never)
    dearer = search(choice, cycle, NORMAL.plan, most_usd=0.999 * found.relaxed_bound)
    assert dearer.solution.cost is None
    assert dearer.relaxed_bound == found.relaxed_bound


def test_thorough_work_takes_the_blocks_with_the_cheapest_plan(asked: tuple[Choice, Cycle]) -> None:
    choice, usual = asked
    long = replace(choice, work=replace(NORMAL, blocks_per_week=WORK["thorough"].blocks_per_week))
    cycles = cycles_for(long)
    assert [len(cycle.blocks) for cycle in cycles] == [6, 24]
    usd = [search(choice, cycle, NORMAL.plan).solution.cost or 0.0 for cycle in cycles]
    assert best_cycle(long, cycles) == cycles[usd.index(min(usd))]
    assert usd[1] < usd[0]
    assert best_cycle(choice, cycles_for(choice)) == usual
