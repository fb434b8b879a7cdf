"""What the writers of all targets take and give."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gpumix.domain.exported import LaunchFile, NotWritten, PlanOrigin
from gpumix.domain.launch import Launch
from gpumix.export.counts import gpu_share
from gpumix.export.facts import what_runs


@dataclass(frozen=True, slots=True)
class Around:
    """What a file needs beside its launch: the plan it comes from, and `counts`, the replicas that
    each launch starts with."""

    origin: PlanOrigin
    counts: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Made:
    """A file and what it holds; what starts nothing itself has no `file`."""

    path: str
    text: str
    file: LaunchFile | None = None


Answer = Made | NotWritten
Writer = Callable[[Sequence[Launch], Around], list[Answer]]
"""All files of a target."""


def launch_file(
    target: str,
    path: str,
    launch: Launch,
    replicas: int,
    edit: Sequence[str] = (),
    cannot: Sequence[str] = (),
) -> LaunchFile:
    """The entry of a file in the index."""
    return LaunchFile(
        path=path,
        target=target,
        launch=launch.name,
        workloads=launch.workloads,
        resource=launch.resource,
        starts=what_runs(launch),
        replicas=replicas,
        gpus=launch.gpus,
        gpu_share=gpu_share(launch.slice),
        edit=tuple(edit),
        cannot=tuple(cannot),
    )


def each(one: Callable[[Launch, Around], Answer]) -> Writer:
    """A target that writes a file for each launch."""
    return lambda launches, around: [one(launch, around) for launch in launches]
