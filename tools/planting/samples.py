"""The plain table of a planned fleet: what its devices would have told."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from planting.fleet import START, Device, Fleet

COLUMNS = (
    "t", "gpu", "index", "mig", "mig_id", "gpu_name", "node", "team", "workload", "model", "job_id",
    "util", "engine_active", "sm_active", "mem_used_mib", "power_w", "energy_mj_total",
    "tokens_in_total", "tokens_out_total", "requests_running", "scraper",
)  # fmt: skip


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
