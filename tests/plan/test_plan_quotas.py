"""`supply.cloud.max_instances` by place: what one place has no room for is rented at the next."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import pytest
from chosen_fixture import chosen

from gpumix import mix
from gpumix.catalog import Catalog, load
from gpumix.domain.workload import Inventory
from gpumix.errors import Infeasible
from gpumix.inventory import read_inventory
from gpumix.plan import plan as planner
from gpumix.plan.effort import NORMAL
from gpumix.plan.formulate import Choice
from gpumix.plan.search import Found, search
from gpumix.plan.worthwhile import worthwhile

CHAT = """
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {profile: azure-conv, peak_requests_per_s: 60}
    slo: {ttft_p95: 1500 ms, tpot_p95: 60 ms}"""
NIGHTLY = """
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: %s, output: 20M}
    window: "22:00-06:00\""""
PRICES = """provider,region,gpu,gpus_per_instance,purchase,usd_per_gpu_hour
near,east,h100-sxm-80gb,1,on_demand,2.0
near,east,h100-sxm-80gb,2,on_demand,2.0
near,west,h100-sxm-80gb,1,on_demand,2.5
far,north,h100-sxm-80gb,1,on_demand,3.0
"""


@cache
def catalog() -> Catalog:
    return load()


def inventory(folder: Path, workloads: str, most: str, providers: str = "[near, far]") -> Inventory:
    (folder / "p.csv").write_text(PRICES, encoding="utf-8")
    cloud = f"{{providers: {providers}, purchase: on_demand, max_instances: {most}}}"
    text = f"horizon: {{start: 2027-01, years: 1}}\nworkloads:{workloads}\nprices: p.csv\n"
    path = folder / "team.yaml"
    path.write_text(f"{text}supply: {{cloud: {cloud}}}\n", encoding="utf-8")
    return read_inventory(path, catalog(), date(2026, 11, 24))


def choice_of(asked: Inventory) -> Choice:
    return chosen(asked, catalog().with_rates(asked.rates))


def found(asked: Inventory) -> Found:
    choice = choice_of(asked)
    return search(choice, planner.cycle_for(choice), NORMAL.plan)


def most_by_place(answer: Found) -> dict[str, int]:
    """The most instances that run at a time, by provider and region."""
    formulation = answer.formulation
    most: dict[str, int] = {}
    for block in answer.solution.blocks:
        here: dict[str, int] = {}
        for resource, n in block.running.items():
            supply = formulation.supply[resource]
            place = f"{supply.provider} {supply.region}"
            here[place] = here.get(place, 0) + n
        most = {place: max(n, most.get(place, 0)) for place, n in here.items()}
    return {place: n for place, n in most.items() if n}


def test_the_cheapest_place_alone_without_a_limit(tmp_path: Path) -> None:
    answer = found(inventory(tmp_path, CHAT, "{far north: 9}"))
    assert list(most_by_place(answer)) == ["near east"]
    assert most_by_place(answer)["near east"] > 2


@pytest.mark.parametrize(
    ("most", "places"),
    [
        ("{near east: 1}", {"near east", "near west"}),
        ("{near east h100-sxm-80gb: 1}", {"near east", "near west"}),
        ("{near: 1}", {"near east", "far north"}),
        ("{near: 2, near east: 1}", {"near east", "near west", "far north"}),
        ("{near east: 0}", {"near west"}),
    ],
)
def test_the_next_place_takes_what_the_cheapest_has_no_room_for(
    tmp_path: Path, most: str, places: set[str]
) -> None:
    asked = inventory(tmp_path, CHAT, most)
    answer = found(asked)
    used = most_by_place(answer)
    assert set(used) == places
    assert asked.cloud is not None
    for quota in asked.cloud.quotas:
        under = [n for p, n in used.items() if f"{p} ".startswith(f"{quota.provider} ")]
        if quota.region:
            under = [used.get(f"{quota.provider} {quota.region}", 0)]
        assert sum(under) <= quota.instances
    assert mix.check(answer.formulation.problem, answer.solution) == []


def test_all_work_of_a_place_counts_together(tmp_path: Path) -> None:
    asked = inventory(tmp_path, CHAT + NIGHTLY % "3B", "{near: 2}")
    answer = found(asked)
    formulation = answer.formulation
    for block in answer.solution.blocks:
        near = [
            n for name, n in block.running.items() if formulation.supply[name].provider == "near"
        ]
        assert sum(near) <= 2
    both = {cell.supply.provider for cell in formulation.cells if cell.workload.id == "nightly"}
    assert both == {"near", "far"}


def test_work_that_may_wait_fits_one_instance(tmp_path: Path) -> None:
    """What is done in a share of the window is no more than one instance, if there is only one."""
    answer = found(inventory(tmp_path, NIGHTLY % "100M", "{near: 1, far: 0}"))
    assert most_by_place(answer) == {"near east": 1}


@pytest.mark.parametrize(("most", "tokens"), [("{near: 1}", "12B"), ("1", "2500M")])
def test_work_that_may_wait_goes_on_at_the_next_place(
    tmp_path: Path, most: str, tokens: str
) -> None:
    answer = found(inventory(tmp_path, NIGHTLY % tokens, most))
    assert answer.solution.cost is not None
    assert sum(most_by_place(answer).values()) > 1


def test_a_conflict_names_the_place_and_the_way_out(tmp_path: Path) -> None:
    asked = inventory(tmp_path, CHAT, "{near east: 1, near: 2}", providers="[near]")
    with pytest.raises(Infeasible) as caught:
        planner.plan(asked, catalog().with_rates(asked.rates))
    keys = [limit.key for limit in caught.value.conflict]
    assert "supply.cloud.max_instances.near" in keys
    changes = {c.stated.key: c.value for way in caught.value.ways_out for c in way.changes}
    assert int(changes["supply.cloud.max_instances.near"]) > 2


def test_a_limited_supply_beats_none_outside_its_limit(tmp_path: Path) -> None:
    choice = choice_of(inventory(tmp_path, CHAT, "{near east: 1}"))
    kept = {(s.provider, s.region, s.gpus_per_instance) for s in worthwhile(choice)}
    assert kept == {("near", "east", 1), ("near", "east", 2), ("near", "west", 1)}


def test_limits_by_place_stand_in_the_problem(tmp_path: Path) -> None:
    asked = inventory(tmp_path, CHAT, "{near: 2, near east h100-sxm-80gb: 1}")
    problem = found(asked).formulation.problem
    assert problem.quotas == {"near": 2, "h100-sxm-80gb of near in east": 1}
    assert mix.read_problem(mix.problem_to_dict(problem)) == problem
