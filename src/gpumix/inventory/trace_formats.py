"""Public trace formats -> the columns of the generic one.

Azure (`TIMESTAMP, ContextTokens, GeneratedTokens`), BurstGPT (`Timestamp, Request tokens, Response
tokens`) and Mooncake (JSON lines of `timestamp` in ms, `input_length, output_length, hash_ids`,
each hash a block of 512 prompt tokens).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gpumix.domain.cells import numbers_in
from gpumix.errors import InputError, Problem
from gpumix.reading import parse_json, read_text
from gpumix.units import MS

BLOCK_TOKENS = 512
"""Prompt tokens behind one hash. Source: Mooncake trace, arXiv 2407.00079."""

Columns = dict[str, list[str]]

_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?$", re.ASCII)
_HASHES = ("hash_ids", "prefix_block_hashes")


def _seconds(cells: Sequence[str]) -> list[str]:
    return list(cells)


def _milliseconds(cells: Sequence[str]) -> list[str]:
    times = numbers_in(cells)
    return [
        cell if np.isnan(t) else repr(float(t) * MS) for cell, t in zip(cells, times, strict=True)
    ]


def _moments(cells: Sequence[str]) -> list[str]:
    """Dates with times -> seconds since the Monday 00:00 before the first."""
    times = [_moment(cell) for cell in cells]
    first = next((t for t in times if t is not None), None)
    if first is None:
        return list(cells)
    days = first.astype("datetime64[D]")
    monday = days - (days.astype(int) + 3) % 7
    return [
        cell if t is None else repr(float((t - monday) / np.timedelta64(1, "ns")) * 1e-9)
        for cell, t in zip(cells, times, strict=True)
    ]


def _moment(cell: str) -> np.datetime64 | None:
    text = _ZONE.sub("", cell.strip())
    try:
        return np.datetime64(text, "ns") if _MOMENT.match(text) else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Format:
    """Names of the three columns in a public format, and what its times are."""

    arrival: str
    input: str
    output: str
    to_seconds: Callable[[Sequence[str]], list[str]]


_FORMATS = (
    _Format("arrival_s", "input_tokens", "output_tokens", _seconds),
    _Format("t_s", "input_tokens", "output_tokens", _seconds),
    _Format("TIMESTAMP", "ContextTokens", "GeneratedTokens", _moments),
    _Format("Timestamp", "Request tokens", "Response tokens", _seconds),
    _Format("timestamp", "input_length", "output_length", _milliseconds),
)


def generic_columns(columns: Mapping[str, Sequence[str]]) -> Columns:
    """The columns under the names of the generic format, other columns kept as they are."""
    found = {name: list(cells) for name, cells in columns.items()}
    for form in _FORMATS:
        if {form.arrival, form.input, form.output} <= columns.keys():
            found["arrival_s"] = form.to_seconds(columns[form.arrival])
            found["input_tokens"] = list(columns[form.input])
            found["output_tokens"] = list(columns[form.output])
            break
    for name in _HASHES:
        if name in columns and "prefix_tokens" not in columns:
            ids, tokens = shared_prefixes([_numbers(cell) for cell in columns[name]])
            found["prefix_id"] = [str(i) for i in ids]
            found["prefix_tokens"] = [str(t) for t in tokens]
    return found


def _numbers(cell: str) -> list[int]:
    return [int(found) for found in re.findall(r"-?[0-9]+", cell)]


def shared_prefixes(hashes: Sequence[Sequence[int]]) -> tuple[list[int], list[int]]:
    """For every prompt's blocks: the group that starts alike, and tokens seen in order before.

    A block counts if an earlier request held it and all blocks before it did, too (a cache
    without end). -1 and 0 where nothing is shared.

    >>> shared_prefixes([[7, 1], [7, 1, 2], [9]])
    ([0, 0, 1], [0, 1024, 0])
    """
    seen: set[int] = set()
    groups: dict[int, int] = {}
    ids, tokens = [], []
    for blocks in hashes:
        count = next((k for k, block in enumerate(blocks) if block not in seen), len(blocks))
        ids.append(groups.setdefault(blocks[0], len(groups)) if blocks else -1)
        tokens.append(count * BLOCK_TOKENS)
        seen.update(blocks)
    return ids, tokens


def read_json_lines(path: Path) -> tuple[Columns, list[int]]:
    """Columns of a file with a JSON object a line, and each row's line.

    Raises: InputError for the first line that is none, or has other keys than the first.
    """
    rows: list[dict[str, object]] = []
    lines: list[int] = []
    for number, line in enumerate(read_text(path, "name a JSONL file").split("\n"), 1):
        if line.strip():
            place = f"{path} line {number}"
            row = parse_json(line, place, only_names=True)
            if not isinstance(row, dict) or (rows and row.keys() != rows[0].keys()):
                raise InputError(Problem(place, "is not an object with the first line's keys"))
            rows.append(row)
            lines.append(number)
    if not rows:
        raise InputError(Problem(str(path), "is empty", "each line is a request, a JSON object"))
    return {name: [_cell(row[name]) for row in rows] for name in rows[0]}, lines


def _cell(value: object) -> str:
    return "" if value is None else str(value)
