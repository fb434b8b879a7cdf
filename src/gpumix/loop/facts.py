"""What was planned, and what of it a fleet's attributed hours show, by workload and day.

Workloads that share replicas are one group: nothing tells their tokens apart. Days are of UTC,
numbered from 1970.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, TypeAlias
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gpumix.domain.launch import Launch
from gpumix.domain.plan import Plan
from gpumix.domain.workload import Workload
from gpumix.loop.rules import Rules
from gpumix.loop.seen import Seen
from gpumix.loop.standing import months_between
from gpumix.plan.periods import Period, growth
from gpumix.telemetry.bill import Bill
from gpumix.telemetry.price_book import Price
from gpumix.values import FloatArray

if TYPE_CHECKING:
    from gpumix.catalog import Catalog

IntArray: TypeAlias = npt.NDArray[np.int64]
Names: TypeAlias = npt.NDArray[np.object_]
HOURS_A_DAY = 24
HOUR_S = 3600
DAY_S = HOURS_A_DAY * HOUR_S
EPOCH = date(1970, 1, 1)
LEAST_HOURS = HOURS_A_DAY // 2
"""Hours of a day that must be seen for it to count."""
_MOST_NO_DATA = 0.1
"""Share of a group's GPU-hours in an hour that may be unseen, for its demand to be known."""


@dataclass(frozen=True, slots=True)
class FleetHours:
    """Attributed hours by device and owner; all arrays are of shape [rows].

    `hour` counts from 1970 UTC; `size` in GPU-hours; `usd_micro` at EffectiveCost; `running` mean
    requests of a server, NaN but on its first GPU; tokens of the hour, 0 where none are counted.
    """

    hour: IntArray
    workload: Names
    model: Names
    gpu: Names
    node: Names
    slot: IntArray
    kind: Names
    size: FloatArray
    usd_micro: IntArray
    running: FloatArray
    tokens_in: FloatArray
    tokens_out: FloatArray


def hours_in(table: pa.Table) -> FleetHours:
    """The columns of attributed hours that are looked at."""

    def words(name: str) -> Names:
        return np.array(table[name].to_pylist(), dtype=object)

    def whole(name: str) -> IntArray:
        return np.asarray(table[name].to_numpy(), dtype=np.int64)

    def number(name: str) -> FloatArray:
        column = table[name].cast(pa.float64()).fill_null(math.nan)
        return np.array(column.to_numpy(), dtype=float)

    return FleetHours(
        whole("hour"), words("workload"), words("model"), words("gpu"), words("node"),
        whole("slot"), words("kind"), number("hours"), whole("usd_micro"),
        number("requests_running"), number("tokens_in"), number("tokens_out"),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Group:
    """Workloads of the plan that share replicas, and what is started for them."""

    members: tuple[Workload, ...]
    launches: tuple[Launch, ...]

    @property
    def name(self) -> str:
        """Their names together."""
        return "+".join(one.id for one in self.members)


def groups_of(plan: Plan, launches: Sequence[Launch]) -> tuple[Group, ...]:
    """The groups of a plan's workloads that answer text."""
    workloads = plan.inventory.workloads if plan.inventory else ()
    sets = [{one.id} for one in workloads if one.is_text and one.demand is not None]
    for launch in launches:
        met = [one for one in sets if one & set(launch.workloads)]
        if len(met) > 1:
            sets = [one for one in sets if one not in met] + [set().union(*met)]
    return tuple(
        Group(
            tuple(w for w in workloads if w.id in ids),
            tuple(one for one in launches if ids & set(one.workloads)),
        )
        for ids in sets
    )


@dataclass(frozen=True, slots=True)
class Days:
    """What a group asked for on each day that was seen; all arrays are of shape [days].

    Of the hours seen, `expected_*` is what the plan has in them and the others what came:
    `requests` NaN where no engine counts them.
    """

    day: IntArray
    tokens_in: FloatArray
    tokens_out: FloatArray
    requests: FloatArray
    expected_in: FloatArray
    expected_out: FloatArray
    expected_requests: FloatArray


@dataclass(frozen=True)
class Facts:
    """All that is known of a fleet and its plan. `names` maps the fleet's workloads to the plan's.

    `hours` are of all telemetry, `billed` of the bill's span with their cost; `bill` and `book` are
    empty where none was given; `holidays` are days without a usual demand."""

    plan: Plan
    groups: tuple[Group, ...]
    launches: tuple[Launch, ...]
    hours: FleetHours
    seen: Seen
    rules: Rules
    catalog: Catalog
    names: Mapping[str, str]
    billed: FleetHours | None = None
    bill: Bill | None = None
    book: tuple[Price, ...] = ()
    holidays: frozenset[str] = frozenset()

    @cached_property
    def span(self) -> tuple[int, int]:
        """First hour with samples, and the one after the last."""
        there = self.hours.hour[self.hours.kind != "no_data"]
        return (int(there.min()), int(there.max()) + 1) if len(there) else (0, 0)

    def planned_name(self, workload: str | None) -> str | None:
        """The plan's name of a workload of the fleet."""
        return None if workload is None else self.names.get(workload, workload)

    def rows(self, group: Group) -> IntArray:
        """Rows of the fleet's hours that a group had."""
        ids = {one.id for one in group.members}
        own = {w for w in set(self.hours.workload.tolist()) if self.planned_name(w) in ids}
        is_own = np.array([w in own for w in self.hours.workload.tolist()], dtype=bool)
        return np.flatnonzero(is_own & (self.hours.kind != "no_data"))

    def hours_of_week(self, hours: IntArray) -> IntArray:
        """Hour of the week of each hour since 1970, in the plan's time zone (Monday 00:00 is 0)."""
        zone = ZoneInfo(self.plan.timezone or "UTC")
        distinct, at = np.unique(hours, return_inverse=True)
        local = [
            datetime.fromtimestamp(h * HOUR_S, UTC).astimezone(zone) for h in distinct.tolist()
        ]
        found = np.array([t.weekday() * HOURS_A_DAY + t.hour for t in local], dtype=np.int64)
        return np.asarray(found[at], dtype=np.int64)

    def growth(self, workload: Workload, hours: IntArray) -> FloatArray:
        """Planned demand of each hour over that of the plan's first year."""
        days, at = np.unique(hours // HOURS_A_DAY, return_inverse=True)
        months = [max(months_between(self.plan.start, date_of(day)), 0) for day in days.tolist()]
        grown = {month: growth(workload, Period(month, 1)) for month in set(months)}
        return np.array([grown[month] for month in months], dtype=float)[at]

    def days_of(self, group: Group) -> Days:
        """The demand of a group by day, beside the plan's for the hours that were seen."""
        rows, hours = self.rows(group), self.hours
        seen = self._seen_hours(rows)
        usual = [moment(h // HOURS_A_DAY)[:10] not in self.holidays for h in seen.tolist()]
        seen = seen[np.array(usual, dtype=bool)]
        rows = rows[np.isin(hours.hour[rows], seen)]
        days = np.unique(seen // HOURS_A_DAY)
        day = np.searchsorted(days, hours.hour[rows] // HOURS_A_DAY)

        def daily(values: FloatArray) -> FloatArray:
            return np.asarray(np.bincount(day, values[rows], len(days)), dtype=float)

        expected = [self._expected(one, seen, days) for one in group.members]
        requests, read, written = (np.sum([e[i] for e in expected], axis=0) for i in range(3))
        return Days(
            days,
            daily(hours.tokens_in),
            daily(hours.tokens_out),
            self._requests(group, days),
            read,
            written,
            requests,
        )

    def _expected(
        self, workload: Workload, hours: IntArray, days: IntArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        demand = workload.demand
        if demand is None:
            raise ValueError(f"{workload.id} has no demand")
        week = np.array(demand.units_per_hour)
        units = week[self.hours_of_week(hours)] * self.growth(workload, hours)
        day = np.searchsorted(days, hours // HOURS_A_DAY)
        requests = np.asarray(np.bincount(day, units, len(days)), dtype=float)
        return requests, requests * demand.input.mean, requests * demand.output.mean

    def _seen_hours(self, rows: IntArray) -> IntArray:
        """Hours in which the group's machines were seen, of days of which half was seen.

        A machine without samples may be gone; where the bill has it in that hour, the samples are.
        """
        hours = self.hours
        if not len(rows):
            return np.array([], dtype=np.int64)
        nodes = set(hours.node[rows].tolist())
        least = int(hours.hour[rows].min())
        size = _by_hour(hours, nodes, least, hours.kind != "no_data")
        seen = size > 0.0
        if self.billed is not None:
            is_lost = (self.billed.kind == "no_data") & (self.billed.usd_micro > 0)
            lost = _by_hour(self.billed, nodes, least, is_lost)[: len(size)]
            lost = np.pad(lost, (0, len(size) - len(lost)))
            seen &= lost <= _MOST_NO_DATA * (size + lost)
        there = np.flatnonzero(seen) + least
        _, at, count = np.unique(there // HOURS_A_DAY, return_inverse=True, return_counts=True)
        return np.asarray(there[(count >= LEAST_HOURS)[at]], dtype=np.int64)

    def _requests(self, group: Group, days: IntArray) -> FloatArray:
        ids = {one.id for one in group.members}
        found = np.zeros(len(days))
        counted = np.zeros(len(days), dtype=bool)
        for (workload, day), count in self.seen.requests.items():
            at = np.searchsorted(days, day)
            if self.planned_name(workload) in ids and at < len(days) and days[at] == day:
                found[at] += count
                counted[at] = True
        return np.where(counted, found, np.nan)


def _by_hour(
    hours: FleetHours, nodes: set[str], least: int, chosen: npt.NDArray[np.bool_]
) -> FloatArray:
    """GPU-hours of chosen rows of some nodes in each hour from `least` on."""
    own = chosen & (hours.hour >= least)
    rows = [row for row in np.flatnonzero(own).tolist() if hours.node[row] in nodes]
    if not rows:
        return np.zeros(0)
    return np.asarray(np.bincount(hours.hour[rows] - least, hours.size[rows]))


def date_of(day: int) -> date:
    """The date of a day that is numbered from 1970."""
    return EPOCH + timedelta(days=day)


def moment(day: int) -> str:
    """The start of a day, RFC 3339.

    >>> moment(20744)
    '2026-10-18T00:00:00Z'
    """
    return datetime.fromtimestamp(day * DAY_S, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def joined(words: Iterable[str]) -> str:
    """Words in order, each once."""
    return ", ".join(sorted(set(words)))
