"""Who answers for which assumption, read from an inventory."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.evidence import Confirmation
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory

TEAM = """
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {input_tokens: 1000, output_tokens: 200, requests_per_s: 1}
    slo: {ttft_p95: 2 s}
supply: {cloud: {providers: any}}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def read(tmp_path: Path, catalog: Catalog, assumptions: str) -> Inventory:
    file = tmp_path / "team.yaml"
    file.write_text(TEAM + assumptions, encoding="utf-8")
    return read_inventory(file, catalog, date(2026, 11, 24))


def test_owners_are_read_in_their_order(tmp_path: Path, catalog: Catalog) -> None:
    stated = """
assumptions:
  "chat: growth": {owner: Ana Rahman, confirmed_on: 2026-11-24, note: board of October}
  "speed: *": {owner: Bo}
"""
    assert read(tmp_path, catalog, stated).confirmations == (
        Confirmation("chat: growth", "Ana Rahman", date(2026, 11, 24), "board of October"),
        Confirmation("speed: *", "Bo", None, ""),
    )
    assert read(tmp_path, catalog, "").confirmations == ()


def test_every_problem_comes_out_at_once(tmp_path: Path, catalog: Catalog) -> None:
    stated = """
assumptions:
  "chat: growth": {owner: Ana, confirmed_on: 2026-11-25}
  "speed: engine": {confirmed_on: 2026-11-01}
  "speed: *": {owner: Bo, confirmed-on: 2026-11-01}
  "cloud: *": {owner: Bo, confirmed_on: yesterday}
  "jobs: *": {owner: ""}
"""
    with pytest.raises(InputError) as error:
        read(tmp_path, catalog, stated)
    late, ownerless, dashed, no_day, empty = sorted(map(str, error.value.problems), key=_line)
    assert late == (
        "assumptions.chat: growth.confirmed_on (line 13): 2026-11-25 is after the plan's day, "
        "2026-11-24 (write the day on which it was confirmed, or leave it out until it is)"
    )
    assert "needs the key 'owner'" in ownerless
    assert "unknown key 'confirmed-on'" in dashed
    assert "did you mean confirmed_on?" in dashed
    assert "line 16" in no_day
    assert "expected a name" in empty


def _line(problem: str) -> int:
    return int(problem.partition("(line ")[2].partition(")")[0])
