"""Samples -> how long each device did what for whom in each hour.

The time is cut into intervals of the fleet's resolution. One sample counts for a device and an
interval: that of the first scraper by name, the latest of those. A hole of at most five minutes is
bridged by the sample before it. Weights are seconds x compute slices x SHARE, integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import duckdb
import pyarrow as pa

from gpumix.telemetry.machines import WHOLE, Machine
from gpumix.telemetry.store import LONGEST_HOLE_S

SHARE: Final = 5040
"""Parts of a device that several owners have at one time: many numbers divide it."""
_BATCH: Final = 4_000_000
"""Samples that are worked on at a time."""

CELLS: Final = """create table cells (
    node varchar, slot integer, device varchar, hour bigint, owner integer, kind varchar,
    weight bigint, engine double, sm double, power double, running double,
    tokens_in double, tokens_out double, joules double)"""
"""`engine`, `sm`, `power`, `running` are means over the weight; owner 0 is nobody."""


@dataclass(frozen=True, slots=True)
class Grid:
    """The cut of [start, end) [s] into intervals of `step` s, and what makes a device idle."""

    start: int
    end: int
    step: int
    idle_engine: float
    idle_run_s: int

    @property
    def origin(self) -> int:
        """Where interval 0 begins: the whole hour [s]."""
        return self.start // 3600 * 3600


@dataclass(frozen=True, slots=True)
class Powers:
    """Of a GPU [W]: below which a quiet one counts as idle, and what it never draws more than."""

    idle_w: float
    most_w: float


@dataclass(frozen=True, slots=True)
class Owners:
    """Team, workload, model and job as samples name them -> number of the owner.

    `standby` are owners whose idle time is meant.
    """

    numbers: Mapping[tuple[str | None, ...], int]
    standby: frozenset[int]


def fill_cells(
    connection: duckdb.DuckDBPyConnection,
    machines: Sequence[Machine],
    owners: Owners,
    powers: Mapping[str, Powers],
    grid: Grid,
) -> dict[str, int]:
    """Add the cells of every machine with samples to the table `cells`.

    `powers` are those of each node's GPUs.

    Returns: by node, how often a counter was reset.
    """
    _register_names(connection, machines, owners, powers)
    resets: dict[str, int] = {}
    for nodes in _batches(machines):
        _pick(connection, nodes, grid)
        if not _cover(connection, grid):
            _choose(connection)
            _cover(connection, grid)
        _count_tokens(connection)
        _mark_idle(connection, grid)
        _sum(connection, grid)
        _sum_empty_slices(connection, grid)
        found = connection.execute(
            "select node, count(*) from covered join device using (dev) where reset group by node"
        )
        resets |= dict(found.fetchall())
    return resets


def _batches(machines: Sequence[Machine]) -> Iterator[list[str]]:
    batch: list[str] = []
    samples = 0
    for machine in machines:
        size = sum(device.seen.samples for device in machine.devices)
        if not size:
            continue
        if batch and samples + size > _BATCH:
            yield batch
            batch, samples = [], 0
        batch.append(machine.node)
        samples += size
    if batch:
        yield batch


def _register_names(
    connection: duckdb.DuckDBPyConnection,
    machines: Sequence[Machine],
    owners: Owners,
    powers: Mapping[str, Powers],
) -> None:
    """Tables of small things: places of devices, devices, owners."""
    places: list[dict[str, object]] = []
    uuids: dict[str, int] = {}
    devices: dict[tuple[str, int, str | None], dict[str, object]] = {}
    for machine in machines:
        for device in machine.devices:
            seen = device.seen
            key = machine.node, device.slot, seen.mig_id
            one = devices.setdefault(
                key,
                {
                    "dev": len(devices),
                    "node": machine.node,
                    "slot": device.slot,
                    "device": device.name,
                    "slices": device.slices,
                    "is_mig": seen.mig_id is not None or seen.mig is not None,
                    "replicas": machine.replicas if machine.shared in _SHARES else 1,
                    "idle_w": powers[machine.node].idle_w,
                    "most_w": powers[machine.node].most_w,
                },
            )
            places.append(
                {
                    "node": seen.node,
                    "gpu": seen.gpu,
                    "index": seen.index,
                    "mig_id": seen.mig_id,
                    "mig": seen.mig,
                    "dev": one["dev"],
                    "uuid": uuids.setdefault(seen.gpu, len(uuids)),
                }
            )
    named = [
        dict(zip(("team", "workload", "model", "job_id"), key, strict=True))
        | {"owner": number, "standby": number in owners.standby}
        for key, number in owners.numbers.items()
    ]
    text = pa.string()
    connection.register("place", pa.Table.from_pylist(places, schema=_PLACE))
    connection.register("device", pa.Table.from_pylist(list(devices.values()), schema=_DEVICE))
    owner_schema = pa.schema(
        [(n, text) for n in ("team", "workload", "model", "job_id")]
        + [("owner", pa.int32()), ("standby", pa.bool_())]
    )
    connection.register("owned", pa.Table.from_pylist(named, schema=owner_schema))


_SHARES: Final = ("time-slicing", "mps")
_PLACE: Final = pa.schema(
    [
        ("node", pa.string()),
        ("gpu", pa.string()),
        ("index", pa.int32()),
        ("mig_id", pa.string()),
        ("mig", pa.string()),
        ("dev", pa.int32()),
        ("uuid", pa.int32()),
    ]
)
_DEVICE: Final = pa.schema(
    [
        ("dev", pa.int32()),
        ("node", pa.string()),
        ("slot", pa.int32()),
        ("device", pa.string()),
        ("slices", pa.int32()),
        ("is_mig", pa.bool_()),
        ("replicas", pa.int32()),
        ("idle_w", pa.float64()),
        ("most_w", pa.float64()),
    ]
)


def _pick(connection: duckdb.DuckDBPyConnection, nodes: list[str], grid: Grid) -> None:
    """`picked`: samples of some nodes within the span, with numbers for names."""
    connection.execute(
        """create or replace temp table picked as
        select p.dev, ((s.t - $origin) // $step)::integer as iv, o.owner, o.standby, s.t,
          coalesce(s.scraper, '') as scraper, p.uuid,
          coalesce(s.engine_active, s.util) as engine, s.sm_active as sm, s.power_w as power,
          s.energy_mj_total as energy, s.tokens_in_total as tokens_in,
          s.tokens_out_total as tokens_out, s.requests_running as running
        from samples s
        join place p on s.node = p.node and s.gpu = p.gpu
          and s."index" is not distinct from p."index"
          and s.mig_id is not distinct from p.mig_id and s.mig is not distinct from p.mig
        join owned o on s.team is not distinct from o.team
          and s.workload is not distinct from o.workload
          and s.model is not distinct from o.model and s.job_id is not distinct from o.job_id
        where s.t >= $start and s.t < $end and list_contains($nodes, s.node)""",
        {
            "origin": grid.origin,
            "step": grid.step,
            "start": grid.start,
            "end": grid.end,
            "nodes": nodes,
        },
    )
    connection.execute(
        """create or replace temp table sharers
        (dev integer, iv integer, owner integer, share integer)"""
    )


def _choose(connection: duckdb.DuckDBPyConnection) -> None:
    """`picked`: one sample a device and interval and owner; `sharers`: owners at one time."""
    connection.execute(
        """create or replace temp table first_scraper as select * from picked
        qualify scraper = min(scraper) over (partition by dev, iv);
        create or replace temp table latest as
        select * replace (avg(power) over (partition by dev, iv) as power) from first_scraper
        qualify t = max(t) over (partition by dev, iv);
        create or replace temp table picked as
        select * from latest
        qualify row_number() over (partition by dev, iv, owner
            order by engine desc nulls last, tokens_in desc nulls last, energy desc nulls last) = 1
          and (owner <> 0 or max(owner) over (partition by dev, iv) = 0)"""
    )
    # Owners at one time are told apart by their activity where it differs, else by request: one
    # of the node's shares each, the shares that nobody asked for left to nobody.
    connection.execute(
        f"""insert into sharers
        with many as (
          select dev, iv, owner, coalesce(engine, 0) as engine, replicas,
            count(*) over at_once as n, sum(coalesce(engine, 0)) over at_once as total,
            max(engine) over at_once > min(engine) over at_once as differs
          from picked join device using (dev)
          window at_once as (partition by dev, iv)),
        parted as (
          select *, case when differs and total > 0 then floor({SHARE} * engine / total)
            else floor({SHARE} / greatest(n, replicas)) end::integer as part
          from many where n > 1),
        summed as (
          select *, sum(part) over (partition by dev, iv) as parts,
            row_number() over (partition by dev, iv order by owner) as place from parted)
        select dev, iv, owner, part + case when place = 1 and (differs or n >= replicas)
          then {SHARE} - parts else 0 end::integer from summed
        union all
        select dev, iv, 0, {SHARE} - max(parts) from summed
        where not (differs or n >= replicas) group by dev, iv"""
    )


def _cover(connection: duckdb.DuckDBPyConnection, grid: Grid) -> bool:
    """`covered`: one row a device and interval, with the intervals that it stands for.

    `mj` is what the energy counter rose by since the sample before, null where there is none. A
    counter that fell counts from 0, but not more than the GPU can have drawn. `at` is the interval
    of the sample: what covers more than one hour is cut, and `iv` is where the part begins.

    Returns: whether each device has one sample an interval.
    """
    bridge = LONGEST_HOLE_S // grid.step
    intervals = -((grid.origin - grid.end) // grid.step)
    per_hour = 3600 // grid.step
    once = """select dev, iv, any_value(case when many then -1 else owner end) as owner,
        bool_or(standby) as standby, max(uuid) as uuid, max(engine) as engine, max(sm) as sm,
        max(power) as power, max(energy) as energy, max(running) as running
      from (select p.*, s.dev is not null as many from picked p
        left join (select distinct dev, iv from sharers) s using (dev, iv))
      group by dev, iv"""
    source = f"({once})" if _has_sharers(connection) else "picked"
    connection.execute(
        f"""create or replace temp table covered as
        with beside as (
          select dev, iv, owner, standby, uuid, engine, sm, power, energy, running,
            lead(iv, 1, {intervals}) over w as next, lead(iv) over w is not null as goes_on,
            lag(energy ignore nulls) over w as energy_before, lag(uuid) over w as uuid_before,
            lag(iv) over w as iv_before
          from {source} window w as (partition by dev order by iv))
        select dev, iv, iv as at, owner, standby, engine, sm, power, running, next, goes_on,
          case when next - iv - 1 <= {bridge} then next - iv else 1 end as cover,
          case when energy is null then null
            when energy_before is null or uuid <> uuid_before then 0
            when energy >= energy_before then energy - energy_before
            when energy > 1000 * most_w * (iv - iv_before) * {grid.step} then 0
            else energy end as mj,
          coalesce(energy < energy_before and uuid = uuid_before, false) as reset
        from beside join device using (dev);
        insert into covered
        select * replace ((iv // {per_hour} + 1) * {per_hour} as iv,
          iv + cover - (iv // {per_hour} + 1) * {per_hour} as cover, mj * 0 as mj, false as reset)
        from covered where iv % {per_hour} + cover > {per_hour};
        update covered set cover = {per_hour} - iv % {per_hour}
        where iv % {per_hour} + cover > {per_hour}"""
    )
    return connection.execute("select 1 from covered where cover = 0 limit 1").fetchone() is None


def _has_sharers(connection: duckdb.DuckDBPyConnection) -> bool:
    return connection.execute("select 1 from sharers limit 1").fetchone() is not None


def _count_tokens(connection: duckdb.DuckDBPyConnection) -> None:
    """`served`: what the counters of tokens of one owner on one device rose by."""

    def rise(name: str) -> str:
        before = f"lag({name} ignore nulls) over w"
        return f"""case when {name} is null or {before} is null then 0
            when {name} >= {before} then {name} - {before} else {name} end"""

    connection.execute(
        f"""create or replace temp table served as
        select * from (
          select dev, iv, owner,
            {rise("tokens_in")} as tokens_in, {rise("tokens_out")} as tokens_out
          from picked where tokens_in is not null or tokens_out is not null
          window w as (partition by dev, owner order by iv))
        where tokens_in > 0 or tokens_out > 0"""
    )


def _mark_idle(connection: duckdb.DuckDBPyConnection, grid: Grid) -> None:
    """`idle`: devices and intervals that an owner left idle for long enough."""
    least = -(-grid.idle_run_s // grid.step)
    connection.execute(
        f"""create or replace temp table idle as
        with quiet as (
          select dev, iv, owner, cover from covered join device using (dev)
          where owner > 0 and not standby and engine < {grid.idle_engine}
            and (power is null or power < idle_w)),
        runs as (
          select *, iv + cover - sum(cover) over (partition by dev, owner order by iv) as run
          from quiet)
        select dev, iv from runs
        qualify sum(cover) over (partition by dev, owner, run) >= {least}"""
    )


def _sum(connection: duckdb.DuckDBPyConnection, grid: Grid) -> None:
    """Add to `cells` what `covered` holds."""
    per_hour = 3600 // grid.step
    first = grid.origin // 3600
    owner, share, sharers = "c.owner", f"{SHARE}", ""
    if _has_sharers(connection):
        owner, share = "coalesce(s.owner, c.owner)", f"coalesce(s.share, {SHARE})"
        sharers = "left join sharers s on c.owner = -1 and s.dev = c.dev and s.iv = c.at"
    connection.execute(
        f"""insert into cells
        with owned_now as (
          select c.* exclude (owner), {owner} as owner, {share} as share,
            case when {owner} = 0 then 'unallocated'
              when i.dev is not null then 'allocated_idle' else 'used' end as kind
          from covered c {sharers}
          left join idle i on i.dev = c.dev and i.iv = c.iv),
        summed as (
          select c.dev, c.iv // {per_hour} as hour, c.owner, c.kind,
            sum(c.cover::bigint * c.share) as weight,
            sum(c.engine * c.cover) / nullif(sum(c.cover) filter (c.engine is not null), 0)
              as engine,
            avg(c.sm) as sm, avg(c.power) as power, avg(c.running) as running,
            coalesce(sum(t.tokens_in), 0) as tokens_in,
            coalesce(sum(t.tokens_out), 0) as tokens_out,
            sum(coalesce(c.mj / 1000, c.power * c.cover * {grid.step}, 0) * c.share) as joules
          from owned_now c
          left join served t on t.dev = c.dev and t.iv = c.iv and t.owner = c.owner
          group by all)
        select d.node, d.slot, d.device, {first} + s.hour, s.owner, s.kind,
          (s.weight * {grid.step} * d.slices)::bigint, s.engine, s.sm, s.power, s.running,
          s.tokens_in, s.tokens_out, s.joules / {SHARE} * d.slices / {WHOLE}
        from summed s join device d using (dev)"""
    )


def _sum_empty_slices(connection: duckdb.DuckDBPyConnection, grid: Grid) -> None:
    """Add the slices of MIG GPUs that no instance has: they are nobody's.

    While an instance that comes back is not seen, its slices are held for it: no data.
    """
    per_hour = 3600 // grid.step
    bridge = LONGEST_HOLE_S // grid.step
    first = grid.origin // 3600
    connection.execute(
        f"""insert into cells
        with of_mig as (
          select c.*, d.node, d.slot, d.slices from covered c join device d using (dev)
          where d.is_mig),
        occupied as (
          select node, slot, unnest(range(iv, iv + cover)) as iv, slices, true as seen,
            power, case when mj is null then power * {grid.step} else 0 end as joules from of_mig
          union all
          select node, slot, unnest(range(iv + 1, next)), slices, false, null, 0 from of_mig
          where goes_on and next - iv - 1 > {bridge}
          union all
          select node, slot, iv, 0, false, null, mj / 1000 from of_mig where mj > 0),
        each as (
          select node, slot, iv, {WHOLE} - sum(slices) as free, max(power) as power,
            max(joules) as joules
          from occupied group by node, slot, iv
          having bool_or(seen) and sum(slices) < {WHOLE})
        select node, slot, '', {first} + iv // {per_hour}, 0, 'unallocated',
          sum(free * {grid.step} * {SHARE})::bigint, null, null, avg(power), null, 0, 0,
          coalesce(sum(joules * free / {WHOLE}), 0)
        from each group by all"""
    )
