"""A fleet's folder: samples by day, jobs, nodes, what was declared, and what is known of them.

    samples/date=YYYY-MM-DD/part.parquet   sorted by node, GPU, time
    jobs.parquet nodes.parquet declared.json fleet.json

What is observed is added to what is there: a row met again changes nothing, and the folder is
published as one set.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from gpumix.domain.fleet import SCHEMA_VERSION, FleetSummary, Note
from gpumix.errors import InputError, Problem
from gpumix.files import sha256
from gpumix.publish import write_set
from gpumix.reading import read_json
from gpumix.telemetry.declared import Declared, declared_in, to_dict
from gpumix.telemetry.samples import JOBS, LOOK_BACK_S, NODES, SCHEMA, Observed

FLEET_FILE: Final = "fleet.json"
_FINEST_S: Final = 60
_MOST_GAPS: Final = 200
_STEPS: Final = (60, 120, 180, 240, 300, 360, 600, 720, 900, 1200, 1800, 3600)
_ORDER: Final = "node, gpu, coalesce(mig_id, ''), t, coalesce(scraper, '')"


@dataclass(frozen=True, slots=True)
class Source:
    """Where something was read: `kind` of source, its name without secrets, the file's SHA-256."""

    kind: str
    name: str
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Fleet:
    """A fleet's folder, opened. `resolution_s` is the length of an interval of the grid."""

    folder: Path
    jobs: pa.Table
    nodes: pa.Table
    declared: Declared
    notes: tuple[Note, ...]
    resolution_s: int

    @property
    def has_samples(self) -> bool:
        """Whether there are any samples."""
        return any((self.folder / "samples").glob("*/*.parquet"))

    def connect(self) -> duckdb.DuckDBPyConnection:
        """A connection with the view `samples`, of SCHEMA's columns."""
        connection = duckdb.connect()
        connection.execute("set preserve_insertion_order = false")
        connection.execute("set timezone = 'UTC'")
        if self.has_samples:
            files = str(self.folder / "samples" / "*" / "*.parquet").replace("'", "''")
            every = f"read_parquet('{files}', union_by_name = true)"
            known = set(connection.sql(f"from {every} limit 0").columns)
            names = ", ".join(column_of(name, known) for name in SCHEMA.names)
            connection.execute(f"create view samples as select {names} from {every}")
        else:
            connection.register("none", SCHEMA.empty_table())
            connection.execute("create view samples as select * from none")
        return connection


def column_of(name: str, known: Collection[str]) -> str:
    """SQL of a column of SCHEMA; nothing where files of an earlier version do not have it.

    >>> column_of("t", ["t"]), column_of("tokens_cached_total", ["t"])
    ('"t"', 'null::double as "tokens_cached_total"')
    """
    if name in known:
        return f'"{name}"'
    return f'null::{"varchar" if SCHEMA.field(name).type == pa.string() else "double"} as "{name}"'


def source_of(kind: str, name: str) -> Source:
    """A source as it is written down: a URL loses user, password and query, a file gets its hash.

    >>> source_of("prometheus", "http://me:secret@prom:9090/x?token=1").name
    'http://prom:9090/x'
    """
    if "://" not in name:
        return Source(kind, Path(name).name, sha256(Path(name)))
    scheme, _, rest = re.split(r"[?#]", name)[0].partition("://")
    host, slash, path = rest.partition("/")
    return Source(kind, f"{scheme}://{host.rpartition('@')[2]}{slash}{path}", None)


def write(
    folder: Path, observed: Sequence[tuple[Source, Observed]], declared: Declared | None = None
) -> Fleet:
    """Add what was observed to a folder, which is made where it is missing.

    Raises: InputError where the folder is no fleet's, or cannot be written.
    """
    before = open_fleet(folder) if (folder / FLEET_FILE).exists() else None
    declared = declared or (before.declared if before else Declared())
    with tempfile.TemporaryDirectory() as scratch:
        files = _tables(Path(scratch), before, [one for _, one in observed])
        days, doubled = _samples(Path(scratch), folder, [one for _, one in observed])
        notes = [note for _, one in observed for note in one.notes]
        about = _about(folder, days, before, [source for source, _ in observed], [*notes, *doubled])
        written = (
            files
            | days
            | {
                "declared.json": _json(to_dict(declared)),
                FLEET_FILE: _json(about),
            }
        )
        write_set(folder, written)
    return open_fleet(folder)


def open_fleet(folder: Path) -> Fleet:
    """A fleet's folder. Raises: InputError where it is none."""
    if not (folder / FLEET_FILE).is_file():
        fix = f"gpumix observe SOURCE... --out {folder}"
        raise InputError(Problem(str(folder), "holds no fleet", fix))
    about = read_json(folder / FLEET_FILE)
    if not isinstance(about, dict) or about.get("schema_version") != SCHEMA_VERSION:
        raise InputError(Problem(str(folder / FLEET_FILE), "is of another version"))
    return Fleet(
        folder=folder,
        jobs=_read(folder / "jobs.parquet", JOBS),
        nodes=_read(folder / "nodes.parquet", NODES),
        declared=declared_in(read_json(folder / "declared.json"), str(folder / "declared.json")),
        notes=tuple(Note(**note) for note in about["notes"]),
        resolution_s=about["resolution_s"],
    )


def summary_of(fleet: Fleet) -> FleetSummary:
    """What a fleet's folder holds, in short."""
    about = read_json(fleet.folder / FLEET_FILE)
    with closing(fleet.connect()) as connection:
        found = connection.execute(
            "select count(*), count(distinct gpu), count(distinct node), min(t), max(t) "
            "from samples"
        )
        samples, gpus, nodes, first, last = found.fetchone() or (0, 0, 0, None, None)
    return FleetSummary(
        folder=str(fleet.folder),
        sources=len(about["sources"]),
        nodes=max(nodes, fleet.nodes.num_rows),
        gpus=gpus,
        samples=samples,
        jobs=fleet.jobs.num_rows,
        start=None if first is None else utc(first),
        end=None if last is None else utc(last),
        resolution_s=fleet.resolution_s,
        notes=fleet.notes,
    )


def _read(path: Path, schema: pa.Schema) -> pa.Table:
    return pq.read_table(path, schema=schema) if path.exists() else schema.empty_table()


def _tables(scratch: Path, before: Fleet | None, new: Sequence[Observed]) -> dict[str, str | Path]:
    """Jobs and nodes: what was known, with what is new in its place."""
    jobs = [before.jobs] if before else []
    nodes = [before.nodes] if before else []
    jobs += [one.jobs for one in new if one.jobs is not None]
    nodes += [one.nodes for one in new if one.nodes is not None]
    files: dict[str, str | Path] = {}
    for name, tables, schema, key in (
        ("jobs.parquet", jobs, JOBS, ("job_raw", "start")),
        ("nodes.parquet", nodes, NODES, ("node",)),
    ):
        rows: dict[tuple[object, ...], dict[str, Any]] = {}
        for table in tables:
            for row in table.to_pylist():
                rows[tuple(row[k] for k in key)] = row
        ordered = [rows[k] for k in sorted(rows, key=lambda k: tuple(map(str, k)))]
        path = scratch / name
        pq.write_table(pa.Table.from_pylist(ordered, schema=schema), path)
        files[name] = path
    return files


def _samples(
    scratch: Path, folder: Path, new: Sequence[Observed]
) -> tuple[dict[str, str | Path], list[Note]]:
    """The files of the days that something new falls on, each with what was there; what was doubled
    within what is new."""
    tables = [one.samples for one in new if one.samples is not None]
    if not tables:
        return {}, []
    files: dict[str, str | Path] = {}
    doubled: Counter[str] = Counter()
    with closing(duckdb.connect()) as connection:
        connection.execute("set timezone = 'UTC'")
        connection.register("new", pa.concat_tables(tables))
        days = connection.execute("select distinct t // 86400 from new order by 1").fetchall()
        for (day,) in days:
            date = datetime.fromtimestamp(day * 86400, UTC).date().isoformat()
            name = f"samples/date={date}/part.parquet"
            path = scratch / name
            path.parent.mkdir(parents=True)
            pq.write_table(
                _of_day(connection, day, folder / name, doubled), path, row_group_size=250_000
            )
            files[name] = path
    told = "{:,} samples stand more than once in what was read"
    return files, [
        Note("duplicate_samples", node, told.format(count))
        for node, count in sorted(doubled.items())
    ]


def _of_day(
    connection: duckdb.DuckDBPyConnection, day: int, before: Path, doubled: Counter[str]
) -> pa.Table:
    """The samples of a day, those in the file `before` among them; counts what is doubled."""
    connection.execute(
        "create or replace temp table fresh as select distinct * from new where t // 86400 = $1",
        [day],
    )
    more = connection.execute(
        """select node, n.read - f.kept from
          (select node, count(*) as read from new where t // 86400 = $1 group by node) n
          join (select node, count(*) as kept from fresh group by node) f using (node)
        where n.read > f.kept""",
        [day],
    )
    doubled.update(dict(more.fetchall()))
    known = "from fresh"
    if before.exists():
        connection.register("old", pq.ParquetFile(before).read())
        known = "select distinct * from (from fresh union all by name from old)"
    order = ", ".join((_ORDER, *(f'"{name}"' for name in SCHEMA.names)))
    rows: Any = connection.sql(f"{known} order by {order}").to_arrow_table()
    return rows.cast(SCHEMA)


def _about(
    folder: Path,
    days: dict[str, str | Path],
    before: Fleet | None,
    new_sources: Sequence[Source],
    new_notes: Sequence[Note],
) -> dict[str, Any]:
    old = read_json(folder / FLEET_FILE) if before else {"sources": [], "notes": []}
    kept = [p for p in (folder / "samples").glob("*/*.parquet") if _name(folder, p) not in days]
    files = [str(path) for path in (*kept, *days.values())]
    spans, gaps, resolution = _spans(files) if files else ([], [], _FINEST_S)
    sources = {json.dumps(s, sort_keys=True): s for s in old["sources"]}
    for source in new_sources:
        one = asdict(source)
        sources[json.dumps(one, sort_keys=True)] = one
    notes = {tuple(sorted(n.items(), key=str)): n for n in old["notes"]}
    for note in new_notes:
        notes[tuple(sorted(asdict(note).items(), key=str))] = asdict(note)
    return {
        "schema_version": SCHEMA_VERSION,
        "resolution_s": resolution,
        "sources": [sources[key] for key in sorted(sources)],
        "spans": spans,
        "gaps": gaps,
        "notes": sorted(notes.values(), key=lambda n: (n["code"], str(n["node"]), n["detail"])),
    }


def _name(folder: Path, path: Path) -> str:
    return path.relative_to(folder).as_posix()


def _spans(files: Sequence[str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """First and last sample of each node, holes too long to bridge, and the usual step [s]."""
    with closing(duckdb.connect()) as connection:
        return _spans_of(connection, files)


def _spans_of(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    connection.execute("set timezone = 'UTC'")
    connection.execute(
        "create view samples as select * from read_parquet($files)".replace(
            "$files", "[" + ", ".join("'" + f.replace("'", "''") + "'" for f in files) + "]"
        )
    )
    spans = connection.execute(
        "select node, min(t), max(t), count(*) from samples group by node order by node"
    ).fetchall()
    connection.execute(
        """create temp table steps as
        select node, prev, t, t - prev as step from (
          select node, gpu, t, lag(t) over (partition by node, gpu order by t) as prev
          from (select distinct node, gpu, t from samples))
        where prev is not null"""
    )
    usual = connection.execute("select coalesce(mode(step), 60) from steps").fetchone()
    step = int(usual[0]) if usual else _FINEST_S
    resolution = next((s for s in _STEPS if s >= step), _STEPS[-1])
    gaps = connection.execute(
        """select node, prev, t, count(*) from steps where step > $1 + $2
        group by node, prev, t order by t - prev desc, node, prev limit $3""",
        [LOOK_BACK_S, resolution, _MOST_GAPS],
    ).fetchall()
    return (
        [
            {"node": node, "start": utc(first), "end": utc(last), "samples": count}
            for node, first, last, count in spans
        ],
        [
            {"node": node, "after": utc(first), "before": utc(last), "gpus": count}
            for node, first, last, count in gaps
        ],
        resolution,
    )


def utc(second: int) -> str:
    """A time in RFC 3339.

    >>> utc(1792281600)
    '2026-10-18T00:00:00Z'
    """
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: object) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False, default=list) + "\n"
