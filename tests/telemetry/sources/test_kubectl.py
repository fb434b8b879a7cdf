"""Snapshots of a cluster."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gpumix.errors import InputError
from gpumix.reading import MOST_BYTES
from gpumix.telemetry.declared import Declared
from gpumix.telemetry.observe import observe
from gpumix.telemetry.sources import kubectl

SAMPLE = Path(__file__).parent / "samples" / "pods_nodes.json"
GPU = "nvidia.com/gpu"


def snapshot(tmp_path: Path, *items: dict) -> kubectl.Cluster:
    path = tmp_path / "pods.json"
    path.write_text(
        json.dumps({"apiVersion": "v1", "items": list(items), "kind": "List"}, indent=1)
    )
    return kubectl.read(path)


def pod(
    name: str, gpus: int, phase: str = "Running", inits: tuple[int, ...] = (), **labels
) -> dict:
    def container(count: int) -> dict:
        return {"resources": {"limits": {GPU: str(count)}}}

    return {
        "metadata": {"name": name, "namespace": "ns", "labels": labels},
        "spec": {
            "nodeName": "n1",
            "containers": [container(gpus)],
            "initContainers": [container(count) for count in inits],
        },
        "status": {"phase": phase},
    }


def node(gpus: int, **labels: str) -> dict:
    return {
        "metadata": {"name": "n1", "labels": {f"{GPU}.{k}": v for k, v in labels.items()}},
        "spec": {"providerID": "aws:///us-east-1a/i-0abc"},
        "status": {"capacity": {GPU: str(gpus), "cpu": "8"}},
    }


def test_the_sample_has_the_expected_machines_and_holders():
    found = kubectl.read(SAMPLE)
    nodes = {row["node"]: row for row in found.nodes.to_pylist()}
    assert sum(row["gpus"] for row in nodes.values()) == 9
    assert {name: row["resource_id"] for name, row in nodes.items()} == {
        "gpu-a": "i-0aaa1111", "gpu-b": "i-0bbb2222", "gpu-m": "i-0ccc3333",
    }  # fmt: skip
    assert (nodes["gpu-b"]["shared"], nodes["gpu-b"]["replicas"]) == ("time-slicing", 4)
    assert nodes["gpu-m"]["shared"] == "mig"
    assert len(found.pods) == 13
    assert found.held == {
        "gpu-a": {GPU: 3},
        "gpu-b": {GPU: 6},
        "gpu-m": {"nvidia.com/mig-3g.40gb": 1, "nvidia.com/mig-2g.20gb": 1},
    }


def test_the_sample_names_teams_and_models():
    pods = {one.key[1]: one for one in kubectl.read(SAMPLE).pods}
    assert (pods["chat-0"].team, pods["chat-0"].workload) == ("support", "chat-32b")
    assert pods["chat-0"].model == "Qwen/Qwen3-32B"
    assert pods["embed-0"].model is None


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_a_pod_that_does_not_run_holds_nothing(tmp_path, phase):
    assert snapshot(tmp_path, pod("a", 2, phase)).held == {}


def test_init_containers_run_before_the_others(tmp_path):
    assert snapshot(tmp_path, pod("a", 2, inits=(1, 4))).held == {"n1": {GPU: 4}}


def test_shares_are_not_gpus(tmp_path):
    found = snapshot(tmp_path, node(16, replicas="4", product="NVIDIA-L40S-SHARED"))
    (row,) = found.nodes.to_pylist()
    assert (row["gpus"], row["product"], row["shared"]) == (4, "NVIDIA-L40S", "time-slicing")


def test_a_machine_without_gpus_is_none(tmp_path):
    plain = node(0)
    assert snapshot(tmp_path, plain).nodes.num_rows == 0


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    path = tmp_path / "pods.json"
    path.write_text(SAMPLE.read_text()[:5000])
    with pytest.raises(InputError, match="not valid JSON"):
        kubectl.read(path)


def test_every_item_that_is_no_pod_is_named(tmp_path):
    bad = pod("a", 1)
    bad["spec"]["containers"] = [3]
    with pytest.raises(InputError) as told:
        snapshot(tmp_path, {"spec": 1}, pod("b", 1), bad)
    places = [problem.place.rsplit(" ", 1)[1] for problem in told.value.problems]
    assert places == ["1", "3"]


def test_a_list_without_items_is_refused(tmp_path):
    path = tmp_path / "pods.json"
    path.write_text("{}")
    with pytest.raises(InputError, match="no items"):
        kubectl.read(path)


def test_a_snapshot_may_be_larger_than_other_files(tmp_path):
    path = tmp_path / "pods.json"
    path.write_bytes(SAMPLE.read_bytes() + b" " * MOST_BYTES)
    assert observe([path], Declared())[0][1].nodes.num_rows == 3
