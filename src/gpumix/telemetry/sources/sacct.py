"""Slurm's accounts: a dump of `sacct -a -X -P -D --format=...`.

Times in it are local and name no zone. On the night the clock goes back an hour exists twice; the
one that agrees with ElapsedRaw is meant.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import hostlist
import pyarrow as pa

from gpumix.domain.fleet import Note
from gpumix.errors import InputError, Problem
from gpumix.reading import read_text
from gpumix.telemetry.declared import Declared
from gpumix.telemetry.samples import JOBS, MOST_BYTES, Observed

COMMAND: Final = (
    "sacct -a -X -P -D --format=JobID,JobIDRaw,JobName,User,Account,QOS,Partition,State,ExitCode,"
    "Submit,Start,End,ElapsedRaw,AllocTRES,NodeList"
)
NEEDED: Final = ("JobID", "State", "Start", "End", "AllocTRES", "NodeList")
ABSENT: Final = frozenset({"", "Unknown", "None", "None assigned", "N/A"})
MOST_NODES: Final = 100_000
"""Of one job."""
_ELAPSED: Final = re.compile(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)(?:\.\d+)?$")
_NUMBER: Final = re.compile(r"\d{1,12}$")
_GPU: Final = "gres/gpu"


def read(path: Path, declared: Declared) -> Observed:
    """The jobs of a dump, a row for each attempt.

    Without a declared `sacct_timezone` times are taken as UTC, and a note says so.

    Raises: InputError with every row that cannot be read, and where the dump has no header and
    none is declared.
    """
    text = read_text(path, most_bytes=MOST_BYTES)
    lines = [line for line in enumerate(text.splitlines(), start=1) if line[1].strip()]
    header, body = _header(path, lines, declared)
    zone = _zone(declared)
    problems: list[Problem] = []
    rows = []
    notes = []
    for number, line in body:
        try:
            row, note = _job(_cells(line.split("|"), header), zone)
        except ValueError as error:
            problems.append(Problem(f"{path} line {number}", str(error)))
            continue
        rows.append(row)
        notes += [note] if note else []
    if problems:
        raise InputError(problems)
    if declared.sacct_timezone is None:
        says = "times of sacct count as UTC: no sacct_timezone is declared"
        notes.append(Note("dst", None, says))
    return Observed(jobs=pa.Table.from_pylist(rows, schema=JOBS), notes=tuple(notes))


def is_header(line: str) -> bool:
    """Whether a line names columns of sacct."""
    return len({"JobID", "JobIDRaw", "State", "AllocTRES"} & set(line.split("|"))) > 1


def _header(
    path: Path, lines: Sequence[tuple[int, str]], declared: Declared
) -> tuple[tuple[str, ...], Sequence[tuple[int, str]]]:
    """The columns of the dump and its rows."""
    if lines and is_header(lines[0][1]):
        header, body = tuple(cell.strip() for cell in lines[0][1].split("|")), lines[1:]
    elif declared.sacct_columns:
        header, body = declared.sacct_columns, lines
    else:
        fix = f"run {COMMAND}, or declare sacct_columns"
        raise InputError(Problem(f"{path} line 1", "is no header of sacct", fix))
    if header[-1] == "":  # `--parsable` ends each line with a bar
        header = header[:-1]
    missing = [name for name in NEEDED if name not in header]
    if not {"ElapsedRaw", "Elapsed"} & set(header):
        missing.append("ElapsedRaw")
    twice = sorted({name for name in header if header.count(name) > 1})
    problems = [Problem(str(path), f"has no column {name}", COMMAND) for name in missing]
    problems += [Problem(str(path), f"column {name!r} appears twice") for name in twice]
    if problems:
        raise InputError(problems)
    return header, body


def _zone(declared: Declared) -> ZoneInfo:
    name = declared.sacct_timezone or "UTC"
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        fix = "a name such as Europe/Berlin"
        raise InputError(
            Problem("sacct_timezone", f"unknown time zone {name!r:.60}", fix)
        ) from None


def _cells(cells: list[str], header: tuple[str, ...]) -> dict[str, str]:
    """A row by column; the bars too many belong to the job's name. Raises: ValueError."""
    surplus = len(cells) - len(header)
    if surplus == 1 and cells[-1] == "":
        cells, surplus = cells[:-1], 0
    if surplus > 0 and "JobName" in header:
        at = header.index("JobName")
        cells = [*cells[:at], "|".join(cells[at : at + surplus + 1]), *cells[at + surplus + 1 :]]
    if len(cells) != len(header):
        raise ValueError(f"{len(cells)} cells where the header has {len(header)}")
    return dict(zip(header, (cell.strip() for cell in cells), strict=True))


def _job(cells: Mapping[str, str], zone: ZoneInfo) -> tuple[dict[str, Any], Note | None]:
    """A row of JOBS. Raises: ValueError with what is wrong."""
    elapsed = _elapsed(cells)
    starts = _times(cells, "Start", zone)
    ends = _times(cells, "End", zone)
    start, end = _span(starts, ends, elapsed)
    gpus, kind = _gpus(cells["AllocTRES"])
    state = cells["State"].split(" ")[0].rstrip("+")
    row = {
        "job_id": cells["JobID"],
        "job_raw": cells.get("JobIDRaw") or cells["JobID"],
        "name": _text(cells, "JobName"),
        "user": _text(cells, "User"),
        "account": _text(cells, "Account"),
        "qos": _text(cells, "QOS"),
        "partition": _text(cells, "Partition"),
        "state": state,
        "submit": next(iter(_times(cells, "Submit", zone)), None),
        "start": start,
        "end": end,
        "elapsed_s": elapsed,
        "gpus": gpus,
        "gpu_type": kind,
        "nodes": _nodes(cells["NodeList"]),
    }
    note = None
    if gpus and len(starts) * len(ends) > 1:
        says = f"job {cells['JobID']:.40} lies in the hour that exists twice: ElapsedRaw decides"
        note = Note("dst", None, says)
    return row, note


def _text(cells: Mapping[str, str], column: str) -> str | None:
    return cells.get(column) or None


def _times(cells: Mapping[str, str], column: str, zone: ZoneInfo) -> tuple[int, ...]:
    """What a local time may be [s since 1970 UTC]: none, one, or the two of a doubled hour."""
    text = cells.get(column, "")
    if text in ABSENT:
        return ()
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{column} {text!r:.40} is no time") from None
    if local.tzinfo is not None:
        return (int(local.timestamp()),)
    both = (local.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    told = sorted({int(one.astimezone(UTC).timestamp()) for one in both})
    is_real = [datetime.fromtimestamp(one, zone).replace(tzinfo=None) == local for one in told]
    return tuple(one for one, real in zip(told, is_real, strict=True) if real) or (told[0],)


def _span(
    starts: Sequence[int], ends: Sequence[int], elapsed: int
) -> tuple[int | None, int | None]:
    """Start and end that agree best with the seconds between them."""
    if not starts or not ends:
        return next(iter(starts), None), next(iter(ends), None)
    spans = [(start, end) for start in starts for end in ends]
    return min(spans, key=lambda span: abs(span[1] - span[0] - elapsed))


def _elapsed(cells: Mapping[str, str]) -> int:
    """Seconds that a job ran. Raises: ValueError."""
    text = cells.get("ElapsedRaw") or cells.get("Elapsed", "")
    if text in ABSENT:
        return 0
    if _NUMBER.match(text):
        return int(text)
    if match := _ELAPSED.match(text):
        days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
        return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    raise ValueError(f"ElapsedRaw {text!r:.40} is no duration")


def _gpus(tres: str) -> tuple[float, str | None]:
    """GPUs (or MIG instances) of a job and their type.

    The plain and the typed entry are the same GPUs.

    >>> _gpus("cpu=8,gres/gpu=2,gres/gpu:h100=2,node=1"), _gpus("gres/gpu:a100=1"), _gpus("cpu=8")
    ((2.0, 'h100'), (1.0, 'a100'), (0, None))
    """
    plain, typed = 0.0, {}
    for entry in tres.split(","):
        name, _, count = entry.partition("=")
        base, _, kind = name.partition(":")
        if base != _GPU:
            continue
        if not _NUMBER.match(count):
            raise ValueError(f"AllocTRES {entry!r:.40} counts no GPUs")
        if kind:
            typed[kind] = float(count)
        else:
            plain = float(count)
    return plain or sum(typed.values()), ",".join(sorted(typed)) or None


def _nodes(text: str) -> list[str]:
    """The nodes of a hostlist. Raises: ValueError.

    >>> _nodes("n[06-07,11]"), _nodes("None assigned")
    (['n06', 'n07', 'n11'], [])
    """
    if text in ABSENT:
        return []
    try:
        found = hostlist.expand_hostlist(text)
    except hostlist.BadHostlist:
        raise ValueError(f"NodeList {text!r:.40} is no list of hosts") from None
    if len(found) > MOST_NODES:
        raise ValueError(f"NodeList names {len(found):,} nodes, more than {MOST_NODES:,}")
    return list(found)
