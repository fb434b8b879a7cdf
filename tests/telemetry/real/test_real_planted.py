"""A planted fleet through a real Prometheus and VictoriaMetrics: the same planted amounts."""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import servers
from servers import Written

from gpumix.audit.audit import audit, read_rules
from gpumix.audit.gather import gather
from gpumix.catalog import load
from gpumix.telemetry import store
from gpumix.telemetry.attribute import attribute
from gpumix.telemetry.bill import read_bills
from gpumix.telemetry.declared import read_declared
from gpumix.telemetry.price_book import read_price_book
from gpumix.telemetry.sources import prometheus, sacct

pytestmark = pytest.mark.real
ROOT = Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tools"))
import plant_fleet  # noqa: E402  from tools/

KINDS = {"prometheus": servers.prometheus, "victoria-metrics": servers.victoria_metrics}
METRICS = {
    "DCGM_FI_DEV_GPU_UTIL": ("util", 100.0),
    "DCGM_FI_PROF_GR_ENGINE_ACTIVE": ("engine_active", 1.0),
    "DCGM_FI_PROF_SM_ACTIVE": ("sm_active", 1.0),
    "DCGM_FI_DEV_POWER_USAGE": ("power_w", 1.0),
}


def _labels(row: dict[str, Any]) -> dict[str, str]:
    """What the exporter says of a GPU; its owner is a pod, or a job of Slurm."""
    if row["job_id"]:
        owner = {"hpc_job": row["job_id"]}
    elif row["team"]:
        owner = {"exported_namespace": row["team"], "exported_pod": _pod(row)}
    else:
        owner = {}
    mig = {"GPU_I_PROFILE": row["mig"] or "", "GPU_I_ID": row["mig_id"] or ""}
    return {
        "gpu": str(row["index"]), "UUID": row["gpu"], "modelName": row["gpu_name"],
        "Hostname": row["node"], "instance": f"{row['node']}:9400-{row['scraper']}", **mig, **owner,
    }  # fmt: skip


def _pod(row: dict[str, Any]) -> str:
    return f"{row['workload']}-{row['index']}"


def _series(rows: list[dict[str, Any]]) -> list[Written]:
    found: dict[tuple[tuple[str, str], ...], list[tuple[float, float]]] = defaultdict(list)
    for row in rows:
        labels = _labels(row)
        for metric, (name, scale) in METRICS.items():
            if row[name] is not None:
                key = tuple(sorted({"__name__": metric, **labels}.items()))
                found[key].append((row["t"], row[name] * scale))
        if row["requests_running"] is not None and row["team"]:
            engine = {
                "__name__": "vllm:num_requests_running", "namespace": row["team"],
                "pod": _pod(row), "model_name": row["model"] or "",
            }  # fmt: skip
            found[tuple(sorted(engine.items()))].append((row["t"], row["requests_running"]))
    return [Written(dict(key), samples) for key, samples in found.items()]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    plant_fleet.write(folder, seed=11, days=2, step_s=60)
    return folder


@pytest.fixture(params=list(KINDS))
def address(request: pytest.FixtureRequest, planted: Path, tmp_path: Path) -> Iterator[str]:
    if not servers.installed(request.param):
        pytest.skip(f"{request.param} is not installed: make test-real")
    rows = pq.read_table(planted / "samples.parquet").to_pylist()
    with KINDS[request.param](tmp_path) as url:
        servers.load(url, _series(rows))
        yield url


def test_a_server_gives_the_planted_amounts(address: str, planted: Path, tmp_path: Path) -> None:
    declared = read_declared(planted / "declare.json")
    observed = [
        (store.source_of("prometheus", address), prometheus.read(address)),
        (store.source_of("sacct", str(planted / "sacct.txt")),
         sacct.read(planted / "sacct.txt", declared)),
    ]  # fmt: skip
    fleet = store.write(tmp_path / "fleet", observed, declared)
    bill = read_bills([planted / "bill.csv"])
    attributed = attribute(fleet, bill, load())
    prices = read_price_book(planted / "prices.csv", load())
    answer = audit(gather(fleet, attributed, bill, prices, read_rules()), attributed.notes)
    found: dict[str, int] = defaultdict(int)
    for finding in answer.findings:
        saved = finding.class_ == "wrong_commitment"
        stake = round(finding.usd_after_discounts * 1e6) if saved else finding.at_stake_usd_micro
        found[finding.class_] += stake
    by_class = json.loads((planted / "expected.json").read_text())["usd_micro_by_class"]
    assert found == {name: sum(those.values()) for name, those in by_class.items()}
