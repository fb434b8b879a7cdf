"""Which tests execute a line, and in which order they are run.

- A line of a function: the tests that executed its statement.
- Compiled code, whose lines nothing sees: the tests that executed a call of a compiled entry.
- A line that runs at import (a constant, a default): the tests that executed a line which reads a
  name bound there, and those that executed any function of the same file.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from mutation.source import Source

_FIXTURE = "fixture "
_PINNED = "/test_golden_"


class Reach:
    """What `record` wrote, asked line by line; `src` is the folder that the mutants are made in."""

    def __init__(self, record: Path, src: Path) -> None:
        found = json.loads(record.read_text(encoding="utf-8"))
        self._lines: dict[str, dict[str, list[str]]] = found["lines"]
        self._passed = {name for name, passed in found["passed"].items() if passed}
        self._seconds: dict[str, float] = found["seconds"]
        self._fixture_s: dict[str, float] = found["fixture_s"]
        self._uses: dict[str, list[str]] = found["uses"]
        self._users: dict[str, set[str]] = defaultdict(set)
        for test, fixtures in self._uses.items():
            for fixture in fixtures:
                self._users[fixture].add(test)
        self._src = src
        self._sources = {
            path.relative_to(src).as_posix(): Source(path.read_text(encoding="utf-8"))
            for path in sorted(src.rglob("*.py"))
        }
        if not self._passed:
            raise ValueError("no test passes: nothing can be said of a mutant")
        self._entry_calls = self._find_entry_calls()

    def _find_entry_calls(self) -> list[tuple[str, int]]:
        entries = {name for source in self._sources.values() for name in source.entries}
        calls = [
            (file, line)
            for file, source in self._sources.items()
            for name in entries & source.imported()
            for line in source.mentions.get(name, ())
        ]
        if not calls:
            raise ValueError("no call of a compiled entry is found: has its decorator a new name?")
        return calls

    @property
    def left_out(self) -> list[str]:
        """The tests that fail or are skipped without any change."""
        return sorted(set(self._seconds) - self._passed)

    def all_tests(self) -> list[str]:
        """Every test that passes, in the order in which a trial would run them."""
        return self._in_order(self._passed)

    def tests_of(self, path: Path, line: int) -> list[str]:
        """The tests that execute a line, in the order in which they are run."""
        found = self._tests(path.relative_to(self._src).as_posix(), line, set())
        return self._in_order(found & self._passed)

    def _tests(self, file: str, line: int, seen: set[tuple[str, int]]) -> set[str]:
        if (file, line) in seen:
            return set()
        seen.add((file, line))
        source = self._sources[file]
        if source.in_compiled(line):
            return self._union(self._entry_calls, seen)
        if source.in_function(line):
            return self._executed(file, source.statement(line))
        names = source.names_bound(line)
        readers = [
            (other, at)
            for other, reader in self._sources.items()
            for name in names
            for at in reader.mentions.get(name, ())
        ]
        functions = [int(n) for n in self._lines.get(file, {}) if source.in_function(int(n))]
        return self._union(readers, seen) | self._executed(file, functions)

    def _union(self, places: Iterable[tuple[str, int]], seen: set[tuple[str, int]]) -> set[str]:
        return set().union(*(self._tests(file, line, seen) for file, line in places))

    def _executed(self, file: str, lines: Iterable[int]) -> set[str]:
        found: set[str] = set()
        recorded = self._lines.get(file, {})
        for line in lines:
            for context in recorded.get(str(line), ()):
                if context.startswith(_FIXTURE):
                    found |= self._users[context.removeprefix(_FIXTURE)]
                elif context:
                    found.add(context)
        return found

    def _in_order(self, tests: set[str]) -> list[str]:
        """Pinned numbers first, for they see the most, then the quickest; those with shared
        fixtures file by file, so that each is set up once."""
        plain = [test for test in tests if not self._uses.get(test)]
        by_file: dict[str, list[str]] = defaultdict(list)
        for test in tests.difference(plain):
            by_file[test.split("::")[0]].append(test)
        files = [sorted(group, key=self._key) for group in by_file.values()]
        files.sort(key=lambda group: (self.seconds(group), group[0]))
        quickest = sorted(plain, key=self._key) + [test for group in files for test in group]
        return pinned_first(quickest)

    def _key(self, test: str) -> tuple[float, str]:
        return self._seconds[test], test

    def seconds(self, tests: Sequence[str]) -> float:
        """How long the tests take without any change, each shared fixture once a file."""
        fixtures = {(t.split("::")[0], name) for t in tests for name in self._uses.get(t, ())}
        shared = sum(self._fixture_s[name] for _, name in fixtures)
        return shared + sum(self._seconds[test] for test in tests)

    def within(self, tests: Sequence[str], limit_s: float) -> int:
        """How many of the tests, from the first, end within `limit_s`; at least one."""
        met: set[tuple[str, str]] = set()
        total = 0.0
        for place, test in enumerate(tests):
            new = {(test.split("::")[0], name) for name in self._uses.get(test, ())} - met
            met |= new
            total += self._seconds[test] + sum(self._fixture_s[name] for _, name in new)
            if total > limit_s:
                return max(place, 1)
        return len(tests)


def pinned_first(tests: Sequence[str]) -> list[str]:
    """The tests of pinned numbers (test_golden_*.py) before the others."""
    return sorted(tests, key=lambda test: _PINNED not in test.split("::")[0])
