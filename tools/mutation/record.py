"""A pytest plugin: which test executes which line of src/, and the seconds each test takes.

A fixture that several tests share runs inside the first of them; its lines count for all that use
it. What a function keeps from an earlier call (`lru_cache`) is forgotten before each test.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

TARGET = "GPUMIX_MUTANTS_RECORD"


class Recorder:
    """Switches coverage's context from test to test and from shared fixture to shared fixture."""

    def __init__(self, root: Path) -> None:
        self.src = root / "src"
        self.coverage = coverage.Coverage(data_file=None, include=[f"{self.src}/*"])
        self.context = ""
        self.shared_s = 0.0
        self.passed: dict[str, bool] = {}
        self.seconds: dict[str, float] = {}
        self.fixture_s: dict[str, float] = {}
        self.uses: dict[str, list[str]] = defaultdict(list)

    def enter(self, context: str) -> str:
        """Lines from here on belong to `context`; the one before, to come back to."""
        before, self.context = self.context, context
        self.coverage.switch_context(context)
        return before

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        _forget_kept_results()
        before, self.shared_s, begin = self.enter(item.nodeid), 0.0, time.perf_counter()
        result = yield
        self.seconds[item.nodeid] = time.perf_counter() - begin - self.shared_s
        self.enter(before)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Iterator[None]:
        if fixturedef.scope == "function":
            return (yield)
        name = f"{fixturedef.baseid}::{fixturedef.argname}"
        before, begin = self.enter(f"fixture {name}"), time.perf_counter()
        try:
            return (yield)
        finally:
            took = time.perf_counter() - begin
            self.fixture_s[name] = max(took, self.fixture_s.get(name, 0.0))
            self.shared_s += took
            self.enter(before)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        good = not report.failed and not report.skipped
        self.passed[report.nodeid] = self.passed.get(report.nodeid, True) and good

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.coverage.stop()
        for item in session.items:
            for name in self.fixture_s:
                base, fixture = name.rsplit("::", 1)
                if item.nodeid.startswith(base) and fixture in getattr(item, "fixturenames", ()):
                    self.uses[item.nodeid].append(name)
        data = self.coverage.get_data()
        lines = {
            Path(file).relative_to(self.src).as_posix(): data.contexts_by_lineno(file)
            for file in data.measured_files()
        }
        found = {
            "lines": lines, "passed": self.passed, "seconds": self.seconds,
            "fixture_s": self.fixture_s, "uses": self.uses,
        }  # fmt: skip
        Path(os.environ[TARGET]).write_text(json.dumps(found), encoding="utf-8")


def _forget_kept_results() -> None:
    for name in [n for n in sys.modules if n.startswith("gpumix.")]:
        for kept in list(vars(sys.modules[name]).values()):
            if callable(getattr(kept, "cache_clear", None)):
                kept.cache_clear()


def pytest_configure(config: pytest.Config) -> None:
    """Begin to record."""
    recorder = Recorder(config.rootpath)
    config.pluginmanager.register(recorder)
    recorder.coverage.start()
