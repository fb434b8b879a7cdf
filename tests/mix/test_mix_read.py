"""Bad input: every fault at once, each with its place and a hint; good input round-trips."""

from __future__ import annotations

import copy
import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gpumix.errors import InputError
from gpumix.mix import Problem, check_problem, problem_to_dict, read_problem

CASES = Path(__file__).parents[1] / "cases" / "mix"


@pytest.fixture
def case() -> dict[str, Any]:
    path = CASES / "s10_training_gang_and_delay.json"
    return json.loads(path.read_text(encoding="utf-8"))


def faults(data: Any, place: str = "") -> dict[str, str]:
    with pytest.raises(InputError) as raised:
        read_problem(data, place)
    return {p.place: f"{p.message} {p.fix}" for p in raised.value.problems}


def test_all_faults_at_once(case: dict[str, Any]) -> None:
    case["configs"][3]["rate"] = math.nan
    case["configs"][0]["resource"] = "h10x8"
    case["configs"][1]["workload"] = "chatt"
    case["resources"][1]["hourly_cost"] = -1
    case["resources"][2]["kind"] = "comitted"
    case["workloads"][0]["demand"] = [1, 2, 3]
    case["workloads"][1]["windw"] = [0]
    case["blocks"][0]["hours"] = "24"
    del case["repeat"]
    found = faults(case)
    assert set(found) == {
        "configs[3].rate",
        "configs[0].resource",
        "configs[1].workload",
        "resources[1].hourly_cost",
        "resources[2].kind",
        "workloads[0].demand",
        "workloads[1].windw",
        "blocks[0].hours",
        "repeat",
    }
    assert "did you mean h100x8" in found["configs[0].resource"]
    assert "did you mean chat?" in found["configs[1].workload"]
    assert "did you mean committed?" in found["resources[2].kind"]
    assert "did you mean window" in found["workloads[1].windw"]
    assert "3 numbers for 6 blocks" in found["workloads[0].demand"]
    assert "text" in found["blocks[0].hours"]
    assert "missing" in found["repeat"]


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        (("repeat",), 0, "repeat"),
        (("repeat",), True, "repeat"),
        (("repeat",), math.inf, "repeat"),
        (("repeat",), 10**400, "repeat"),
        (("blocks",), [], "blocks"),
        (("blocks",), {}, "blocks"),
        (("blocks", 0), 3, "blocks[0]"),
        (("blocks", 1, "id"), "d0", "blocks[1].id"),
        (("blocks", 0, "hours"), 0, "blocks[0].hours"),
        (("capex_budget",), "much", "capex_budget"),
        (("site_kw",), 9.0, "site_kw"),
        (("site_kw",), {"dc": -1}, "site_kw.dc"),
        (("quotas",), 3, "quotas"),
        (("quotas",), {"a": 1.5}, "quotas.a"),
        (("quotas",), {"a": -1}, "quotas.a"),
        (("resources", 0, "quotas"), "a", "resources[0].quotas"),
        (("resources", 0, "quotas"), [1], "resources[0].quotas"),
        (("resources", 0, "quotas"), ["a"], "resources[0].quotas[0]"),
        (("resources", 0, "gpus_per_instance"), 0, "resources[0].gpus_per_instance"),
        (("resources", 0, "gpus_per_instance"), 1.5, "resources[0].gpus_per_instance"),
        (("resources", 0, "max_instances"), -1, "resources[0].max_instances"),
        (("resources", 0, "spot"), "yes", "resources[0].spot"),
        (("resources", 0, "gpu"), 100, "resources[0].gpu"),
        (("workloads", 0, "demand", 2), -1.0, "workloads[0].demand[2]"),
        (("workloads", 0, "demand", 2), None, "workloads[0].demand[2]"),
        (("workloads", 0, "demand"), 5.0, "workloads[0].demand"),
        (("workloads", 0, "max_spot_share"), 1.2, "workloads[0].max_spot_share"),
        (("workloads", 0, "work"), 5, "workloads[0].work"),
        (("workloads", 1, "n_plus_one"), True, "workloads[1].n_plus_one"),
        (("workloads", 1, "window"), [6], "workloads[1].window[0]"),
        (("workloads", 1, "window"), [1, 1], "workloads[1].window[1]"),
        (("workloads", 1, "window"), 3, "workloads[1].window"),
        (("configs", 0, "gpus"), "1", "configs[0].gpus"),
        (("configs", 0, "rate"), {"all": 3.0}, "configs[0].rate"),
        (("configs", 0, "max_replicas"), 0.5, "configs[0].max_replicas"),
        (("configs", 0, "rte"), 1, "configs[0].rte"),
        (("optimun",), {}, "optimun"),
    ],
)
def test_one_fault(case: dict[str, Any], path: tuple[Any, ...], value: Any, place: str) -> None:
    target = case
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    if path == ("blocks",):
        case["workloads"] = case["configs"] = []
    assert list(faults(case)) == [place]
    assert list(faults(case, "p.json")) == [f"p.json {place}"]


def test_not_an_object() -> None:
    assert "must be an object" in faults([])[""]


def test_remarks_are_ignored_and_the_rest_round_trips(case: dict[str, Any]) -> None:
    problem = read_problem(case)
    bare = {k: v for k, v in case.items() if k not in ("tests", "optimum")}
    del bare["forced_single_gpu_type_cost"]
    assert read_problem(bare) == problem
    assert json.loads(json.dumps(problem_to_dict(problem))) == bare
    assert read_problem(problem_to_dict(problem)) == problem


def classed(case: dict[str, Any]) -> dict[str, Any]:
    out = copy.deepcopy(case)
    out["workloads"][0]["demand"] = {"short": [1.0] * 6, "long": [0.5] * 6}
    for config in out["configs"][:3]:
        config["rate"] = {"short": 3.0, "long": 1.0}
    return out


def test_classes(case: dict[str, Any]) -> None:
    data = classed(case)
    problem = read_problem(data)
    assert problem.workloads[0].classes == ("short", "long")
    assert read_problem(problem_to_dict(problem)) == problem
    data["workloads"][0]["n_plus_one"] = True
    data["workloads"][0]["demand"]["long"] = [1.0]
    data["configs"][0]["rate"] = {"shrt": 1.0}
    data["configs"][1]["rate"] = 3.0
    found = faults(data)
    assert set(found) == {
        "workloads[0].n_plus_one",
        "workloads[0].demand.long",
        "configs[0].rate.shrt",
        "configs[1].rate",
    }
    assert "did you mean short?" in found["configs[0].rate.shrt"]


def test_misspelt_site_is_not_a_lost_limit(case: dict[str, Any]) -> None:
    case["resources"][2]["site"] = "dhaka"
    case["site_kw"] = {"dahka": 9.0, "elsewhere": 3.0}
    assert list(faults(case)) == ["site_kw.dahka"]


def test_quotas_are_named_once_and_round_trip(case: dict[str, Any]) -> None:
    case["quotas"] = {"east": 3, "all": 5}
    case["resources"][0]["quotas"] = ["east", "all"]
    problem = read_problem(case)
    assert problem.quotas == {"east": 3, "all": 5}
    assert problem.resources[0].quotas == ("east", "all")
    assert json.loads(json.dumps(problem_to_dict(problem)))["quotas"] == case["quotas"]
    assert read_problem(problem_to_dict(problem)) == problem
    case["resources"][0]["quotas"] = ["esat", "all", "all"]
    found = faults(case)
    assert list(found) == ["resources[0].quotas[0]", "resources[0].quotas[2]"]
    assert "did you mean east?" in found["resources[0].quotas[0]"]


def test_problem_made_in_code_passes_the_same_check(case: dict[str, Any]) -> None:
    problem = read_problem(case)
    check_problem(problem)
    first = replace(problem.configs[0], rate=-1.0, resource="nowhere")
    broken: Problem = replace(problem, configs=(first, *problem.configs[1:]), repeat=math.nan)
    with pytest.raises(InputError) as raised:
        check_problem(broken)
    assert {p.place for p in raised.value.problems} == {
        "configs[0].rate",
        "configs[0].resource",
        "repeat",
    }


def test_a_rate_is_bounded_by_the_largest_and_the_smallest_need() -> None:
    path = CASES / "s02_base_reserved_peak_on_demand.json"
    data = json.loads(path.read_text(encoding="utf-8"))
    needs = [n for n in data["workloads"][0]["demand"] if n]
    assert max(needs) > min(needs)
    data["configs"][0]["rate"] = 0.9e-7 * max(needs)
    said = faults(data)["configs[0].rate"]
    assert f"between {1e-7 * max(needs):g} and {1e7 * min(needs):g}" in said
    data["configs"][0]["rate"] = 1.1e-7 * max(needs)
    read_problem(data)


def with_terms(case: dict[str, Any]) -> dict[str, Any]:
    resource = next(r for r in case["resources"] if r["kind"] == "committed")
    for key in ("fixed_cost", "hourly_cost", "capex"):
        resource.pop(key, None)
    resource["terms"] = [
        {"id": "all", "blocks": [0, 1, 2, 3, 4, 5], "cost": 90.0, "capex": 5.0},
        {"id": "gone", "blocks": [], "cost": 0.0},
    ]
    return resource


def test_terms_round_trip(case: dict[str, Any]) -> None:
    resource = with_terms(case)
    problem = read_problem(case)
    read = problem.resource_by_id[resource["id"]]
    assert [(t.id, t.blocks, t.cost, t.capex) for t in read.terms] == [
        ("all", (0, 1, 2, 3, 4, 5), 90.0, 5.0),
        ("gone", (), 0.0, 0.0),
    ]
    written = json.loads(json.dumps(problem_to_dict(problem)))
    assert read_problem(written) == problem


def test_faults_of_terms_at_once(case: dict[str, Any]) -> None:
    resource = with_terms(case)
    i = case["resources"].index(resource)
    resource["capex"] = 3.0
    resource["terms"][0]["blocks"] = [0, 6, 0]
    resource["terms"][1] |= {"id": "all", "cost": -1.0, "until": 3}
    resource["terms"].append({"id": "third"})
    hourly = next(r for r in case["resources"] if r["kind"] == "hourly")
    hourly["terms"] = [{"id": "t", "blocks": [0], "cost": 1.0}]
    hourly["hourly_cost"] = 0.0
    j = case["resources"].index(hourly)
    found = faults(case)
    assert set(found) == {
        f"resources[{i}].capex",
        f"resources[{i}].terms[0].blocks[1]",
        f"resources[{i}].terms[0].blocks[2]",
        f"resources[{i}].terms[1].id",
        f"resources[{i}].terms[1].cost",
        f"resources[{i}].terms[1].until",
        f"resources[{i}].terms[2].blocks",
        f"resources[{i}].terms[2].cost",
        f"resources[{j}].terms",
    }


def test_groups_round_trip_and_their_faults_at_once(case: dict[str, Any]) -> None:
    ids = [r["id"] for r in case["resources"]]
    case["groups"] = [
        {"id": "east", "resources": ids[:2], "fixed_cost": 9.0, "kind": "provider"},
        {"id": "none", "resources": []},
    ]
    case["most"] = {"provider": 1}
    problem = read_problem(case)
    assert problem.groups[0].resources == tuple(ids[:2])
    assert (problem.groups[1].fixed_cost, problem.groups[1].kind) == (0.0, "")
    assert read_problem(json.loads(json.dumps(problem_to_dict(problem)))) == problem
    case["groups"][0] |= {"resources": [ids[0], ids[0] + "x", ids[0]], "fixed_cost": -1.0}
    case["groups"][1] |= {"id": "east", "cost": 1.0}
    case["most"] = {"provder": 1, "provider": 1.5}
    found = faults(case)
    assert set(found) == {
        "groups[0].resources[1]",
        "groups[0].resources[2]",
        "groups[0].fixed_cost",
        "groups[1].id",
        "groups[1].cost",
        "most.provder",
        "most.provider",
    }
    assert "did you mean provider" in found["most.provder"]
