"""What `nvidia-smi --query-gpu=... --format=csv -l N` writes.

Cells carry units and a blank after each comma unless `nounits` was asked for; times are local,
without a zone, and taken as UTC unless `sacct_timezone` is declared. The file does not name its
machine: the node is the file's name without its suffixes.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from gpumix.errors import InputError, Problem
from gpumix.files import read_lines
from gpumix.telemetry.declared import Declared
from gpumix.telemetry.samples import Observed, as_samples
from gpumix.units import PERCENT

_COLUMNS: Final = {
    "uuid": "gpu",
    "gpu_uuid": "gpu",
    "index": "index",
    "name": "gpu_name",
    "gpu_name": "gpu_name",
    "utilization.gpu": "util",
    "memory.used": "mem_used_mib",
    "power.draw": "power_w",
    "power.draw.average": "power_w",
}
"""Column of nvidia-smi -> of the samples."""
_NUMBER = re.compile(r"-?\d+(?:\.\d+)?")


def read(path: Path, declared: Declared) -> Observed:
    """The samples of a log of nvidia-smi.

    Raises: InputError where a column is missing, or a cell cannot be read, with its line.
    """
    header, body = read_lines(path)
    names = [name.split(" [")[0].strip() for name in header]
    place = {name: i for i, name in enumerate(names)}
    missing = [name for name in ("timestamp", "uuid") if name not in place]
    if missing:
        raise InputError([Problem(str(path), f"has no column {name!r}") for name in missing])
    zone = ZoneInfo(declared.sacct_timezone) if declared.sacct_timezone else UTC
    node = path.name.split(".")[0]
    found: dict[str, list[object]] = {"t": [], "node": []}
    wanted = [(column, i) for name, i in place.items() if (column := _COLUMNS.get(name))]
    found |= {column: [] for column, _ in wanted}
    problems: list[Problem] = []
    for line, row in body:
        try:
            cells = [cell.strip() for cell in row]
            found["t"].append(_second(cells[place["timestamp"]], zone))
            for column, i in wanted:
                found[column].append(_cell(column, cells[i]))
            found["node"].append(node)
        except (ValueError, IndexError) as error:
            problems.append(Problem(f"{path} line {line}", f"cannot be read: {error}"))
    if problems:
        raise InputError(problems)
    return Observed(samples=as_samples(pa.table(found)))


def _second(text: str, zone: tzinfo) -> int:
    moment = datetime.strptime(text.split(".")[0], "%Y/%m/%d %H:%M:%S")
    return int(moment.replace(tzinfo=zone).timestamp())


def _cell(column: str, text: str) -> object:
    if text.startswith("["):  # [N/A], [Not Supported]
        return None
    if column in ("gpu", "gpu_name"):
        return text
    number = _NUMBER.match(text)
    if number is None:
        raise ValueError(f"{text[:40]!r} is not a number")
    if column == "index":
        return int(number[0])
    return float(number[0]) * (PERCENT if column == "util" else 1.0)
