"""Public trace formats -> the columns of the generic one.

Azure 2023 to 2025 (`TIMESTAMP, ContextTokens, GeneratedTokens`), BurstGPT (`Timestamp, Request
tokens, Response tokens`), Vidur (`arrived_at, num_prefill_tokens, num_decode_tokens`), Mooncake and
Qwen-Bailian (JSON lines of `timestamp, input_length, output_length, hash_ids`: ms and blocks of
512 tokens, s and 16), AIBrix (JSON lines of a `timestamp` in ms and its `requests`). Any other log
needs its columns named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpumix.domain.cells import numbers_in
from gpumix.domain.quantities import shown
from gpumix.errors import InputError, Problem
from gpumix.inventory.trace_units import (
    UNITS,
    WORDS,
    Clock,
    block_tokens,
    clock_of,
    length_of_time,
)
from gpumix.reading import parse_json, read_text

Columns = dict[str, list[str]]

_ZONE = re.compile(r"(?:Z|[+-]\d\d:?\d\d)$", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?$", re.ASCII)
MAPPED = ("arrival", "input", "output")
"""What a map of columns names."""
_LOOKED_AT = 20
_HASHES = ("hash_ids", "prefix_block_hashes")


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
    """Names of the three columns in a public format, and the unit of its times.

    `unit` is '' where it is open; `certain` whether nothing else is published under these names.
    """

    arrival: str
    input: str
    output: str
    unit: str = "s"
    certain: bool = True


_FORMATS = (
    _Format("arrival_s", "input_tokens", "output_tokens"),
    _Format("t_s", "input_tokens", "output_tokens"),
    _Format("TIMESTAMP", "ContextTokens", "GeneratedTokens"),
    _Format("Timestamp", "Request tokens", "Response tokens"),
    _Format("arrived_at", "num_prefill_tokens", "num_decode_tokens"),
    _Format("timestamp", "input_length", "output_length", "", certain=False),
    _Format("timestamp", "prompt_length", "output_length", "ms", certain=False),
)
_BAILIAN = {"chat_id", "parent_chat_id"}
_PUBLISHED = {16: "s", 512: "ms"}
"""Tokens of a block -> unit of the trace published with them."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a trace is to be read: unit of its times ('' = by what is plausible), and the names of
    its columns where they are none of a public format (arrival, input, output -> column)."""

    unit: str = ""
    names: Mapping[str, str] = field(default_factory=dict)


def generic_columns(
    columns: Mapping[str, Sequence[str]], place: str, reading: Reading
) -> tuple[Columns, str]:
    """The columns under the names of the generic format, others kept as they are; and what was
    read in which unit.

    Raises: InputError where the unit of the times is in doubt.
    """
    found = {name: list(cells) for name, cells in columns.items()}
    form = _format_of(columns, place, reading)
    if form is None:
        return found, ""
    found["input_tokens"] = list(columns[form.input])
    found["output_tokens"] = list(columns[form.output])
    size, words = _share_prefixes(columns, found)
    unit, certain = form.unit, form.certain
    if not unit:
        unit = "s" if columns.keys() >= _BAILIAN else _PUBLISHED.get(size or 0, "")
    times = columns[form.arrival]
    if any(_MOMENT.match(_ZONE.sub("", cell.strip())) for cell in times[:_LOOKED_AT]):
        found["arrival_s"] = _moments(times)
        return found, words
    numbers = numbers_in(times)
    clock = clock_of(
        numbers, form.arrival, place, published=unit, certain=certain, asked=reading.unit
    )
    found["arrival_s"] = [
        cell
        if np.isnan(t) or (clock.unit_s, clock.zero) == (1.0, 0.0)
        else repr((float(t) - clock.zero) * clock.unit_s)
        for cell, t in zip(times, numbers, strict=True)
    ]
    return found, "; ".join(w for w in (_stated(form, clock, numbers), words) if w)


def _format_of(
    columns: Mapping[str, Sequence[str]], place: str, reading: Reading
) -> _Format | None:
    """The public format of these columns, or the one that the user names."""
    if reading.names:
        wanted = {name: reading.names.get(name, "") for name in MAPPED}
        missing = [f"{name}={column}" for name, column in wanted.items() if column not in columns]
        if missing:
            had = ", ".join(list(columns)[:_LOOKED_AT])
            raise InputError(
                Problem(
                    place,
                    f"has no column for {', '.join(missing)[:120]}; it has {shown(had)}",
                    f"name the columns of {', '.join(MAPPED)}, as arrival=created_at",
                )
            )
        return _Format(wanted["arrival"], wanted["input"], wanted["output"], "", certain=False)
    return next((f for f in _FORMATS if {f.arrival, f.input, f.output} <= columns.keys()), None)


def _stated(form: _Format, clock: Clock, times: npt.NDArray[np.float64]) -> str:
    """`timestamp read as seconds (why): 120 requests over 60 s`."""
    known = times[np.isfinite(times)]
    if not len(known):
        return ""
    unit = next((WORDS[u] for u, s in UNITS.items() if s == clock.unit_s), f"{clock.unit_s:g} s")
    span = float(known.max() - known.min()) * clock.unit_s
    count = f"{len(known):,} requests over {length_of_time(span)}"
    return f"{form.arrival} read as {unit} ({clock.why}): {count}"


def _share_prefixes(columns: Mapping[str, Sequence[str]], found: Columns) -> tuple[int | None, str]:
    """Fill what prompts share from a trace's hashes: tokens of a block, and what to say of it."""
    name = next((n for n in _HASHES if n in columns and "prefix_tokens" not in columns), "")
    if not name:
        return None, ""
    hashes = [_numbers(cell) for cell in columns[name]]
    size = block_tokens(numbers_in(found["input_tokens"]), [len(blocks) for blocks in hashes])
    if size is None:
        return None, f"{name} fit no size of block, so that no prefix counts as shared"
    ids, tokens = shared_prefixes(hashes, size)
    found["prefix_id"] = [str(i) for i in ids]
    found["prefix_tokens"] = [str(t) for t in tokens]
    return size, f"blocks of {size} tokens"


def _numbers(cell: str) -> list[int]:
    return [int(found) for found in re.findall(r"-?[0-9]+", cell)]


def shared_prefixes(
    hashes: Sequence[Sequence[int]], tokens_per_block: int
) -> tuple[list[int], list[int]]:
    """For every prompt's blocks: the group that starts alike, and tokens seen in order before.

    A block counts if an earlier request held it and all blocks before it did, too (a cache
    without end). -1 and 0 where nothing is shared.

    >>> shared_prefixes([[7, 1], [7, 1, 2], [9]], 512)
    ([0, 0, 1], [0, 1024, 0])
    """
    seen: set[int] = set()
    groups: dict[int, int] = {}
    ids, tokens = [], []
    for blocks in hashes:
        count = next((k for k, block in enumerate(blocks) if block not in seen), len(blocks))
        ids.append(groups.setdefault(blocks[0], len(groups)) if blocks else -1)
        tokens.append(count * tokens_per_block)
        seen.update(blocks)
    return ids, tokens


def read_json_lines(path: Path, reading: Reading) -> tuple[Columns, list[int]]:
    """Columns of a file with a JSON object a line, and each row's line.

    A line of AIBrix holds several requests. Where columns are named, a key inside an object is
    written with dots (`usage.prompt_tokens`), and lines may differ in their other keys.

    Raises: InputError for the first line that is none, or has other keys than the first.
    """
    rows: list[dict[str, object]] = []
    lines: list[int] = []
    for number, line in enumerate(read_text(path, "name a JSONL file").split("\n"), 1):
        if line.strip():
            place = f"{path} line {number}"
            row = parse_json(line, place, only_names=not reading.names)
            for one in _requests(row):
                if reading.names and isinstance(one, dict):
                    one = {column: _inside(one, column) for column in reading.names.values()}
                if not isinstance(one, dict) or (rows and one.keys() != rows[0].keys()):
                    raise InputError(Problem(place, "is not an object with the first line's keys"))
                rows.append(one)
                lines.append(number)
    if not rows:
        raise InputError(Problem(str(path), "is empty", "each line is a request, a JSON object"))
    return {name: [_cell(row[name]) for row in rows] for name in rows[0]}, lines


def _requests(row: object) -> list[object]:
    """The requests in a line: AIBrix lists those of one moment, others write one."""
    listed = row.get("requests") if isinstance(row, dict) else None
    if not isinstance(row, dict) or not isinstance(listed, list) or "timestamp" not in row:
        return [row]
    return [
        {
            "timestamp": row["timestamp"],
            **{key: one.get(key) for key in ("prompt_length", "output_length")},
        }
        if isinstance(one, dict)
        else one
        for one in listed
    ]


def _inside(row: Mapping[str, object], column: str) -> object:
    """The value of a key, or of a path of keys joined by dots; None where there is none."""
    if column in row:
        return row[column]
    here: object = row
    for key in column.split("."):
        here = here.get(key) if isinstance(here, Mapping) else None
    return here


def _cell(value: object) -> str:
    return "" if value is None else str(value)
