"""`gpumix replan` from files: a fleet's counts, a price sheet, and the folder it writes."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from fleet_fixture import CATALOG, fleet_of, sample
from gpumix.domain.replanned import Verdict
from gpumix.errors import InputError
from gpumix.report.export import plan_to_dict, read_plan, to_json
from gpumix.verbs.replan import FILES, gpus_seen, replan_fleet
from replan_fixture import QUICK, planned, sheet, team

JUNE = date(2027, 6, 10)
L40S = "NVIDIA L40S"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("plan")
    made = planned(team(home))
    (home / "plan.json").write_text(to_json(plan_to_dict(made)), encoding="utf-8")
    return home


@pytest.fixture
def fleet(tmp_path: Path) -> Path:
    """Twelve L40S on the last day, one more that was gone a day before."""
    last = [sample(2 * 1440 + 5, slot, gpu_name=L40S) for slot in range(12)]
    fleet_of(tmp_path / "fleet", [*last, sample(0, 12, gpu_name=L40S)])
    return tmp_path / "fleet"


def test_gpus_are_those_of_the_last_day(fleet: Path) -> None:
    assert gpus_seen(fleet, CATALOG) == {"l40s-48gb": 12}


def test_the_new_plan_and_what_differs_are_written_together(
    folder: Path, fleet: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new.csv"
    prices = {("nimbus", "h100-sxm-80gb", "on_demand"): 1.2}
    new.write_text(sheet(prices, date(2026, 11, 28)), encoding="utf-8")
    out = tmp_path / "out"
    found = replan_fleet(folder, fleet, new, JUNE, out, work=QUICK)
    assert {file.name for file in out.iterdir()} == set(FILES)
    assert found.verdict is Verdict.CHANGE
    assert [(c.planned, c.seen) for c in found.counts] == [(14, 12)]
    told = json.loads((out / "replan.json").read_text(encoding="utf-8"))
    assert next(iter(told)) == "schema_version"
    assert told["saves_usd"] > 0.0
    again = read_plan(out / "plan.json")
    assert again.start == date(2027, 6, 1)
    assert again.months == 19
    assert again.version
    assert "19 months" in (out / "report.html").read_text(encoding="utf-8")
    assert "## Moves" in (out / "replan.md").read_text(encoding="utf-8")
    last = replan_fleet(out, None, None, date(2028, 2, 1), work=QUICK)  # a plan made anew, anew
    assert (last.months, last.keep_usd is not None) == (11, True)


def test_what_is_no_plan_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is an inventory"):
        replan_fleet(folder / "team.yaml", as_of=JUNE)
    with pytest.raises(InputError, match="no folder of a fleet"):
        replan_fleet(folder, tmp_path / "nothing", as_of=JUNE)
