"""What `gpumix export` wrote: the files that start a plan, and what they cannot say."""

from __future__ import annotations

from dataclasses import dataclass

EXPORT_SCHEMA_VERSION = "1.0"


@dataclass(frozen=True, slots=True)
class PlanOrigin:
    """Which plan a file came from: its name, the SHA-256 (hex) of its plan.json, its day, and the
    version of gpumix that wrote the file."""

    plan: str
    sha256: str
    as_of: str
    version: str


@dataclass(frozen=True, slots=True)
class LaunchFile:
    """One file that starts `replicas` of a launch in a target's words.

    `path` is within the folder. A replica takes `gpus` of the line `resource`, of whose GPUs a
    `gpu_share` is its (1 for whole ones). `edit` is what must be filled in before it starts,
    `cannot` what the plan says and the target has no words for.
    """

    path: str
    target: str
    launch: str
    workloads: tuple[str, ...]
    resource: str
    starts: str
    replicas: int
    gpus: int
    gpu_share: float
    edit: tuple[str, ...] = ()
    cannot: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotWritten:
    """A launch that has no file of a target, and why."""

    target: str
    launch: str
    reason: str


@dataclass(frozen=True, slots=True)
class Exported:
    """The files of an export, and what has none. `others` are paths of files that start nothing by
    themselves: fleets, scripts, the schedule."""

    schema_version: str
    origin: PlanOrigin
    files: tuple[LaunchFile, ...]
    not_written: tuple[NotWritten, ...]
    others: tuple[str, ...] = ()
