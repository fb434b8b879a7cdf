"""`--tiers` and `--estimated-terms` go before what the inventory says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError
from gpumix.inventory import read_inventory
from gpumix.report.export import read_plan
from gpumix.verbs.plan import AS_WRITTEN, Overrides, overridden

TEAM = """
horizon: {start: 2027-01, years: 1}
workloads:
  nightly:
    kind: batch
    model: meta-llama/Llama-3.1-8B-Instruct
    tokens_per_day: {input: 100M, output: 10M}
supply:
"""
CLOUD = "  cloud: {gpus: [l40s-48gb], purchase: [on_demand], tiers: [hyperscaler]}\n"
SITE = "  on_prem: {hq: {country: DE, racks: 1, kw_per_rack: 12, gpus: [l40s-48gb]}}\n"


def written(folder: Path, supply: str) -> Path:
    path = folder / "team.yaml"
    path.write_text(TEAM + supply, encoding="utf-8")
    return path


@pytest.fixture
def inventory(tmp_path: Path) -> Inventory:
    return read_inventory(written(tmp_path, CLOUD), load(), date(2026, 11, 24))


@pytest.mark.parametrize(
    ("tiers", "found"),
    [("any", None), ("neocloud", ("neocloud",)), ("neocloud, reseller", ("neocloud", "reseller"))],
)
def test_tiers(inventory: Inventory, tiers: str, found: tuple[str, ...] | None) -> None:
    cloud = overridden(inventory, Overrides(tiers=tiers)).cloud
    assert cloud is not None
    assert (cloud.tiers, cloud.estimated_terms) == (found, False)


def test_estimated_terms(inventory: Inventory) -> None:
    cloud = overridden(inventory, Overrides(estimated_terms=True)).cloud
    assert cloud is not None
    assert (cloud.tiers, cloud.estimated_terms) == (("hyperscaler",), True)
    assert overridden(inventory, AS_WRITTEN) is inventory


def test_every_unknown_tier_is_named(inventory: Inventory) -> None:
    with pytest.raises(InputError) as caught:
        overridden(inventory, Overrides(tiers="neoclouds,any,cheap"))
    assert [p.place for p in caught.value.problems] == ["--tiers"] * 3
    assert "did you mean neocloud" in str(caught.value)


def test_on_the_command_line(tmp_path: Path) -> None:
    path, run = written(tmp_path, CLOUD), CliRunner().invoke
    out = tmp_path / "out"
    found = run(app, ["plan", str(path), "--out", str(out), "--tiers", "neocloud", "--json"])
    assert found.exit_code == 0
    plan = read_plan(out / "plan.json")
    assert {line.tier for line in plan.mix} == {"neocloud"}
    assert plan.inventory is not None
    assert plan.inventory.cloud is not None
    assert plan.inventory.cloud.tiers == ("neocloud",)


def test_without_a_cloud_there_is_nothing_to_override(tmp_path: Path) -> None:
    site = read_inventory(written(tmp_path, SITE), load(), date(2026, 11, 24))
    with pytest.raises(InputError, match=r"supply\.cloud"):
        overridden(site, Overrides(tiers="any"))
