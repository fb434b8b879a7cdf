"""Work ends a plan's searches; a clock only where the user asks for it, and the plan says so."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import pytest

from gpumix import mix
from gpumix.catalog import Catalog, load
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory
from gpumix.plan.effort import NORMAL, WORK
from gpumix.plan.plan import plan
from gpumix.report.views.plan import sureness

TEAM = """
name: nightly only
horizon: {start: 2027-01, years: 1}
workloads:
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 300M, output: 20M}
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb, l4-24gb], purchase: [on_demand, reserved]}
"""


@dataclass(frozen=True)
class Countdown(mix.Deadline):
    """Passes at the question after so many."""

    asked: int = 0
    so_far: list[int] = field(default_factory=list)

    def left_s(self) -> float:
        self.so_far.append(1)
        if len(self.so_far) > self.asked:
            raise mix.OutOfTime
        return math.inf


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


@pytest.fixture(scope="module")
def team(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Inventory:
    path: Path = tmp_path_factory.mktemp("effort") / "team.yaml"
    path.write_text(TEAM, encoding="utf-8")
    return read_inventory(path, catalog, date(2026, 11, 24))


def test_no_limit_cuts_nothing_short(team: Inventory, catalog: Catalog) -> None:
    made = plan(team, catalog).plan
    assert made.cut_short_s is None
    assert "Cut short" not in sureness(made)
    more = plan(team, catalog, work=WORK["thorough"]).plan
    assert more.horizon_usd <= made.horizon_usd * (1.0 + team.simplicity)


def test_a_plan_that_was_cut_short_says_so(team: Inventory, catalog: Catalog) -> None:
    """Time for the first search only: the plan stands, what it is held against is missing."""
    countdown = Countdown(asked=4)
    work = replace(NORMAL, time_limit_s=7.0, deadline=countdown)
    made = plan(team, catalog, work=work).plan
    assert made.cut_short_s == 7.0
    assert "Cut short after 7" in sureness(made)
    assert made.mix
    reasons = [a.reason for a in made.regret if a.horizon_usd is None]
    assert any("the time limit had passed" in reason for reason in reasons)


def test_no_time_at_all_is_told_with_the_fix(team: Inventory, catalog: Catalog) -> None:
    work = replace(NORMAL, time_limit_s=0.001, deadline=Countdown(asked=0))
    with pytest.raises(InputError, match=r"no plan was found in 0\.001 s.*allow more"):
        plan(team, catalog, work=work)


@pytest.mark.parametrize("time_limit_s", [0.0, -1.0, math.inf, math.nan])
def test_a_limit_that_is_no_time_is_refused(time_limit_s: float) -> None:
    with pytest.raises(InputError, match="time limit"):
        NORMAL.until(time_limit_s)
