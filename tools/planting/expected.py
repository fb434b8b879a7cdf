"""What is planted, in micro-dollars: counted from the plan of every device, not from samples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from planting.bill import PRICES
from planting.fleet import MICRO, SLICES, Device, Fleet, Work


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
