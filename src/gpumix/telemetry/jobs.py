"""A scheduler's jobs -> cells of the machines that have no telemetry: what was allocated to whom.

How busy the GPUs were is not known there, so an allocated GPU counts as used.
"""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from gpumix.catalog.tables import read_packaged
from gpumix.telemetry.charges import HOUR_S
from gpumix.telemetry.grid import SHARE, Grid
from gpumix.telemetry.machines import WHOLE, Machine, gpus_of

_RULE: Final = ("failed_jobs", "states")


@functools.cache
def failed_states() -> frozenset[str]:
    """States of jobs whose work was lost, as data/audit_rules.csv has them; a time limit and a
    preemption are neither."""
    rows = read_packaged(
        "audit_rules.csv", lambda r: (r.text("class"), r.text("name"), r.text("value"))
    )
    return frozenset(word for *key, words in rows if tuple(key) == _RULE for word in words.split())


@dataclass(frozen=True, slots=True)
class Held:
    """A share of the GPU in a slot that a job held from `start` to `end` [s]."""

    slot: int
    job: int
    start: int
    end: int
    share: float


def job_span(jobs: pa.Table) -> tuple[int, int] | None:
    """The first start and the last end of any job [s]; None where none began."""
    times = [(row["start"], _end(row)) for row in jobs.to_pylist() if row["start"] is not None]
    known = [(start, end) for start, end in times if end is not None]
    if not known:
        return None
    return min(s for s, _ in known), max(e for _, e in known)


def held_on(machine: Machine, jobs: Sequence[Mapping[str, Any]], grid: Grid) -> Iterator[Held]:
    """Which job held which GPU of a machine; `job` is its place in `jobs`.

    A job of several nodes has its GPUs spread evenly over them.
    """
    mine = [
        (job["start"], grid.end if (end := _end(job)) is None else end, i)
        for i, job in enumerate(jobs)
        if job["start"] is not None and job["gpus"] and machine.node in (job["nodes"] or ())
    ]
    held: dict[int, list[Held]] = defaultdict(list)
    for start, end, i in sorted(mine):
        wanted = gpus_of(jobs[i]) / len(jobs[i]["nodes"])
        for slot in machine.slots:
            held[slot] = [one for one in held[slot] if one.end > start]
            free = 1.0 - sum(one.share for one in held[slot])
            share = min(1.0, wanted)
            if share <= 0.0 or free < share - 1e-9:
                continue
            wanted -= share
            one = Held(slot, i, start, end, share)
            held[slot].append(one)
            yield one


def cells_of(
    machine: Machine,
    jobs: Sequence[Mapping[str, Any]],
    owner_of: Sequence[int],
    hours: Mapping[int, int],
    grid: Grid,
) -> Iterator[tuple[object, ...]]:
    """Rows of the table `cells`; `hours` are the machine's, with the seconds [s] of each.

    `owner_of` is the number of each job's owner.
    """
    weights: dict[tuple[int, int, int], int] = defaultdict(int)
    for one in held_on(machine, jobs, grid):
        start, end = max(one.start, grid.start), min(one.end, grid.end)
        part = round(SHARE * one.share) * WHOLE
        for hour in range(start // HOUR_S, -(-end // HOUR_S)):
            seconds = min(end, (hour + 1) * HOUR_S) - max(start, hour * HOUR_S)
            if seconds > 0 and hour in hours:
                weights[one.slot, hour, owner_of[one.job]] += seconds * part
    taken: dict[tuple[int, int], int] = defaultdict(int)
    for (slot, hour, owner), weight in weights.items():
        taken[slot, hour] += weight
        yield _cell(machine, slot, hour, owner, "used", weight)
    for slot in machine.slots:
        for hour, seconds in hours.items():
            free = seconds * WHOLE * SHARE - taken[slot, hour]
            if free > 0:
                yield _cell(machine, slot, hour, 0, "unallocated", free)


def _cell(
    machine: Machine, slot: int, hour: int, owner: int, kind: str, weight: int
) -> tuple[object, ...]:
    unknown = (None, None, None, None)
    return (machine.node, slot, "", hour, owner, kind, weight, *unknown, 0.0, 0.0, None, 0.0)


def _end(job: Mapping[str, Any]) -> int | None:
    """When a job ended, or until when it is known to have run [s]: after its elapsed time, which no
    change of the clock touches."""
    if job["start"] is not None and job["elapsed_s"] is not None:
        return int(job["start"] + job["elapsed_s"])
    return None if job["end"] is None else int(job["end"])
