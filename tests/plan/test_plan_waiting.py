"""Where a day of waiting has a price, the plan minimises cash and waiting, and shows them apart."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from gpumix.catalog import Catalog, load
from gpumix.domain.plan import Plan
from gpumix.inventory import read_inventory
from gpumix.plan.plan import plan
from gpumix.report.views.plan import sureness

TEAM = """
name: tuning
horizon: {start: 2027-01, years: 1}
workloads:
  tuning:
    kind: finetune
    method: lora
    model: Qwen/Qwen2.5-7B-Instruct
    tokens: 400M
    runs_per_month: 4
    finish_within: 20 d
    CALENDAR
supply:
  cloud: {gpus: [h100-sxm-80gb, l40s-48gb], purchase: [on_demand]}
"""


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def planned(folder: Path, catalog: Catalog, usd_per_day: float) -> Plan:
    stated = f"calendar_usd_per_day: {usd_per_day}" if usd_per_day else ""
    path = folder / f"{usd_per_day:g}.yaml"
    path.write_text(TEAM.replace("CALENDAR", stated), encoding="utf-8")
    return plan(read_inventory(path, catalog, date(2026, 11, 24)), catalog).plan


@pytest.fixture(scope="module")
def patient(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Plan:
    return planned(tmp_path_factory.mktemp("patient"), catalog, 0.0)


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory, catalog: Catalog) -> Plan:
    return planned(tmp_path_factory.mktemp("hurried"), catalog, 2000.0)


def finish_s(made: Plan) -> float:
    job = made.workloads[0].job
    assert job is not None
    return job.finish_expected_s


def test_a_price_of_waiting_buys_a_sooner_finish(patient: Plan, hurried: Plan) -> None:
    assert finish_s(hurried) < 0.7 * finish_s(patient)
    assert hurried.horizon_usd > patient.horizon_usd  # in cash, which waiting is no part of
    days_saved = (finish_s(patient) - finish_s(hurried)) / 86_400.0
    runs = patient.workloads[0].units_per_year[0]
    assert hurried.horizon_usd - patient.horizon_usd < 2000.0 * days_saved * runs


def test_what_waiting_is_worth_is_that_of_its_runs(patient: Plan, hurried: Plan) -> None:
    workload = hurried.workloads[0]
    assert workload.job is not None
    worth = workload.job.calendar_usd * workload.units_per_year[0]
    assert hurried.wait_usd == pytest.approx(worth, rel=1e-6)
    assert "Waiting for training jobs is worth" in sureness(hurried)
    assert patient.wait_usd == 0.0
    assert "Waiting" not in sureness(patient)


def test_the_bound_counts_the_waiting(hurried: Plan) -> None:
    whole = hurried.horizon_usd + hurried.wait_usd
    assert hurried.bound <= whole * (1.0 + 1e-9)
    assert hurried.gap == pytest.approx((whole - hurried.bound) / whole, abs=1e-9)
