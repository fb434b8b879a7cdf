"""The plan to sign: fewest providers, then GPU types, then lines, for little more money."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from years_fixture import choice, cycle, rented, workload

from gpumix import catalog, mix
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible, InputError
from gpumix.inventory import read_inventory
from gpumix.plan.effort import WORK
from gpumix.plan.formulate import Choice
from gpumix.plan.interpret import answer_of
from gpumix.plan.plan import plan
from gpumix.plan.search import search
from gpumix.plan.simplify import simplest
from gpumix.report.views.mix import curve_table
from gpumix.report.views.plan import sureness

DAY = date(2026, 11, 29)
TEXT = """
horizon: {start: 2027-01, years: 2}
as_of: 2026-11-29
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 40, growth_per_year: 0.3}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}
  assistant:
    kind: chat
    model: Qwen/Qwen2.5-32B-Instruct
    traffic: {input_tokens: 800, output_tokens: 200, requests_per_s: 6}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
  embeddings: {kind: embedding, model: BAAI/bge-m3, tokens_per_day: 2B}
supply:
  cloud: {gpus: [h100-sxm-80gb, a100-sxm-80gb, l40s-48gb, l4-24gb]}
"""


@pytest.fixture(scope="module")
def cat() -> catalog.Catalog:
    return catalog.load()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, cat: catalog.Catalog) -> Inventory:
    path: Path = tmp_path_factory.mktemp("simple") / "team.yaml"
    path.write_text(TEXT, encoding="utf-8")
    return read_inventory(path, cat, DAY)


@pytest.fixture(scope="module")
def signed(team: Inventory, cat: catalog.Catalog) -> Plan:
    return plan(team, cat, work=WORK["quick"]).plan


@pytest.fixture(scope="module")
def cheapest(team: Inventory, cat: catalog.Catalog) -> Plan:
    return plan(replace(team, simplicity=0.0), cat, work=WORK["quick"]).plan


def counts(found: Plan) -> tuple[int, int, int]:
    providers = {line.provider for line in found.mix}
    return len(providers), len({line.gpu for line in found.mix}), len(found.mix)


def test_the_plan_is_simpler_and_costs_two_percent_more_at_most(
    signed: Plan, cheapest: Plan
) -> None:
    assert signed.cheapest_usd is not None
    assert signed.cheapest_usd == pytest.approx(cheapest.horizon_usd, rel=5e-3)
    assert signed.horizon_usd <= 1.02 * signed.cheapest_usd * (1 + 1e-9)
    assert counts(signed) < counts(cheapest)
    assert signed.bound <= signed.cheapest_usd


def test_the_curve_leads_from_the_cheapest_to_the_plan(signed: Plan) -> None:
    first, last = signed.curve[0], signed.curve[-1]
    assert first.horizon_usd == pytest.approx(signed.cheapest_usd)
    assert (last.providers, last.gpu_types, last.lines) == counts(signed)
    assert last.horizon_usd == pytest.approx(signed.horizon_usd)
    for before, after in zip(signed.curve, signed.curve[1:], strict=False):
        assert (after.providers, after.gpu_types, after.lines) <= (
            before.providers, before.gpu_types, before.lines)  # fmt: skip
    assert len(signed.curve) > 1
    assert "the cheapest mix found has" in sureness(signed)
    assert len(curve_table(signed).rows) == len(signed.curve)


def test_nothing_is_made_simpler_where_it_may_cost_nothing(cheapest: Plan) -> None:
    assert cheapest.cheapest_usd == pytest.approx(cheapest.horizon_usd)


def test_limits_are_kept_whatever_they_cost(team: Inventory, cat: catalog.Catalog) -> None:
    few = replace(team.limits, providers=1, gpu_types=1, lines=1)
    found = plan(replace(team, limits=few), cat, work=WORK["quick"]).plan
    assert counts(found) == (1, 1, 1)
    assert found.horizon_usd >= (found.cheapest_usd or 0.0)


def test_keys(tmp_path: Path, cat: catalog.Catalog) -> None:
    path = tmp_path / "team.yaml"
    path.write_text(
        TEXT + "prefer: {simplicity: 5 %}\nlimits: {providers: 2, gpu_types: 3, lines: 6}\n"
    )
    read = read_inventory(path, cat, DAY)
    assert read.simplicity == pytest.approx(0.05)
    assert (read.limits.providers, read.limits.gpu_types, read.limits.lines) == (2, 3, 6)
    path.write_text(TEXT + "prefer: {simplicity: 60 %}\nlimits: {lines: 0}\n")
    with pytest.raises(InputError) as refused:
        read_inventory(path, cat, DAY)
    assert len(refused.value.problems) == 2


def test_a_limit_that_no_mix_keeps_is_told(team: Inventory, cat: catalog.Catalog) -> None:
    """Work bound to two countries cannot be on one line."""
    chat, assistant, embeddings = team.workloads
    apart = (replace(chat, countries=("FI",)), replace(assistant, countries=("IN",)), embeddings)
    few = replace(team, workloads=apart, limits=replace(team.limits, lines=1))
    with pytest.raises(Infeasible) as caught:
        plan(few, cat)
    assert str(caught.value.conflict[0]) == "limits.lines: 1"
    assert len(caught.value.conflict) == 3
    (way,) = caught.value.ways_out
    (change,) = way.changes
    assert int(change.value) > 1


def test_no_line_of_next_to_nothing(signed: Plan) -> None:
    assert min(line.usd_horizon for line in signed.mix) >= 0.01 * signed.horizon_usd


def test_a_stated_least_line_is_kept_whatever_it_costs(
    team: Inventory, cat: catalog.Catalog, cheapest: Plan
) -> None:
    smallest = min(line.usd_per_month for line in cheapest.mix)
    least = 1.5 * smallest
    limits = replace(team.limits, min_line_usd_per_month=least)
    found = plan(replace(team, limits=limits, simplicity=0.0), cat).plan
    assert min(line.usd_per_month for line in found.mix) >= least
    assert found.horizon_usd >= cheapest.horizon_usd * (1.0 - 5e-3)


def test_a_least_line_above_the_whole_cost_is_a_conflict_told(
    team: Inventory, cat: catalog.Catalog, cheapest: Plan
) -> None:
    limits = replace(team.limits, min_line_usd_per_month=1e3 * cheapest.monthly_usd)
    with pytest.raises(Infeasible, match=r"limits\.min_line_usd_per_month"):
        plan(replace(team, limits=limits, simplicity=0.0), cat)


THREE_YEARS, ONE_YEAR = rented(Purchase.RESERVED_3Y, 1.5), rented(Purchase.RESERVED_1Y, 2.0)
HOURLY = rented(Purchase.ON_DEMAND, 3.0)


def of_a_month(least_line_usd: float) -> Choice:
    """Work for three years and work for a month, which is cheapest on a line of its own."""
    made = choice(
        [workload(), workload("b", from_month=6, until_month=7)], [THREE_YEARS, ONE_YEAR, HOURLY]
    )
    limits = replace(made.inventory.limits, min_line_usd_per_month=least_line_usd)
    return replace(made, inventory=replace(made.inventory, limits=limits))


def test_no_other_mix_as_simple_brings_back_a_line_below_the_limit() -> None:
    asked = of_a_month(100.0)
    weeks = cycle(asked)
    cheap = search(asked, weeks, asked.work.plan)
    assert min(line.usd for line in answer_of(cheap).lines) < 36.0 * 100.0
    found = simplest(cheap, asked, weeks, asked.supplies, [cheap]).found
    assert min(line.usd for line in answer_of(found).lines) >= 36.0 * 100.0


def test_a_limit_is_no_conflict_because_the_time_is_up() -> None:
    asked = of_a_month(100.0)
    weeks = cycle(asked)
    cheap = search(asked, weeks, asked.work.plan)
    late = replace(asked, work=replace(asked.work, deadline=mix.Deadline.after(1e-9)))
    with pytest.raises(mix.OutOfTime):
        simplest(cheap, late, weeks, asked.supplies, ())
