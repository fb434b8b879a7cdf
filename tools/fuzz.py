"""Puts spoiled files before every reader until the time is over, and tells which break.

    python tools/fuzz.py --minutes 10 --seed 0 [--door plan]

Each round gives every door some files, drawn from a seed that grows by one a round, so a finding
comes again with `--seed` of its round. A door that broke is left out of later rounds. The doors and
the property are in tests/doors/doors.py.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path += [str(TESTS / "doors"), str(TESTS / "inventory")]

from doors import DOORS, Door, files, hold  # noqa: E402

FILES_A_ROUND = 50


def run(door: Door, folder: Path, number: int) -> None:
    """Some files before one door. Raises: whatever the door lets through."""

    @seed(number)
    @settings(
        max_examples=FILES_A_ROUND, deadline=None, database=None, print_blob=False,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(content=files(door))
    def spoiled(content: bytes) -> None:
        hold(door, folder, content)

    spoiled()


def main() -> int:
    """Rounds over all doors; 1 where one of them broke."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--door", action="append", choices=[door.name for door in DOORS])
    asked = parser.parse_args()
    warnings.simplefilter("error")
    ends = time.monotonic() + 60.0 * asked.minutes
    number, done, broken = asked.seed, Counter[str](), dict[str, str]()
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < ends:
            for door in DOORS:
                if door.name in broken or (asked.door and door.name not in asked.door):
                    continue
                try:
                    run(door, Path(folder), number)
                except Exception as error:
                    broken[door.name] = f"--seed {number}: {type(error).__name__}: {error}"
                    sys.excepthook(type(error), error, error.__traceback__)
                done[door.name] += FILES_A_ROUND
            number += 1
    for name, count in done.items():
        print(f"{count:7} files  {name}: {broken.get(name, 'holds')}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
