"""Runs tests in copies of the tree: once to record, then once or twice for each mutant.

Limits are seconds of a processor, so that a busy machine changes no verdict; the clock, ten times
slower, ends only what sleeps. Tests that take 20 s in sum without a change come first and get 120 s
(machine code made anew takes 25 s of them); over that the mutant hangs and is killed, unless a mere
comment in its place takes more than 90 s too. What else reaches the line gets 40 s more; over that
nothing is known and the mutant survives. Tests that change formulas themselves are left out: they
would be mutants of mutants.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutation import choose, record
from mutation.make import Mutant
from mutation.reach import Reach

LIMIT_S = 120
CONTROL_S = 90
FIRST_S = 20.0
REST_S = 40
CLOCK_PER_CPU = 10.0
_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv", ".hypothesis", ".*_cache", "gpumix-out", ".import_linter_cache"
)
_NO_TESTS = 5
_OUT_OF_TIME = (-signal.SIGXCPU, -signal.SIGKILL)  # ulimit -t: at the soft and the hard limit
_LEFT_OUT = "--ignore=tests/contracts/test_one_formula.py"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a mutant fared: `killed`, `timed out`, `survived` or `not reached`."""

    mutant: Mutant
    verdict: str
    tests: int
    seconds: float
    untried: int = 0

    @property
    def dead(self) -> bool:
        """A mutant that hangs is a mutant found."""
        return self.verdict in ("killed", "timed out")


class Trials:
    """A clean copy of the tree in `folder`, recorded; mutants are tried in copies of the copy.

    The control comes first: without a change, all tests pass in the order and manner of a trial.

    Machine code that the clean copy holds is good for each copy, for times of files are kept; a
    change to compiled code makes its own there, for its name holds a hash of the sources.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self._folder = folder
        self.clean = folder / "clean"
        shutil.copytree(root, self.clean, ignore=_NOT_COPIED)
        found = folder / "record.json"
        code = _pytest(self.clean, record, {record.TARGET: str(found)}, None, _LEFT_OUT)
        if code not in (0, 1):
            raise ValueError(f"the tests do not run on the tree as it is (pytest answers {code})")
        self.reach = Reach(found, self.clean / "src")
        if not _pass(self.clean, self.reach.all_tests(), None):
            raise ValueError("tests that pass in their own order fail in that of a trial")

    def of(self, mutant: Mutant) -> Outcome:
        """Try a mutant of the clean copy on the tests that execute its line."""
        tests = self.reach.tests_of(mutant.path, mutant.line)
        if not tests:
            return Outcome(mutant, "not reached", 0, 0.0)
        begin = time.perf_counter()
        with self._copy(mutant.path, mutant.text) as tree:
            verdict, ran = self._verdict(tree, tests)
        seconds = time.perf_counter() - begin
        if verdict == "timed out" and not self._ends_unchanged(mutant.path, tests[:ran]):
            verdict, ran = "survived", 0
        return Outcome(mutant, verdict, ran, seconds, untried=len(tests) - ran)

    @contextmanager
    def _copy(self, path: Path, text: str) -> Iterator[Path]:
        """A copy of the clean tree in which the file of `path` holds `text`, for a while."""
        with tempfile.TemporaryDirectory(dir=self._folder) as temporary:
            tree = Path(temporary) / "tree"
            shutil.copytree(self.clean, tree)
            (tree / path.relative_to(self.clean)).write_text(text, encoding="utf-8")
            yield tree

    def _verdict(self, tree: Path, tests: list[str]) -> tuple[str, int]:
        count = self.reach.within(tests, FIRST_S)
        try:
            if not _pass(tree, tests[:count], LIMIT_S):
                return "killed", count
        except subprocess.TimeoutExpired:
            return "timed out", count
        if count == len(tests):
            return "survived", count
        try:
            return ("survived" if _pass(tree, tests[count:], REST_S) else "killed"), len(tests)
        except subprocess.TimeoutExpired:
            return "survived", count

    def _ends_unchanged(self, path: Path, tests: list[str]) -> bool:
        """Whether the tests end in good time with a mere comment in the place of the change."""
        text = path.read_text(encoding="utf-8") + "# unchanged\n"
        with self._copy(path, text) as tree:
            try:
                return _pass(tree, tests, CONTROL_S)
            except subprocess.TimeoutExpired:
                return False


def _pass(tree: Path, tests: list[str], limit_s: int | None) -> bool:
    wanted = tree.parent / "tests.json"
    wanted.write_text(json.dumps(tests), encoding="utf-8")
    files = sorted({test.split("::")[0] for test in tests})
    code = _pytest(tree, choose, {choose.LIST: str(wanted)}, limit_s, "-x", *files)
    if code == _NO_TESTS:
        raise ValueError(f"none of the tests is found: {tests[:3]}")
    return code == 0


def _pytest(
    tree: Path, plugin: object, environment: dict[str, str], limit_s: int | None, *words: str
) -> int:
    """Exit code of pytest in a tree.

    Raises:
        subprocess.TimeoutExpired: it took `limit_s` of a processor, or `CLOCK_PER_CPU` times that
            on the clock; it is ended with all that it started.
    """
    tools = Path(__file__).resolve().parent.parent
    path = os.pathsep.join([str(tree / "src"), str(tools)])
    name = plugin.__name__  # type: ignore[attr-defined]
    environment = environment | {"PYTHONPATH": path, "XDG_CACHE_HOME": str(tree / ".cache")}
    command = [
        "sh", "-c", f'ulimit -t {limit_s or "unlimited"} && exec "$@"', "sh",
        sys.executable, "-m", "pytest", "-p", name, "-p", "no:cacheprovider", "--tb=no", *words,
    ]  # fmt: skip
    process = subprocess.Popen(
        command, cwd=tree, env=os.environ | environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    try:
        code = process.wait(limit_s and limit_s * CLOCK_PER_CPU)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    if limit_s and code in _OUT_OF_TIME:
        raise subprocess.TimeoutExpired(command, limit_s)
    return code
