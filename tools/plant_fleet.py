"""A fleet whose waste is known: telemetry, a bill, job accounting, and what an audit must find.

    python tools/plant_fleet.py FOLDER --seed 0 --days 28 --step 60

writes `samples.parquet` (the plain table), `bill.csv` (FOCUS 1.2), `sacct.txt`, `declare.json`,
`prices.csv` and `expected.json`. What is planted is counted here from the plan of every device and
not from the samples, in whole micro-dollars, by the rule of attribution.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

START = datetime(2026, 9, 28, tzinfo=UTC)
ZONE = "Europe/Berlin"
HOUR_S, SLICES, MICRO = 3600, 7, 1_000_000
FAILED = ("FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "BOOT_FAIL")
COLUMNS = (
    "t", "gpu", "index", "mig", "mig_id", "gpu_name", "node", "team", "workload", "model", "job_id",
    "util", "engine_active", "sm_active", "mem_used_mib", "power_w", "energy_mj_total",
    "tokens_in_total", "tokens_out_total", "requests_running", "scraper",
)  # fmt: skip
BILL = (
    "BilledCost", "BillingAccountId", "BillingCurrency", "BillingPeriodStart", "BillingPeriodEnd",
    "ChargeCategory", "ChargeClass", "ChargeDescription", "ChargePeriodStart", "ChargePeriodEnd",
    "CommitmentDiscountId", "CommitmentDiscountStatus", "ConsumedQuantity", "ContractedCost",
    "EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingCategory", "PricingQuantity",
    "PricingUnit", "ProviderName", "PublisherName", "ResourceId", "ResourceName",
    "ServiceCategory", "ServiceName", "SkuId", "Tags",
)  # fmt: skip


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


def samples(fleet: Fleet, step_s: int) -> Iterator[pa.Table]:
    """The plain table, a device at a time."""
    for device in fleet.devices:
        for scraper in device.scrapers:
            yield _of_device(fleet, device, scraper, step_s)


def _of_device(fleet: Fleet, device: Device, scraper: str, step_s: int) -> pa.Table:
    rng, per = fleet.rng, step_s / 60.0
    minutes = np.arange(0, fleet.minutes, per)
    n = len(minutes)
    late = 7 if scraper == "b" else 0
    column: dict[str, object] = dict.fromkeys(COLUMNS)
    engine, sm, watts = np.zeros(n), np.zeros(n), np.zeros(n)
    running = np.full(n, np.nan)
    names = {key: np.full(n, None, dtype=object) for key in ("team", "workload", "model", "job_id")}
    keep = np.ones(n, dtype=bool)
    for work in device.works:
        own = (minutes >= work.start) & (minutes < work.end)
        size = int(own.sum())
        for key, words in names.items():
            words[own] = getattr(work, key)
        low, high, busy = {"busy": (0.7, 0.98, 0.62), "low": (0.88, 0.97, 0.24)}.get(
            work.how, (0.0, 0.01, 0.0)
        )
        engine[own] = rng.uniform(low, high, size) if device.engine is None else device.engine
        sm[own] = np.clip(busy + rng.normal(0.0, 0.02, size), 0.0, 1.0) if busy else 0.0
        power = device.kind.busy_w if busy else device.kind.idle_w
        watts[own] = power * rng.uniform(0.96, 1.04, size)
        if device.serves:
            running[own] = rng.integers(1, 3, size) if work.how == "low" else rng.integers(40, 80)
        keep[own] = work.how != "gap"
    tokens = np.cumsum(np.where(engine > 0.5, 600.0 * per, 0.0))
    column |= {
        "t": (START.timestamp() + 60 * minutes + late).astype(np.int64),
        "gpu": _uuids(fleet, device, minutes),
        "index": np.full(n, device.slot, dtype=np.int32),
        **names,
        "mig": [device.mig] * n,
        "mig_id": [device.mig_id] * n,
        "gpu_name": [device.kind.name] * n,
        "node": [device.node] * n,
        "util": [None] * n if device.mig else np.round(np.minimum(engine + 0.05, 1.0), 2),
        "engine_active": np.round(engine, 3),
        "sm_active": np.round(sm, 3),
        "mem_used_mib": np.where(engine > 0.5, device.kind.mem_mib, 512.0),
        "power_w": np.round(watts, 1),
        "energy_mj_total": _counter(np.cumsum(watts * step_s * 1000.0), device, minutes),
        "tokens_in_total": tokens if device.serves else [None] * n,
        "tokens_out_total": np.round(tokens / 3.0) if device.serves else [None] * n,
        "requests_running": pa.array(running, from_pandas=True),
        "scraper": [scraper] * n,
    }
    return pa.table(column).select(list(COLUMNS)).cast(_schema()).filter(pa.array(keep))


def _uuids(fleet: Fleet, device: Device, minutes: np.ndarray) -> list[str]:
    if device.swapped_at is None:
        return [device.uuid] * len(minutes)
    new = fleet.uuid()
    return [device.uuid if minute < device.swapped_at else new for minute in minutes]


def _counter(total: np.ndarray, device: Device, minutes: np.ndarray) -> np.ndarray:
    """A counter that starts somewhere and, where it is reset, at nothing again."""
    counted = np.round(total + 9e11)
    if device.reset_at is not None:
        after = minutes >= device.reset_at
        counted[after] = np.round(total[after] - total[after][0])
    return counted


def _schema() -> pa.Schema:
    kinds = {"t": pa.int64(), "index": pa.int32()}
    numbers = COLUMNS[COLUMNS.index("util") : COLUMNS.index("scraper")]
    kinds |= dict.fromkeys(numbers, pa.float64())
    return pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])


def bill(fleet: Fleet, line_hours: int = 1, currencies: Sequence[str] = ("USD",)) -> Lines:
    """The FOCUS lines: `line_hours` hours of every node, and what belongs to no GPU."""
    lines: Lines = []
    for number, node in enumerate(n for n in fleet.nodes if n.billed):
        currency = {"BillingCurrency": currencies[number % len(currencies)]}
        hours = range(0, fleet.minutes // 60, line_hours)
        lines += [_line(node, hour, line_hours) | currency for hour in hours]
    for hour in range(fleet.minutes // 60):
        unused = 2.410251 if hour % 5 == 0 else 0.0
        if unused:
            lines.append(
                _other(
                    hour, "Usage", unused, "", CommitmentDiscountId="ri-9", BilledCost="0",
                    CommitmentDiscountStatus="Unused", PricingCategory="Committed",
                )
            )  # fmt: skip
    days = fleet.minutes // 1440
    for day in range(days):
        storage = {"ServiceCategory": "Storage", "ServiceName": "Object storage"}
        lines.append(_other(24 * day, "Usage", 0.123457, "bucket-1", **storage))
    bought = {"CommitmentDiscountId": "ri-9", "BilledCost": "12000"}
    lines.append(_other(0, "Purchase", 0.0, "", **bought))
    lines.append(_other(0, "Tax", 61.234567, ""))
    lines.append(_other(0, "Credit", -50.0, ""))
    lines.append(_other(0, "Adjustment", -0.000012, ""))
    return lines


def _when(hour: int) -> str:
    moment = datetime.fromtimestamp(START.timestamp() + HOUR_S * hour, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Lines = list[dict[str, str]]


def _line(node: Node, hour: int, hours: int) -> dict[str, str]:
    committed = node.bought == "committed"
    more = {
        "ListCost": f"{hours * node.list_usd_per_hour:.6f}",
        "ChargePeriodEnd": _when(hour + hours),
        "PricingCategory": "Committed" if committed else "Standard",
        "ResourceName": node.name,
        "SkuId": f"vm.{node.kind.id}.{node.gpus}x",
        "ServiceCategory": "Compute",
        "ServiceName": "Virtual Machines",
    }
    if committed:
        more |= {"CommitmentDiscountId": "ri-1", "CommitmentDiscountStatus": "Used"}
        more["BilledCost"] = "0"
    return _other(hour, "Usage", hours * node.usd_per_hour, node.resource, **more)


def _other(hour: int, category: str, usd: float, resource: str, **more: str) -> dict[str, str]:
    first = dict.fromkeys(BILL, "") | {
        "BilledCost": f"{usd:.6f}",
        "BillingAccountId": "acme",
        "BillingCurrency": "USD",
        "BillingPeriodStart": "2026-09-01T00:00:00Z",
        "BillingPeriodEnd": "2026-11-01T00:00:00Z",
        "ChargeCategory": category,
        "ChargePeriodStart": _when(hour),
        "ChargePeriodEnd": _when(hour + 1),
        "ContractedCost": f"{usd:.6f}",
        "EffectiveCost": f"{usd:.6f}",
        "InvoiceIssuerName": "Cloud Inc",
        "ListCost": f"{usd:.6f}",
        "ConsumedQuantity": "1" if category == "Usage" and more.get(
            "CommitmentDiscountStatus") != "Unused" else "",
        "PricingQuantity": "1",
        "PricingUnit": "Hours",
        "PricingCategory": "Standard" if category == "Usage" else "",
        "ProviderName": "Cloud Inc",
        "PublisherName": "Cloud Inc",
        "ResourceId": resource,
    }  # fmt: skip
    return first | more


PRICES = (
    ("h100-sxm-80gb", "on_demand", 3.6), ("h100-sxm-80gb", "commit_1y", 2.45),
    ("l40s-48gb", "on_demand", 1.86), ("l40s-48gb", "commit_1y", 1.17),
    ("a100-sxm-80gb", "on_demand", 3.67), ("a100-sxm-80gb", "commit_1y", 2.2),
)  # fmt: skip


def expected(fleet: Fleet) -> dict[str, object]:
    """What an audit must find, by class and by scope, and the cost of each kind [micro-dollars]."""
    by_class: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    kinds: dict[str, int] = defaultdict(int)
    for device_node, kind, owner, failed, low, micro in _shares(fleet):
        kinds[kind] += micro
        if kind in ("unallocated", "allocated_idle"):
            by_class[kind][f"{owner} {device_node}".strip()] += micro
        elif failed:
            by_class["failed_jobs"][f"{owner} {device_node}"] += micro
        elif low:
            by_class["low_batch"][f"{owner} {device_node}"] += micro
    hours = fleet.minutes // 60
    by_class["reservation_unused"]["ri-9"] = 2_410_251 * len(range(0, hours, 5))
    committed = {gpu: usd for gpu, purchase, usd in PRICES if purchase == "commit_1y"}
    for node in fleet.nodes:
        if node.billed and node.bought == "on_demand":
            saved = hours * (node.usd_per_hour - node.gpus * committed[node.kind.id])
            by_class["wrong_commitment"][node.resource] = round(saved * MICRO)
    kinds["no_data"] += round(7.44 * MICRO) * hours
    return {"usd_micro_by_class": by_class, "usd_micro_by_kind": kinds}


def _shares(fleet: Fleet) -> Iterator[tuple[str, str, str, bool, bool, int]]:
    """(node, kind, owner, of a failed job, low batch, micro-dollars) of every GPU-hour."""
    failed = set(fleet.failed)
    by_slot: dict[tuple[str, int], list[Device]] = defaultdict(list)
    for device in fleet.devices:
        by_slot[device.node, device.slot].append(device)
    for node in (n for n in fleet.nodes if n.billed):
        for slot in range(node.gpus):
            whole, rest = divmod(round(node.usd_per_hour * MICRO), node.gpus)
            for hour in range(fleet.minutes // 60):
                weights = _weights(by_slot.get((node.name, slot), []), hour, failed)
                shares = _largest_remainder(whole + (slot < rest), weights)
                for key, micro in shares.items():
                    yield node.name, *key[1:], micro


Key = tuple[str, str, str, bool, bool]


def _weights(devices: list[Device], hour: int, failed: set[tuple[str, int, int]]) -> dict[Key, int]:
    found: dict[Key, int] = defaultdict(int)
    for device in devices:
        for work in device.works:
            minutes = min(work.end, 60 * hour + 60) - max(work.start, 60 * hour)
            if minutes > 0:
                lost = (work.job_id or "", work.start, work.end) in failed
                owner = f"{work.team or ''} {work.workload or ''}".strip()
                key = (device.mig_id or "", _kind(work), owner, lost, work.how == "low")
                found[key] += minutes * device.slices * device.weight
    if devices and devices[0].mig and (empty := SLICES - sum(d.slices for d in devices)) > 0:
        found["", "unallocated", "", False, False] += 60 * empty
    return found


def _kind(work: Work) -> str:
    if work.how == "idle" and not work.standby and work.end - work.start >= 60:
        return "allocated_idle"
    return {"free": "unallocated", "gap": "no_data"}.get(work.how, "used")


def _largest_remainder(total: int, weights: dict[Key, int]) -> dict[Key, int]:
    whole = sum(weights.values())
    shares = {key: total * weight // whole for key, weight in weights.items()}
    order = sorted(weights, key=lambda key: (-(total * weights[key] % whole), key))
    for key in order[: total - sum(shares.values())]:
        shares[key] += 1
    return shares


DECLARED = {
    "schema_version": 1,
    "currency": "USD",
    "sacct_timezone": ZONE,
    "standby": [{"team": "support", "workload": "failover"}],
    "gpu_resources": {"i-dark": {"gpus": 4, "gpu": "l40s-48gb"}},
}
HEADER = (
    "JobID|JobIDRaw|JobName|User|Account|QOS|Partition|State|ExitCode|Submit|Start|End|ElapsedRaw"
    "|AllocTRES|NodeList"
)


def write(
    folder: Path,
    seed: int,
    days: int,
    step_s: int,
    *,
    as_csv: bool = False,
    line_hours: int = 1,
    currencies: Sequence[str] = ("USD",),
) -> None:
    """All files of one planted fleet."""
    folder.mkdir(parents=True, exist_ok=True)
    fleet = plant(seed, days)
    table = pa.concat_tables(samples(fleet, step_s)).sort_by("t")
    if as_csv:
        with pa.CompressedOutputStream(str(folder / "samples.csv.gz"), "gzip") as out:
            pa_csv.write_csv(table, out)
    else:
        pq.write_table(table, folder / "samples.parquet", compression="zstd")
    with (folder / "bill.csv").open("w", newline="") as out:
        rows = csv.DictWriter(out, BILL, lineterminator="\n")
        rows.writeheader()
        rows.writerows(bill(fleet, line_hours, currencies))
    _write_text(folder / "sacct.txt", "\n".join([HEADER, *map("|".join, fleet.jobs)]))
    resources = {n.name: n for n in fleet.nodes}
    slurm = {"gpus": 8, "gpu": "h100-sxm-80gb", "resource_id": resources["hpc-1"].resource}
    declared = {**DECLARED, "slurm_nodes": {"hpc-1": slurm}}
    _write_text(folder / "declare.json", json.dumps(declared, indent=1))
    prices = ["gpu,purchase,usd_per_gpu_hour", *(f"{g},{p},{usd}" for g, p, usd in PRICES)]
    _write_text(folder / "prices.csv", "\n".join(prices))
    _write_text(folder / "expected.json", json.dumps(expected(fleet), indent=1, sort_keys=True))


def _write_text(path: Path, text: str) -> None:
    path.write_text(text + "\n", encoding="utf-8")


def main() -> None:
    """Write a planted fleet."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("folder", type=Path)
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--days", type=int, default=28)
    words.add_argument("--step", type=int, default=60, help="seconds between samples")
    words.add_argument("--csv", action="store_true", help="samples.csv.gz instead of Parquet")
    words.add_argument("--line-hours", type=int, default=1, help="hours of a bill's line: 1 or 24")
    words.add_argument("--currencies", default="USD", help="of the bill's lines, comma-separated")
    asked = words.parse_args()
    write(
        asked.folder,
        asked.seed,
        asked.days,
        asked.step,
        as_csv=asked.csv,
        line_hours=asked.line_hours,
        currencies=asked.currencies.split(","),
    )


if __name__ == "__main__":
    main()
