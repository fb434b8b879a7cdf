"""Any mix of files and servers -> what they say together; a file is known by its beginning."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from gpumix.errors import InputError, Problem
from gpumix.reading import refuse_unplain
from gpumix.telemetry.bill import is_bill
from gpumix.telemetry.declared import Declared
from gpumix.telemetry.samples import MOST_TABLE_BYTES, Observed
from gpumix.telemetry.sources import (
    assemble,
    kubectl,
    nvidia_smi,
    plain,
    prometheus,
    promjson,
    promtext,
    sacct,
)
from gpumix.telemetry.sources.owners import Pod
from gpumix.telemetry.sources.series import Series
from gpumix.telemetry.store import Source, source_of

_HEAD: Final = 65_536
_SERIES: Final[Mapping[str, Callable[[Path], list[Series]]]] = {
    "page": promtext.read_series,
    "answer": promjson.read_series,
}
"""Kinds of files that hold series: those of a run are read as one."""
_TABLES: Final[Mapping[str, Callable[[Path, Declared], Observed]]] = {
    "plain": plain.read,
    "nvidia-smi": nvidia_smi.read,
    "sacct": sacct.read,
}
NOT_OBSERVED: Final[Mapping[str, str]] = {
    "bill": "give it to `gpumix attribute FLEET --bill`",
    "prices": "give it to `gpumix attribute FLEET --prices`",
    "declared": "give it with --declare",
}
"""Files of a fleet that are no telemetry, and what they are for."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Servers of metrics to ask, and for which time: [start, end) [s since 1970 UTC], or all."""

    servers: tuple[str, ...] = ()
    start: int | None = None
    end: int | None = None


def observe(
    paths: Sequence[Path], declared: Declared, asked: Asked | None = None
) -> list[tuple[Source, Observed]]:
    """What files and servers say, each with its source.

    Pages of metrics, saved answers and a snapshot's pods are read together, since an owner's label
    may stand in another of them; servers are asked last.

    Raises: InputError with the problems of all sources.
    """
    asked = asked or Asked()
    problems: list[Problem] = []
    found: list[tuple[Source, Observed]] = []
    series: list[Series] = []
    pods: list[Pod] = []
    of_series: list[Source] = []
    for path in paths:
        try:
            kind = kind_of(path, declared)
            if kind in NOT_OBSERVED:
                raise InputError(
                    Problem(str(path), f"is no telemetry ({kind})", NOT_OBSERVED[kind])
                )
            source = source_of(kind, str(path))
            if kind in _SERIES:
                series += _SERIES[kind](path)
                of_series.append(source)
                continue
            if kind == "kubectl":
                cluster = kubectl.read(path)
                found.append((source, Observed(nodes=cluster.nodes)))
                pods += cluster.pods
            else:
                found.append((source, _TABLES[kind](path, declared)))
        except InputError as error:
            problems += error.problems
    if series and not problems:
        place = ", ".join(source.name for source in of_series)
        try:
            together = assemble.observed(series, place, pods)
        except InputError as error:
            problems += error.problems
        else:
            found.append((of_series[0], together))
            found += [(source, Observed()) for source in of_series[1:]]
    for server in asked.servers if not problems else ():
        try:
            told = prometheus.read(server, start=asked.start, end=asked.end, pods=pods)
            found.append((source_of("prometheus", server), told))
        except InputError as error:
            problems += error.problems
    if problems:
        raise InputError(problems)
    return found


def kind_of(path: Path, declared: Declared) -> str:
    """What a file is: a key of the tables above, `kubectl`, or a key of NOT_OBSERVED.

    Raises: InputError where it cannot be read or is nothing known.
    """
    refuse_unplain(path, "name a file", most_bytes=MOST_TABLE_BYTES)
    if path.suffix == ".parquet":
        try:
            return "bill" if is_bill(pq.read_schema(path).names) else "plain"
        except (pa.ArrowInvalid, OSError) as error:
            raise InputError(Problem(str(path), f"is no Parquet file: {error}")) from None
    head = _head(path)
    kind = _kind_of_text(head, path, declared)
    if kind is None:
        what = "is no source that is known"
        fix = "docs/contracts.md lists the sources of `gpumix observe`"
        raise InputError(Problem(str(path), what, fix))
    return kind


def _kind_of_text(head: str, path: Path, declared: Declared) -> str | None:
    start = head.lstrip()
    if start.startswith(("{", "[")):
        if '"resultType"' in head or '"status"' in head[:200]:
            return "answer"
        return "kubectl" if '"apiVersion"' in head or '"items"' in head else "declared"
    first = start.partition("\n")[0].strip()
    if sacct.is_header(first) or (declared.sacct_columns and first.count("|") > 3):
        return "sacct"
    if "|" in first and "gres/gpu" in head:
        return "sacct"
    header = {cell.strip() for cell in next(csv.reader(io.StringIO(first)), [])}
    if "timestamp" in header and any("." in name or "uuid" in name for name in header):
        return "nvidia-smi"
    if is_bill(header):
        return "bill"
    if {"gpu", "usd_per_gpu_hour"} <= header or {"gpu", "purchase"} <= header:
        return "prices"
    if {"t", "node"} & header and "," in first:
        return "plain"
    if path.suffix in (".yaml", ".yml"):
        return "declared"
    if start.startswith("#") or promtext_line(first):
        return "page"
    return None


def promtext_line(line: str) -> bool:
    """Whether a line looks like a metric's of a page.

    >>> promtext_line('up{job="a"} 1'), promtext_line("<html>")
    (True, False)
    """
    name = line.partition("{")[0].partition(" ")[0]
    return bool(name) and name.replace(":", "_").isidentifier() and " " in line


def _head(path: Path) -> str:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as handle:
            return handle.read(_HEAD).decode("utf-8-sig", errors="replace")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(Problem(str(path), f"cannot be read: {error}")) from None
