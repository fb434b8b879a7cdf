"""Parts of pods: what counts a GPU, which nodes have it, how replicas spread, where a token is."""

from __future__ import annotations

from typing import Any, Final

from gpumix.domain.launch import Launch
from gpumix.domain.workload import Tier
from gpumix.export.counts import TIME_SHARES
from gpumix.export.facts import place_of
from gpumix.export.tables import gpu_names

LAUNCH_LABEL: Final = "gpumix.io/launch"
SECRET: Final = "hf-token"
TOKEN: Final[dict[str, Any]] = {
    "name": "HF_TOKEN",
    "valueFrom": {"secretKeyRef": {"name": SECRET, "key": "HF_TOKEN", "optional": True}},
}


def gpu_resource(launch: Launch) -> dict[str, str]:
    """What a replica asks of the device plugin.

    A MIG profile is counted by its name (strategy `mixed`), a share of the time as a shared GPU.
    """
    names = gpu_names(launch.gpu)
    if launch.slice in TIME_SHARES:
        return {f"{names.resource}.shared": "1"}
    if launch.slice:
        return {f"nvidia.com/mig-{launch.slice}": "1"}
    return {names.resource: str(launch.gpus)}


def placed(launch: Launch) -> dict[str, Any]:
    """Where a pod may run: nodes with the plan's GPU; premium replicas on several of them."""
    names = gpu_names(launch.gpu)
    found: dict[str, Any] = {
        "tolerations": [{"key": names.resource, "operator": "Exists", "effect": "NoSchedule"}]
    }
    if names.values:
        shared = "-SHARED" if launch.slice in TIME_SHARES else ""
        values = [value + shared for value in names.values]
        match = {"key": names.label, "operator": "In", "values": values}
        found["affinity"] = {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [match]}]
                }
            }
        }
    if launch.tier is Tier.PREMIUM:
        found["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": {LAUNCH_LABEL: launch.name}},
            }
        ]
    return found


def edits_of_nodes(launch: Launch) -> list[str]:
    """What must be set up on nodes, or filled in, before a pod finds them."""
    found = []
    if not gpu_names(launch.gpu).values:
        found.append(f"the node label of {launch.gpu}: gpumix does not know it")
    if launch.slice in TIME_SHARES:
        turns = round(1 / TIME_SHARES[launch.slice])
        found.append(
            f"the device plugin: timeSlicing with renameByDefault: true and replicas: {turns}"
        )
    elif launch.slice:
        found.append(f"the nodes: MIG strategy mixed, with slices {launch.slice}")
    return found


def cluster_line(launch: Launch) -> str:
    """In which cluster a file is applied."""
    return f"Apply it in the cluster whose nodes are at {place_of(launch)}."
