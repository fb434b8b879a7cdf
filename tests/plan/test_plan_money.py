"""The user's own money in a whole plan: data, credits, taxes, and how wrong prices may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from chosen_fixture import chosen

from gpumix.catalog import Catalog, load
from gpumix.domain.scenarios import Scenario, Scenarios
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.plan.accounts import usd_by_workload
from gpumix.plan.credits import CREDITS, credits_of, left_after, with_credits
from gpumix.plan.effort import NORMAL
from gpumix.plan.interpret import Answer, answer_of, idle_usd, mix_lines, proof_of
from gpumix.plan.money import money
from gpumix.plan.regret import Variant
from gpumix.plan.restrictions import Restriction
from gpumix.plan.search import search
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.report.markdown import plan_markdown
from gpumix.supply.supply import Supply
from ledger_check import cash_by_item

AGEING = load().ageing

TEAM = """
name: money
horizon: {start: 2027-01, years: 2}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 40}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 100M, output: 10M}
supply:
  cloud: {providers: [lambda, aws], gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand]}
"""
Team = Callable[..., Inventory]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture
def team(tmp_path: Path, catalog: Catalog) -> Team:
    def read(data: str = "", terms: str = "") -> Inventory:
        text = TEAM.replace("    kind: chat\n", f"    kind: chat\n{data}")
        text = text.replace("purchase: [on_demand]", f"purchase: [on_demand]{terms}")
        (tmp_path / "team.yaml").write_text(text, encoding="utf-8")
        return read_inventory(tmp_path / "team.yaml", catalog, date(2026, 11, 24))

    return read


@pytest.fixture
def answered(catalog: Catalog) -> Callable[[Inventory], Answer]:
    """The accounts of the mix found, without replay and alternatives."""

    def answer(inventory: Inventory) -> Answer:
        choice = chosen(inventory, catalog)
        return answer_of(search(choice, planner.cycle_for(choice), NORMAL.plan))

    return answer


Answered = Callable[[Inventory], Answer]
DATA = "    data_tb: 10\n    egress_tb_per_month: 40\n"


def part(answer: Answer, name: str) -> float:
    return math.fsum(s.total for line in answer.lines for s in line.streams if s.item == name)


def of_provider(answer: Answer, provider: str) -> list[str]:
    return [line.supply.id for line in answer.lines if line.supply.provider == provider]


def only(inventory: Inventory, *providers: str) -> Inventory:
    assert inventory.cloud is not None
    return replace(inventory, cloud=replace(inventory.cloud, providers=providers))


def test_data_is_billed_where_the_work_is_done(team: Team, answered: Answered) -> None:
    found = answered(only(team(DATA), "aws"))
    # 40 TB x 1000 x 0.09 x 24 months; 10 TB x 1000 x 0.023 x 24 months
    assert part(found, "egress") == pytest.approx(86_400.0)
    assert part(found, "storage") == pytest.approx(5_520.0)
    rent = part(found, "on-demand rental")
    assert found.usd == pytest.approx(rent + 86_400.0 + 5_520.0)
    by_workload = usd_by_workload(found.lines)
    plain = usd_by_workload(answered(only(team(), "aws")).lines)
    assert by_workload["chat"] == pytest.approx(plain["chat"] + 91_920.0)
    assert by_workload["nightly"] == pytest.approx(plain["nightly"])


def test_what_is_idle_and_the_price_of_an_hour_leave_data_out(
    team: Team, answered: Answered
) -> None:
    with_data, plain = answered(only(team(DATA), "aws")), answered(only(team(), "aws"))
    assert idle_usd(with_data) == pytest.approx(idle_usd(plain))
    prices = {line.resource: line.usd_per_gpu_hour for line in mix_lines(with_data, AGEING)}
    assert prices == pytest.approx(
        {x.resource: x.usd_per_gpu_hour for x in mix_lines(plain, AGEING)}
    )


def test_the_search_counts_data_at_least_as_the_accounts_do(team: Team, answered: Answered) -> None:
    found = answered(only(team(DATA), "aws"))
    searched = found.found.solution.cost
    assert searched is not None
    rent = part(found, "on-demand rental")
    assert 91_920.0 * 0.999 <= searched - rent <= 91_920.0 * 1.5


def test_egress_moves_work_to_where_it_is_free(team: Team, answered: Answered) -> None:
    """At 4,000 TB a month even a tenth of the price of a GPU does not make up for egress."""
    cheap_aws = ", discounts: [{provider: aws, share: 90 %}]"
    assert not of_provider(answered(team("", cheap_aws)), "lambda")
    found = answered(team("    egress_tb_per_month: 4000\n", cheap_aws))
    assert {u.cell.workload.id for x in found.lines for u in x.uses if x.supply.provider == "aws"
            } <= {"nightly"}  # fmt: skip
    assert part(found, "egress") == 0.0


def test_taxes_are_laid_on_rent_and_data(team: Team, answered: Answered) -> None:
    plain = answered(only(team(DATA), "aws"))
    taxed = answered(only(team(DATA, ", tax_share: 15 %"), "aws"))
    assert taxed.usd == pytest.approx(plain.usd * 1.15)


def test_a_credit_pays_rent_until_it_ends(team: Team, answered: Answered) -> None:
    plain = answered(only(team(DATA), "aws"))
    rent = part(plain, "on-demand rental")
    small = answered(
        only(team(DATA, ", credits: [{provider: aws, usd: 1000, until: 2027-12-31}]"), "aws")
    )
    assert part(small, CREDITS) == pytest.approx(-1000.0)
    assert small.usd == pytest.approx(plain.usd - 1000.0)
    large = answered(
        only(team(DATA, ", credits: [{provider: aws, usd: 1e9, until: 2027-06-30}]"), "aws")
    )
    # no growth: both years cost the same, and half of the first is before its end
    assert part(large, CREDITS) == pytest.approx(-rent / 4.0)
    paid = [cash_by_item(line.streams, line.months)[CREDITS] for line in large.lines]
    assert [sum(years[y] for years in paid) for y in (0, 1)] == pytest.approx([-rent / 4.0, 0.0])
    assert usd_by_workload(large.lines).keys() == usd_by_workload(plain.lines).keys()
    assert math.fsum(usd_by_workload(large.lines).values()) == pytest.approx(large.usd)


def test_credits_of_others_and_ended_ones_pay_nothing(team: Team, answered: Answered) -> None:
    terms = (
        ", credits: [{provider: lambda, usd: 1000, until: 2028-12-31},"
        " {provider: aws, usd: 1000, until: 2026-12-31}]"
    )
    assert part(answered(only(team("", terms), "aws")), CREDITS) == 0.0


def test_two_credits_never_pay_one_dollar_twice(team: Team, answered: Answered) -> None:
    plain = answered(only(team(), "aws"))
    year = part(plain, "on-demand rental") / 2.0
    terms = (
        f", credits: [{{provider: aws, usd: {0.8 * year}, until: 2027-12-31}},"
        f" {{provider: aws, usd: {0.4 * year}, until: 2027-12-31}}]"
    )
    assert part(answered(only(team("", terms), "aws")), CREDITS) == pytest.approx(-year)


def test_the_bound_counts_all_credits(team: Team, answered: Answered) -> None:
    """Used in full, a credit leaves the proof as it was; unused, another mix may use it."""
    plain = answered(only(team(), "aws"))
    assert proof_of(plain) is plain.found.solution
    used = answered(
        only(team("", ", credits: [{provider: aws, usd: 1000, until: 2028-12-31}]"), "aws")
    )
    bound = plain.found.solution.bound
    assert bound is not None
    assert proof_of(used).bound == pytest.approx(bound - 1000.0)
    assert proof_of(used).cost == pytest.approx(plain.usd - 1000.0)
    other = answered(
        only(team("", ", credits: [{provider: lambda, usd: 1000, until: 2028-12-31}]"), "aws")
    )
    assert proof_of(other).cost == pytest.approx(plain.usd)
    assert proof_of(other).bound == pytest.approx(bound - 1000.0)


def test_what_costs_less_and_keeps_as_much_is_no_runner_up(team: Team, answered: Answered) -> None:
    """A plan is chosen over dearer ones; made simpler from a cheaper one, it says so elsewhere."""
    dear, cheap = (answered(only(team(), name)) for name in ("aws", "lambda"))
    assert cheap.usd < dear.usd

    def rivals(one: Answer, other: Answer, *broken: str) -> list[str]:
        provider = other.lines[0].supply.provider
        only_it = Restriction("it", lambda s: s.provider == provider, breaks=broken)
        asked = (Variant(only_it, other.found, ""),)
        return [o.name for o in money(one, asked, (), (), (None, None), None).options]

    assert rivals(cheap, dear) == ["the plan", "it"]
    assert rivals(dear, cheap) == ["the plan"]
    assert rivals(dear, cheap, "a promise") == ["the plan", "it"]


def test_an_assumed_price_is_drawn_between_its_own_ends(
    team: Team, answered: Answered, catalog: Catalog
) -> None:
    found = answered(only(team(), "aws"))
    ranged = replace(
        found, lines=tuple(replace(x, supply=assumed(x.supply, 0.9, 1.2)) for x in found.lines)
    )
    ranges = tuple(r for r in catalog.money_ranges if r.name == "price at")
    listed, between = (
        money(one, (), (), ranges, (None, None), None).inputs[0] for one in (found, ranged)
    )
    assert (listed.name, listed.unit) == ("price at aws", "USD a GPU-hour")
    assert (listed.low, listed.high) == pytest.approx(
        (0.75 * listed.typical, 1.25 * listed.typical)
    )
    assert (between.low, between.high) == pytest.approx(
        (0.9 * between.typical, 1.2 * between.typical)
    )


def test_the_speed_alone_is_drawn_as_wide_as_its_interval(
    team: Team, answered: Answered, catalog: Catalog
) -> None:
    """Its ends are the tenth and the ninetieth of a hundred."""
    found = answered(only(team(), "aws"))
    ranges = tuple(r for r in catalog.money_ranges if r.name == "speed")
    ends = (0.9 * found.usd, 1.5 * found.usd)
    spread = money(found, (), (), ranges, ends, None).options[0].present
    assert (spread.p10, spread.p90) == pytest.approx(ends, rel=0.01)
    assert spread.p50 == pytest.approx(found.usd, rel=5e-3)
    untold = money(found, (), (), ranges, (None, None), None).options[0].present
    assert (untold.p10, untold.p90) == pytest.approx((found.usd, found.usd))


def test_growth_that_commitments_do_not_carry_costs_what_the_best_plan_for_it_does(
    team: Team, answered: Answered, catalog: Catalog
) -> None:
    found = answered(only(team(), "aws"))
    usd = found.usd
    futures = (
        Scenario(0.7, 0.0, 0.9 * usd, 0.9 * usd, 0.0),
        Scenario(1.0, 0.0, usd, usd, 0.0),
        Scenario(1.3, 0.0, None, 1.4 * usd, None),
        Scenario(1.0, -0.3, 0.5 * usd, 0.5 * usd, 0.0),
    )
    ranges = tuple(r for r in catalog.money_ranges if r.name == "growth")
    tried = Scenarios(futures, None, None, None)
    sure = money(found, (), (), ranges, (None, None), tried)
    (bar,) = sure.tornado
    assert (bar.low_usd, bar.high_usd) == pytest.approx((0.9 * usd, 1.4 * usd))
    assert sure.options[0].first_year.p10 == sure.options[0].first_year.p90


def assumed(supply: Supply, low: float, high: float) -> Supply:
    """The supply at a price that is assumed between two ends."""
    assert supply.offer is not None
    price = supply.offer.usd_per_instance_hour
    ends = {"low_usd_per_instance_hour": low * price, "high_usd_per_instance_hour": high * price}
    return replace(supply, offer=replace(supply.offer, **ends))


def test_a_whole_plan_says_what_it_rests_on(team: Team, catalog: Catalog) -> None:
    terms = (
        ", tax_share: 0.1, support_share: {aws: 3 %}, discounts: [{provider: aws, share: 0.2}],"
        " credits: [{provider: aws, usd: 500, until: 2028-12-31}]"
    )
    plan = planner.plan(only(team(DATA, terms), "aws"), catalog).plan
    said = {a.subject: a.value for a in plan.assumptions}
    assert "500 of 500 USD of aws are used" in said["rule: credits"]
    assert said["rule: taxes on cloud bills"].startswith("10 %")
    assert "not counted" not in said["rule: cost"]
    assert said["egress: aws"] == "0.09 USD per GB sent out"
    assert any("discount 20 %; support 3 %; taxes 10 %" in value for value in said.values())
    parts = {part.name: sum(part.usd_by_year) for part in plan.costs}
    assert parts["credits"] == pytest.approx(-500.0)
    # 40 TB x 1000 x 0.09 x 24 months with support and taxes
    assert parts["egress"] == pytest.approx(86_400.0 * 1.03 * 1.1)
    assert sum(parts.values()) == pytest.approx(plan.horizon_usd)
    assert math.fsum(w.usd_per_month for w in plan.workloads) * 24 == pytest.approx(
        plan.horizon_usd
    )
    assert plan.bound <= plan.horizon_usd
    assert plan.gap == pytest.approx(1.0 - plan.bound / plan.horizon_usd)
    own = next(a for a in plan.regret if a.name == "all cloud")
    assert (own.horizon_usd, own.delta_usd) == (plan.horizon_usd, 0.0)
    of_same_supplies = [a for a in plan.regret if a.horizon_usd and "API" not in a.name]
    assert len(of_same_supplies) > 1
    assert all((a.horizon_usd or 0.0) >= plan.bound for a in of_same_supplies)
    written = plan_to_dict(plan)
    assert plan_from_dict(written) == plan
    del written["money"]
    before = plan_from_dict(written)
    assert before == replace(plan, money=None)
    assert plan_markdown(before)
    assert plan.money is not None
    own_money = plan.money.options[0]
    assert own_money.present_cost_usd == pytest.approx(plan.horizon_usd, abs=0.005)
    assert own_money.cash_by_year_usd == pytest.approx(plan.cash_by_year_usd, abs=0.005)
    assert (own_money.present.p10, own_money.present.p90) == (
        plan.horizon_low_usd,
        plan.horizon_high_usd,
    )
    others = {a.name: a.horizon_usd for a in plan.regret}
    assert plan.money.against
    for one in plan.money.options[1:]:
        assert one.present_cost_usd == pytest.approx(others[one.name], abs=0.005)


def test_what_a_year_leaves_of_a_credit_is_all_that_the_next_one_has(
    team: Team, answered: Answered
) -> None:
    credit = "{provider: lambda, usd: 1000000, until: 2028-12-31}"
    inventory = team(terms=f", credits: [{credit}]")
    answer = answered(inventory)
    drawn = -part(answer, CREDITS)
    assert drawn > 0.0
    (left,) = left_after(answer.lines, inventory)
    assert left.usd == pytest.approx(1_000_000.0 - drawn)
    assert credits_of(with_credits(inventory, (left,))) == (left,)
