"""`needs` of a workload, and the features in a team's own sheet of GPUs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.gpu import Needs
from gpumix.domain.workload import Inventory
from gpumix.errors import InputError

INVENTORY = """\
horizon: {{start: 2027-01, years: 1}}
workloads:
  w:
    kind: embedding
    model: BAAI/bge-m3
    tokens_per_day: 1B
    needs: {}
supply:
  cloud: {{}}
"""
SHEET = "id,mem_gb,mem_bw_gbs,tdp_w,bf16_tflops"


def test_any_kind_of_work_may_have_needs(read: Callable[[str], Inventory]) -> None:
    [found] = read(INVENTORY.format("{nvenc: 2, nvdec: 4, rt_cores: true, ecc: true}")).workloads
    assert found.needs == Needs(nvenc=2, nvdec=4, rt_cores=True, ecc=True)


@pytest.mark.parametrize(
    ("needs", "problem"),
    [
        ("{encoders: 2}", "unknown key 'encoders'"),
        ("{nvenc: 1.5}", "workloads.w.needs.nvenc (line 7)"),
        ("{nvenc: -1}", "must be at least 0"),
        ("{display: maybe}", "expected true or false"),
        ("[nvenc]", "expected keys with values"),
    ],
)
def test_needs_that_mean_nothing(refused: Callable[[str], str], needs: str, problem: str) -> None:
    assert problem in refused(INVENTORY.format(needs))


def gpus(tmp_path: Path, columns: str, cells: str) -> Catalog:
    sheet = tmp_path / "gpus.csv"
    sheet.write_text(f"{SHEET}{columns}\n{cells}\n", encoding="utf-8")
    return Catalog(gpus=sheet)


def test_a_sheet_of_gpus_states_features(tmp_path: Path) -> None:
    found = gpus(tmp_path, ",nvenc,display", "new-1,48,900,300,200,3,yes").gpus["new-1"].features
    assert (found.nvenc, found.display, found.nvdec) == (3, True, None)


def test_a_row_in_the_place_of_a_packaged_one_keeps_its_features(tmp_path: Path) -> None:
    assert gpus(tmp_path, "", "l4-24gb,24,300,72,121").gpus["l4-24gb"].features.nvdec == 4


def test_features_are_yes_or_no(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="rt_cores is 'many'"):
        _ = gpus(tmp_path, ",rt_cores", "new-1,48,900,300,200,many").gpus
