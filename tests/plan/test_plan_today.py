"""What runs today beside the plan: whether it is this team's fleet, what is saved, the moves."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.domain.today_plan import Action, TodayPlan
from gpumix.domain.workload import Inventory
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.report.export import plan_from_dict, plan_to_dict
from gpumix.report.views.plan import headline
from gpumix.report.views.today import today_words
from gpumix.supply.today import kept, running

TEAM = """
name: today
horizon: {start: 2027-01, years: 2}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    TIER
    traffic: {input_tokens: 500, output_tokens: 200, requests_per_s: 100, growth_per_year: 0.3}
    slo: {ttft_p95: 2 s, tpot_p95: 80 ms}
supply:
  cloud: {providers: [lambda, aws], gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand]}
TODAY
"""
L40S = "{provider: aws, gpu: l40s-48gb, gpus_per_instance: 1, region: us-east-1, "
PRICE = 1.861
"""AWS's on-demand price of an L40S in the catalogue [USD per GPU-hour]."""
HOURLY, COMMITTED, ENDED = 2, 2, 1

Make = Callable[..., Inventory]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Make:
    path: Path = tmp_path_factory.mktemp("today") / "team.yaml"

    def make(*rows: str, monthly_usd: float | None = None, tier: str = "standard") -> Inventory:
        bill = "" if monthly_usd is None else f"\n  monthly_usd: {monthly_usd}"
        today = f"today:\n  rented: [{', '.join(rows)}]{bill}" if rows else ""
        text = TEAM.replace("TIER", f"tier: {tier}").replace("TODAY", today)
        path.write_text(text, encoding="utf-8")
        return read_inventory(path, catalog, date(2026, 11, 24))

    return make


def l40s(count: int, **keys: object) -> str:
    more = "".join(f", {key}: {value}" for key, value in keys.items())
    return f"{L40S}count: {count}{more}}}"


def told(plan: Plan) -> TodayPlan:
    assert plan.today is not None
    return plan.today


@pytest.fixture(scope="module")
def needed(team: Make, catalog: Catalog) -> int:
    """L40S that the demand needs, as gpumix sizes a fleet that is too large."""
    found = told(planner.plan(team(l40s(40)), catalog).plan).needed_gpus
    assert found is not None
    return found


@pytest.fixture(scope="module")
def own(team: Make, catalog: Catalog, needed: int) -> Plan:
    """The plan of a team whose fleet and bill are as gpumix sizes and prices them."""
    return planner.plan(team(*rows_of(needed), monthly_usd=bill_of(needed)), catalog).plan


def rows_of(needed: int) -> tuple[str, ...]:
    """By the hour, committed into the horizon, and committed until before it."""
    return (
        l40s(needed - COMMITTED - ENDED, usd_per_gpu_hour=PRICE),
        l40s(COMMITTED, purchase="reserved_1y", until="2027-06-30", usd_per_gpu_hour=1.5),
        l40s(ENDED, purchase="reserved_1y", until="2026-12-15", usd_per_gpu_hour=1.6),
    )


def bill_of(needed: int) -> float:
    hourly = (needed - COMMITTED - ENDED) * PRICE
    return 730.0 * (hourly + COMMITTED * 1.5 + ENDED * 1.6)


def test_a_fleet_as_predicted_is_told_its_saving(own: Plan, needed: int) -> None:
    today = told(own)
    assert today.differences == ()
    assert (today.gpus, today.needed_gpus) == (needed, needed)
    assert today.monthly_usd == pytest.approx(bill_of(needed), rel=1e-6)
    assert all(promise.kept for promise in today.promises)
    assert today.saves_first_year_usd_per_month is not None
    first = own.first_year_monthly_usd or 0.0
    assert today.saves_first_year_usd_per_month == pytest.approx(today.monthly_usd - first)
    assert "a month against today" in headline(own)
    assert 3 <= len(today_words(own)) <= 6


def test_the_moves_save_what_the_plan_saves(own: Plan) -> None:
    today = told(own)
    saved = math.fsum(move.usd for move in today.moves)
    assert saved == pytest.approx(today.saves_first_year_usd_per_month or 0.0, abs=1e-6)
    assert [m.date for m in today.moves] == sorted(m.date for m in today.moves)
    stops = [m.usd for m in today.moves if m.action is Action.STOP]
    assert stops == sorted(stops, reverse=True)
    gone = [m for m in today.moves if m.action is Action.EXPIRE]
    assert [(m.date, m.count) for m in gone] == [
        (date(2026, 12, 15), ENDED),
        (date(2027, 6, 30), COMMITTED),
    ]
    kept_or_stopped = [
        m.count for m in today.moves
        if m.action in (Action.STOP, Action.KEEP) and "(today)" in m.resource
    ]  # fmt: skip
    assert sum(kept_or_stopped) == told(own).gpus - COMMITTED - ENDED


def test_a_commitment_is_paid_to_its_last_day_in_every_plan(
    own: Plan, team: Make, catalog: Catalog
) -> None:
    half_a_year = COMMITTED * 1.5 * 4380.0
    line = next(one for one in own.mix if "until 2027-06-30" in one.resource)
    assert (line.count, line.usd_horizon) == (COMMITTED, pytest.approx(half_a_year))
    assert not [one for one in own.mix if "until 2026-12-15" in one.resource]
    solved = [a for a in own.regret if a.horizon_usd is not None]
    assert len(solved) > 3
    assert all((a.horizon_usd or 0.0) > half_a_year for a in solved)
    without = planner.plan(team(), catalog).plan
    for name in ("all H100", "all by API"):  # which have no use for it
        held, free = (
            next(a.horizon_usd or 0.0 for a in p.regret if a.name.startswith(name))
            for p in (own, without)
        )
        assert held - free == pytest.approx(half_a_year, rel=0.01 * free / half_a_year)


def test_todays_fleet_is_an_alternative(own: Plan) -> None:
    found = next(a for a in own.regret if a.name == "today's fleet")
    assert found.horizon_usd is not None
    assert found.delta_usd == pytest.approx(found.horizon_usd - (own.cheapest_usd or 0.0))
    end = told(own).end_usd_per_month or 0.0
    first = told(own).monthly_usd
    assert end >= first  # with more of the same as the demand grows
    assert found.horizon_usd == pytest.approx(12.0 * (first + end), rel=0.01)


@pytest.mark.parametrize(("runs", "bill"), [(1.0, 0.6), (1.0, 1.4), (1.67, 1.0), (0.6, 1.0)])
def test_a_fleet_far_off_is_not_yet_theirs(
    team: Make, catalog: Catalog, needed: int, runs: float, bill: float
) -> None:
    count = max(round(runs * needed), 1)
    row = l40s(count, usd_per_gpu_hour=PRICE)
    plan = planner.plan(team(row, monthly_usd=bill * count * PRICE * 730.0), catalog).plan
    today = told(plan)
    assert [d.what for d in today.differences] == ["bill" if bill != 1.0 else "GPUs"]
    assert today.saves_first_year_usd_per_month is None
    assert today.saves_end_usd_per_month is None
    assert today.moves == ()
    assert "Not yet your fleet" in headline(plan)
    assert "No saving is claimed" in headline(plan)
    assert "against today" not in headline(plan)
    inputs = " ".join(today.differences[0].inputs)
    assert ("usd_per_gpu_hour" if bill != 1.0 else "workloads.chat.traffic") in inputs
    if runs < 1.0:
        assert [p.workload for p in today.promises if not p.kept] == ["chat"]


def test_premium_work_that_survives_no_loss_is_told(team: Make, catalog: Catalog) -> None:
    row = "{provider: aws, instance: p5.48xlarge, region: us-east-1, count: 1}"
    today = told(planner.plan(team(row, tier="premium"), catalog).plan)
    (promise,) = today.promises
    assert (promise.kept, promise.reason) == (False, "does not survive the loss of an instance")


def test_a_plan_with_a_fleet_is_read_back(own: Plan) -> None:
    assert plan_from_dict(plan_to_dict(own)) == own


def test_a_price_that_is_not_stated_is_the_catalogues_and_marked(
    team: Make, catalog: Catalog
) -> None:
    (assumed,) = running(team(l40s(3)), catalog)
    (stated,) = running(team(l40s(3, usd_per_gpu_hour=1.2)), catalog)
    assert (assumed.basis, stated.basis) == ("assumed", "measured")
    assert assumed.usd_per_gpu_hour == pytest.approx(PRICE)
    assert stated.usd_per_gpu_hour == pytest.approx(1.2)
    assert (assumed.count, assumed.most, assumed.always_on) == (3, 3, True)


def test_a_plan_may_keep_what_is_rented_at_an_own_price(team: Make, catalog: Catalog) -> None:
    inventory = team(l40s(3, usd_per_gpu_hour=1.2), l40s(2))
    (still,) = kept(inventory, running(inventory, catalog))
    assert (still.usd_per_gpu_hour, still.count, still.most) == (pytest.approx(1.2), 0, 3)
    cloud = inventory.cloud
    assert cloud is not None
    elsewhere = replace(inventory, cloud=replace(cloud, providers=("lambda",)))
    assert kept(elsewhere, running(elsewhere, catalog)) == ()


def test_equal_rows_stay_apart(team: Make, catalog: Catalog) -> None:
    names = [s.id for s in running(team(l40s(3), l40s(2)), catalog)]
    assert len(set(names)) == 2
