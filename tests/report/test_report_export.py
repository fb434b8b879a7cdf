"""Plans and comparisons as JSON, there and back."""

from __future__ import annotations

import copy
import dataclasses
import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import plan_fixture
import pytest

from gpumix.catalog import load
from gpumix.domain.evidence import Confirmation
from gpumix.domain.workload import Quota
from gpumix.errors import InputError
from gpumix.inventory import EXAMPLE, read_inventory
from gpumix.inventory.recheck import problems_of
from gpumix.report import export

CONTRACT = {
    *("schema_version", "status", "mix", "monthly_usd", "horizon_usd", "bound", "gap"),
    *("workloads", "regret", "assumptions"),
}


def as_json(data: dict[str, Any]) -> dict[str, Any]:
    return json.loads(export.to_json(data))  # type: ignore[no-any-return]


def test_the_contract_of_plan_json() -> None:
    data = as_json(export.plan_to_dict(plan_fixture.plan()))
    assert next(iter(data)) == "schema_version"
    assert set(data) >= CONTRACT
    wanted = {"resource", "gpu", "count", "purchase", "usd_per_month", "serves"}
    assert all(wanted <= set(line) for line in data["mix"])
    chat = data["workloads"]["support-chat"]
    assert chat["usd_per_mtok_input"] == 0.0412
    assert {"name", "limit_s", "predicted", "kept"} <= set(chat["slo"][0])
    assert data["workloads"]["adapters"]["usd_per_run"] == 51.75
    assert data["workloads"]["adapters"]["usd_per_mtok_total"] is None
    assert data["start"] == "2027-01-01"
    assert data["mix"][1]["price_as_of"] is None


def test_a_plan_comes_back_as_it_was() -> None:
    plan = plan_fixture.plan()
    assert export.plan_from_dict(as_json(export.plan_to_dict(plan))) == plan


def test_a_plan_of_before_owners_still_opens() -> None:
    data = as_json(export.plan_to_dict(plan_fixture.plan()))
    del data["rests_on"]
    for row in data["assumptions"]:
        for key in ("owner", "confirmed_on", "note"):
            del row[key]
    read = export.plan_from_dict(data)
    assert read.rests_on is None
    assert {(a.owner, a.confirmed_on, a.note) for a in read.assumptions} == {("", None, "")}


def test_owners_come_back_and_are_checked_again() -> None:
    catalog = load()
    asked = read_inventory(EXAMPLE, catalog, date(2026, 11, 24))
    stated = (Confirmation("chat: growth", "Ana", asked.as_of, "board of October"),)
    asked = dataclasses.replace(asked, confirmations=stated)
    plan = dataclasses.replace(plan_fixture.plan(), inventory=asked)
    assert export.plan_from_dict(as_json(export.plan_to_dict(plan))).inventory == asked
    assert problems_of(asked, catalog, "plan.json") == []
    late = (Confirmation("chat: growth", "", asked.as_of + timedelta(days=1)),)
    owner, day = problems_of(dataclasses.replace(asked, confirmations=late), catalog, "p")
    assert str(owner).startswith("p.confirmations[0].owner: must be a name")
    assert str(day).startswith("p.confirmations[0].confirmed_on: is after the plan's day")


def test_limits_by_place_come_back_and_are_checked_again() -> None:
    catalog = load()
    asked = read_inventory(EXAMPLE, catalog, date(2026, 11, 24))
    assert asked.cloud is not None
    quotas = (Quota("aws", "us-east-1", None, 4), Quota("aws", None, "l4-24gb", 0))
    asked = dataclasses.replace(asked, cloud=dataclasses.replace(asked.cloud, quotas=quotas))
    plan = dataclasses.replace(plan_fixture.plan(), inventory=asked)
    assert export.plan_from_dict(as_json(export.plan_to_dict(plan))).inventory == asked
    assert problems_of(asked, catalog, "plan.json.inventory") == []
    data = as_json(export.plan_to_dict(plan))
    data["inventory"]["cloud"]["quotas"][0]["instances"] = -1
    data["inventory"]["cloud"]["quotas"][1]["gpu"] = "l4-24bg"
    edited = export.plan_from_dict(data).inventory
    assert edited is not None
    few, gpu = map(str, problems_of(edited, catalog, "plan.json.inventory"))
    assert few.startswith("plan.json.inventory.cloud.quotas[0].instances: must lie between 0 and")
    assert gpu.startswith("plan.json.inventory.cloud.quotas[1].gpu: unknown GPU 'l4-24bg' (did")


def test_not_a_number_is_not_json() -> None:
    plan = dataclasses.replace(plan_fixture.plan(), monthly_usd=float("nan"))
    with pytest.raises(ValueError, match="JSON"):
        export.to_json(export.plan_to_dict(plan))


def _set(*path: Any) -> Callable[[dict[str, Any]], None]:
    *way, last, value = path

    def change(data: dict[str, Any]) -> None:
        place: Any = data
        for step in way:
            place = place[step]
        place[last] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_set("schema_version", "9.0"), "schema_version.*9.0"),
        (_set("surprise", 1), "plan.json.surprise: unknown key"),
        (lambda d: d.pop("gap"), "plan.json.gap: is missing"),
        (_set("monthly_usd", "many"), "plan.json.monthly_usd: must be a number, not 'many'"),
        (_set("years", 2.5), "plan.json.years: must be a whole number"),
        (_set("years", True), "plan.json.years: must be a whole number"),
        (_set("start", "soon"), "plan.json.start: must be a day such as 2027-01-15, not 'soon'"),
        (_set("start", 3), "plan.json.start: must be a day such as 2027-01-15, not 3"),
        (
            _set("mix", 0, "basis", "guessed"),
            r"plan.json.mix\[0\].basis: unknown basis 'guessed'",
        ),
        (_set("mix", 0, "basis", 3), r"plan.json.mix\[0\].basis: unknown basis '3' .known"),
        (_set("mix", "none"), "plan.json.mix: must be a list"),
        (_set("mix", 0, "h100"), r"mix\[0\]: must be an object"),
    ],
)
def test_a_broken_file_names_the_place(
    change: Callable[[dict[str, Any]], None], message: str
) -> None:
    data = copy.deepcopy(as_json(export.plan_to_dict(plan_fixture.plan())))
    change(data)
    with pytest.raises(InputError, match=message):
        export.plan_from_dict(data)


def test_a_key_that_is_written_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    text = export.to_json(export.plan_to_dict(plan_fixture.plan()))
    path.write_text(text.replace('"years": ', '"years": 2, "years": ', 1), encoding="utf-8")
    with pytest.raises(InputError, match="key 'years' is written twice"):
        export.read_plan(path)
