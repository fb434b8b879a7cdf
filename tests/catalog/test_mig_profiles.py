"""The table of MIG profiles: parts that exist, shares that its names say, faults told."""

from __future__ import annotations

from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.errors import DataError

HEAD = "gpu,profile,compute_slices,memory_slices,mem_gib,most_per_gpu,places\n"


def test_profiles_are_of_gpus_that_can_be_cut() -> None:
    catalog = load()
    for gpu, profiles in catalog.mig_profiles.items():
        assert catalog.gpus[gpu].mig_slices == 7
        for one in profiles:
            compute, _, memory = one.name.removesuffix("gb").partition("g.")
            assert one.compute_share == pytest.approx(int(compute) / 7)
            assert one.mem_gib == pytest.approx(int(memory), rel=0.05)
            assert one.mem_gib == pytest.approx(catalog.gpus[gpu].mem_gib * one.memory_share)


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ("h100-sxm-80gb,1g.10gb,1,1,10,7,0 1\n", "number of its places"),
        ("h100-sxm-80gb,3g.40gb,3,4,40,1,6\n", "beyond the end"),
        ("h100-sxm-80gb,9g.10gb,9,1,10,1,0\n", "compute_slices"),
    ],
)
def test_faults_are_told(tmp_path: Path, row: str, told: str) -> None:
    (tmp_path / "mig_profiles.csv").write_text(HEAD + row, encoding="utf-8")
    with pytest.raises(DataError, match=told):
        _ = load(folder=tmp_path).mig_profiles
