"""Packaged tables of guard: thresholds, classes of work, names of resources and of metrics."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gpumix.files import read_rows

PREMIUM: Final = "premium"
STANDARD: Final = "standard"
FINE_TUNE: Final = "finetune"
BATCH: Final = "batch"


@dataclass(frozen=True, slots=True)
class WorkClass:
    """A class of work: its name in a cluster, its priority among pods and among Slurm's jobs.

    `reclaim` says from whom its guaranteed GPUs are taken back (Kueue), `preempts` whether its pods
    push others off a node. `rank` 0 goes first.
    """

    rank: int
    key: str
    name: str
    priority: int
    slurm_priority: int
    reclaim: str
    preempts: bool


@dataclass(frozen=True, slots=True)
class NodeClass:
    """What Karpenter calls a provider's machines, and the label that names their type."""

    group: str
    kind: str
    instance_key: str


@functools.cache
def settings() -> Mapping[str, str]:
    """Thresholds and names by name, as text (data/guard/settings.csv)."""
    rows = _rows("guard/settings.csv")
    return MappingProxyType({row["name"]: row["value"] for row in rows})


def number(name: str) -> float:
    """A threshold of data/guard/settings.csv."""
    return float(settings()[name])


@functools.cache
def low_batch() -> Mapping[str, float]:
    """The audit's thresholds of low batch (data/audit_rules.csv)."""
    rows = [row for row in _rows("audit_rules.csv") if row["class"] == "low_batch"]
    return MappingProxyType({row["name"]: float(row["value"]) for row in rows})


@functools.cache
def work_classes() -> Mapping[str, WorkClass]:
    """Classes of work by key, the most urgent first (data/guard/classes.csv)."""
    return MappingProxyType(
        {
            row["class"]: WorkClass(
                rank,
                row["class"],
                row["name"],
                int(row["priority"]),
                int(row["slurm_priority"]),
                row["reclaim"],
                row["preempts"] == "yes",
            )
            for rank, row in enumerate(_rows("guard/classes.csv"))
        }
    )


@functools.cache
def engine_metrics() -> Mapping[str, Mapping[str, str]]:
    """Engine -> meaning -> metric (data/guard/engines.csv)."""
    found: dict[str, dict[str, str]] = {}
    for row in _rows("guard/engines.csv"):
        found.setdefault(row["engine"], {})[row["meaning"]] = row["metric"]
    return MappingProxyType(found)


@functools.cache
def node_classes() -> Mapping[str, NodeClass]:
    """Providers that Karpenter starts machines at (data/guard/node_classes.csv)."""
    return MappingProxyType(
        {
            row["provider"]: NodeClass(row["group"], row["kind"], row["instance_key"])
            for row in _rows("guard/node_classes.csv")
        }
    )


def resource_name(vendor: str, part: str = "") -> str | None:
    """What a pod asks for to have a GPU of a vendor, or a `part` of one; None where not known.

    >>> resource_name("nvidia"), resource_name("nvidia", "1g.10gb"), resource_name("amd")
    ('nvidia.com/gpu', 'nvidia.com/mig-1g.10gb', 'amd.com/gpu')
    """
    kind = vendor
    if part:
        kind = f"{vendor}_{'slice' if is_mig(part) else 'share'}"
    found = _resources().get(kind)
    return None if found is None else found.format(slice=part)


def is_mig(part: str) -> bool:
    """Whether a part of a GPU is cut in hardware, rather than a share of its time.

    >>> is_mig("1g.10gb"), is_mig("1/2")
    (True, False)
    """
    return part[:1].isdigit() and part[1:2] == "g"


@functools.cache
def _resources() -> Mapping[str, str]:
    rows = _rows("guard/resources.csv")
    return MappingProxyType({row["vendor"]: row["resource"] for row in rows})


def _rows(name: str) -> list[dict[str, str]]:
    return read_rows(Path(str(resources.files("gpumix").joinpath("data", *name.split("/")))))
