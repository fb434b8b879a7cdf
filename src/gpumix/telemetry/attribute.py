"""Every micro-unit of a bill given to an owner, named as nobody's, or outside of the GPUs.

Samples become cells (a device, an hour, an owner, a kind), the bill becomes a price of each
GPU-hour, and a GPU-hour's price is shared over its cells by largest remainder, in integers.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any, Final

import duckdb
import pyarrow as pa

from gpumix.catalog import Catalog
from gpumix.domain.defaults import (
    IDLE_ENGINE_ACTIVE,
    IDLE_POWER_FACTOR,
    IDLE_RUN_S,
    IDLE_SHARE_OF_TDP,
)
from gpumix.domain.fleet import Note, Outside
from gpumix.errors import InputError, Problem
from gpumix.telemetry.bill import Bill
from gpumix.telemetry.charges import HOUR_S, Charges, charges_of
from gpumix.telemetry.grid import CELLS, SHARE, Grid, Owners, Powers, cells_of_samples
from gpumix.telemetry.jobs import cells_of, job_span
from gpumix.telemetry.machines import SHARING, WHOLE, Machine, Seen, gpu_id, gpus_of, machines_of
from gpumix.telemetry.price_book import Price, rate_of
from gpumix.telemetry.sql import Sql, Where, floored, opened
from gpumix.telemetry.store import Fleet, utc

_MOST_OF_TDP: Final = 2.0
"""More than which no GPU draws: a counter that says so did not begin anew."""
MICRO: Final = 1_000_000
"""Micro-units in a unit of money."""
_NOBODY: Final = (None, None, None)

Owner = tuple[str | None, str | None, str | None]
"""Team, workload, model."""


@dataclass(frozen=True, slots=True)
class Run:
    """A job of a scheduler that began: whose it was, how it ended, its GPU time [s]."""

    team: str | None
    workload: str | None
    state: str
    gpu_s: float


@dataclass(frozen=True, slots=True)
class Attributed:
    """A fleet's hours with their shares of the bill.

    `hours`: columns hour [h since 1970 UTC], team, workload, model, gpu, node, device, slot, kind,
    hours, usd_micro, list_micro, engine_active, sm_active, power_w, requests_running, tokens_in,
    tokens_out, tokens_cached, joules; one row a device, hour, owner and kind. `machines` are
    without devices.
    """

    hours: pa.Table
    currency: str
    start: int
    end: int
    bill_micro: int
    billed_micro: int
    outside: tuple[Outside, ...]
    unbilled: tuple[str, ...]
    notes: tuple[Note, ...]
    shared_by: tuple[str, ...]
    runs: tuple[Run, ...] = ()
    machines: tuple[Machine, ...] = ()


def attribute(
    fleet: Fleet,
    bill: Bill | None,
    catalog: Catalog,
    prices: Sequence[Price] = (),
    where: Where = "duckdb",
) -> Attributed:
    """Give a fleet's time, and its cost, to its owners; the two heavy steps run `where` it is said.

    The cost is a bill's; without a bill it is that of `prices`, and without those 0. Prices never
    fill what a bill leaves out.

    Raises: InputError where there is neither telemetry nor a bill of GPUs.
    """
    with closing(fleet.connect()) as connection, closing(opened(where, fleet, connection)) as sql:
        return _attributed(connection, sql, fleet, bill, catalog, prices)


def _attributed(
    connection: duckdb.DuckDBPyConnection,
    sql: Sql,
    fleet: Fleet,
    bill: Bill | None,
    catalog: Catalog,
    prices: Sequence[Price],
) -> Attributed:
    seen = _seen(connection)
    machines, notes = machines_of(fleet, seen, bill, catalog)
    charges = charges_of(bill, machines) if bill else Charges({}, {}, None, None, ())
    grid = _grid(fleet, seen, charges)
    if grid.end <= grid.start:
        fix = "gpumix observe SOURCE... --out FLEET"
        raise InputError(Problem(str(fleet.folder), "holds no samples, jobs or billed GPUs", fix))
    jobs = fleet.jobs.to_pylist()
    owners, numbers, of_job = _owners(connection, fleet, jobs)
    powers, more = _powers(connection, machines, grid, catalog)
    connection.register("no_cells", CELLS.empty_table())
    connection.execute("create table cells as from no_cells")
    resets: dict[str, int] = {}
    for some in cells_of_samples(sql, machines, numbers, powers, grid):
        connection.register("of_some", some.table)
        connection.execute("insert into cells from of_some")
        resets |= some.resets
    billed_hours: dict[str, set[int]] = defaultdict(set)
    for node, hour in charges.effective:
        billed_hours[node].add(hour)
    hours = {m.node: _hours(m, billed_hours[m.node], grid) for m in machines}
    if bill is None and prices:
        charges = _priced(machines, hours, prices)
    _add_jobs(connection, fleet, machines, jobs, of_job, hours, grid)
    _add_no_data(connection, machines, hours)
    _add_prices(connection, machines, charges)
    table = _shares(connection, sql, machines, owners)
    billed = {node for node, _ in charges.effective}
    unbilled = tuple(m.node for m in machines if m.node not in billed)
    notes += more
    if bill is None:
        what = "costs are those of the price book" if prices else "hours cost 0 here"
        notes.append(Note("no_bill", None, f"there is no bill: {what}"))
    elif not bill.has_tax:
        notes.append(Note("no_bill", None, "the bill has no line of tax"))
    notes += _notes(connection, fleet, machines, resets, grid, unbilled)
    return Attributed(
        hours=table,
        currency=bill.currency if bill else fleet.declared.currency or "USD",
        start=grid.start,
        end=grid.end,
        bill_micro=bill.effective_micro if bill else sum(charges.effective.values()),
        billed_micro=bill.billed_micro if bill else 0,
        outside=charges.outside,
        unbilled=unbilled,
        notes=tuple(_sorted_notes([*fleet.notes, *notes])),
        shared_by=_shared_by(machines),
        machines=tuple(replace(one, devices=()) for one in machines),
        runs=tuple(
            Run(*owners[owner][:2], job["state"] or "", gpus_of(job) * (job["elapsed_s"] or 0))
            for job, owner in zip(jobs, of_job, strict=True)
            if job["start"] is not None
        ),
    )


def _seen(connection: duckdb.DuckDBPyConnection) -> list[Seen]:
    rows = connection.execute(
        """select node, gpu, "index", mig, mig_id, max(gpu_name), min(t), max(t), count(*)
        from samples group by node, gpu, "index", mig, mig_id
        order by node, "index", gpu, mig_id"""
    ).fetchall()
    return [Seen(*row) for row in rows]


def _grid(fleet: Fleet, seen: Sequence[Seen], charges: Charges) -> Grid:
    """The span of the GPU lines; without any, that of the samples, else of the jobs."""
    start, end = charges.start, charges.end
    if start is None or end is None:
        start = min((s.first for s in seen), default=None)
        end = max((s.last + fleet.resolution_s for s in seen), default=None)
    if start is None or end is None:
        start, end = job_span(fleet.jobs) or (0, 0)
    return Grid(start, end, fleet.resolution_s, IDLE_ENGINE_ACTIVE, IDLE_RUN_S)


def _owners(
    connection: duckdb.DuckDBPyConnection, fleet: Fleet, jobs: Sequence[Mapping[str, Any]]
) -> tuple[list[Owner], Owners, list[int]]:
    """Owners by number (0 is nobody), the numbers of names in samples, and of each job."""
    aliases = fleet.declared.team_aliases
    found: dict[Owner, int] = {_NOBODY: 0}

    def number(team: str | None, workload: str | None, model: str | None) -> int:
        owner = (aliases.get(team, team) if team else None, workload or None, model or None)
        return found.setdefault(owner, len(found))

    by_job = {job[key]: job for key in ("job_id", "job_raw") for job in jobs if job[key]}
    of_job = [number(job["account"], job["name"], None) for job in jobs]
    named: dict[tuple[str | None, ...], int] = {}
    rows = connection.execute("select distinct team, workload, model, job_id from samples")
    for names in sorted(rows.fetchall(), key=str):
        team, workload, model, job_id = names
        if team is None and workload is None and job_id is not None:
            job = by_job.get(job_id)
            team = job["account"] if job else None
            workload = job["name"] if job else f"job {job_id}"
        named[names] = number(team, workload, model)
    standby = frozenset(
        number
        for (team, workload, _), number in found.items()
        if any(
            (s.team is None or aliases.get(s.team, s.team) == team)
            and (s.workload is None or s.workload == workload)
            for s in fleet.declared.standby
        )
    )
    return list(found), Owners(named, standby - {0}), of_job


def _powers(
    connection: duckdb.DuckDBPyConnection,
    machines: Sequence[Machine],
    grid: Grid,
    catalog: Catalog,
) -> tuple[dict[str, Powers], list[Note]]:
    """By node: the powers of its GPUs, by the catalogue or their samples."""
    rows = connection.execute(
        """select gpu_name, quantile_cont(power_w, 0.05) from samples
        where t >= $1 and t < $2 and power_w is not null and team is null and workload is null
          and model is null and job_id is null
        group by gpu_name""",
        [grid.start, grid.end],
    ).fetchall()
    seen: dict[str | None, float] = {}
    for name, watts in rows:
        id = gpu_id(name, catalog)
        seen[id] = min(watts, seen.get(id, watts))
    found, notes = {}, {}
    for machine in machines:
        gpu = catalog.gpus.get(machine.gpu or "")
        known = [w for w in (gpu.idle_w if gpu else None, seen.get(machine.gpu)) if w is not None]
        tdp = gpu.tdp_w if gpu else None
        idle = min(known) if known else IDLE_SHARE_OF_TDP * (tdp or 0.0)
        most = math.inf if tdp is None else _MOST_OF_TDP * tdp
        found[machine.node] = Powers(IDLE_POWER_FACTOR * idle, most)
        if gpu is not None and gpu.idle_w is None and machine.devices:
            source = "its samples" if known else f"{IDLE_SHARE_OF_TDP:.0%} of its TDP"
            what = f"the catalogue has no idle power of {gpu.id}: taken from {source}"
            notes[gpu.id] = Note("unknown_gpu", None, what)
    return found, list(notes.values())


def _hours(machine: Machine, billed: set[int], grid: Grid) -> dict[int, int]:
    """The hours in which a machine was there, with their seconds within the span.

    It was there in each hour that was billed, and from its first sample to its last.
    """
    found = set(billed)
    first, last = machine.first, machine.last
    if first is not None and last is not None:
        found |= set(range(max(first, grid.start) // HOUR_S, min(last, grid.end - 1) // HOUR_S + 1))
    elif not found:
        found = set(range(grid.start // HOUR_S, -(-grid.end // HOUR_S)))
    within = {
        hour: min(grid.end, (hour + 1) * HOUR_S) - max(grid.start, hour * HOUR_S)
        for hour in sorted(found)
    }
    return {hour: seconds for hour, seconds in within.items() if seconds > 0}


def _priced(
    machines: Sequence[Machine], hours: Mapping[str, Mapping[int, int]], prices: Sequence[Price]
) -> Charges:
    """The charges of a price book: a rate per GPU-hour, times the GPU-hours that were there."""
    effective = {
        (m.node, hour): round(rate * MICRO * len(m.slots) * seconds / HOUR_S)
        for m in machines
        if (rate := rate_of(m.node, m.gpu, prices)) is not None
        for hour, seconds in hours[m.node].items()
    }
    return Charges(effective, dict(effective), None, None, ())


def _add_jobs(
    connection: duckdb.DuckDBPyConnection,
    fleet: Fleet,
    machines: Sequence[Machine],
    jobs: Sequence[Mapping[str, Any]],
    of_job: Sequence[int],
    hours: Mapping[str, Mapping[int, int]],
    grid: Grid,
) -> None:
    """Cells of machines that the scheduler alone knows."""
    named = {node for job in jobs for node in job["nodes"] or ()}
    rows = [
        row
        for machine in machines
        if not machine.devices and jobs
        if machine.node in named or machine.node in fleet.declared.slurm_nodes
        for row in cells_of(machine, jobs, of_job, hours[machine.node], grid)
    ]
    if rows:
        connection.register("of_jobs", _table(rows, CELLS))
        connection.execute("insert into cells select * from of_jobs")


def _add_no_data(
    connection: duckdb.DuckDBPyConnection,
    machines: Sequence[Machine],
    hours: Mapping[str, Mapping[int, int]],
) -> None:
    """What of each GPU-hour no cell holds: nothing is known of it. Cells of other hours go."""
    text, whole = pa.string(), pa.int64()
    slots = [(m.node, slot, i) for m in machines for i, slot in enumerate(m.slots)]
    times = [(node, hour, s) for node, one in hours.items() for hour, s in one.items()]
    slots_schema = pa.schema([("node", text), ("slot", pa.int32()), ("place", pa.int32())])
    connection.register("slots", _table(slots, slots_schema))
    times_schema = pa.schema([("node", text), ("hour", whole), ("seconds", whole)])
    connection.register("times", _table(times, times_schema))
    connection.execute("create table there as from slots join times using (node)")
    connection.execute(
        f"""delete from cells c where not exists (select 1 from there t
          where t.node = c.node and t.slot = c.slot and t.hour = c.hour);
        insert into cells
        with known as (
          select node, slot, hour, sum(weight)::bigint as weight from cells group by all)
        select t.node, t.slot, '', t.hour, 0, 'no_data',
          t.seconds * {WHOLE * SHARE} - coalesce(k.weight, 0), null, null, null, null, 0, 0, null, 0
        from there t left join known k using (node, slot, hour)
        where t.seconds * {WHOLE * SHARE} > coalesce(k.weight, 0)"""
    )


def _table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    return pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)


def _add_prices(
    connection: duckdb.DuckDBPyConnection, machines: Sequence[Machine], charges: Charges
) -> None:
    """The table `price`: micro-units of each GPU-hour, what is left over to the lowest slots."""
    sizes = {m.node: len(m.slots) for m in machines}
    rows = [
        (node, hour, sizes[node], micro, charges.listed[node, hour])
        for (node, hour), micro in charges.effective.items()
    ]
    whole = [(name, pa.int64()) for name in ("hour", "gpus", "usd", "list")]
    connection.register("charged", _table(rows, pa.schema([("node", pa.string()), *whole])))
    usd, listed = floored("c.usd", "c.gpus"), floored("c.list", "c.gpus")
    connection.execute(
        f"""create table price as
        select t.node, t.slot, t.hour,
          coalesce({usd} + (t.place < c.usd - {usd} * c.gpus)::bigint, 0) as usd,
          coalesce({listed} + (t.place < c.list - {listed} * c.gpus)::bigint, 0) as list
        from there t left join charged c on c.node = t.node and c.hour = t.hour"""
    )


def _shares(
    connection: duckdb.DuckDBPyConnection,
    sql: Sql,
    machines: Sequence[Machine],
    owners: Sequence[Owner],
) -> pa.Table:
    """The cells with their shares of the price of their GPU-hour, by largest remainder."""
    text = pa.string()
    names = [(n, text) for n in ("team", "workload", "model")]
    named = [(number, *owner) for number, owner in enumerate(owners)]
    sql.register("named", _table(named, pa.schema([("owner", pa.int32()), *names])))
    kinds = [(m.node, m.gpu) for m in machines]
    sql.register("kind_of", _table(kinds, pa.schema([("node", text), ("gpu", text)])))
    for name in ("cells", "price"):
        sql.take(connection, name)
    # usd * weight may be more than 64 bits: whole parts of usd / total first, then the rest's
    return sql.ask(
        f"""with weighed as (
          select c.*, p.usd, p.list,
            (sum(c.weight) over (partition by c.node, c.slot, c.hour))::bigint as total
          from cells c join price p on p.node = c.node and p.slot = c.slot and p.hour = c.hour),
        divided as (select *, {floored("usd", "total")} as each from weighed),
        parted as (select *, (usd - each * total) * weight as amount from divided),
        least_of as (select *, each * weight + amount // total as least from parted),
        ranked as (
          select f.*, n.team, n.workload, n.model,
            usd - sum(least) over (partition by node, slot, hour) as left_over,
            row_number() over (partition by node, slot, hour
              order by amount % total desc, device, coalesce(team, ''),
                coalesce(workload, ''), coalesce(model, ''), kind) as place
          from least_of f join named n on n.owner = f.owner)
        select r.hour, r.team, r.workload, r.model, k.gpu, r.node,
          nullif(r.device, '') as device, r.slot, r.kind,
          r.weight / {float(HOUR_S * WHOLE * SHARE)}::double as hours,
          (r.least + (r.place <= r.left_over)::bigint)::bigint as usd_micro,
          round(r.list::double * r.weight / r.total)::bigint as list_micro,
          r.engine as engine_active, r.sm as sm_active, r.power as power_w,
          r.running as requests_running, r.tokens_in, r.tokens_out, r.tokens_cached,
          r.joules
        from ranked r join kind_of k on k.node = r.node
        order by node, slot, hour, device, team, workload, model, kind"""
    )


def _shared_by(machines: Sequence[Machine]) -> tuple[str, ...]:
    shared = {m.shared for m in machines if m.shared and m.devices}
    return ("engine_activity", "request") if shared & SHARING else ()


def _notes(
    connection: duckdb.DuckDBPyConnection,
    fleet: Fleet,
    machines: Sequence[Machine],
    resets: Mapping[str, int],
    grid: Grid,
    unbilled: Sequence[str],
) -> Iterator[Note]:
    for node in unbilled:
        yield Note("no_bill", node, "has no line on the bill: its hours cost 0 here")
    for node, count in resets.items():
        yield Note("counter_reset", node, f"an energy counter began again {count} times")
    late = connection.execute(
        """select node, count(*), min(t), max(t) from samples where t < $1 or t >= $2
        group by node order by node""",
        [grid.start, grid.end],
    ).fetchall()
    for node, count, first, last in late:
        what = f"{count} samples lie outside of the bill's span: {utc(first)} to {utc(last)}"
        yield Note("future_samples", node, what)
    there = {m.node for m in machines if m.devices}
    gaps = connection.execute(
        """select node, sum(weight) from cells where kind = 'no_data' group by node order by node"""
    ).fetchall()
    for node, weight in gaps:
        if node in there:
            hours = weight / (HOUR_S * WHOLE * SHARE)
            yield Note("gap", node, f"nothing is known of {hours:,.2f} GPU-hours")
    for old, new in fleet.declared.team_aliases.items():
        yield Note("team_alias", None, f"{old} counts as {new}")
    for job in fleet.jobs.to_pylist():
        if job["gpus"] and job["start"] is not None and job["end"] is None:
            yield Note(
                "running_job", (job["nodes"] or [None])[0], f"job {job['job_id']} still runs"
            )


def _sorted_notes(notes: Sequence[Note]) -> list[Note]:
    return sorted(set(notes), key=lambda n: (n.code, n.node or "", n.detail))
