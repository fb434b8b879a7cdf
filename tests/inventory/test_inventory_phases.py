"""Months in which a plan may buy, reserve or sell, as an inventory states them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.errors import InputError
from gpumix.inventory.recheck import problems_of
from gpumix.verbs.plan import Opened, open_inventory

INVENTORY = """
horizon: {{start: 2027-03, years: 2}}
as_of: 2026-11-24
workloads:
  chat:
    kind: chat
    model: meta-llama/Llama-3.1-8B-Instruct
    traffic: {{input_tokens: 1000, output_tokens: 200, requests_per_s: 1}}
supply:
  cloud: {{}}
  {phases}
"""


def opened(tmp_path: Path, phases: str) -> Opened:
    file = tmp_path / "team.yaml"
    file.write_text(INVENTORY.format(phases=phases))
    return open_inventory(file)


def test_phases_are_months_of_the_plan(tmp_path: Path) -> None:
    assert opened(tmp_path, "phases: [2027-03, 2028-01]").inventory.phases == (0, 10)
    assert opened(tmp_path, "").inventory.phases is None


@pytest.mark.parametrize(
    ("phases", "message"),
    [
        ("[2027-02]", "2027-02 is outside the plan, 2027-03 to 2029-02"),
        ("[2029-03]", "2029-03 is outside the plan"),
        ("[2028-01, 2027-06]", "2027-06 comes before the month above it"),
        ("[2027-06, 2027-06]", "names 2027-06 a second time"),
        ("[2027-06-15]", "expected a month such as 2027-01"),
        ("[soon]", "expected a month such as 2027-01"),
        ("[]", "phases"),
        ("12", "phases"),
    ],
)
def test_phases_that_cannot_be(tmp_path: Path, phases: str, message: str) -> None:
    with pytest.raises(InputError) as error:
        opened(tmp_path, f"phases: {phases}")
    assert message in str(error.value)
    assert "phases" in str(error.value)


def test_every_fault_of_phases_at_once(tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        opened(tmp_path, "phases: [2026-01, 2027-06, 2027-06, 2031-01]")
    assert len(error.value.problems) == 3


@pytest.mark.parametrize("phases", [(), (3, 3), (6, 3), (24,), (-1,)])
def test_phases_of_a_plan_file_that_cannot_be(tmp_path: Path, phases: tuple[int, ...]) -> None:
    inventory = replace(opened(tmp_path, "").inventory, phases=phases)
    assert any("phases" in str(p) for p in problems_of(inventory, load(), "plan.json"))
