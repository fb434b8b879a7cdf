"""Every template is a short inventory whose work something can do."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gpumix.catalog import load
from gpumix.cli import app
from gpumix.errors import InputError, UnknownName
from gpumix.inventory import read_inventory
from gpumix.inventory.case import read_case
from gpumix.inventory.templates import cases, template_text, templates
from gpumix.plan.choose import supply
from gpumix.supply.allowed import may_run
from gpumix.verbs.plan import plan_file

CATALOG = load()
NAMES = ("bank", "code", "lab", "rag", "saas-chat", "studio")


def test_the_templates_are_those_that_the_help_names() -> None:
    assert templates() == NAMES
    shown = CliRunner().invoke(app, ["init", "--help"]).output
    assert all(name in shown for name in NAMES)
    with pytest.raises(UnknownName, match="did you mean studio"):
        template_text("stdio")


@pytest.mark.parametrize("name", cases())
def test_a_case_to_start_from_is_one_that_tco_reads(tmp_path: Path, name: str) -> None:
    file = tmp_path / "case.yaml"
    done = CliRunner().invoke(app, ["init", str(file), "--template", name])
    assert f"gpumix tco {file}" in done.output
    assert "tco" in read_case(file).data
    assert name in CliRunner().invoke(app, ["init", "--help"]).output
    with pytest.raises(InputError, match="--template tco-frankfurt"):
        read_case(tmp_path / "none.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_a_template_reads_and_all_of_its_work_has_something_priced_to_run_on(
    tmp_path: Path, name: str
) -> None:
    assert len(template_text(name).splitlines()) < 60
    file = tmp_path / "team.yaml"
    done = CliRunner().invoke(app, ["init", str(file), "--template", name])
    assert done.exit_code == 0, done.output
    inventory = read_inventory(file, CATALOG, date(2026, 11, 24))
    supplies = supply(inventory, CATALOG).of
    for workload in inventory.workloads:
        able = [one for one in supplies if may_run(workload, one)]
        assert able, workload.id
        assert all(one.usd_per_gpu_hour > 0.0 for one in able)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_template_plans(tmp_path: Path, name: str) -> None:
    file = tmp_path / "team.yaml"
    file.write_text(template_text(name), encoding="utf-8")
    plan = plan_file(file).plan
    assert plan.mix
    assert all(check.kept for workload in plan.workloads for check in workload.slo)
