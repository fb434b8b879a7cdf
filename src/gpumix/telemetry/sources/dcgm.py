"""What GPUs did, from the series of DCGM's exporter (any version) or of Triton.

A device is a slot of a node, or a MIG instance of one. An exporter changes a series' labels when
another pod gets the GPU, so one device has many series; here they become rows with their owner.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gpumix.domain.fleet import Note
from gpumix.telemetry.samples import LOOK_BACK_S
from gpumix.telemetry.sources.owners import PodKey, pod_key
from gpumix.telemetry.sources.series import Series, columns, label, scraper

EXPORTER: Final = "dcgm"
"""Part of the name of every pod or container of the exporter itself."""
_DIGITS: Final = re.compile(r"\d+$")


@dataclass(frozen=True, slots=True)
class Device:
    """Where a GPU or MIG instance is, and who looked at it."""

    node: str
    slot: int | None
    uuid: str
    mig_id: str | None
    scraper: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """A device's samples while one owner, or nobody, had it: times [s] `t` [n], ascending, and
    columns [n] with NaN where there is no value. `own` are labels of the samples; `drivers` are
    versions of the driver, each with the time [s] from which on it was told."""

    device: Device
    mig: str | None
    gpu_name: str | None
    pod: PodKey | None
    job_id: str | None
    own: Mapping[str, str]
    t: NDArray[np.int64]
    columns: Mapping[str, NDArray[np.float64]]
    drivers: tuple[tuple[int, str], ...] = ()

    def only(self, kept: NDArray[np.bool_]) -> Held:
        """The rows that are `kept` [n]."""
        cut = {name: values[kept] for name, values in self.columns.items()}
        return replace(self, t=self.t[kept], columns=cut)


def holdings(series: Iterable[Series]) -> tuple[list[Held], tuple[Note, ...]]:
    """Every device's samples by who had it, and what was met on the way; in an order that does not
    depend on that of the series, which servers leave open."""
    kept = [one for one in series if len(one.t)]
    kept.sort(key=lambda one: (one.name, sorted(one.labels.items())))
    exporters = _exporters(kept)
    nodes = _nodes(kept)
    by_place: dict[tuple[object, ...], list[tuple[Series, Device]]] = defaultdict(list)
    for one in kept:
        device = _device(one.labels, nodes)
        by_place[_place(device)].append((one, device))
    found = [held for group in by_place.values() for held in _by_owner(group, exporters)]
    return _without_parents(found), _renamed(kept, nodes)


def _device(labels: Mapping[str, str], nodes: Mapping[str, str]) -> Device:
    uuid = label(labels, "uuid") or ""
    slot = _DIGITS.search(label(labels, "slot") or "")
    node = nodes.get(uuid) or _node(labels)
    index = int(slot[0]) if slot else None
    return Device(node, index, uuid, label(labels, "mig_id"), scraper(labels))


def _place(device: Device) -> tuple[object, ...]:
    """What stays when a GPU is swapped: node and slot."""
    slot = device.uuid if device.slot is None else device.slot
    return device.node, slot, device.mig_id, device.scraper


def _node(labels: Mapping[str, str]) -> str:
    """The node; an exporter in a container that was not told it says its own pod's name."""
    name = label(labels, "node") or ""
    if EXPORTER in name or name == labels.get("pod"):
        others = {key: value for key, value in labels.items() if value != name}
        name = label(others, "node") or name
    return name.rsplit(":", 1)[0] if name == labels.get("instance") else name


def _nodes(series: Sequence[Series]) -> dict[str, str]:
    """UUID -> node, for GPUs whose other series do not tell: those of Triton have no node."""
    told: dict[str, set[str]] = defaultdict(set)
    silent = set()
    for one in series:
        uuid = label(one.labels, "uuid") or ""
        if label({k: v for k, v in one.labels.items() if k != "instance"}, "node"):
            told[uuid].add(_node(one.labels))
        else:
            silent.add(uuid)
    return {uuid: min(told[uuid]) for uuid in silent if uuid and len(told[uuid]) == 1}


def _exporters(series: Sequence[Series]) -> frozenset[PodKey]:
    """Pods of the exporter itself: what `pod` says where `exported_pod` stands beside it."""
    found = set()
    for one in series:
        pod = label(one.labels, "pod")
        if pod and label(one.labels, "exported_pod"):
            found.add((label(one.labels, "namespace") or "", pod))
    return frozenset(found)


class _Owner(NamedTuple):
    """Which GPU it was and who had it."""

    uuid: str
    mig: str | None
    pod: PodKey | None
    job_id: str | None


def _owner(device: Device, labels: Mapping[str, str], exporters: frozenset[PodKey]) -> _Owner:
    pod = pod_key(labels)
    if pod is not None and not label(labels, "exported_pod"):
        container = label(labels, "container") or ""
        if pod in exporters or EXPORTER in pod[1] or EXPORTER in container:
            pod = None
    return _Owner(device.uuid, label(labels, "mig"), pod, label(labels, "job_id"))


def _by_owner(group: Sequence[tuple[Series, Device]], exporters: frozenset[PodKey]) -> list[Held]:
    """The samples of one place, by GPU and owner."""
    series: dict[_Owner, list[Series]] = defaultdict(list)
    devices: dict[_Owner, Device] = {}
    for one, device in group:
        owner = _owner(device, one.labels, exporters)
        series[owner].append(one)
        devices[owner] = device
    found = []
    for owner, mine in series.items():
        t, values = columns(mine)
        names = (label(one.labels, "gpu_name") for one in mine)
        name = next(filter(None, names), None)
        held = Held(
            devices[owner], owner.mig, name, owner.pod, owner.job_id, mine[0].labels, t, values,
            _drivers(mine),
        )  # fmt: skip
        found.append(held)
    return _handed_over(found)


def _drivers(series: Sequence[Series]) -> tuple[tuple[int, str], ...]:
    told = {(int(one.t[0]), label(one.labels, "driver_version")) for one in series}
    return tuple(sorted((since, version) for since, version in told if version))


def _handed_over(found: list[Held]) -> list[Held]:
    """Without what is told twice: an ended series that a server still answers beside the next one,
    and values that stand apart from those with the owner's name."""
    found.sort(key=lambda held: (held.t[0], held.t[-1]))
    cut = []
    for i, held in enumerate(found):
        later = [
            other.t[0]
            for other in found[i + 1 :]
            if held.t[0] < other.t[0] <= held.t[-1] < min(other.t[0] + LOOK_BACK_S, other.t[-1])
        ]
        cut.append(held.only(held.t < min(later)) if later else held)
    owned = [held for held in cut if held.pod or held.job_id]
    nobody = [held for held in cut if not (held.pod or held.job_id)]
    rest = []
    for free in nobody:
        times = np.concatenate([np.empty(0, np.int64), *(held.t for held in owned)])
        owned = [_filled(held, free) for held in owned]
        rest.append(free.only(~np.isin(free.t, times)))
    return [held for held in [*owned, *rest] if len(held.t)]


def _filled(held: Held, other: Held) -> Held:
    """`held` with the values of `other` where it has none at the same time."""
    shared, mine, theirs = np.intersect1d(held.t, other.t, return_indices=True)
    if not len(shared):
        return held
    merged = dict(held.columns)
    for name, values in other.columns.items():
        old = merged.get(name, np.full(len(held.t), np.nan)).copy()
        is_open = np.isnan(old[mine])
        old[mine[is_open]] = values[theirs[is_open]]
        merged[name] = old
    return replace(held, columns=merged)


def _without_parents(found: list[Held]) -> list[Held]:
    """Without the rows of a whole GPU at times at which its MIG instances are told of: what only
    the whole GPU has (power, energy) goes to each of them."""
    instances: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, held in enumerate(found):
        if held.device.mig_id is not None:
            instances[_gpu(held.device)].append(i)
    if not instances:
        return found
    kept = list(found)
    for i, held in enumerate(found):
        parts = instances.get(_gpu(held.device), [])
        if held.device.mig_id is None and parts:
            times = np.unique(np.concatenate([found[n].t for n in parts]))
            for n in parts:
                kept[n] = _filled(kept[n], held)
            kept[i] = held.only(~np.isin(held.t, times))
    return [held for held in kept if len(held.t)]


def _gpu(device: Device) -> tuple[object, ...]:
    return device.node, device.uuid, device.scraper


def _renamed(series: Sequence[Series], nodes: Mapping[str, str]) -> tuple[Note, ...]:
    """Nodes whose series tell the node or the pod under more than one label."""
    styles: dict[str, set[str]] = defaultdict(set)
    for one in series:
        node = _device(one.labels, nodes).node
        styles[node] |= {name for name in ("Hostname", "hostname") if one.labels.get(name)}
    return tuple(
        Note("labels_renamed", node, "the node's label is Hostname and hostname by turns")
        for node, names in sorted(styles.items())
        if len(names) > 1
    )
