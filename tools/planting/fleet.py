"""The plan of a fleet: what every device does from minute to minute, and a scheduler's jobs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np

START = datetime(2026, 9, 28, tzinfo=UTC)
ZONE = "Europe/Berlin"
HOUR_S, SLICES, MICRO = 3600, 7, 1_000_000
FAILED = ("FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of GPU: the driver's name, the catalogue's id, watts idle and busy."""

    name: str
    id: str
    idle_w: float
    busy_w: float
    mem_mib: int


H100 = Kind("NVIDIA H100 80GB HBM3", "h100-sxm-80gb", 72.0, 520.0, 70_211)
L40S = Kind("NVIDIA L40S", "l40s-48gb", 34.0, 270.0, 41_020)
A100 = Kind("NVIDIA A100-SXM4-80GB", "a100-sxm-80gb", 62.0, 330.0, 35_840)


@dataclass(frozen=True, slots=True)
class Work:
    """What a device does from one minute to another; `how` is busy, idle, low, free or gap."""

    start: int
    end: int
    how: str
    team: str | None = None
    workload: str | None = None
    model: str | None = None
    job_id: str | None = None
    standby: bool = False


@dataclass(frozen=True, slots=True)
class Device:
    """A GPU or a MIG instance, and what it does over the whole span."""

    node: str
    slot: int
    uuid: str
    kind: Kind
    works: tuple[Work, ...]
    mig: str | None = None
    mig_id: str | None = None
    slices: int = SLICES
    swapped_at: int | None = None
    reset_at: int | None = None
    scrapers: tuple[str, ...] = ("a",)
    serves: bool = False
    engine: float | None = None
    """Its activity where it is always the same: of pods that share a GPU by time."""
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Node:
    """A machine on the bill: its resource, GPUs, price an hour, and how it is bought."""

    name: str
    resource: str
    kind: Kind
    gpus: int
    usd_per_hour: float
    list_usd_per_hour: float
    bought: str
    billed: bool = True


@dataclass(slots=True)
class Fleet:
    """Everything that is planted."""

    minutes: int
    rng: np.random.Generator
    nodes: list[Node] = field(default_factory=list)
    devices: list[Device] = field(default_factory=list)
    jobs: list[tuple[str, ...]] = field(default_factory=list)
    failed: list[tuple[str, int, int]] = field(default_factory=list)

    def uuid(self) -> str:
        """A GPU's name as the driver makes them."""
        raw = self.rng.bytes(16).hex()
        return f"GPU-{raw[:8]}-{raw[8:12]}-{raw[12:16]}-{raw[16:20]}-{raw[20:]}"


def plant(seed: int, days: int) -> Fleet:
    """The plan: pods on H100 and L40S, a MIG A100, a Slurm site, each with its waste."""
    fleet = Fleet(days * 1440, np.random.default_rng(seed))
    _pods(fleet)
    _mig(fleet)
    _slurm(fleet)
    fleet.nodes.append(Node("cloud-dark", "i-dark", L40S, 4, 7.44, 7.44, "on_demand"))
    fleet.nodes.append(Node("own-1", "own-1", L40S, 2, 0.0, 0.0, "owned", billed=False))
    work = Work(0, fleet.minutes, "busy", "vision", "labels", "Qwen/Qwen3-8B")
    fleet.devices += [Device("own-1", i, fleet.uuid(), L40S, (work,)) for i in range(2)]
    return fleet


def _pods(fleet: Fleet) -> None:
    end, rng = fleet.minutes, fleet.rng
    chat = ("support", "chat-32b", "Qwen/Qwen3-32B")
    rank = ("ranking", "rerank", "BAAI/bge-reranker-v2-m3")
    held = ("research", "notebook", None)
    fleet.nodes.append(Node("k1-h100-a", "i-h100a", H100, 8, 19.282006, 28.8, "committed"))
    idle = 60 * int(rng.integers(30, end // 60 - 12))
    freed = int(rng.integers(end // 3, end // 2))
    gap = 60 * int(rng.integers(6, 20)) + 17
    for slot in range(8):
        device = Device("k1-h100-a", slot, fleet.uuid(), H100, (Work(0, end, "busy", *chat),))
        if slot in (3, 4):  # left running with nothing to do, for 9 hours and a bit
            device = replace(device, works=_cut(end, chat, (idle, idle + 553, "idle")))
        elif slot == 5:  # given back in the middle of an hour
            free = Work(freed, end, "free")
            device = replace(device, works=(Work(0, freed, "busy", *rank), free))
        elif slot == 6:  # a notebook that nobody has touched
            device = replace(device, works=(Work(0, end, "idle", *held),))
        elif slot == 7:  # never used
            device = replace(device, works=(Work(0, end, "free"),))
        elif slot == 2:  # idle for too short to count, then a hole in the scrapes
            works = _cut(end, chat, (200, 255, "idle"), (gap + 300, gap + 420, "gap"))
            device = replace(device, works=works)
        fleet.devices.append(
            replace(device, serves=slot == 0, scrapers=("a", "b") if slot == 1 else ("a",))
        )
    fleet.nodes.append(Node("k1-h100-b", "i-h100b", H100, 4, 9.641003, 14.4, "committed"))
    docs = ("docs", "batch-14b", "Qwen/Qwen3-14B")
    warm = Work(0, end, "idle", "support", "failover", "Qwen/Qwen3-32B", standby=True)
    low = 1440 + 60 * int(rng.integers(0, 6))
    for slot in range(4):
        device = Device("k1-h100-b", slot, fleet.uuid(), H100, (Work(0, end, "busy", *docs),))
        if slot == 0:  # one request at a time
            works = (Work(0, low, "busy", *rank), Work(low, end, "low", *rank))
            device = replace(device, works=works, serves=True)
        elif slot == 1:
            device = replace(device, works=(warm,))
        elif slot == 2:
            device = replace(device, swapped_at=end // 2, reset_at=end // 2)
        elif slot == 3:
            device = replace(device, reset_at=end // 3)
        fleet.devices.append(device)
    _time_sliced(fleet)
    fleet.nodes.append(Node("k1-l40s-a", "i-l40sa", L40S, 4, 7.440001, 7.440001, "on_demand"))
    work = Work(0, end, "busy", "docs", "embed", "BAAI/bge-m3")
    fleet.devices += [Device("k1-l40s-a", i, fleet.uuid(), L40S, (work,)) for i in range(4)]


def _time_sliced(fleet: Fleet) -> None:
    """One L40S that two pods share by time, three to one."""
    fleet.nodes.append(Node("k1-shared", "i-shared", L40S, 1, 1.110003, 1.86, "committed"))
    uuid = fleet.uuid()
    for workload, engine in (("tagger", 0.6), ("spell", 0.2)):
        work = Work(0, fleet.minutes, "busy", "docs", workload)
        fleet.devices.append(
            Device("k1-shared", 0, uuid, L40S, (work,), engine=engine, weight=round(10 * engine))
        )


def _cut(end: int, owner: Sequence[str | None], *holes: tuple[int, int, str]) -> tuple[Work, ...]:
    """Busy work of one owner with something else in between, in order of time."""
    works, at = [], 0
    for start, stop, how in holes:
        of = (None, None, None) if how in ("gap", "free") else owner
        works += [Work(at, start, "busy", *owner), Work(start, stop, how, *of)]
        at = stop
    return (*works, Work(at, end, "busy", *owner))


def _mig(fleet: Fleet) -> None:
    """One A100 in three busy instances; one slice is empty."""
    fleet.nodes.append(Node("k1-mig", "i-mig", A100, 1, 2.150003, 3.67, "committed"))
    uuid = fleet.uuid()
    owners = (("support", "guard", "Qwen/Qwen3Guard-Gen-4B"), ("vision", "ocr", None))
    for team, (profile, number, slices) in zip(
        (*owners, owners[1]), (("3g.40gb", "1", 3), ("2g.20gb", "3", 2), ("1g.10gb", "9", 1)),
        strict=True,
    ):  # fmt: skip
        work = Work(0, fleet.minutes, "busy", *team)
        fleet.devices.append(Device("k1-mig", 0, uuid, A100, (work,), profile, number, slices))


def _slurm(fleet: Fleet) -> None:
    """A node of eight under Slurm: jobs one after the other, some of which come to nothing."""
    fleet.nodes.append(Node("hpc-1", "hpc-1", H100, 8, 14.4, 14.4, "owned"))
    works: dict[int, list[Work]] = defaultdict(list)
    at, number = 0, 700
    states = ("COMPLETED", "FAILED", "COMPLETED", "NODE_FAIL", "CANCELLED by 1000",
              "OUT_OF_MEMORY", "TIMEOUT", "COMPLETED", "PREEMPTED")  # fmt: skip
    turn = 0
    while at + 1500 < fleet.minutes:
        state = states[turn % len(states)]
        gpus = (8, 8, 4, 8, 2)[turn % 5]
        length = int(fleet.rng.integers(4, 19)) * 60 + int(fleet.rng.integers(0, 60))
        account = ("genomics", "vision")[turn % 2]
        for slot in range(8):
            if slot < gpus:
                works[slot].append(
                    Work(at, at + length, "busy", account, f"train-{turn % 3}", None, str(number))
                )
            else:
                works[slot].append(Work(at, at + length, "free"))
        _job(fleet, number, turn, account, state, at, length, gpus)
        at += length
        turn += 1
        if state != "NODE_FAIL":  # the next attempt of a lost job keeps its number
            number += 1
    for slot in range(8):
        rest = Work(at, fleet.minutes, "free")
        fleet.devices.append(Device("hpc-1", slot, fleet.uuid(), H100, (*works[slot], rest)))


def _job(
    fleet: Fleet, number: int, turn: int, account: str, state: str, at: int, length: int, gpus: int
) -> None:
    zone = ZoneInfo(ZONE)

    def local(minute: int) -> str:
        moment = datetime.fromtimestamp(START.timestamp() + 60 * minute, UTC)
        return moment.astimezone(zone).strftime("%Y-%m-%dT%H:%M:%S")

    tres = f"billing=8,cpu=64,gres/gpu={gpus},gres/gpu:h100={gpus},mem=512G,node=1"
    fleet.jobs.append(
        (str(number), str(number), f"train-{turn % 3}", "ana", account, "normal", "gpu", state,
         "0:0", local(max(at - 5, 0)), local(at), local(at + length), str(60 * length), tres,
         "hpc-1")
    )  # fmt: skip
    if state.split()[0] in FAILED:
        fleet.failed.append((str(number), at, at + length))
