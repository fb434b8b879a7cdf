"""Whole plans of small teams, on a catalogue and constants kept beside them.

What packaged prices and fits do never moves these plans; what the planner does moves them. The
examples on the packaged data are held at a coarse level, and are expected to move with it.
"""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from golden_files import GOLDEN, check_json
from gpumix import catalog
from gpumix.catalog.tables import packaged
from gpumix.inventory import read_inventory
from gpumix.plan.plan import plan
from gpumix.report.export import plan_to_dict

TODAY = date(2026, 11, 24)
OF_THE_RUN = ("seconds", "version", "data_as_of")
"""Keys of plan.json that tell of the run or the release, not of the plan."""
CATALOGUE = GOLDEN / "catalogue"
EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


NOT_OF_THE_CATALOGUE = {
    "fields.csv",
    "starter.yaml",
    "price_history.csv",  # trends
    "price_sources.csv",  # what prices are refreshed from
    "machines.csv",  # names in imported files
    "server_power.csv",  # cases of tco
    "gpu_names.csv",
    "provider_names.csv",
    "specifications.csv",  # explain
    "start.csv",
    "audit_rules.csv",  # the fleet's verbs
    "bill_columns.csv",
    "constant_words.csv",  # explain
    "constants.csv",
    "constants_moved.csv",
    "drift_rules.csv",
    "export_gpus.csv",  # names in files that start a plan
    "export_images.csv",
    "export_providers.csv",
    "export_sky_names.csv",
    "telemetry_labels.csv",
    "telemetry_metrics.csv",
    "web_holds.csv",
    "web_limits.csv",
    "web_sliders.csv",
}
"""Packaged files that no plan is made from."""


def planned(inventory: Path, known: catalog.Catalog) -> dict[str, Any]:
    """The plan of an inventory, in the shape of plan.json."""
    return plan_to_dict(plan(read_inventory(inventory, known, TODAY), known).plan)


def test_nothing_packaged_enters_a_golden_plan() -> None:
    names = {path.name for path in packaged("gpus.csv").parent.iterdir() if path.is_file()}
    assert names - NOT_OF_THE_CATALOGUE == {path.name for path in CATALOGUE.iterdir()}


@pytest.mark.parametrize("team", ["cloud", "site", "terms", "training"])
def test_golden_plan(team: str) -> None:
    known = catalog.load(folder=CATALOGUE)
    found = planned(GOLDEN / "plans" / f"{team}.yaml", known)
    assert found["status"] == "optimal"
    check_json(f"plans/{team}.json", {k: v for k, v in found.items() if k not in OF_THE_RUN})


def headline(found: dict[str, Any]) -> dict[str, Any]:
    """What a reader takes from a plan: its cost, its mix and the promises it keeps."""
    return {
        "usd_per_month": round_off(found["monthly_usd"]),
        "capex_usd": round_off(found["capex_usd"]),
        "mix": {line["resource"]: line["count"] for line in found["mix"]},
        "kept": {
            id: {check["name"]: check["kept"] for check in workload["slo"]}
            for id, workload in found["workloads"].items()
        },
    }


def round_off(usd: float) -> float:
    """To three figures."""
    return 0.0 if usd == 0.0 else round(usd, 2 - math.floor(math.log10(usd)))


@pytest.mark.slow
def test_golden_examples() -> None:
    known = catalog.load()
    paths = sorted(p for p in EXAMPLES.glob("*.yaml") if p.name[:4] != "tco-")
    check_json("examples.json", {path.stem: headline(planned(path, known)) for path in paths})
