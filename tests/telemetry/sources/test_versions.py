"""Versions of engines and drivers: from images of pods and labels of DCGM, as they change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from gpumix.telemetry.sources import kubectl
from gpumix.telemetry.sources.assemble import observed
from gpumix.telemetry.sources.series import Series
from gpumix.telemetry.store import Source, open_fleet, write

START = 1_792_281_600
GPU = {"gpu": "0", "UUID": "GPU-a", "Hostname": "k1", "pod": "chat-0", "namespace": "team"}
IMAGE = {"pod": "chat-0", "namespace": "team", "container": "server"}


def series(name: str, labels: dict[str, str], first: int, minutes: int) -> Series:
    t = START + 60 * np.arange(first, first + minutes, dtype=np.int64)
    return Series(name, labels, t, np.ones(minutes))


def fleet_series() -> list[Series]:
    return [
        series("DCGM_FI_PROF_GR_ENGINE_ACTIVE", GPU | {"DCGM_FI_DRIVER_VERSION": "570.1"}, 0, 10),
        series("DCGM_FI_PROF_GR_ENGINE_ACTIVE", GPU | {"DCGM_FI_DRIVER_VERSION": "580.2"}, 10, 10),
        series("kube_pod_container_info", IMAGE | {"image": "vllm/vllm-openai:v0.10.2"}, 0, 5),
        series("kube_pod_container_info", IMAGE | {"image": "vllm/vllm-openai:v0.11.0"}, 5, 15),
        series("kube_pod_container_info", IMAGE | {"image": "istio/proxy:1.30"}, 0, 20),
    ]


def test_versions_are_told_as_they_change() -> None:
    samples = observed(fleet_series(), "here").samples
    assert samples is not None
    assert samples["engine_version"].to_pylist() == ["0.10.2"] * 5 + ["0.11.0"] * 15
    assert samples["driver_version"].to_pylist() == ["570.1"] * 10 + ["580.2"] * 10


def test_requests_are_those_of_every_way_to_end() -> None:
    labels = {"pod": "chat-0", "namespace": "team", "model_name": "m"}
    ended = [
        Series(
            "vllm:request_success_total",
            labels | {"finished_reason": reason},
            START + 60 * np.arange(3, dtype=np.int64),
            np.array(counts),
        )
        for reason, counts in (("stop", [1.0, 5.0, 9.0]), ("length", [0.0, 2.0, 2.0]))
    ]
    samples = observed([*fleet_series()[:1], *ended], "here").samples
    assert samples is not None
    assert samples["requests_total"].to_pylist()[:3] == [1.0, 7.0, 11.0]


def test_a_snapshot_tells_the_version_of_a_pod(tmp_path: Path) -> None:
    pod = {
        "metadata": {"name": "chat-0", "namespace": "team"},
        "spec": {"containers": [{"image": "a:1"}, {"image": "lmsysorg/sglang:v0.5.3@sha256:00"}]},
    }
    path = tmp_path / "pods.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [pod]}), "utf-8")
    pods = kubectl.read(path).pods
    samples = observed(fleet_series()[:1], "here", pods).samples
    assert samples is not None
    assert set(samples["engine_version"].to_pylist()) == {"0.5.3"}


def test_a_folder_of_an_older_gpumix_is_read(tmp_path: Path) -> None:
    """Its samples have no column of requests or versions."""
    import pyarrow.parquet as pq

    seen = observed(fleet_series(), "here")
    write(tmp_path / "fleet", [(Source("page", "made", None), seen)])
    for path in (tmp_path / "fleet" / "samples").glob("*/*.parquet"):
        table = pq.ParquetFile(path).read()
        old = table.drop_columns(["requests_total", "engine_version", "driver_version"])
        pq.write_table(old, path)
    fleet = open_fleet(tmp_path / "fleet")
    found = fleet.connect().execute("select count(*), count(engine_version) from samples")
    assert found.fetchone() == (20, 0)
    write(tmp_path / "fleet", [(Source("page", "again", None), seen)])
    found = (
        open_fleet(tmp_path / "fleet")
        .connect()
        .execute("select count(*), count(engine_version) from samples")
    )
    assert found.fetchone() == (40, 20)
