"""A plan is held against what its own team could have: on AMD, AMD."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from chosen_fixture import chosen
from years_fixture import planned as of_years
from years_fixture import rented, workload

from gpumix.catalog import Catalog, load
from gpumix.domain.gpu import family_of
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import Plan
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.plan.restrictions import MOST_FAMILIES, narrow, restrictions

TEAM = """
name: nightly
horizon: {{start: 2027-01, years: 1}}
workloads:
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {{input: 300M, output: 20M}}
supply:
  cloud: {{gpus: {gpus}, purchase: [on_demand]}}
"""
AMD = "[mi300x-192gb, mi325x-256gb, mi355x-288gb]"
MANY = "[h100-sxm-80gb, h100-pcie-80gb, a100-sxm-80gb, l40s-48gb, l4-24gb, h200-sxm-141gb]"


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def team(folder: Path, catalog: Catalog, gpus: str) -> planner.Inventory:
    path = folder / "team.yaml"
    path.write_text(TEAM.format(gpus=gpus), encoding="utf-8")
    return read_inventory(path, catalog, date(2026, 11, 24))


def planned(folder: Path, catalog: Catalog, gpus: str) -> Plan:
    return planner.plan(team(folder, catalog, gpus), catalog).plan


def of_families(plan: Plan) -> list[str]:
    names = [a.name.removeprefix("all ") for a in plan.regret if a.name.startswith("all ")]
    return [name for name in names if name not in ("cloud", "on-prem", "by API")]


def test_a_team_on_amd_is_held_against_amd(tmp_path: Path, catalog: Catalog) -> None:
    plan = planned(tmp_path, catalog, AMD)
    found = of_families(plan)
    assert found[0] == family_of(plan.mix[0].gpu)
    assert len(found) > 1
    assert all(name.startswith("MI3") for name in found)


def test_only_what_is_on_offer_is_asked_for(tmp_path: Path, catalog: Catalog) -> None:
    names = [a.name for a in planned(tmp_path, catalog, AMD).regret]
    assert "all cloud" in names
    assert "all on-prem" not in names


def test_a_handful_of_families_the_plans_own_first(tmp_path: Path, catalog: Catalog) -> None:
    plan = planned(tmp_path, catalog, MANY)
    found = of_families(plan)
    assert found[0] == family_of(plan.mix[0].gpu)
    assert len(found) == len(set(found)) == MOST_FAMILIES
    alone = next(a for a in plan.regret if a.name == "all L40S")
    assert alone.horizon_usd is not None


def test_a_family_alone_keeps_supplies_that_others_beat(tmp_path: Path, catalog: Catalog) -> None:
    inventory = team(tmp_path, catalog, MANY)
    supplies = planner.supply(inventory, catalog)
    choice = chosen(inventory, catalog)
    beaten = replace(choice, supplies=())
    for gpu in {s.gpu for s in supplies.of}:
        alone = narrow(beaten, supplies.of, lambda s, gpu=gpu: s.gpu == gpu)  # type: ignore[misc]
        assert {s.gpu for s in alone.supplies} == {gpu}


def test_what_is_paid_in_every_plan_may_be_used_without_new_promises() -> None:
    running = replace(
        rented(Purchase.RESERVED_3Y, 1.0), id="running", count=1, most=1, until_month=24
    )
    signed = rented(Purchase.RESERVED_3Y, 1.5)
    offered = [running, signed, rented(Purchase.ON_DEMAND, 3.0)]
    answer = of_years([workload()], offered)
    found = {r.name: r for r in restrictions(answer, answer.choice, offered)}
    for name in ("on demand only", "one-year terms at most"):
        assert found[name].allows(running)
        assert not found[name].allows(signed)
