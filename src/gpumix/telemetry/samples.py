"""What every source gives: samples of GPUs, jobs, nodes, and notes on what was met.

A sample is a row of the plain table: one GPU or MIG instance as one scraper saw it at one time,
with its owner at that time. Absent values are null, never "".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from gpumix.domain.fleet import Note
from gpumix.reading import MEBIBYTE

MOST_BYTES: Final = 1024 * MEBIBYTE
"""Of a file of telemetry that is held in memory as text."""
MOST_TABLE_BYTES: Final = 16 * 1024 * MEBIBYTE
"""Of a table of samples or charges: 100 million samples are 13 GB of CSV."""
LOOK_BACK_S: Final = 300
"""For so long a sample stands for what came after it, as in Prometheus: a longer hole is no data,
and an ended series may be answered beside the one that follows it."""
_TEXT = pa.string()
_NUMBER = pa.float64()

SCHEMA: Final = pa.schema(
    [
        ("t", pa.int64()),  # s since 1970 UTC
        ("gpu", _TEXT),  # UUID
        ("index", pa.int32()),  # slot in the node
        ("mig", _TEXT),  # profile; null for a whole GPU
        ("mig_id", _TEXT),
        ("gpu_name", _TEXT),  # as the driver says it
        ("node", _TEXT),
        ("team", _TEXT),
        ("workload", _TEXT),
        ("model", _TEXT),
        ("job_id", _TEXT),
        ("util", _NUMBER),  # 0-1
        ("engine_active", _NUMBER),  # 0-1
        ("sm_active", _NUMBER),  # 0-1
        ("mem_used_mib", _NUMBER),
        ("power_w", _NUMBER),  # of the whole GPU, on each of its MIG instances too
        ("energy_mj_total", _NUMBER),  # counter
        ("tokens_in_total", _NUMBER),  # counter
        ("tokens_out_total", _NUMBER),  # counter
        ("tokens_cached_total", _NUMBER),  # counter: of tokens_in, those found in the cache
        ("requests_running", _NUMBER),
        ("scraper", _TEXT),
        ("requests_total", _NUMBER),  # counter
        ("engine_version", _TEXT),
        ("driver_version", _TEXT),
    ]
)
"""Of samples."""

JOBS: Final = pa.schema(
    [
        ("job_id", _TEXT),
        ("job_raw", _TEXT),
        ("name", _TEXT),
        ("user", _TEXT),
        ("account", _TEXT),
        ("qos", _TEXT),
        ("partition", _TEXT),
        ("state", _TEXT),
        ("submit", pa.int64()),  # s since 1970 UTC; null where not known
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("elapsed_s", pa.int64()),
        ("gpus", _NUMBER),
        ("gpu_type", _TEXT),
        ("nodes", pa.list_(_TEXT)),
    ]
)
"""Of a scheduler's jobs; a job that was queued again has a row for each attempt."""

NODES: Final = pa.schema(
    [
        ("node", _TEXT),
        ("resource_id", _TEXT),  # as bills name the machine
        ("gpus", pa.int32()),  # physical
        ("product", _TEXT),
        ("shared", _TEXT),  # "", time-slicing, mps or mig
        ("replicas", pa.int32()),  # shares of each GPU
    ]
)
"""Of machines."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What one source says; None where it says nothing of the kind.

    `samples` have the columns of SCHEMA, `jobs` of JOBS, `nodes` of NODES.
    """

    samples: pa.Table | None = None
    jobs: pa.Table | None = None
    nodes: pa.Table | None = None
    notes: tuple[Note, ...] = ()


def as_samples(table: pa.Table) -> pa.Table:
    """A table with some of SCHEMA's columns as one with all of them, in order, cast.

    Texts that are empty become null, and so does a number that is none of a measurement: NaN,
    infinite, or below 0 (counters of drivers say -1 where they know nothing).
    """
    columns = []
    for field in SCHEMA:
        if field.name not in table.column_names:
            columns.append(pa.nulls(table.num_rows, field.type))
            continue
        column = table[field.name].cast(field.type)
        if field.type == _TEXT:
            column = pc.if_else(pc.equal(column, ""), None, column)
        elif field.type == _NUMBER:
            good = pc.and_(pc.is_finite(column), pc.greater_equal(column, 0.0))
            column = pc.if_else(good, column, None)
        columns.append(column)
    return pa.Table.from_arrays(columns, schema=SCHEMA)
