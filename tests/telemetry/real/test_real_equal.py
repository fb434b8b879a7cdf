"""The plain sample, loaded into real servers as DCGM, vLLM and kube-state write it, is attributed
as it is from its file."""

from __future__ import annotations

import csv
import gzip
import hashlib
from collections import defaultdict
from pathlib import Path

import pytest
import servers
from servers import Written

from gpumix.domain.fleet import Attribution
from gpumix.verbs.attribute import attribute_fleet
from gpumix.verbs.observe import observe_sources

pytestmark = pytest.mark.real
HERE = Path(__file__).parents[1]
PLAIN = HERE / "samples" / "plain.csv.gz"
BILL = HERE / "samples" / "bill_focus_1.2.csv.gz"
PODS = HERE / "sources" / "samples" / "pods_nodes.json"
OF_GPU = {
    "util": ("DCGM_FI_DEV_GPU_UTIL", 100),
    "engine_active": ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 1),
    "sm_active": ("DCGM_FI_PROF_SM_ACTIVE", 1),
    "power_w": ("DCGM_FI_DEV_POWER_USAGE", 1),
    "energy_mj_total": ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", 1),
}
OF_ENGINE = {
    "tokens_in_total": "vllm:prompt_tokens_total",
    "tokens_out_total": "vllm:generation_tokens_total",
}


def series() -> list[Written]:
    """The sample's columns as series; every owner is a pod."""
    found: dict[tuple[tuple[str, str], ...], dict[float, float]] = defaultdict(dict)

    def add(name: str, labels: dict[str, str], t: float, value: float) -> None:
        found[tuple(sorted({"__name__": name, **labels}.items()))][t] = value

    with gzip.open(PLAIN, "rt", newline="") as handle:
        for row in csv.DictReader(handle):
            t = float(row["t"])
            gpu = {
                "gpu": row["index"], "UUID": row["gpu"], "modelName": row["gpu_name"],
                "Hostname": row["node"], "job": row["scraper"], "instance": "10.0.0.1:9400",
                "namespace": "monitoring", "pod": "dcgm-exporter-1",
            }  # fmt: skip
            if row["workload"]:
                name = f"{row['workload']}-0"
                gpu |= {"exported_pod": name, "exported_namespace": row["team"]}
                pod = {"pod": name, "namespace": row["team"]}
                label = {"label_app_kubernetes_io_name": row["workload"]}
                add("kube_pod_labels", pod | label | {"label_team": row["team"]}, t, 1.0)
                for column, metric in OF_ENGINE.items():
                    if row[column]:
                        add(metric, pod | {"model_name": row["model"]}, t, float(row[column]))
            for column, (metric, scale) in OF_GPU.items():
                if row[column]:
                    add(metric, gpu, t, float(row[column]) * scale)
    return [Written(dict(labels), sorted(values.items())) for labels, values in found.items()]


def attributed(source: str, fleet: Path) -> Attribution:
    observe_sources([source, str(PODS)], fleet)
    return attribute_fleet(fleet, [BILL])


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("kind", list(servers.KINDS))
def test_a_server_gives_what_the_file_gives_and_twice_the_same(kind, tmp_path):
    if not servers.installed(kind):
        pytest.skip(f"{kind} is not installed: make test-real")
    expected = attributed(str(PLAIN), tmp_path / "file")
    with servers.KINDS[kind](tmp_path) as url:
        servers.load(url, series())
        observe_sources([url, str(PODS)], tmp_path / "server")
        once = hashes(tmp_path / "server")
        observe_sources([url, str(PODS)], tmp_path / "server")
        assert hashes(tmp_path / "server") == once
    found = attribute_fleet(tmp_path / "server", [BILL])
    assert found.rows == expected.rows
    assert found.totals == expected.totals
    assert sum(row.tokens_in for row in found.rows) == 2_415_000
