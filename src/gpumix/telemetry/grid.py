"""Samples -> how long each device did what for whom in each hour.

The time is cut into intervals of the fleet's resolution. One sample counts for a device and an
interval: that of the first scraper by name, the latest of those. A hole of at most five minutes is
bridged by the sample before it. Weights are seconds x compute slices x SHARE, integers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from gpumix.telemetry.machines import SHARING, WHOLE, Machine
from gpumix.telemetry.samples import LOOK_BACK_S
from gpumix.telemetry.sql import Sql, mean

SHARE: Final = 5040
"""Parts of a device that several owners have at one time: many numbers divide it."""

CELLS: Final = pa.schema(
    [
        ("node", pa.string()),
        ("slot", pa.int32()),
        ("device", pa.string()),
        ("hour", pa.int64()),
        ("owner", pa.int32()),
        ("kind", pa.string()),
        ("weight", pa.int64()),
        ("engine", pa.float64()),
        ("sm", pa.float64()),
        ("power", pa.float64()),
        ("running", pa.float64()),
        ("tokens_in", pa.float64()),
        ("tokens_out", pa.float64()),
        ("tokens_cached", pa.float64()),
        ("joules", pa.float64()),
    ]
)
"""Of cells: what one owner had of a device in an hour, in one way.

`engine`, `sm`, `power`, `running` are means over the time; owner 0 is nobody. Of
`tokens_in`, `tokens_cached` were found in the cache; null where no engine says it."""


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


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of some machines, and how often a counter was reset, by node."""

    table: pa.Table
    resets: Mapping[str, int]


def cells_of_samples(
    sql: Sql,
    machines: Sequence[Machine],
    owners: Owners,
    powers: Mapping[str, Powers],
    grid: Grid,
) -> Iterator[Cells]:
    """The cells of every machine with samples, as many machines at a time as the place likes.

    `powers` are those of each node's GPUs.
    """
    _register_owners(sql, owners)
    for some in _batches(machines, sql.samples_at_once):
        places = _register_devices(sql, some, powers)
        picked = f"({_picked(places, owners, grid)}) picked"
        shared = False
        if not _cover(sql, picked, grid):
            shared = _choose(sql, picked)
            picked = "chosen"
            _cover(sql, _ONCE if shared else picked, grid)
        _count_tokens(sql, picked)
        _mark_idle(sql, grid)
        resets = sql.ask(
            "select d.node, count(*) as resets from covered c join device d on d.dev = c.dev "
            "where c.reset group by d.node"
        )
        found = [sql.ask(_summed(grid, shared)), sql.ask(_empty_slices(grid))]
        yield Cells(
            pa.concat_tables(table.cast(CELLS) for table in found),
            dict(zip(*(resets[name].to_pylist() for name in ("node", "resets")), strict=True)),
        )


def _batches(machines: Sequence[Machine], most: int | None) -> Iterator[list[Machine]]:
    batch: list[Machine] = []
    samples = 0
    for machine in machines:
        size = sum(device.seen.samples for device in machine.devices)
        if not size:
            continue
        if batch and most is not None and samples + size > most:
            yield batch
            batch, samples = [], 0
        batch.append(machine)
        samples += size
    if batch:
        yield batch


def _register_devices(
    sql: Sql, machines: Sequence[Machine], powers: Mapping[str, Powers]
) -> list[dict[str, object]]:
    """Tables of small things: devices, and the places that samples name, which are returned."""
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
                    "replicas": machine.replicas if machine.shared in SHARING else 1,
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
    sql.register("place", pa.Table.from_pylist(places, schema=_PLACE))
    sql.register("device", pa.Table.from_pylist(list(devices.values()), schema=_DEVICE))
    return places


def _register_owners(sql: Sql, owners: Owners) -> None:
    named = [
        dict(zip(_OWNER, key, strict=True)) | {"owner": number, "standby": number in owners.standby}
        for key, number in owners.numbers.items()
    ]
    sql.register("owned", pa.Table.from_pylist(named, schema=_OWNED))


_OWNER: Final = ("team", "workload", "model", "job_id")
_OWNED: Final = pa.schema(
    [(name, pa.string()) for name in _OWNER] + [("owner", pa.int32()), ("standby", pa.bool_())]
)
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


def _matching(places: Sequence[Mapping[str, object]], owners: Owners) -> tuple[str, str]:
    """The conditions under which a sample is of a place, and of an owner, no more than it takes:
    to compare texts that cannot differ is what costs most."""
    of_place = ["s.node = p.node", "s.gpu = p.gpu"]
    if len({(one["node"], one["gpu"]) for one in places}) < len(places):
        of_place += [_same("s", "p", name) for name in ("index", "mig_id", "mig")]
    named = list(zip(*owners.numbers, strict=True)) or [()] * len(_OWNER)
    said = [name for name, words in zip(_OWNER, named, strict=True) if any(words)]
    of_owner = [_same("s", "o", name) for name in said]
    return " and ".join(of_place), " and ".join(of_owner) or "true"


def _same(left: str, right: str, name: str) -> str:
    return f'{left}."{name}" is not distinct from {right}."{name}"'


def _picked(places: Sequence[Mapping[str, object]], owners: Owners, grid: Grid) -> str:
    """A statement: samples of the registered places within the span, with numbers for names.

    It is asked anew by each that reads it: to write its rows down costs more than to read them.
    """
    of_place, of_owner = _matching(places, owners)
    return f"""select p.dev, ((s.t - {grid.origin}) // {grid.step})::integer as iv, o.owner, s.t,
          coalesce(s.scraper, '') as scraper, p.uuid,
          coalesce(s.engine_active, s.util) as engine, s.sm_active as sm, s.power_w as power,
          s.energy_mj_total as energy, s.tokens_in_total as tokens_in,
          s.tokens_out_total as tokens_out, s.tokens_cached_total as tokens_cached,
          s.requests_running as running
        from samples s
        join place p on {of_place}
        join owned o on {of_owner}
        where s.t >= {grid.start} and s.t < {grid.end}"""


_PICKED: Final = """dev, iv, owner, t, scraper, uuid, engine, sm, power, energy, tokens_in,
    tokens_out, tokens_cached, running"""


def _choose(sql: Sql, picked: str) -> bool:
    """`chosen`: one sample a device and interval and owner; `sharers`: owners at one time.

    Returns: whether a device had several owners at one time.
    """
    one_power = _PICKED.replace(" power,", " avg(power) over (partition by dev, iv) as power,")
    sql.keep(
        "chosen",
        f"""with first_scraper as (
          select {_PICKED} from {picked}
          qualify scraper = min(scraper) over (partition by dev, iv)),
        latest as (
          select {one_power} from first_scraper
          qualify t = max(t) over (partition by dev, iv))
        select {_PICKED} from latest
        qualify row_number() over (partition by dev, iv, owner
            order by engine desc nulls last, tokens_in desc nulls last, energy desc nulls last) = 1
          and (owner <> 0 or max(owner) over (partition by dev, iv) = 0)""",
    )
    # Owners at one time are told apart by their activity where it differs, else by request: one
    # of the node's shares each, the shares that nobody asked for left to nobody.
    sql.keep(
        "sharers",
        f"""with many as (
          select p.dev, p.iv, p.owner, coalesce(p.engine, 0) as engine, d.replicas,
            count(*) over at_once as n, sum(coalesce(p.engine, 0)) over at_once as total,
            max(p.engine) over at_once > min(p.engine) over at_once as differs
          from chosen p join device d on d.dev = p.dev
          window at_once as (partition by p.dev, p.iv)),
        parted as (
          select *, case when differs and total > 0 then floor({SHARE} * engine / total)
            else floor({SHARE} / greatest(n, replicas)) end::integer as part
          from many where n > 1),
        summed as (
          select *, sum(part) over (partition by dev, iv) as parts,
            row_number() over (partition by dev, iv order by owner) as place from parted)
        select dev, iv, owner, (part + case when place = 1 and (differs or n >= replicas)
          then {SHARE} - parts else 0 end)::integer as share from summed
        union all
        select dev, iv, 0, ({SHARE} - max(parts))::integer from summed
        where not (differs or n >= replicas) group by dev, iv""",
    )
    return int(sql.ask("select 1 as one from sharers limit 1").num_rows) > 0


_ONCE: Final = """(select dev, iv, max(case when many then -1 else owner end) as owner,
        max(uuid) as uuid, max(engine) as engine, max(sm) as sm,
        max(power) as power, max(energy) as energy, max(running) as running
      from (select c.*, s.at_dev is not null as many from chosen c
        left join (select distinct dev as at_dev, iv as at_iv from sharers) s
          on s.at_dev = c.dev and s.at_iv = c.iv) said
      group by dev, iv) once"""
"""SQL of `chosen` with one row a device and interval; owner -1 stands for several."""


def _cover(sql: Sql, picked: str, grid: Grid) -> bool:
    """`covered`: one row a device and interval, with the intervals that it stands for.

    `mj` is what the energy counter rose by since the sample before, null where there is none. A
    counter that fell counts from 0, but not more than the GPU can have drawn. `following` is the
    interval of the device's next sample, null where none follows.

    Returns: whether each device has one sample an interval.
    """
    bridge = LOOK_BACK_S // grid.step
    intervals = -((grid.origin - grid.end) // grid.step)
    sql.keep(
        "covered",
        f"""with beside as (
          select dev, iv, owner, uuid, engine, sm, power, energy, running,
            lead(iv) over w as following,
            lag(energy ignore nulls) over w as energy_before, lag(uuid) over w as uuid_before,
            lag(iv) over w as iv_before
          from {picked} window w as (partition by dev order by iv))
        select b.dev, iv, owner, engine, sm, power, running, following,
          case when coalesce(following, {intervals}) - iv - 1 <= {bridge}
            then coalesce(following, {intervals}) - iv else 1 end as cover,
          case when energy is null then null
            when energy_before is null or uuid <> uuid_before then 0
            when energy >= energy_before then energy - energy_before
            when energy > 1000 * d.most_w * (iv - iv_before) * {grid.step} then 0
            else energy end as mj,
          coalesce(energy < energy_before and uuid = uuid_before, false) as reset
        from beside b join device d on d.dev = b.dev""",
    )
    return int(sql.ask("select 1 as one from covered where cover = 0 limit 1").num_rows) == 0


def _count_tokens(sql: Sql, picked: str) -> None:
    """`served`: what the counters of tokens of one owner on one device rose by."""

    def rise(name: str) -> str:
        before = f"lag({name} ignore nulls) over w"
        return f"""case when {name} is null or {before} is null then 0
            when {name} >= {before} then {name} - {before} else {name} end"""

    sql.keep(
        "served",
        f"""select dev, iv, owner, tokens_in, tokens_out, tokens_cached from (
          select dev, iv, owner,
            {rise("tokens_in")} as tokens_in, {rise("tokens_out")} as tokens_out,
            case when tokens_cached is null then null else {rise("tokens_cached")} end
              as tokens_cached
          from {picked} where tokens_in is not null or tokens_out is not null
          window w as (partition by dev, owner order by iv)) risen
        where tokens_in > 0 or tokens_out > 0 or tokens_cached >= 0""",
    )


def _mark_idle(sql: Sql, grid: Grid) -> None:
    """`idle`: devices and intervals that an owner left idle for long enough."""
    least = -(-grid.idle_run_s // grid.step)
    sql.keep(
        "idle",
        f"""with quiet as (
          select c.dev, c.iv, c.owner, c.cover from covered c join device d on d.dev = c.dev
          where c.owner > 0 and c.owner not in (select owner from owned where standby)
            and c.engine < {grid.idle_engine}
            and (c.power is null or c.power < d.idle_w)),
        runs as (
          select *, iv + cover - sum(cover) over (partition by dev, owner order by iv) as run
          from quiet)
        select dev, iv from runs
        qualify sum(cover) over (partition by dev, owner, run) >= {least}""",
    )


def _summed(grid: Grid, shared: bool) -> str:
    """A statement: the cells of what `covered` holds; a row that reaches into the next hour is cut
    there, and what its counter rose by stays with its first part. `at` is the row's interval."""
    per_hour = 3600 // grid.step
    first = grid.origin // 3600
    owner, share, sharers = "c.owner", f"{SHARE}", ""
    if shared:
        owner, share = "coalesce(s.owner, c.owner)", f"coalesce(s.share, {SHARE})"
        sharers = "left join sharers s on c.owner = -1 and s.dev = c.dev and s.iv = c.at"
    drawn = f"floor(c.power * 1000 + 0.5)::bigint * c.cover * {grid.step}"
    return f"""with parts as (
          select dev, iv as at, iv, least(cover, {per_hour} - iv % {per_hour}) as cover,
            owner, engine, sm, power, running, mj from covered
          union all
          select dev, iv as at, (iv // {per_hour} + 1) * {per_hour},
            iv % {per_hour} + cover - {per_hour}, owner, engine, sm, power, running, mj * 0
          from covered where iv % {per_hour} + cover > {per_hour}),
        owned_now as (
          select c.dev, c.iv, c.cover, c.engine, c.sm, c.power, c.running, c.mj,
            {owner} as owner, {share} as share,
            case when {owner} = 0 then 'unallocated'
              when i.dev is not null then 'allocated_idle' else 'used' end as kind
          from parts c {sharers}
          left join idle i on i.dev = c.dev and i.iv = c.at),
        summed as (
          select c.dev, c.iv // {per_hour} as hour, c.owner, c.kind,
            sum(c.cover * c.share) as weight,
            {mean("c.engine", "c.cover")} as engine, {mean("c.sm")} as sm,
            {mean("c.power")} as power, {mean("c.running")} as running,
            coalesce(sum(t.tokens_in), 0) as tokens_in,
            coalesce(sum(t.tokens_out), 0) as tokens_out,
            sum(t.tokens_cached) as tokens_cached,
            sum(coalesce(floor(c.mj + 0.5)::bigint, {drawn}, 0) * c.share) as mj
          from owned_now c
          left join served t on t.dev = c.dev and t.iv = c.iv and t.owner = c.owner
          group by c.dev, c.iv // {per_hour}, c.owner, c.kind)
        select d.node, d.slot, d.device, {first} + s.hour as hour, s.owner, s.kind,
          (s.weight * {grid.step} * d.slices)::bigint as weight, s.engine, s.sm, s.power,
          s.running, s.tokens_in, s.tokens_out, s.tokens_cached,
          s.mj::double / {1000 * SHARE} * d.slices / {WHOLE} as joules
        from summed s join device d on d.dev = s.dev"""


def _empty_slices(grid: Grid) -> str:
    """A statement: cells of the slices of MIG GPUs that no instance has; they are nobody's.

    While an instance that comes back is not seen, its slices are held for it: no data.
    """
    per_hour = 3600 // grid.step
    bridge = LOOK_BACK_S // grid.step
    first = grid.origin // 3600
    drawn = f"floor(power * 1000 + 0.5)::bigint * {grid.step}"
    return f"""with of_mig as (
          select c.*, d.node, d.slot, d.slices from covered c join device d on d.dev = c.dev
          where d.is_mig),
        occupied as (
          select node, slot, unnest(generate_series(iv, iv + cover - 1)) as iv, slices,
            true as seen, power, case when mj is null then {drawn} else 0 end as mj from of_mig
          union all
          select node, slot, unnest(generate_series(iv + 1, following - 1)), slices, false, null, 0
          from of_mig where following - iv - 1 > {bridge}
          union all
          select node, slot, iv, 0, false, null, floor(mj + 0.5)::bigint from of_mig where mj > 0),
        each as (
          select node, slot, iv, {WHOLE} - sum(slices) as free, max(power) as power, max(mj) as mj
          from occupied group by node, slot, iv
          having bool_or(seen) and sum(slices) < {WHOLE})
        select node, slot, '' as device, {first} + iv // {per_hour} as hour, 0 as owner,
          'unallocated' as kind, sum(free * {grid.step * SHARE})::bigint as weight,
          null::double as engine, null::double as sm, {mean("power")} as power,
          null::double as running, 0::double as tokens_in, 0::double as tokens_out,
          null::double as tokens_cached,
          coalesce(sum(mj * free), 0)::double / {1000 * WHOLE} as joules
        from each group by node, slot, iv // {per_hour}"""
