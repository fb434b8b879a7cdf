"""What the samples themselves tell of a day: requests, versions, and how requests bunch."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final

from gpumix.telemetry.store import Fleet

DAY_S: Final = 86_400
HOUR_S: Final = 3600

DayOf = tuple[str, int]
"""A workload of the fleet, and a day since 1970."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A version that a workload's replicas on one node ran on a day, with its number of samples.

    `what` is engine, driver or model.
    """

    day: int
    workload: str
    node: str
    what: str
    version: str
    samples: int


@dataclass(frozen=True, slots=True)
class Seen:
    """By workload and day: requests that ended [count]; the variance of requests running over their
    mean (1 for Poisson arrivals that wait for nothing); and the versions that ran."""

    requests: Mapping[DayOf, float] = field(default_factory=dict)
    peakedness: Mapping[DayOf, float] = field(default_factory=dict)
    ran: tuple[Ran, ...] = ()


_DEVICES: Final = """
with firsts as (
  select node, gpu, mig_id, min(coalesce(scraper, '')) as scraper from samples group by all),
mine as (
  select s.* from samples s join firsts f on s.node = f.node and s.gpu = f.gpu
    and s.mig_id is not distinct from f.mig_id and coalesce(s.scraper, '') = f.scraper
  where s.workload is not null)
"""
"""One scraper's samples of each device that somebody had."""


def look(fleet: Fleet, least_samples: float) -> Seen:
    """What the samples of a fleet tell; an hour of fewer than `least_samples` says nothing of how
    requests bunch."""
    with closing(fleet.connect()) as connection:
        requests = connection.execute(
            f"""{_DEVICES}, steps as (
              select workload, t // {DAY_S} as day, requests_total as now,
                lag(requests_total) over (
                  partition by workload, node, gpu, mig_id order by t) as before
              from mine where requests_total is not null)
            select workload, day, sum(case when now >= before then now - before else now end)
            from steps where before is not null group by all"""
        ).fetchall()
        bunched = connection.execute(
            f"""{_DEVICES}, sums as (
              select workload, t // $1 as interval, sum(running) as running from (
                select workload, t, node, gpu, mig_id, max(requests_running) as running
                from mine where requests_running is not null group by all)
              group by all),
            hours as (
              select workload, interval * $1 // {HOUR_S} as hour,
                var_samp(running) / nullif(avg(running), 0) as ratio
              from sums group by all having count(*) >= $2)
            select workload, hour // 24 as day, median(ratio) from hours
            where ratio is not null group by all""",
            [fleet.resolution_s, least_samples],
        ).fetchall()
        ran = connection.execute(
            f"""{_DEVICES}, said as (
              select t // {DAY_S} as day, workload, node,
                unnest(['engine', 'driver', 'model']) as what,
                unnest([engine_version, driver_version, model]) as version from mine)
            select day, workload, node, what, version, count(*) from said
            where version is not null group by all order by all"""
        ).fetchall()
    return Seen(
        {(workload, day): float(count) for workload, day, count in requests},
        {(workload, day): float(ratio) for workload, day, ratio in bunched},
        tuple(Ran(*row) for row in ran),
    )
