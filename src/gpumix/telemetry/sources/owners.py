"""Whose a pod is: its team, workload and model, from cluster labels as they were at that time."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from gpumix.telemetry.sources.series import Series, label

PodKey = tuple[str, str]
"""A pod's namespace and name."""
_GENERATED: Final = re.compile(r"(?:-[0-9a-f]{6,10})?-(?:[bcdfghjklmnpqrstvwxz2456789]{5}|\d+)$")
"""What Kubernetes adds to a workload's name: hash and suffix of a Deployment, or an ordinal."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod as the cluster tells of it; None where it does not tell."""

    key: PodKey
    team: str | None = None
    workload: str | None = None
    model: str | None = None
    engine_version: str | None = None


@dataclass(frozen=True, slots=True)
class Spell:
    """From time `since` [s] on a pod had these labels."""

    since: int
    labels: Mapping[str, str]


class Owners:
    """Team and workload of pods: the cluster's labels first, then those on the sample itself, then
    a snapshot of `kubectl`; at last the namespace, and the pod's name without what Kubernetes adds.
    """

    def __init__(self, series: Iterable[Series], pods: Sequence[Pod] = ()) -> None:
        self._spells: dict[PodKey, list[Spell]] = defaultdict(list)
        for one in series:
            key = pod_key(one.labels)
            if key is not None and len(one.t):
                self._spells[key].append(Spell(int(one.t[0]), one.labels))
        for spells in self._spells.values():
            spells.sort(key=lambda spell: spell.since)
        self._pods = {pod.key: pod for pod in pods}

    def at(
        self, key: PodKey, own: Mapping[str, str], t: NDArray[np.int64]
    ) -> list[tuple[int, str, str]]:
        """(position from which on, team, workload) at ascending times `t` [n]; `own` are the labels
        of the samples."""
        spells = self._spells.get(key) or [Spell(0, {})]
        starts = np.searchsorted(t, [0, *(spell.since for spell in spells[1:])])
        return [
            (
                int(start),
                self._named(key, spell.labels, own, "team"),
                self._workload(key, spell, own),
            )
            for start, spell in zip(starts, spells, strict=True)
        ]

    def model(self, key: PodKey) -> str | None:
        """The model that the pod was started with."""
        return self._pods[key].model if key in self._pods else None

    def _workload(self, key: PodKey, spell: Spell, own: Mapping[str, str]) -> str:
        return self._named(key, spell.labels, own, "workload")

    def _named(
        self, key: PodKey, of_cluster: Mapping[str, str], own: Mapping[str, str], what: str
    ) -> str:
        pod = self._pods.get(key, Pod(key))
        told = pod.team if what == "team" else pod.workload
        last = key[0] if what == "team" else without_suffix(key[1])
        return label(of_cluster, what) or label(own, what) or told or last


def without_suffix(pod: str) -> str:
    """A pod's name without what Kubernetes adds to that of its workload.

    >>> without_suffix("chat-32b-7d9f6c5b4-x2k4z"), without_suffix("rerank-0"), without_suffix("a")
    ('chat-32b', 'rerank', 'a')
    """
    return _GENERATED.sub("", pod) or pod


def pod_key(labels: Mapping[str, str]) -> PodKey | None:
    """The pod that labels name, `exported_*` first; None where they name none."""
    exported = label(labels, "exported_pod")
    if exported:
        return label(labels, "exported_namespace") or "", exported
    pod = label(labels, "pod")
    return (label(labels, "namespace") or "", pod) if pod else None
