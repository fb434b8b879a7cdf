"""`gpumix compare INVENTORY WORKLOAD` of custom work, and what a workload needs of a GPU."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.domain.comparison import NOT_ALLOWED, Comparison
from gpumix.domain.evidence import Basis
from gpumix.verbs.compare import compare_names

INVENTORY = """
horizon: {start: 2027-01, years: 1}
as_of: 2026-11-24
workloads:
  render:
    kind: custom
    unit: frames
    rates: {l40s-48gb: 1200, l4-24gb: 400, h100-sxm-80gb: 2000}
    per_day: 20000
    needs: {rt_cores: true}
supply:
  cloud: {gpus: [l40s-48gb, l4-24gb, h100-sxm-80gb, a40-48gb], purchase: [on_demand]}
"""


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    path: Path = tmp_path_factory.mktemp("farm") / "team.yaml"
    path.write_text(INVENTORY, encoding="utf-8")
    made = compare_names(
        str(path), "render", gpus=None, input_tokens=None, output_tokens=None, slo=None,
        precision=None, engine="vllm",
    )  # fmt: skip
    assert isinstance(made, Comparison)
    return made


def test_a_unit_takes_what_the_team_measured(found: Comparison) -> None:
    row = next(row for row in found.rows if row.gpu == "l40s-48gb")
    assert row.fits
    assert row.sample_s is not None
    assert row.price is not None
    assert (row.sample_s.value, row.sample_s.basis) == (3.0, Basis.MEASURED)
    assert found.sample == "one frame"
    # dollars of an hour over the units that are planned in it, below the measured 1,200
    assert row.usd_per_sample[-1] > row.price.usd_per_gpu_hour / 1200.0


def test_other_gpus_say_why_not(found: Comparison) -> None:
    rows = {row.gpu: row for row in found.rows}
    assert (rows["h100-sxm-80gb"].status, rows["h100-sxm-80gb"].reason) == (
        NOT_ALLOWED,
        "has no RT cores",
    )
    assert rows["a40-48gb"].reason == "`rates` of the workload has none of it"
