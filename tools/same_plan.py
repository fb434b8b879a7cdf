"""Plans the same inventories quiet, beside two busy loops, on one core and as an older processor
would, and compares the files.

    make same-plan  ->  docs/same-plan.md

The first three plan.json of an inventory must be equal byte for byte but for `seconds`, the fourth
in every choice and in eight digits of every figure: processors differ in the last of sixteen.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from inventories import examples

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "same-plan.md"
BUSY_LOOPS = 2
OLDER = {"NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR", "OPENBLAS_CORETYPE": "Haswell"}
"""What numpy and BLAS take for a processor without AVX-512."""
SAME = 1e-8
"""Share by which figures of two processors may differ."""


def main(names: list[str]) -> int:
    """Plan each inventory under each condition; exit code 1 where two plans differ."""
    files = [Path(name) for name in names] or inventories()
    rows = []
    for file in files:
        plans = [plan_of(file)]
        with busy():
            plans.append(plan_of(file))
        plans.append(plan_of(file, cores={0}))
        digests = [digest_of(plan) for plan in plans]
        older = alike(plans[0], plan_of(file, settings=OLDER))
        equal = older and len(set(digests)) == 1
        rows.append((file.name, *digests, yes(older), yes(equal)))
        print(*rows[-1], flush=True)
    PAGE.write_text(page(rows), encoding="utf-8")
    return int(any(row[-1] != yes(True) for row in rows))


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


def plan_of(
    file: Path, cores: set[int] | None = None, settings: Mapping[str, str] = MappingProxyType({})
) -> Any:
    """The plan's JSON without its seconds."""
    with tempfile.TemporaryDirectory() as out:
        subprocess.run(
            [sys.executable, "-m", "gpumix", "plan", str(file), "--out", out],
            check=False,  # exit code 3 is an answer too
            stdout=subprocess.DEVNULL,
            env={**os.environ, **settings},
            preexec_fn=None if cores is None else lambda: os.sched_setaffinity(0, cores),
        )
        plan = json.loads((Path(out) / "plan.json").read_text(encoding="utf-8"))
    del plan["seconds"]
    return plan


def digest_of(plan: Any) -> str:
    """SHA-256 of a plan, the first twelve digits."""
    return hashlib.sha256(json.dumps(plan).encode()).hexdigest()[:12]


def alike(one: Any, other: Any) -> bool:
    """Whether two JSON values are the same but for the last digits of figures."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(alike(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(alike, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=SAME, abs_tol=SAME)
    return bool(one == other)


def yes(equal: bool) -> str:
    """A cell of the table."""
    return "yes" if equal else "**no**"


def page(rows: list[tuple[str, ...]]) -> str:
    """The table as Markdown."""
    lines = [
        "# The same plan on another machine",
        "",
        f"{date.today()}, {platform.machine()}, {os.cpu_count()} cores, CPython"
        f" {platform.python_version()}, by `make same-plan`: SHA-256 (first digits) of plan.json"
        f" without `seconds`, planned quiet, beside {BUSY_LOOPS} busy loops, and on one core; and"
        " whether a processor without AVX-512 makes the same choices, and the same figures in eight"
        " digits ([decision 0034](decisions/0034-the-same-plan-on-every-processor.md)).",
        "",
        "| inventory | quiet | busy | one core | older processor | equal |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
