"""From series of a cluster to the samples of its GPUs: each with owner, model and tokens."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from gpumix.errors import InputError, Problem
from gpumix.telemetry.samples import LOOK_BACK_S, SCHEMA, Observed
from gpumix.telemetry.sources.dcgm import Held, holdings
from gpumix.telemetry.sources.engines import Served, by_pod
from gpumix.telemetry.sources.kube import nodes_of
from gpumix.telemetry.sources.owners import Owners, Pod, PodKey
from gpumix.telemetry.sources.series import Series, metrics
from gpumix.telemetry.sources.versions import Spells
from gpumix.telemetry.sources.versions import by_pod as versions_by_pod


def observed(series: Iterable[Series], place: str, pods: Sequence[Pod] = ()) -> Observed:
    """What the series of a cluster say; `pods` are those of a snapshot, whose labels count where
    the series have none. `place` is where they are from.

    Raises: InputError where no series tells of a GPU or of the cluster's nodes.
    """
    by_use: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        by_use[metrics()[one.name].of].append(one)
    held, notes = holdings(by_use["gpu"])
    nodes = nodes_of(by_use["kube"])
    if not held and not by_use["engine"] and nodes is None:
        fix = "metrics that are read: src/gpumix/data/telemetry_metrics.csv"
        raise InputError(Problem(place, "tells of no GPU", fix))
    if any(not one.device.node for one in held):
        fix = "a label such as Hostname, node or instance"
        raise InputError(Problem(place, "has GPUs whose machine no label names", fix))
    labels = (one for one in by_use["kube"] if one.name == "kube_pod_labels")
    versions = versions_by_pod(by_use["kube"], pods)
    samples = _table(held, by_pod(by_use["engine"]), Owners(labels, pods), versions)
    return Observed(samples=samples if held else None, nodes=nodes, notes=notes)


def _table(
    held: list[Held],
    served: Mapping[PodKey, Served],
    owners: Owners,
    versions: Mapping[PodKey, Spells],
) -> pa.Table:
    held = sorted(held, key=lambda one: (_order(one), int(one.t[0])))
    firsts = _first_devices(held)
    parts = [
        _rows(
            one,
            served.get(one.pod) if one.pod else None,
            owners,
            firsts[i],
            versions.get(one.pod, []) if one.pod else [],
        )
        for i, one in enumerate(held)
    ]
    return pa.concat_tables(parts or [SCHEMA.empty_table()])


def _rows(
    held: Held,
    served: Served | None,
    owners: Owners,
    is_first: NDArray[np.bool_],
    versions: Spells,
) -> pa.Table:
    """The rows of one holding; `is_first` [n]: this device stands for the whole pod."""
    count = len(held.t)
    device = held.device
    values = dict(held.columns)
    named: dict[str, list[tuple[int, str]]] = {}
    named["engine_version"] = _from(versions, held.t)
    named["driver_version"] = _from(held.drivers, held.t)
    if held.pod is not None:
        spells = owners.at(held.pod, held.own, held.t)
        named["team"] = [(start, team) for start, team, _ in spells]
        named["workload"] = [(start, workload) for start, _, workload in spells]
        told = served.models(held.t) if served else []
        started_with = owners.model(held.pod)
        named["model"] = told or ([(0, started_with)] if started_with else [])
        if served:
            for column, told_at in served.columns(held.t).items():
                values[column] = np.where(is_first, told_at, np.nan)
    fixed = {
        "gpu": device.uuid or None,
        "index": device.slot,
        "mig": held.mig,
        "mig_id": device.mig_id,
        "gpu_name": held.gpu_name,
        "node": device.node or None,
        "job_id": held.job_id,
        "scraper": device.scraper,
    }
    arrays = []
    for field in SCHEMA:
        if field.name == "t":
            array = pa.array(held.t)
        elif field.name in values:
            array = pa.array(values[field.name], pa.float64(), from_pandas=True)
        elif named.get(field.name):
            array = _spelled(named[field.name], count)
        else:
            array = pa.repeat(pa.scalar(fixed.get(field.name), field.type), count)
        arrays.append(array)
    return pa.table(arrays, schema=SCHEMA)


def _from(told: Sequence[tuple[int, str]], t: NDArray[np.int64]) -> list[tuple[int, str]]:
    """(position from which on, name) at ascending times `t`; the first holds before it was told."""
    starts = np.searchsorted(t, [since for since, _ in told])
    starts[:1] = 0
    return [(int(start), name) for start, (_, name) in zip(starts, told, strict=True)]


def _spelled(spells: list[tuple[int, str]], count: int) -> pa.Array:
    """A column of names, each from its position on."""
    ends = [*(start for start, _ in spells[1:]), count]
    runs = [
        pa.repeat(pa.scalar(name, pa.string()), max(0, end - start))
        for (start, name), end in zip(spells, ends, strict=True)
    ]
    return pa.concat_arrays(runs)


def _first_devices(held: list[Held]) -> list[NDArray[np.bool_]]:
    """For each holding whether at each of its times [n] no lower device is its pod's: the tokens of
    a server stand on its first GPU only."""
    found = [np.ones(len(one.t), np.bool_) for one in held]
    of_pod: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for i, one in enumerate(held):
        if one.pod is not None:
            of_pod[one.pod, one.device.scraper].append(i)
    for group in of_pod.values():
        group.sort(key=lambda i: _order(held[i]))
        for rank, i in enumerate(group):
            for lower in group[:rank]:
                found[i] &= ~_is_present(held[lower].t, held[i].t)
    return found


def _order(held: Held) -> tuple[str, int, str, str]:
    device = held.device
    return device.node, -1 if device.slot is None else device.slot, device.uuid, device.mig_id or ""


def _is_present(theirs: NDArray[np.int64], t: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether times `t` lie within the samples at `theirs`, or a short hole of them."""
    after = np.searchsorted(theirs, t, side="left")
    before = np.searchsorted(theirs, t, side="right") - 1
    is_inside = (before >= 0) & (after < len(theirs))
    last, next_ = theirs[np.maximum(before, 0)], theirs[np.minimum(after, len(theirs) - 1)]
    return is_inside & (next_ - last <= LOOK_BACK_S)
