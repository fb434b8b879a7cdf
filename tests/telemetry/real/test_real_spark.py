"""The heavy steps on a real Spark: a planted fleet's hours and shares are those of DuckDB."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from pathlib import Path

import pytest

from gpumix.catalog import load
from gpumix.telemetry.attribute import attribute
from gpumix.telemetry.bill import read_bills
from gpumix.telemetry.store import open_fleet
from gpumix.verbs.observe import observe_sources

pytestmark = [pytest.mark.real, pytest.mark.filterwarnings("ignore")]
ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tools"))
import plant_fleet  # noqa: E402  from tools/

SMALL = (
    "sql.shuffle.partitions=1",
    "sql.adaptive.enabled=false",
    "sql.codegen.wholeStage=false",
    "ui.enabled=false",
)
"""Settings under which little data does not wait for what only much data needs."""


@pytest.mark.skipif(
    not (importlib.util.find_spec("pyspark") and shutil.which("java")),
    reason="PySpark or Java is not installed: pip install 'gpumix[spark]'",
)
def test_spark_gives_what_duckdb_gives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    told = " ".join(f"--conf spark.{name}" for name in SMALL)
    monkeypatch.setenv("PYSPARK_SUBMIT_ARGS", f"--master local[2] {told} pyspark-shell")
    plant_fleet.write(tmp_path, seed=5, days=2, step_s=300)
    sources = [str(tmp_path / name) for name in ("samples.parquet", "sacct.txt")]
    observe_sources(sources, tmp_path / "fleet", tmp_path / "declare.json")
    fleet = open_fleet(tmp_path / "fleet")
    bill = read_bills([tmp_path / "bill.csv"])
    here = attribute(fleet, bill, load())
    there = attribute(fleet, bill, load(), where="spark")
    assert there.hours.num_rows > 1_000
    assert there.hours.to_pylist() == here.hours.to_pylist()
    assert there.notes == here.notes
