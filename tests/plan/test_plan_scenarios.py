"""Other growth and prices, commitments kept; and when work goes to the cloud beside them."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

import pytest
from chosen_fixture import chosen

from gpumix import mix
from gpumix.catalog import Catalog, load
from gpumix.catalog.futures import load_futures
from gpumix.domain.scenarios import Scenario
from gpumix.errors import DataError
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.plan.burst import burst_rules
from gpumix.plan.cycle import Cycle, peak_demand
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import Answer, answer_of
from gpumix.plan.scenarios import at_prices, commitments_of, committed_to, scenarios
from gpumix.plan.search import search
from ledger_check import cash_by_item

TEXT = """
name: otherwise
horizon: {start: 2027-01, years: 3}
workloads:
  chat:
    kind: chat
    model: Qwen/Qwen2.5-32B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 40, growth_per_year: 0.5}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
    data_tb: 2
    egress_tb_per_month: 5
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 2B, output: 100M}
supply:
  cloud:
    providers: [crusoe, nebius, qubrid]
    gpus: [h100-sxm-80gb]
    purchase: [on_demand, reserved]
"""


@dataclass(frozen=True)
class Made:
    """A plan without replay."""

    answer: Answer
    choice: Choice
    cycle: Cycle


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Made:
    path: Path = tmp_path_factory.mktemp("otherwise") / "team.yaml"
    path.write_text(TEXT, encoding="utf-8")
    inventory = read_inventory(path, catalog, date(2026, 11, 24))
    choice = chosen(inventory, catalog)
    cycle = planner.cycle_for(choice)
    answer = answer_of(search(choice, cycle, choice.work.plan))
    assert any(line.supply.purchase.is_committed for line in answer.lines)
    assert any(not line.supply.purchase.is_committed for line in answer.lines)
    return Made(answer, choice, cycle)


@pytest.fixture(scope="module")
def found(made: Made, catalog: Catalog) -> dict[tuple[float, float], Scenario]:
    result = scenarios(made.answer, made.answer, made.choice, made.cycle, catalog.futures)
    assert result is not None
    assert result.p10_usd is not None
    assert result.p50_usd is not None
    assert result.p90_usd is not None
    assert result.p10_usd < result.p50_usd < result.p90_usd
    return {(s.growth_factor, s.price_change_per_year): s for s in result.of}


def test_as_the_inventory_says_the_plan_costs_what_it_costs(
    made: Made, found: dict[tuple[float, float], Scenario]
) -> None:
    own = found[1.0, 0.0]
    assert own.plan_usd == pytest.approx(made.answer.usd)
    assert own.best_usd == pytest.approx(made.answer.usd)
    assert own.regret_usd == pytest.approx(0.0, abs=1e-6)


def test_no_plan_beats_the_best_and_more_growth_costs_more(
    found: dict[tuple[float, float], Scenario],
) -> None:
    assert len(found) == 6
    for own in found.values():
        assert own.plan_usd is not None
        assert own.best_usd is not None
        assert own.best_usd <= own.plan_usd * (1 + 1e-9)
        assert own.regret_usd == pytest.approx(own.plan_usd - own.best_usd, abs=1e-3)
    costs = [found[factor, 0.0].plan_usd or 0.0 for factor in (0.7, 1.0, 1.3)]
    assert costs == sorted(costs)
    assert costs[0] < costs[2]
    by_price = [found[1.0, change].plan_usd or 0.0 for change in (-0.3, -0.1, 0.0, 0.4)]
    assert by_price == sorted(by_price)
    assert len(set(by_price)) == 4


def test_a_table_of_other_futures_takes_the_place_of_the_packaged_one(tmp_path: Path) -> None:
    header = "growth_factor,price_factor_per_year,source,as_of,sourced"
    (tmp_path / "scenarios.csv").write_text(f"{header}\n2,0.5,mine,2026-11-30,yes\n")
    with pytest.raises(DataError, match="no row has growth_factor 1"):
        load_futures(tmp_path)
    with (tmp_path / "scenarios.csv").open("a") as table:
        table.write("1,1,mine,2026-11-30,no\n")
    changed, own = load_futures(tmp_path)
    assert (changed.growth_factor, changed.price_change_per_year) == (2.0, -0.5)
    assert own.is_own


def test_falling_prices_are_those_of_hourly_rent_alone(made: Made) -> None:
    """The plan itself, priced by hand: its rent by the hour of year y times 0.8^y."""
    formulation, solution = made.answer.formulation, made.answer.found.solution
    bare = replace(
        formulation.problem,
        configs=tuple(replace(c, var_cost=0.0) for c in formulation.problem.configs),
    )
    by_hand = 0.0
    for line in made.answer.lines:
        for name, years in cash_by_item(line.streams, line.months).items():
            if "rental" in name:
                falls = 1.0 if line.supply.purchase.is_committed else 0.8
                by_hand += math.fsum(usd * falls**y for y, usd in enumerate(years))
    assert mix.price(at_prices(bare, made.cycle, -0.2), solution) == pytest.approx(by_hand)
    assert not mix.check(at_prices(formulation.problem, made.cycle, -0.2), solution)


def test_a_plan_keeps_its_commitments_and_no_others(made: Made) -> None:
    formulation, solution = made.answer.formulation, made.answer.found.solution
    signed = commitments_of(formulation.problem, solution)
    assert sum(signed.values()) == sum(n for x in made.answer.lines for _, n in x.cohorts) > 0
    held = committed_to(formulation.problem, signed)
    counts = [r.min_instances for r in held.resources if r.is_committed]
    assert counts == [n for n in signed.values() if n]
    least = mix.shortlist(held, rounds=1).bound
    assert least is not None
    assert (solution.bound or 0.0) * 0.5 < least <= (solution.cost or 0.0) * (1 + 1e-9)


def test_each_term_of_a_commitment_is_kept_by_itself() -> None:
    terms = (mix.Term("first", (0,), 10.0), mix.Term("both", (0, 1), 15.0))
    problem = mix.Problem(
        "terms", "", 1.0, (mix.Block("a", 1.0), mix.Block("b", 1.0)),
        (mix.Resource("r", "gpu", "committed", 1, terms=terms),),
        (mix.Workload("w", "inference", demand=(3.0, 1.0)),),
        (mix.Config("w", "r", 1, 1.0),),
    )  # fmt: skip
    solved = mix.solve(problem)
    assert {t: n for t, n in solved.terms["r"].items() if n} == {"first": 2, "both": 1}
    held = committed_to(problem, commitments_of(problem, solved))
    assert [(r.id, r.min_instances, r.max_instances) for r in held.resources] == [
        ("r first", 2, 2), ("r both", 1, 1),
    ]  # fmt: skip
    assert mix.solve(held).cost == pytest.approx(solved.cost)


def test_the_cloud_takes_what_commitments_do_not_carry(made: Made, catalog: Catalog) -> None:
    (rule,) = burst_rules(made.answer, catalog.defaults)
    assert rule.workload == "chat"
    cycle, (chat, _) = made.cycle, made.choice.inventory.workloads
    uses = [u for x in made.answer.lines for u in x.uses if u.cell.workload.id == "chat"]
    own = [u for u in uses if u.cell.supply.purchase.is_committed]
    cloud = [u for u in uses if not u.cell.supply.purchase.is_committed]
    blocks = {u.block for u in cloud if cycle.blocks[u.block].period.year == 0}
    hours = sum(len(cycle.blocks[p].hours) for p in blocks)
    assert rule.hours_per_month == pytest.approx(hours / 168 * 730)
    busiest = max(blocks, key=lambda p: peak_demand(chat, cycle.blocks[p]))
    carried = sum(u.replicas * u.cell.option.units_per_hour for u in own if u.block == busiest)
    assert rule.above_units_per_s == pytest.approx(carried / 3600)
    assert rule.above_units_per_s < peak_demand(chat, cycle.blocks[busiest]) / 3600
    assert rule.clouds
    assert all(name.startswith("on_demand:") for name in rule.clouds)
    assert rule.egress_tb_per_month == pytest.approx(5 * rule.share)
    assert 0.0 < rule.share < 1.0
    assert rule.startup_s is not None
    assert 60.0 < rule.startup_s < 300.0


def test_work_on_commitments_alone_has_no_burst_rule(made: Made, catalog: Catalog) -> None:
    held = tuple(x for x in made.answer.lines if x.supply.purchase.is_committed)
    assert burst_rules(replace(made.answer, lines=held), catalog.defaults) == ()
