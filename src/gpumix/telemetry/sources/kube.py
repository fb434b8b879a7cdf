"""Machines as kube-state-metrics tells of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

import pyarrow as pa

from gpumix.telemetry.samples import NODES
from gpumix.telemetry.sources.series import Series

GPU_RESOURCE: Final = "nvidia.com/gpu"
MIG_RESOURCE: Final = "nvidia.com/mig-"
_SHARED: Final = "-SHARED"
"""What the device plugin's labels add to the product where GPUs are shared."""


def node_row(
    name: str, provider_id: str, labels: Mapping[str, str], capacity: Mapping[str, int]
) -> dict[str, Any] | None:
    """A row of NODES, or None for a machine without GPUs.

    `labels` and `capacity` are named as Kubernetes names them. GPUs are the physical ones: the
    label, since the capacity counts shares under time-slicing and 0 where all GPUs are in MIG.
    """
    has_mig = any(resource.startswith(MIG_RESOURCE) for resource in capacity)
    count = _whole(labels.get("nvidia.com/gpu.count"))
    counted = capacity.get(GPU_RESOURCE) or capacity.get(f"{GPU_RESOURCE}.shared")
    if not count and not counted and not has_mig:
        return None
    replicas = _whole(labels.get("nvidia.com/gpu.replicas")) or 1
    product = labels.get("nvidia.com/gpu.product", "")
    shared = labels.get("nvidia.com/gpu.sharing-strategy", "").removeprefix("none")
    if not shared and (replicas > 1 or product.endswith(_SHARED)):
        shared = "time-slicing"
    if has_mig or "-MIG-" in product:
        shared = "mig"
    gpus = count or (counted // replicas if counted else None)
    return {
        "node": name,
        "resource_id": provider_id.rsplit("/", 1)[-1] or None,
        "gpus": gpus,
        "product": re.sub(r"-SHARED$|-MIG-.*$", "", product) or None,
        "shared": shared,
        "replicas": replicas if shared != "mig" else 1,
    }


def _whole(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def nodes_of(series: Iterable[Series]) -> pa.Table | None:
    """The machines with GPUs that the series of kube-state-metrics name; None without one."""
    labels: dict[str, dict[str, str]] = defaultdict(dict)
    capacity: dict[str, dict[str, int]] = defaultdict(dict)
    provider: dict[str, str] = {}
    for one in series:
        node = one.labels.get("node")
        if not node or not len(one.t):
            continue
        if one.name == "kube_node_labels":
            labels[node] |= _unspelled(one.labels)
        elif one.name == "kube_node_info":
            provider[node] = one.labels.get("provider_id", "")
        elif one.name == "kube_node_status_capacity" and one.values[-1] >= 0:
            resource = _resource(one.labels.get("resource", ""))
            capacity[node][resource] = int(one.values[-1])
    names = sorted({*labels, *capacity, *provider})
    rows = [node_row(one, provider.get(one, ""), labels[one], capacity[one]) for one in names]
    found = [row for row in rows if row is not None]
    return pa.Table.from_pylist(found, schema=NODES) if found else None


_LABELS: Final = {
    f"label_nvidia_com_gpu_{one.replace('-', '_')}": f"nvidia.com/gpu.{one}"
    for one in ("count", "replicas", "product", "sharing-strategy")
}


def _unspelled(labels: Mapping[str, str]) -> dict[str, str]:
    """A node's labels as Kubernetes spells them."""
    return {_LABELS[name]: text for name, text in labels.items() if name in _LABELS}


def _resource(name: str) -> str:
    """`nvidia_com_mig_3g_40gb` and `nvidia_com_gpu` as Kubernetes spells them."""
    if name.startswith("nvidia_com_mig_"):
        return MIG_RESOURCE + name.removeprefix("nvidia_com_mig_").replace("_", ".")
    return GPU_RESOURCE if name == "nvidia_com_gpu" else name
