"""Attempts of jobs that came to nothing, and which attributed hours they took part in.

An attempt's part of an owner's hour on a device is its samples of all the owner's samples there;
where a node has no telemetry, the time for which the scheduler gave it the slot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from gpumix.audit.facts import Attempt, OwnedHours, Rules
from gpumix.telemetry.attribute import Attributed
from gpumix.telemetry.charges import HOUR_S
from gpumix.telemetry.grid import Grid
from gpumix.telemetry.jobs import held_on
from gpumix.telemetry.store import Fleet

_Place = tuple[str, int, int]
"""Node, slot, start of the hour [s]."""
_UNPLACED = -1
"""The slot of samples that do not say one: their UUID tells the device."""
_HELD = ("used", "allocated_idle")


@dataclass(frozen=True, slots=True)
class _Part:
    """An attempt's part [0-1] of what an owner had of a device in an hour."""

    attempt: int
    place: _Place
    device: str | None
    team: str | None
    workload: str | None
    part: float


def failed_attempts(
    fleet: Fleet,
    attributed: Attributed,
    shares: OwnedHours,
    rules: Rules,
) -> Iterator[Attempt]:
    """The attempts in a state that counts as failed, with their parts of the shares."""
    states = rules.words("failed_jobs", "states")
    jobs = fleet.jobs.to_pylist()
    every_s = fleet.declared.checkpoint_every_s
    lost = {i: job for i, job in enumerate(jobs) if _is_lost(job, states)}
    lost = {i: {**job, "since": _since(job, every_s)} for i, job in lost.items()}
    if not lost:
        return
    parts = [
        *_from_samples(fleet, jobs, lost),
        *_from_slots(fleet, attributed, jobs, lost),
    ]
    by_attempt: dict[int, dict[int, float]] = defaultdict(dict)
    rows = _rows(shares)
    aliases = fleet.declared.team_aliases
    for one in parts:
        node, slot, hour = one.place
        team = aliases.get(one.team, one.team) if one.team else None
        for row in rows.get((node, hour, team, one.workload), ()):
            if slot in (_UNPLACED, shares.slot[row]) and one.device in (None, shares.device[row]):
                by_attempt[one.attempt][row] = one.part
    for i, of_rows in by_attempt.items():
        job = lost[i]
        yield Attempt(
            job_id=str(job["job_id"]),
            state=_state(job),
            start=job["since"],
            end=_end(job),
            rows=np.array(list(of_rows), dtype=np.int64),
            parts=np.array(list(of_rows.values())),
            is_kept=str(job["name"]) in every_s,
        )


def _state(job: Mapping[str, Any]) -> str:
    """The state without what follows it: `CANCELLED by 1000`."""
    return str(job["state"] or "").split(" ")[0]


def _is_lost(job: Mapping[str, Any], states: frozenset[str]) -> bool:
    return _state(job) in states and job["start"] is not None and _end(job) > job["start"]


def _end(job: Mapping[str, Any]) -> int:
    """When an attempt ended [s]: after its elapsed time, which no change of the clock touches."""
    if job["elapsed_s"] is not None:
        return int(job["start"] + job["elapsed_s"])
    return int(job["end"] if job["end"] is not None else job["start"])


def _since(job: Mapping[str, Any], every_s: Mapping[str, float]) -> int:
    """From when on an attempt's work is lost [s]: its last checkpoint, else its start."""
    start, end = int(job["start"]), _end(job)
    every = every_s.get(str(job["name"]))
    return start if every is None else start + int((end - start) // every * every)


def _rows(shares: OwnedHours) -> dict[tuple[object, ...], list[int]]:
    """Rows of hours that somebody held, by node, hour, team and workload."""
    found: dict[tuple[object, ...], list[int]] = defaultdict(list)
    for row in np.flatnonzero(np.isin(shares.kind.astype(str), _HELD)).tolist():
        owner = (shares.team[row], shares.workload[row])
        found[shares.node[row], int(shares.hour[row]), *owner].append(row)
    return found


def _from_samples(
    fleet: Fleet, jobs: Sequence[Mapping[str, Any]], lost: Mapping[int, Mapping[str, Any]]
) -> Iterator[_Part]:
    """Parts by the samples that name a job."""
    attempts = [
        {"attempt": i, "job": name, "first": job["since"], "past": _end(job)}
        for i, job in lost.items()
        for name in {job["job_id"], job["job_raw"]} - {None}
    ]
    owners = {
        name: {"job": name, "account": job["account"], "name": job["name"]}
        for key in ("job_raw", "job_id")
        for job in jobs
        if (name := job[key])
    }
    with closing(fleet.connect()) as connection:
        connection.register("lost", pa.Table.from_pylist(attempts))
        connection.register("owners", pa.Table.from_pylist(list(owners.values())))
        rows = connection.execute(_parts_of(fleet)).fetchall()
    for attempt, node, slot, gpu, mig_id, hour, team, workload, part in rows:
        name = gpu if mig_id is None else f"{gpu}/{mig_id}"
        device = name if mig_id is not None or slot == _UNPLACED else None
        yield _Part(attempt, (node, slot, hour * HOUR_S), device, team, workload, part)


def _parts_of(fleet: Fleet) -> str:
    """A statement: of each attempt, its part of what an owner had of a device in an hour."""
    return f"""with nodes as (
          select distinct node from samples where job_id in (select job from lost)),
        named as (
          select s.node, s."index" as slot, s.gpu, s.mig_id, s.t, s.job_id, s.t // {HOUR_S} as hour,
            s.t // {fleet.resolution_s} as iv,
            case when s.team is null and s.workload is null then o.account else s.team end as team,
            case when s.team is null and s.workload is null then o.name else s.workload end
              as workload
          from samples s left join owners o on s.job_id = o.job
          where s.node in (select node from nodes)),
        own as (
          select l.attempt, n.node, n.slot, n.gpu, n.mig_id, n.hour, n.team, n.workload,
            count(distinct n.iv) as own
          from named n join lost l on n.job_id = l.job and n.t >= l.first and n.t < l.past
          group by all),
        everyone as (
          select node, gpu, mig_id, hour, team, workload, count(distinct iv) as everyone
          from named group by all)
        select o.attempt, o.node, coalesce(o.slot, {_UNPLACED}), o.gpu, o.mig_id, o.hour, o.team,
          o.workload, o.own / e.everyone
        from own o join everyone e on o.node = e.node and o.gpu = e.gpu and o.hour = e.hour
          and o.mig_id is not distinct from e.mig_id
          and o.team is not distinct from e.team and o.workload is not distinct from e.workload"""


def _from_slots(
    fleet: Fleet,
    attributed: Attributed,
    jobs: Sequence[Mapping[str, Any]],
    lost: Mapping[int, Mapping[str, Any]],
) -> Iterator[_Part]:
    """Parts by the slots that the scheduler gave, on nodes without telemetry."""
    with closing(fleet.connect()) as connection:
        rows = connection.execute("select distinct node from samples").fetchall()
    seen = {node for (node,) in rows}
    grid = Grid(attributed.start, attributed.end, fleet.resolution_s, 0.0, 0)
    for machine in attributed.machines:
        if machine.node in seen:
            continue
        own: dict[tuple[_Place, int], float] = defaultdict(float)
        whole: dict[tuple[_Place, object, object], float] = defaultdict(float)
        for held in held_on(machine, jobs, grid):
            job = jobs[held.job]
            for hour in range(held.start // HOUR_S, -(-held.end // HOUR_S)):
                start, end = hour * HOUR_S, (hour + 1) * HOUR_S
                time = held.share * (min(held.end, end) - max(held.start, start))
                place = (machine.node, held.slot, start)
                whole[place, job["account"], job["name"]] += time
                if held.job in lost:
                    since = max(held.start, start, lost[held.job]["since"])
                    own[place, held.job] += held.share * max(0, min(held.end, end) - since)
        for (place, i), time in own.items():
            job = jobs[i]
            total = whole[place, job["account"], job["name"]]
            if time > 0:
                yield _Part(i, place, None, job["account"], job["name"], time / total)
