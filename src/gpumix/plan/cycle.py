"""Time of the plan: one representative week per period, its hours grouped into a few blocks.

A block holds hours of the week whose demand is alike. Each workload's demand in a block is the
greatest of its hours, so a plan that covers every block covers every hour, the peak included;
the grouping is the one that wastes least by that. Hours inside and outside a workload's window
never share a block.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from gpumix.domain.workload import Inventory, Workload
from gpumix.plan.nights import hours_of
from gpumix.plan.periods import WEEKS_PER_YEAR, Period, active_months, growth, periods_of
from gpumix.units import HOURS_PER_WEEK


@dataclass(frozen=True, slots=True)
class Block:
    """Some hours of the week (0-167) in one period of the horizon."""

    id: str
    period: Period
    hours: tuple[int, ...]

    @property
    def hours_per_week(self) -> float:
        """Its hours in a mean week of a year, of which its period is a part [h]."""
        return len(self.hours) * self.period.share_of_year


@dataclass(frozen=True, slots=True)
class Cycle:
    """All blocks of the horizon; the cycle happens `repeat` times (weeks in a year)."""

    blocks: tuple[Block, ...]
    periods: tuple[Period, ...]
    repeat: float = WEEKS_PER_YEAR

    @property
    def years(self) -> int:
        """Years of the horizon."""
        return self.periods[-1].year + 1

    def of_period(self, period: Period) -> tuple[int, ...]:
        """Indices of the blocks of one period: they hold every hour of its week once."""
        return tuple(i for i, block in enumerate(self.blocks) if block.period == period)

    def of_year(self, year: int) -> tuple[int, ...]:
        """Indices of the blocks of all periods of one year."""
        return tuple(i for i, block in enumerate(self.blocks) if block.period.year == year)

    def first_week(self, workload: Workload) -> tuple[int, ...]:
        """Indices of the blocks of the first period in which a workload runs."""
        period = next((p for p in self.periods if active_months(workload, p)), self.periods[0])
        return self.of_period(period)

    def hours(self, block: int) -> float:
        """Hours of the horizon that a block stands for [h]."""
        return self.blocks[block].hours_per_week * self.repeat


def peak_demand(workload: Workload, block: Block) -> float:
    """Greatest hourly demand of the block [units/h]."""
    demand = workload.demand
    if demand is None:
        return 0.0
    return growth(workload, block.period) * max(demand.units_per_hour[h] for h in block.hours)


def highest_demand(workload: Workload, cycle: Cycle) -> float:
    """Greatest hourly demand of the horizon [units/h]."""
    return max(peak_demand(workload, block) for block in cycle.blocks)


def mean_demand(workload: Workload, block: Block) -> float:
    """Mean hourly demand of the block's hours [units/h]."""
    if workload.demand is None:
        return 0.0
    return math.fsum(demand_by_hour(workload, block)) / len(block.hours)


def demand_by_hour(workload: Workload, block: Block) -> tuple[float, ...]:
    """Demand in each of the block's hours [units/h]."""
    if workload.demand is None:
        return (0.0,) * len(block.hours)
    factor = growth(workload, block.period)
    return tuple(factor * workload.demand.units_per_hour[h] for h in block.hours)


def cycle_of(
    inventory: Inventory,
    weights: Sequence[float],
    blocks_per_week: int = 6,
    changes: Iterable[int] = (),
) -> Cycle:
    """Blocks for the inventory's workloads; `weights` says how much one's peak matters [USD/h],
    `changes` in which months something changes beside demand.

    Only workloads that cannot wait shape the blocks; windows of those that can separate them.
    """
    served = [
        np.asarray(w.demand.units_per_hour) / max(w.demand.units_per_hour) * weight
        for w, weight in zip(inventory.workloads, weights, strict=True)
        if not w.is_deferrable and w.demand is not None and max(w.demand.units_per_hour) > 0.0
    ]
    load = np.array(served).reshape(len(served), int(HOURS_PER_WEEK))
    groups = _grouped(load, _signatures(inventory.workloads), blocks_per_week)
    periods = periods_of(inventory, changes)
    blocks = tuple(
        Block(f"{period.name}.{i + 1}", period, hours)
        for period in periods
        for i, hours in enumerate(groups)
    )
    return Cycle(blocks, periods)


def _signatures(workloads: Sequence[Workload]) -> list[int]:
    """Per hour of the week, which windows hold it (a bit each); equal = may share a block."""
    windows = list(dict.fromkeys(hours_of(w) for w in workloads if w.is_deferrable))
    return [
        sum(1 << i for i, window in enumerate(windows) if hour in window)
        for hour in range(int(HOURS_PER_WEEK))
    ]


def _grouped(load: np.ndarray, signatures: list[int], total: int) -> list[tuple[int, ...]]:
    """Hours in at least one group per signature, `total` groups where there are enough hours."""
    parts = [
        [h for h, s in enumerate(signatures) if s == value] for value in sorted(set(signatures))
    ]
    parts = [sorted(part, key=lambda h: (float(load[:, h].sum()), h)) for part in parts]
    tables = [_segmentations(load[:, part], total) for part in parts]
    counts = [1] * len(parts)
    while sum(counts) < total:
        gains = [
            table[k - 1][0] - table[k][0] if k < len(table) else 0.0
            for table, k in zip(tables, counts, strict=True)
        ]
        best = max(range(len(gains)), key=gains.__getitem__)
        if gains[best] <= 1e-9:
            break
        counts[best] += 1
    groups = []
    for part, table, count in zip(parts, tables, counts, strict=True):
        cuts = table[count - 1][1]
        groups += [tuple(sorted(part[a:b])) for a, b in pairwise(cuts)]
    return groups


def _segmentations(load: np.ndarray, most: int) -> list[tuple[float, tuple[int, ...]]]:
    """Best cuts of hours in this order into 1, 2, ... segments: (waste, cut positions).

    Waste of a segment = sum over its hours and workloads of (greatest load - load).
    """
    n = load.shape[1]
    waste = np.full((n + 1, n + 1), np.inf)
    for start in range(n):
        highest = np.maximum.accumulate(load[:, start:], axis=1).sum(axis=0)
        total = np.cumsum(load[:, start:].sum(axis=0))
        waste[start, start + 1 :] = highest * np.arange(1, n - start + 1) - total
    best = waste[0]
    cuts: list[list[tuple[int, ...]]] = [[(0, end) for end in range(n + 1)]]
    result: list[tuple[float, tuple[int, ...]]] = [(float(best[n]), (0, n))]
    for _ in range(1, min(most, n)):
        options = best[:, None] + waste
        choice = np.argmin(options, axis=0)
        before = cuts[-1]
        cuts.append([(*before[int(choice[end])], end) for end in range(n + 1)])
        best = options[choice, np.arange(n + 1)]
        result.append((float(best[n]), cuts[-1][n]))
    return result
