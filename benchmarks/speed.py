"""How long the verbs take, as whole processes, beside a yardstick in the same run -> docs/speed.md.

The yardstick is a fixed numpy computation in a process of its own: on another machine, scale by it.
Run by `make bench`. Rows that need the measured tables beside the repository are left out where
those are absent.
"""

from __future__ import annotations

import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path

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


def seconds(command: list[str]) -> float:
    """Median wall time of a command [s]; a failing command ends the benchmark."""
    times = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def cases(scratch: Path) -> list[tuple[str, list[str], str]]:
    """(what, command, target) of every row."""
    model = "meta-llama/Llama-3.1-8B-Instruct"
    found = [
        ("`gpumix --help`", [*GPUMIX, "--help"], "0.6 s"),
        (f"`gpumix compare {model}`", [*GPUMIX, "compare", model], "3 s"),
    ]
    for example in sorted((ROOT / "examples").glob("*.yaml")):
        command = [*GPUMIX, "plan", str(example), "--out", str(scratch / example.stem)]
        found.append((f"`gpumix plan examples/{example.name}`", command, "15 s"))
    for engine, rows in (("inference", "9,906"), ("training", "1,325")):
        points = SHARED / f"{engine}.csv.gz"
        if points.exists():
            out = str(scratch / f"{engine}.csv")
            command = [*GPUMIX, "predict", engine, "--points", str(points), "--out", out]
            found.append((f"`gpumix predict {engine}`, {rows} rows", command, "60 s"))
    return found


def main() -> None:
    """Time every case and write the page."""
    yardstick = seconds(YARDSTICK)
    lines = [
        "# Speed",
        "",
        f"Median of {RUNS} whole processes, {date.today()}, {platform.machine()}, "
        f"{os.cpu_count()} cores, Python {platform.python_version()}. Written by `make bench`.",
        f"Yardstick (eight products of 1500 x 1500 matrices in numpy): {yardstick:.2f} s.",
        "",
        "| command | seconds | over the yardstick | target |",
        "|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as folder:
        for what, command, target in cases(Path(folder)):
            took = seconds(command)
            lines.append(f"| {what} | {took:.2f} | {took / yardstick:.2f} | {target} |")
            print(lines[-1], flush=True)
    (ROOT / "docs" / "speed.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
