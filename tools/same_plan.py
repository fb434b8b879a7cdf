"""Plans the same inventories quiet, beside two busy loops and on one core, and compares the files.

    make same-plan  ->  docs/same-plan.md

The three plan.json of an inventory must be equal byte for byte but for `seconds`.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from inventories import examples

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "same-plan.md"
BUSY_LOOPS = 2


def main(names: list[str]) -> int:
    """Plan each inventory under each condition; exit code 1 where two plans differ."""
    files = [Path(name) for name in names] or inventories()
    rows = []
    for file in files:
        digests = [digest_of(file, cores=None), None, None]
        with busy():
            digests[1] = digest_of(file, cores=None)
        digests[2] = digest_of(file, cores={0})
        rows.append((file, digests))
        print(file.name, *digests, flush=True)
    PAGE.write_text(page(rows), encoding="utf-8")
    return int(any(len(set(digests)) > 1 for _, digests in rows))


def inventories() -> list[Path]:
    """The examples, and the inventory that `gpumix init` writes."""
    own = Path(tempfile.mkdtemp()) / "team.yaml"
    subprocess.run([sys.executable, "-m", "gpumix", "init", str(own)], check=True)
    return [*examples(), own]


@contextmanager
def busy() -> Iterator[None]:
    """Loops that keep the cores busy meanwhile."""
    loops = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(BUSY_LOOPS)
    ]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


def digest_of(file: Path, cores: set[int] | None) -> str:
    """SHA-256 of the plan's JSON without its seconds, the first twelve digits."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [sys.executable, "-m", "gpumix", "plan", str(file), "--out", out],
            check=False,  # exit code 3 is an answer too
            stdout=subprocess.DEVNULL,
            preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
        )
        plan = json.loads((Path(out) / "plan.json").read_text(encoding="utf-8"))
    del plan["seconds"]
    return hashlib.sha256(json.dumps(plan).encode()).hexdigest()[:12]


def page(rows: list[tuple[Path, list[str]]]) -> str:
    """The table as Markdown."""
    lines = [
        "# The same plan on a busy machine",
        "",
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, CPython"
        f" {platform.python_version()}, by `make same-plan`: SHA-256 (first digits) of plan.json"
        f" without `seconds`, planned quiet, beside {BUSY_LOOPS} busy loops, and on one core.",
        "",
        "| inventory | quiet | busy | one core | equal |",
        "|---|---|---|---|---|",
    ]
    for file, digests in rows:
        equal = "yes" if len(set(digests)) == 1 else "**no**"
        lines.append(f"| {file.name} | {' | '.join(digests)} | {equal} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
