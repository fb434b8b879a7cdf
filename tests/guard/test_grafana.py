"""The dashboard: Grafana's own model reads it, and it shows only what the rules record."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from typing import Any

import guard_fixture as made
import pytest

from gpumix.errors import InputError
from gpumix.guard.grafana import grafana
from gpumix.guard.holding import Holding
from gpumix.guard.prometheus.files import prometheus

dashboard = pytest.importorskip("grafana_foundation_sdk.models.dashboard")


@pytest.fixture(scope="module")
def held() -> Holding:
    return made.held()


@pytest.fixture(scope="module")
def board(held: Holding) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(grafana(held).text)
    return found


def test_grafanas_model_reads_it(board: dict[str, Any]) -> None:
    read = dashboard.Dashboard.from_json(board)
    assert len(read.panels) == len(board["panels"]) == 9
    assert [variable.name for variable in read.templating.list_val] == ["datasource", "namespace"]


def test_it_names_its_plan(board: dict[str, Any]) -> None:
    assert made.STAMP.sha256 in board["description"]
    assert board["uid"] == "gpumix-" + made.STAMP.sha256[:16]
    assert "$" not in board["title"]


def test_panels_do_not_overlap(board: dict[str, Any]) -> None:
    cells = [
        (x, y)
        for panel in board["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_every_series_of_ours_is_recorded(held: Holding, board: dict[str, Any]) -> None:
    [rules, *_] = prometheus(held)[0]
    recorded = set(re.findall(r"record: (\S+)", rules.text))
    shown = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"gpumix:[a-z0-9_:]+", target["expr"])
    }
    assert shown
    assert shown <= recorded


def test_no_panel_for_what_the_plan_has_not(held: Holding) -> None:
    jobs = tuple(owner for owner in held.owners if owner.launches[0].is_job)
    shares = tuple(one for one in held.shares if one.owner in jobs)
    found = json.loads(grafana(replace(held, owners=jobs, shares=shares)).text)
    titles = {panel["title"] for panel in found["panels"]}
    assert titles == {"GPUs busy", "GPUs held and their quota", "Pools against plan"}


def test_without_the_library_it_says_what_to_install(
    held: Holding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "grafana_foundation_sdk.builders", None)
    with pytest.raises(InputError, match=r"gpumix\[guard\]"):
        grafana(held)
