"""The machines of a fleet: their GPUs, in which slots, and what bills call them."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from gpumix.catalog import Catalog
from gpumix.catalog.importers.cells import number_of
from gpumix.catalog.importers.names import Names, family_of, machine_key
from gpumix.domain.fleet import Note
from gpumix.errors import UnknownName
from gpumix.telemetry.bill import Bill, BillLine
from gpumix.telemetry.store import Fleet

WHOLE: Final = 7
"""Compute slices of a GPU."""
SHARING: Final = frozenset({"time-slicing", "mps"})
"""Ways in which several owners have a GPU at one time."""
_DRIVER_SUFFIX = re.compile(r"-SHARED$|[ -]MIG[ -]\S+$", re.I)
_PROFILE = re.compile(r"(\d)g\.")


@dataclass(frozen=True, slots=True)
class Seen:
    """One GPU or MIG instance as samples name it, with the time it was seen [s]."""

    node: str
    gpu: str
    index: int | None
    mig: str | None
    mig_id: str | None
    gpu_name: str | None
    first: int
    last: int
    samples: int


@dataclass(frozen=True, slots=True)
class Device:
    """A seen device in its place. `name` is the UUID, `UUID/<instance>` for a MIG instance."""

    seen: Seen
    slot: int
    slices: int
    name: str


@dataclass(frozen=True, slots=True)
class Machine:
    """A node. `slots` are those that share its bill, in order; `gpu` the catalogue's id.

    `resource` is what the bill calls it, None where it has no line; `first`, `last` the time of
    its samples [s], None where there are none.
    """

    node: str
    gpu: str | None
    slots: tuple[int, ...]
    devices: tuple[Device, ...]
    resource: str | None = None
    shared: str = ""
    replicas: int = 1
    first: int | None = None
    last: int | None = None


def slices_of(profile: str | None) -> int:
    """Compute slices of a MIG profile; all of them for a whole GPU.

    >>> slices_of("3g.40gb"), slices_of("1g.10gb+me"), slices_of(None)
    (3, 1, 7)
    """
    found = _PROFILE.search(profile or "")
    return min(WHOLE, int(found[1])) if found else WHOLE


def resource_key(name: str) -> str:
    """The part of a resource's name that two systems share: its last, in lower case.

    >>> resource_key("arn:aws:ec2:us-east-1:1:instance/i-0A"), resource_key("i-0a")
    ('i-0a', 'i-0a')
    """
    return re.split(r"[/]", name.rstrip("/"))[-1].casefold()


def gpu_id(name: str | None, catalog: Catalog) -> str | None:
    """The catalogue's id of a GPU by its driver's or its own name; None where there is none."""
    if not name:
        return None
    try:
        return catalog.named_gpu(_DRIVER_SUFFIX.sub("", name.strip())).gpu.id
    except UnknownName:
        return None


def machines_of(
    fleet: Fleet, seen: Sequence[Seen], bill: Bill | None, catalog: Catalog
) -> tuple[list[Machine], list[Note]]:
    """Every machine that telemetry, the scheduler, the owner or the bill knows."""
    notes: list[Note] = []
    by_node: dict[str, list[Seen]] = defaultdict(list)
    for one in seen:
        by_node[one.node].append(one)
    stated = {row["node"]: row for row in fleet.nodes.to_pylist()}
    slurm = fleet.declared.slurm_nodes
    names = dict.fromkeys([*by_node, *slurm])
    names |= dict.fromkeys(n for n, row in stated.items() if row["gpus"])
    queued = _of_jobs(fleet.jobs.to_pylist())
    names |= dict.fromkeys(sorted(queued))
    found = []
    for node in names:
        row = stated.get(node, {})
        own = slurm.get(node)
        gpu = own.gpu if own else None
        most, kind = queued.get(node, (0, None))
        drivers: list[str | None] = [s.gpu_name for s in by_node[node] if s.gpu_name]
        drivers = drivers or [row.get("product") or kind]
        id = gpu_id(gpu, catalog) or gpu_id(drivers[0], catalog)
        if id is None:
            what = gpu or drivers[0] or "no name of its GPUs"
            notes.append(Note("unknown_gpu", node, f"the catalogue does not know {what}"))
        count = (own.gpus if own else None) or row.get("gpus") or (0 if by_node[node] else most)
        devices = tuple(_placed(by_node[node], count))
        found.append(
            Machine(
                node=node,
                gpu=id,
                slots=_slots({d.slot for d in devices}, count),
                devices=devices,
                resource=(own.resource_id if own else None) or row.get("resource_id"),
                shared=row.get("shared") or "",
                replicas=row.get("replicas") or 1,
                first=min((s.first for s in by_node[node]), default=None),
                last=max((s.last for s in by_node[node]), default=None),
            )
        )
        notes += _swapped(node, devices)
    if bill is None:
        return found, notes
    joined = _joined(found, bill)
    alone = list(_unseen(joined, fleet, bill, catalog))
    notes += [Note("no_telemetry", m.node, "is on the bill; no telemetry knows it") for m in alone]
    return [*joined, *alone], notes


def gpus_of(job: Mapping[str, Any]) -> float:
    """GPUs that a job held; instances of MIG count by their slices."""
    return float(job["gpus"] or 0.0) * slices_of(job["gpu_type"]) / WHOLE


def _of_jobs(jobs: Sequence[Mapping[str, Any]]) -> dict[str, tuple[int, str | None]]:
    """By node of a scheduler: the most GPUs that its jobs held at one time, and their type."""
    changes: dict[str, list[tuple[int, float]]] = defaultdict(list)
    kinds: dict[str, str] = {}
    for job in jobs:
        if job["start"] is None or not job["gpus"]:
            continue
        for node in job["nodes"] or ():
            part = gpus_of(job) / len(job["nodes"])
            changes[node].append((job["start"], part))
            if job["elapsed_s"] is not None:
                changes[node].append((job["start"] + job["elapsed_s"], -part))
            if job["gpu_type"]:
                kinds.setdefault(node, job["gpu_type"])
    found = {}
    for node, steps in changes.items():
        held = itertools.accumulate(step for _, step in sorted(steps))
        found[node] = math.ceil(max(held) - 1e-9), kinds.get(node)
    return found


def _placed(seen: Sequence[Seen], count: int) -> Iterator[Device]:
    """Devices with their slots: stated, or given by UUID where none is.

    Where more UUIDs than GPUs were seen, one that came later takes the place of one that went.
    """
    unplaced = [one for one in seen if one.index is None]
    lives: dict[str, tuple[int, int]] = {}
    for one in unplaced:
        first, last = lives.get(one.gpu, (one.first, one.last))
        lives[one.gpu] = min(first, one.first), max(last, one.last)
    slots: dict[str, int] = {}
    until: list[int] = []
    for gpu, (first, last) in sorted(lives.items(), key=lambda g: (g[1][0], g[0])):
        free = [i for i, end in enumerate(until) if end < first]
        if free and len(lives) > count > 0 and len(until) >= count:
            slots[gpu] = free[0]
            until[free[0]] = last
        else:
            slots[gpu] = len(until)
            until.append(last)
    for one in seen:
        slot = slots[one.gpu] if one.index is None else one.index
        name = one.gpu if one.mig_id is None else f"{one.gpu}/{one.mig_id}"
        yield Device(one, slot, slices_of(one.mig), name)


def _slots(seen: set[int], count: int) -> tuple[int, ...]:
    """The slots of `count` GPUs: those seen, and the lowest others; never fewer than were seen."""
    others = (i for i in range(count + len(seen)) if i not in seen)
    more = [next(others) for _ in range(max(0, count - len(seen)))]
    return tuple(sorted([*seen, *more]))


def _swapped(node: str, devices: Iterable[Device]) -> Iterator[Note]:
    held: dict[int, set[str]] = defaultdict(set)
    for device in devices:
        held[device.slot].add(device.seen.gpu)
    for slot, gpus in sorted(held.items()):
        if len(gpus) > 1:
            yield Note("gpu_swapped", node, f"slot {slot} held {len(gpus)} GPUs in turn")


def _joined(machines: Sequence[Machine], bill: Bill) -> list[Machine]:
    """Machines with the bill's name for them: by resource id, else by the node's name."""
    ids: dict[str, str] = {}
    named: dict[str, str] = {}
    for line in bill.lines:
        if line.resource_id:
            ids.setdefault(resource_key(line.resource_id), line.resource_id)
            if line.resource_name:
                named.setdefault(line.resource_name.casefold(), line.resource_id)
    found = []
    for machine in machines:
        key = resource_key(machine.resource or machine.node)
        known = ids.get(key) or ids.get(resource_key(machine.node))
        found.append(replace(machine, resource=known or named.get(machine.node.casefold())))
    return found


def _unseen(
    machines: Sequence[Machine], fleet: Fleet, bill: Bill, catalog: Catalog
) -> Iterator[Machine]:
    """Resources of the bill that have GPUs and that nothing else knows."""
    known = {resource_key(m.resource) for m in machines if m.resource}
    declared = {resource_key(k): one for k, one in fleet.declared.gpu_resources.items()}
    sold = {name: one for (_, name), one in Names(catalog.gpus).machines.items()}
    names: dict[str, tuple[str, int, str | None]] = {}
    for line in bill.lines:
        if line.category != "Usage" or not line.resource_id or is_unused(line):
            continue
        key = resource_key(line.resource_id)
        if key in known or key in names:
            continue
        own = declared.get(key)
        if own:
            names[key] = line.resource_id, own.gpus, gpu_id(own.gpu, catalog)
        elif stated := _gpus_of(line, sold, catalog):
            names[key] = line.resource_id, *stated
    for resource, count, gpu in names.values():
        yield Machine(resource, gpu, tuple(range(count)), (), resource)


def is_unused(line: BillLine) -> bool:
    """Whether a line is of a commitment or reservation that nobody used."""
    return "Unused" in (line.commitment_status, line.reservation_status)


def _gpus_of(
    line: BillLine, sold: Mapping[str, Any], catalog: Catalog
) -> tuple[int, str | None] | None:
    """GPUs of a line's machine, and their type: by its details, its type's name, or its words."""
    if line.service_category not in (None, "Compute", "AI and Machine Learning"):
        return None
    try:
        found = json.loads(line.sku_details or "{}")
    except (ValueError, RecursionError):
        found = {}
    details = {k.lower(): v for k, v in found.items()} if isinstance(found, dict) else {}
    words = [details.get("instancetype"), line.sku_id, line.sku_meter, line.description]
    for word in filter(None, words):
        machine = sold.get(machine_key(str(word)))
        if machine is not None:
            return machine.gpus, machine.gpu
    families = [family for word in words[:3] if word and (family := family_of(str(word)))]
    count = number_of(details.get("gpucount"))
    if not families and not count:
        return None
    stated = re.search(r"(?<![\w.])(\d{1,2})x|x(\d{1,2})(?!\w)|\.(\d{1,2})x\b", str(line.sku_id))
    number = max(int(next(filter(None, stated.groups()))), 1) if stated else 1
    gpus = int(count) if count and count >= 1.0 else number
    return gpus, gpu_id(families[0], catalog) if families else None
