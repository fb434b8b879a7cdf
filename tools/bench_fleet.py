"""How long a large fleet takes: 100 million samples attributed, a week of 64 GPUs observed.

    python tools/bench_fleet.py [--samples 100000000] [--gpus 64] [--folder DIR]

Each verb runs in a process of its own, whose CPU seconds and largest memory are the system's count.
The server is a real Prometheus on loopback, loaded before the clock runs; where none is installed
that part is left out. Run by `make bench-fleet`, which writes docs/fleet-speed.md.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests" / "telemetry" / "real")]

import servers  # noqa: E402  from tests/

from gpumix.telemetry.samples import NODES, SCHEMA, Observed  # noqa: E402
from gpumix.telemetry.store import Source, write  # noqa: E402

PAGE = ROOT / "docs" / "fleet-speed.md"
START = datetime(2026, 9, 28, tzinfo=UTC)
DAY_MINUTES = 1440
GPUS_PER_NODE = 8
DAYS = 28
OWNERS = [("support", "chat", "Qwen/Qwen3-32B"), ("docs", "batch", "Qwen/Qwen3-14B"), (None,) * 3]
USD_PER_NODE_HOUR = 19.28


@dataclass(frozen=True, slots=True)
class Run:
    """What a verb took: seconds by the clock and of CPUs, and the largest memory [GB]."""

    wall_s: float
    cpu_s: float
    peak_gb: float


def timed(*words: str) -> Run:
    """Run `gpumix WORDS` and count. Raises: CalledProcessError where it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "gpumix", *words], stdout=subprocess.DEVNULL, cwd=ROOT
    )
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise subprocess.CalledProcessError(status, words)
    wall_s = time.perf_counter() - started
    return Run(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / 1e9)


def plant(folder: Path, samples: int) -> int:
    """A fleet's folder with about so many samples over 28 days. Returns: how many there are."""
    gpus = max(1, round(samples / DAYS / DAY_MINUTES))
    rng = np.random.default_rng(0)
    nodes = [
        {"node": f"n{i:04}", "gpus": GPUS_PER_NODE, "shared": "", "replicas": 1}
        for i in range(-(-gpus // GPUS_PER_NODE))
    ]
    first = next(_day(0, 1, rng)).slice(0, 3)
    machines = pa.Table.from_pylist(nodes, schema=NODES)
    write(folder, [(Source("plain", "planted", None), Observed(samples=first, nodes=machines))])
    for day in range(DAYS):
        name = f"date={(START + timedelta(days=day)).date()}"
        (folder / "samples" / name).mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(folder / "samples" / name / "part.parquet", SCHEMA) as out:
            for table in _day(day, gpus, rng):
                out.write_table(table, row_group_size=250_000)
    return gpus * DAY_MINUTES * DAYS


def _day(day: int, gpus: int, rng: np.random.Generator) -> Iterator[pa.Table]:
    """A day's samples in the store's order, 64 GPUs at a time; an owner changes at noon."""
    minutes = np.arange(DAY_MINUTES)
    t = int(START.timestamp()) + 60 * (DAY_MINUTES * day + minutes)
    for first in range(0, gpus, 64):
        numbers = np.arange(first, min(first + 64, gpus))
        gpu = np.repeat(numbers, DAY_MINUTES)
        owner = (gpu + day + (np.tile(minutes, len(numbers)) >= DAY_MINUTES // 2)) % len(OWNERS)
        size = len(gpu)
        is_busy = owner < 2
        engine = np.where(is_busy, rng.uniform(0.3, 0.95, size), 0.0).round(3)
        named = {
            key: pa.DictionaryArray.from_arrays(
                pa.array(owner, pa.int32()), pa.array([one[i] for one in OWNERS], pa.string())
            ).cast(pa.string())
            for i, key in enumerate(("team", "workload", "model"))
        }
        columns = {
            "t": np.tile(t, len(numbers)),
            "gpu": _names(gpu, "GPU-{:06}"),
            "index": (gpu % GPUS_PER_NODE).astype(np.int32),
            "gpu_name": pa.repeat("NVIDIA H100 80GB HBM3", size),
            "node": _names(gpu // GPUS_PER_NODE, "n{:04}"),
            **named,
            "engine_active": engine,
            "sm_active": (engine * 0.6).round(3),
            "power_w": np.where(is_busy, 500.0, 72.0) + rng.integers(0, 20, size),
            "energy_mj_total": (np.tile(minutes, len(numbers)) + DAY_MINUTES * day) * 3e7,
            "scraper": pa.repeat("a", size),
        }
        yield pa.table([columns.get(f.name, pa.nulls(size, f.type)) for f in SCHEMA], schema=SCHEMA)


def _names(numbers: np.ndarray, form: str) -> pa.Array:
    found, places = np.unique(numbers, return_inverse=True)
    names = pa.array([form.format(number) for number in found])
    return names.take(pa.array(places))


def bill(path: Path, samples: int) -> None:
    """A FOCUS bill of the same machines, a line a day."""
    gpus = max(1, round(samples / DAYS / DAY_MINUTES))
    names = "ResourceId,ChargeCategory,BillingCurrency,BilledCost,EffectiveCost"
    lines = [f"{names},ChargePeriodStart,ChargePeriodEnd"]
    for day in range(DAYS):
        start, end = (f"{(START + timedelta(days=d)).date()}T00:00:00Z" for d in (day, day + 1))
        cost = 24 * USD_PER_NODE_HOUR
        lines += [
            f"n{i:04},Usage,USD,{cost},{cost},{start},{end}"
            for i in range(-(-gpus // GPUS_PER_NODE))
        ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def attributed(scratch: Path, samples: int) -> list[str]:
    """The rows of the table about `attribute`."""
    count = plant(scratch / "fleet", samples)
    bill(scratch / "bill.csv", samples)
    fleet, charges = str(scratch / "fleet"), str(scratch / "bill.csv")
    run = timed("attribute", fleet, "--bill", charges, "--json")
    gpus = count // DAYS // DAY_MINUTES
    return [
        f"| `attribute`, {count / 1e6:,.1f} million samples, {gpus:,} GPUs, {DAYS} days "
        f"| 60 s, 3 GB | {_words(run)} |"
    ]


def read_from_server(scratch: Path, gpus: int) -> list[str]:
    """The rows of the table about `observe`: a week of GPUs from a real Prometheus, twice."""
    start, end = START, START + timedelta(days=7)
    span = ("--start", start.isoformat(), "--end", end.isoformat())
    with servers.prometheus(scratch) as url:
        loaded = 0
        for hour in range(7 * 24):
            series = _series(gpus, hour)
            loaded += sum(len(one.samples) for one in series)
            servers.load(url, series)
        words = ("observe", url, "--out", str(scratch / "observed"), *span)
        once = timed(*words)
        before = _hashes(scratch / "observed")
        again = timed(*words)
        same = "nothing changed" if _hashes(scratch / "observed") == before else "FILES CHANGED"
    what = f"a week of {gpus} GPUs from Prometheus ({loaded / 1e6:.1f} million values)"
    return [
        f"| `observe`, {what} | 30 s | {_words(once)} |",
        f"| the same again: {same} | | {_words(again)} |",
    ]


def _series(gpus: int, hour: int) -> list[servers.Written]:
    """An hour of what DCGM's exporter tells of each GPU."""
    times = [int(START.timestamp()) + 60 * (60 * hour + minute) for minute in range(60)]
    found = []
    for i in range(gpus):
        labels = {
            "gpu": str(i % GPUS_PER_NODE), "UUID": f"GPU-{i:04}", "pod": f"chat-{i // 4}",
            "modelName": "NVIDIA H100 80GB HBM3", "Hostname": f"n{i // GPUS_PER_NODE}",
            "namespace": "support", "instance": f"n{i // GPUS_PER_NODE}:9400",
        }  # fmt: skip
        busy = 0.5 + 0.4 * ((hour + i) % 3) / 3
        values = {
            "DCGM_FI_DEV_GPU_UTIL": 100.0 * busy,
            "DCGM_FI_PROF_GR_ENGINE_ACTIVE": busy,
            "DCGM_FI_PROF_SM_ACTIVE": busy * 0.6,
            "DCGM_FI_DEV_POWER_USAGE": 300.0 + i,
            "DCGM_FI_DEV_FB_USED": 70_000.0,
        }
        for name, value in values.items():
            found.append(servers.Written({"__name__": name, **labels}, [(t, value) for t in times]))
        energy = [(t, (t - START.timestamp()) * 4e5) for t in times]
        name = "DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION"
        found.append(servers.Written({"__name__": name, **labels}, energy))
    return found


def _hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _words(run: Run) -> str:
    return f"{run.wall_s:.1f} s | {run.cpu_s:.1f} s | {run.peak_gb:.2f} GB"


def page(rows: list[str]) -> str:
    """The text of docs/fleet-speed.md."""
    load = " / ".join(f"{one:.1f}" for one in os.getloadavg())
    where = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    return "\n".join(
        [
            "# Speed on a large fleet",
            "",
            f"{date.today()}, {where}, load {load} at the end. Written by `make bench-fleet`.",
            "",
            "| | target | clock | CPU | largest memory |",
            "|---|---|---|---|---|",
            *rows,
            "",
            "The clock depends on what else the machine did; CPU seconds are of all cores.",
            "",
        ]
    )


def main() -> None:
    """Measure and write the page."""
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--samples", type=int, default=100_000_000)
    words.add_argument("--gpus", type=int, default=64)
    words.add_argument("--folder", type=Path, help="where to plant; default: a scratch folder")
    words.add_argument("--dry", action="store_true", help="print the page, do not write it")
    asked = words.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as scratch:
        rows = attributed(Path(scratch), asked.samples) if asked.samples else []
        if asked.gpus and shutil.which("prometheus"):
            rows += read_from_server(Path(scratch), asked.gpus)
    text = page(rows)
    print(text)
    if not asked.dry:
        PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
