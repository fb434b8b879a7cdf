"""What only the owner of a fleet can say (`--declare FILE`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class DeclaredNode:
    """GPUs of a machine: how many, of which type of the catalogue, and its name on the bill."""

    gpus: int
    gpu: str
    resource_id: str | None = None


@dataclass(frozen=True, slots=True)
class Standby:
    """A workload kept warm on purpose; None stands for any."""

    team: str | None
    workload: str | None


@dataclass(frozen=True, slots=True)
class Declared:
    """The owner's declarations; all are optional.

    `gpu_resources` are resources of the bill that have GPUs and no telemetry. `slo` are promises
    [ms] by workload. `plan_workloads` maps a workload of the fleet to its name in a plan.
    `sacct_columns` names the columns of a dump without header.
    """

    currency: str | None = None
    sacct_timezone: str | None = None
    team_aliases: Mapping[str, str] = field(default_factory=dict)
    holidays: tuple[str, ...] = ()
    standby: tuple[Standby, ...] = ()
    slurm_nodes: Mapping[str, DeclaredNode] = field(default_factory=dict)
    gpu_resources: Mapping[str, DeclaredNode] = field(default_factory=dict)
    slo: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    plan_workloads: Mapping[str, str] = field(default_factory=dict)
    sacct_columns: tuple[str, ...] = ()
