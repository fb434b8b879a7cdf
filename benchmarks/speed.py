"""How long the verbs take, as whole processes, beside a yardstick in the same run -> docs/speed.md.

The yardstick is a fixed numpy computation in a process of its own: on another machine, scale by it.
Run by `make bench`. Rows that need the measured tables beside the repository are left out where
those are absent.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from inventories import inventory

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data" / "measured"
GPUMIX = [sys.executable, "-c", "from gpumix.cli import main; main()"]
YARDSTICK = [
    sys.executable,
    "-c",
    "import numpy as np; a = np.random.default_rng(0).random((1500, 1500))\n"
    "for _ in range(8): a @ a",
]
RUNS = 3


LARGE = ((30, 1, "60 s"), (30, 2, "twice the row above"), (200, 1, "300 s"))
"""Generated inventories, run once: workloads, years, target."""


@dataclass(frozen=True, slots=True)
class Took:
    """Wall and CPU seconds of a command, the median of its runs."""

    wall_s: float
    cpu_s: float


def took(command: list[str], runs: int = RUNS) -> Took:
    """How long a command takes; one that fails ends the benchmark, a plan far from proven not."""
    walls, cpus = [], []
    for _ in range(runs):
        before, started = _cpu_s(), time.perf_counter()
        ended = subprocess.run(command, cwd=ROOT, check=False, capture_output=True)
        if ended.returncode not in (0, 3):
            raise subprocess.CalledProcessError(ended.returncode, command, stderr=ended.stderr)
        walls.append(time.perf_counter() - started)
        cpus.append(_cpu_s() - before)
    return Took(statistics.median(walls), statistics.median(cpus))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cases(scratch: Path) -> list[tuple[str, list[str], str]]:
    """(what, command, target) of every row."""
    model = "meta-llama/Llama-3.1-8B-Instruct"
    found = [
        ("`gpumix --help`", [*GPUMIX, "--help"], "0.6 s"),
        (f"`gpumix compare {model}`", [*GPUMIX, "compare", model], "3 s"),
    ]
    for example in sorted(p for p in (ROOT / "examples").glob("*.yaml") if p.name[:4] != "tco-"):
        command = [*GPUMIX, "plan", str(example), "--out", str(scratch / example.stem)]
        found.append((f"`gpumix plan examples/{example.name}`", command, "15 s"))
    for workloads, years, target in LARGE:
        path = scratch / f"{workloads}-{years}.yaml"
        path.write_text(inventory(workloads, years), encoding="utf-8")
        command = [*GPUMIX, "plan", str(path), "--out", str(scratch / path.stem)]
        found.append((f"`gpumix plan`, {workloads} workloads, {years} y", command, target))
    for engine, rows in (("inference", "9,906"), ("training", "1,325")):
        points = SHARED / f"{engine}.csv.gz"
        if points.exists():
            out = str(scratch / f"{engine}.csv")
            command = [*GPUMIX, "predict", engine, "--points", str(points), "--out", out]
            found.append((f"`gpumix predict {engine}`, {rows} rows", command, "60 s"))
    return found


def questions() -> list[str]:
    """The part of the page on questions a second: what `inference_speed.py` prints."""
    command = [sys.executable, str(ROOT / "benchmarks" / "inference_speed.py")]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    print(printed, end="")
    return printed.splitlines()


def main() -> None:
    """Time every case and write the page."""
    yardstick = took(YARDSTICK).wall_s
    lines = [
        "# Speed",
        "",
        f"Median of {RUNS} whole processes (generated inventories: one), {date.today()}, "
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}. "
        "Written by `make bench`.",
        f"Yardstick (eight products of 1500 x 1500 matrices in numpy): {yardstick:.2f} s.",
        "",
        "| command | seconds | CPU seconds | over the yardstick | target |",
        "|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for what, command, target in cases(Path(folder)):
            one = took(command, 1 if " workloads, " in what else RUNS)
            share = one.wall_s / yardstick
            lines.append(
                f"| {what} | {one.wall_s:.2f} | {one.cpu_s:.2f} | {share:.2f} | {target} |"
            )
            print(lines[-1], flush=True)
    lines += ["", *questions()]
    (ROOT / "docs" / "speed.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
