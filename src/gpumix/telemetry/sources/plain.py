"""The plain table of samples: CSV, CSV.gz or Parquet, with the columns of `samples.SCHEMA`."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from gpumix.domain.fleet import Note
from gpumix.errors import InputError, Problem
from gpumix.reading import refuse_unplain
from gpumix.telemetry.declared import Declared
from gpumix.telemetry.samples import MOST_TABLE_BYTES, SCHEMA, Observed, as_samples

_REQUIRED: Final = ("t", "gpu", "node")
_ACTIVITY: Final = ("util", "engine_active")


def read(path: Path, declared: Declared) -> Observed:
    """The samples of a plain table.

    Raises: InputError where it cannot be read, lacks a column, or a cell is of another kind.
    """
    refuse_unplain(path, "name a CSV, CSV.gz or Parquet file", most_bytes=MOST_TABLE_BYTES)
    try:
        table = _parquet(path) if path.suffix == ".parquet" else _csv(path)
    except (pa.lib.ArrowException, OSError, EOFError) as error:
        raise InputError(Problem(str(path), f"is not a table of samples: {error}")) from None
    problems = list(_missing(path, table))
    if problems:
        raise InputError(problems)
    seconds = _seconds(path, table["t"])
    table = table.set_column(table.column_names.index("t"), "t", seconds)
    try:
        samples = as_samples(table)
    except pa.lib.ArrowException as error:
        raise InputError(Problem(str(path), f"a cell is of another kind: {error}")) from None
    empty = [name for name in _REQUIRED if samples[name].null_count]
    if empty:
        raise InputError(
            [Problem(str(path), f"{samples[n].null_count} rows have no {n}") for n in empty]
        )
    return Observed(samples=samples, notes=_notes(samples))


def _parquet(path: Path) -> pa.Table:
    return pq.read_table(path)


def _csv(path: Path) -> pa.Table:
    types = {f.name: f.type for f in SCHEMA} | {"t": pa.string()}
    return pacsv.read_csv(
        path,
        convert_options=pacsv.ConvertOptions(
            column_types=types,
            null_values=["", "null", "N/A"],
            strings_can_be_null=True,
            quoted_strings_can_be_null=True,
        ),
        parse_options=pacsv.ParseOptions(newlines_in_values=True),
    )


def _missing(path: Path, table: pa.Table) -> list[Problem]:
    names = table.column_names
    twice = [name for name, count in Counter(names).items() if count > 1 and name in SCHEMA.names]
    problems = [Problem(str(path), f"column {name!r} appears twice") for name in twice]
    problems += [
        Problem(str(path), f"has no column {name!r}", "docs/contracts.md lists the columns")
        for name in _REQUIRED
        if name not in names
    ]
    if not set(_ACTIVITY) & set(names):
        what = "has neither of the columns 'util' and 'engine_active'"
        problems.append(Problem(str(path), what, "one of them says how busy a GPU was"))
    return problems


def _seconds(path: Path, column: pa.ChunkedArray) -> pa.ChunkedArray:
    """Times as seconds since 1970 UTC: numbers as they are, RFC 3339 texts read.

    Raises: InputError where one is neither.
    """
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    try:
        return pc.floor(column.cast(pa.float64())).cast(pa.int64())
    except pa.lib.ArrowException:
        pass
    dictionary = column.dictionary_encode().combine_chunks()
    found = [_second(path, text) for text in dictionary.dictionary.to_pylist()]
    return pa.chunked_array([pa.array(found, pa.int64()).take(dictionary.indices)])


def _second(path: Path, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        fix = "seconds since 1970 or 2026-10-18T00:00:00Z"
        raise InputError(Problem(str(path), f"{text[:40]!r} is no time", fix)) from None
    return int(moment.replace(tzinfo=moment.tzinfo or UTC).timestamp())


def _notes(samples: pa.Table) -> tuple[Note, ...]:
    """Two scrapers of one GPU, by node."""
    pairs = samples.select(["node", "gpu", "scraper"]).group_by(["node", "gpu"])
    counted = pairs.aggregate([("scraper", "count_distinct")])
    double = counted.filter(pc.greater(counted["scraper_count_distinct"], 1))
    nodes = Counter(double["node"].to_pylist())
    return tuple(
        Note("two_scrapers", node, f"{count} GPUs were seen by more than one scraper")
        for node, count in sorted(nodes.items())
    )
