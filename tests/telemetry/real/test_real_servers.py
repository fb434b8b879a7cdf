"""The same samples from a real Prometheus and a real VictoriaMetrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
import servers
from servers import Written

from gpumix.telemetry.sources import prometheus

pytestmark = pytest.mark.real
START = 1_792_281_600  # 2026-10-18T00:00:00Z
HOURS = 30
GPUS = 4


def _gpu(slot: int) -> dict[str, str]:
    return {
        "gpu": str(slot), "UUID": f"GPU-{slot}", "modelName": "NVIDIA L40S", "Hostname": "n1",
        "instance": "10.0.0.1:9400", "job": "dcgm", "pod": "dcgm-exporter-x",
        "namespace": "monitoring",
    }  # fmt: skip


def fleet() -> list[Written]:
    """Four GPUs for 30 hours: a pod on two, which is replaced after 20 hours, a hole of two hours,
    a fall of the energy counter, and a server that counts tokens."""
    times = [START + 60 * n for n in range(HOURS * 60) if not 600 <= n < 720]
    found = []
    for slot in range(GPUS):
        spells = (
            [("chat-0", 0, 1200), ("chat-1", 1200, HOURS * 60)] if slot < 2 else [("", 0, 9999)]
        )
        for pod, first, last in spells:
            owner = {"exported_pod": pod, "exported_namespace": "chat"} if pod else {}
            mine = [t for t in times if first <= (t - START) // 60 < last]
            energy = [(t, float((t - START) * 300_000 % 2_000_000_000)) for t in mine]
            for name, samples in {
                "DCGM_FI_PROF_GR_ENGINE_ACTIVE": [(t, 0.9 if pod else 0.0) for t in mine],
                "DCGM_FI_DEV_POWER_USAGE": [(t, 300.0) for t in mine],
                "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION": energy,
            }.items():
                found.append(Written({"__name__": name, **_gpu(slot), **owner}, samples))
    served = {"namespace": "chat", "pod": "chat-0", "model_name": "m/8b"}
    tokens = [(t, float(t - START)) for t in times if t < START + 1200 * 60]
    found.append(Written({"__name__": "vllm:generation_tokens_total", **served}, tokens))
    labels = {"__name__": "kube_pod_labels", "namespace": "chat", "pod": "chat-0"}
    told = [(t, 1.0) for t in times if t < START + 1200 * 60]
    found.append(Written({**labels, "label_team": 'a "b" {c}'}, told))
    count = {"__name__": "kube_node_status_capacity", "node": "n1", "resource": "nvidia_com_gpu"}
    found.append(Written(count, [(t, 8.0) for t in times]))
    return found


@pytest.fixture(scope="module", params=list(servers.KINDS))
def address(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    if not servers.installed(request.param):
        pytest.skip(f"{request.param} is not installed: make test-real")
    start: Callable[[Path], AbstractContextManager[str]] = servers.KINDS[request.param]
    with start(tmp_path_factory.mktemp(request.param)) as url:
        servers.load(url, fleet())
        yield url


def test_a_server_gives_every_sample_once(address):
    found = prometheus.read(address)
    rows = found.samples.to_pylist()
    assert len(rows) == len({(row["t"], row["gpu"]) for row in rows}) == GPUS * (HOURS - 2) * 60
    assert {row["index"]: row["team"] for row in rows if row["t"] == START} == {
        0: 'a "b" {c}', 1: 'a "b" {c}', 2: None, 3: None,
    }  # fmt: skip
    after = START + 1200 * 60
    assert {row["index"]: row["team"] for row in rows if row["t"] == after} == {
        0: "chat", 1: "chat", 2: None, 3: None,
    }  # fmt: skip
    tokens = [row["tokens_out_total"] for row in rows if row["tokens_out_total"] is not None]
    assert max(tokens) == 1199 * 60
    assert len(tokens) == 1200 - 120
    assert found.nodes.to_pylist()[0]["gpus"] == 8
    assert found.notes == ()


def test_a_span_is_half_open(address):
    found = prometheus.read(address, start=START + 60, end=START + 180)
    assert sorted(set(found.samples["t"].to_pylist())) == [START + 60, START + 120]


def test_a_window_that_is_too_much_is_halved(address, monkeypatch):
    whole = prometheus.read(address, start=START, end=START + 7200).samples
    monkeypatch.setattr(prometheus, "MOST_BYTES", 60_000)
    assert prometheus.read(address, start=START, end=START + 7200).samples == whole
