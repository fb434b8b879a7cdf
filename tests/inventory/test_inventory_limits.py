"""Limits on the cash of a year, as an inventory states them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.domain.case import Jump
from gpumix.errors import InputError
from gpumix.inventory.recheck import problems_of
from gpumix.verbs.plan import Opened, open_inventory

INVENTORY = """
horizon: {{start: 2027-03, years: 2}}
as_of: 2026-11-24
fx: {{JPY: {{per_usd: 150, as_of: 2026-11-20}}}}
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{input_tokens: 1000, output_tokens: 200, requests_per_s: 1}}
supply:
  cloud: {{}}
limits: {{cash: {cash}}}
"""


def opened(tmp_path: Path, cash: str) -> Opened:
    file = tmp_path / "team.yaml"
    file.write_text(INVENTORY.format(cash=cash))
    return open_inventory(file)


def test_cash_of_a_year_in_any_currency(tmp_path: Path) -> None:
    limits = opened(tmp_path, "{2028: 30M JPY, 2027: 500000}").inventory.limits
    assert limits.cash == ((2027, 500_000.0), (2028, 200_000.0))
    assert opened(tmp_path, "{}").inventory.limits.cash == ()


@pytest.mark.parametrize(
    ("cash", "message"),
    [
        ("{2026: 1000}", "is no year of the plan, 2027-03 to 2029-02"),
        ("{2030: 1000}", "is no year of the plan"),
        ("{2027: -1}", "an amount must lie between 0 and"),
        ("{2027: much}", "expected an amount such as 900000 or 90M BDT"),
        ("{2027: 5 XXX}", "XXX"),
        ("{first: 1000}", "first"),
        ("{2027-01: 1000}", "2027-01"),
        ("{2027.5: 1000}", "2027.5"),
        ("{12: 1000}", "must lie between"),
        ("500000", "cash"),
    ],
)
def test_cash_that_cannot_be(tmp_path: Path, cash: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        opened(tmp_path, cash)
    assert message in str(error.value)
    assert "cash" in str(error.value)


@pytest.mark.parametrize("cash", [((2026, 1.0),), ((2028, 1.0), (2027, 1.0)), ((2027, -1.0),)])
def test_cash_of_a_plan_file_that_cannot_be(
    tmp_path: Path, cash: tuple[tuple[int, float], ...]
) -> None:
    inventory = opened(tmp_path, "{}").inventory
    limits = replace(inventory.limits, cash=cash)
    found = problems_of(replace(inventory, limits=limits), load(), "plan.json")
    assert any("limits.cash" in str(p) for p in found)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("drift_per_year: -2", "drift_per_year"),
        ("jumps: [{month: 13, factor: 0}]", "factor"),
        ("jumps: [{month: 13}]", "factor"),
        ("jumps: [{month: 13, factor: 1.1, by: 2}]", "by"),
        ("jumps: 3", "jumps"),
    ],
)
def test_a_path_of_a_rate_that_cannot_be(tmp_path: Path, path: str, message: str) -> None:
    file = tmp_path / "team.yaml"
    text = INVENTORY.format(cash="{}").replace("2026-11-20}", f"2026-11-20, {path}}}")
    file.write_text(text)
    with pytest.raises(InputError) as error:
        open_inventory(file)
    assert message in str(error.value)


def test_a_path_of_a_rate(tmp_path: Path) -> None:
    file = tmp_path / "team.yaml"
    stated = "2026-11-20, drift_per_year: 5 %, jumps: [{month: 13, factor: 1.15}]}"
    file.write_text(INVENTORY.format(cash="{}").replace("2026-11-20}", stated))
    (rate,) = open_inventory(file).inventory.fx
    assert (rate.drift_per_year, rate.jumps) == (0.05, (Jump(month=13.0, factor=1.15),))
