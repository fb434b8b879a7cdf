"""A page as exporters serve it: the Prometheus text format and OpenMetrics."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from pathlib import Path
from typing import Final

import numpy as np

from gpumix.errors import InputError, Problem
from gpumix.reading import read_text
from gpumix.telemetry.samples import MOST_BYTES
from gpumix.telemetry.sources.series import Series, metrics

_LABEL: Final = r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*'
_SAMPLE: Final = re.compile(
    r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*"
    r'(?:\{((?:[^"}]|"(?:[^"\\]|\\.)*")*)\})?'
    r"\s+([^\s#]+)(?:\s+([^\s#]+))?\s*(?:#.*)?$"
)
_LABELS: Final = re.compile(rf"(?:{_LABEL}(?:,|$))*\s*$")
_ONE_LABEL: Final = re.compile(_LABEL)
_ESCAPED: Final = re.compile(r"\\(.)")
_END: Final = "# EOF"
_MOST_PROBLEMS: Final = 1000


def read_series(path: Path) -> list[Series]:
    """The series of a page that are of use here; those of other metrics are passed over.

    A sample without a time is as old as the file. Times are in ms, in an OpenMetrics file (which
    ends in `# EOF`) in s.

    Raises: InputError where the file cannot be read or lines are no samples (each with its line).
    """
    text = read_text(path, "name a page of metrics", most_bytes=MOST_BYTES)
    lines = text.split("\n")
    per_s = 1.0 if text.rstrip().endswith(_END) else 1000.0
    page_s = path.stat().st_mtime
    known = metrics()
    found: dict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    problems: list[Problem] = []
    for number, line in enumerate(lines, start=1):
        if not line or line[0] in "#{" or line.isspace():
            continue
        match = _SAMPLE.match(line.strip())
        try:
            if match is None:
                raise ValueError
            name, labels, value, time = match.groups()
            at = page_s if time is None else float(time) / per_s
            if name in known:
                found[name, labels or ""].append((at, float(value)))
        except ValueError:
            if len(problems) < _MOST_PROBLEMS:
                problems.append(Problem(f"{path} line {number}", "is no sample of a metric"))
    series = []
    for (name, labels), samples in found.items():
        try:
            series.append(_series(name, labels, samples))
        except ValueError:
            problems.append(Problem(str(path), f"the labels of a {name} cannot be read"))
    if problems:
        raise InputError(problems)
    return series


def _series(name: str, labels: str, samples: list[tuple[float, float]]) -> Series:
    table = np.array(samples)
    order = np.argsort(table[:, 0], kind="stable")
    times = np.floor(table[order, 0]).astype(np.int64)
    return Series(name, _labels(labels), times, table[order, 1])


@functools.lru_cache(maxsize=4096)
def _labels(text: str) -> dict[str, str]:
    """`a="x",b="y\\"z"` as a mapping. Raises: ValueError where it is none."""
    if not _LABELS.match(text):
        raise ValueError(text)
    return {name: _unescaped(value) for name, value in _ONE_LABEL.findall(text)}


def _unescaped(value: str) -> str:
    return _ESCAPED.sub(lambda m: "\n" if m[1] == "n" else m[1], value)
