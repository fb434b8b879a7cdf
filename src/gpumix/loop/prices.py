"""What GPU-hours cost by the bill or a price book, against the lines of the plan's mix."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

import numpy as np

from gpumix.domain.drift import DriftCheck, DriftScope
from gpumix.domain.offer import Purchase
from gpumix.domain.plan import MixLine
from gpumix.loop.changes import Level, level_of
from gpumix.loop.check import Figure, check_of, tolerated
from gpumix.loop.facts import HOURS_A_DAY, Facts, IntArray
from gpumix.telemetry.machines import is_unused, resource_key
from gpumix.units import HOURS_PER_MONTH

MICRO: Final = 1e6
UNIT: Final = "USD per GPU-hour"
_COMMITTED, _SPOT, _HOURLY = "committed", "spot", "hourly"
_OF_BOOK: Final = {"commit_1y": 12, "commit_3y": 36}


def rented(facts: Facts) -> list[MixLine]:
    """Lines of the mix that have a price of a GPU-hour which others set."""
    return [
        line
        for line in facts.plan.mix
        if Purchase(line.purchase).is_rental and line.usd_per_gpu_hour > 0.0
    ]


def find(facts: Facts) -> Iterator[DriftCheck]:
    """Every rented line whose price the bill says, else the book."""
    billed = set()
    if facts.bill is not None and facts.bill.currency == "USD":
        for line, rows in _rows_by_line(facts).items():
            check = _billed(facts, line, rows)
            if check is not None:
                billed.add(line.resource)
                yield check
    for line in rented(facts):
        if line.resource not in billed and (price := _booked(facts, line)) is not None:
            yield _of_book(facts, line, price)


def _billed(facts: Facts, line: MixLine, rows: IntArray) -> DriftCheck | None:
    hours = facts.billed or facts.hours
    days, at = np.unique(hours.hour[rows] // HOURS_A_DAY, return_inverse=True)
    cost = np.bincount(at, hours.usd_micro[rows] / MICRO, len(days))
    size = np.bincount(at, hours.size[rows], len(days))
    known = (cost > 0.0) & (size > 0.0)
    ratios = np.log(cost[known] / size[known] / line.usd_per_gpu_hour)
    tolerance = math.log1p(facts.rules.of("price", "tolerance"))
    level = level_of(ratios, tolerance, tolerance, facts.rules)
    if level is None:
        return None
    check = check_of(_figure(line), level, days[known], tolerated(tolerance, tolerance))
    return _with_cost(check, line)


def _of_book(facts: Facts, line: MixLine, price: float) -> DriftCheck:
    change = math.log(price / line.usd_per_gpu_hour)
    tolerance = math.log1p(facts.rules.of("price", "tolerance"))
    last = facts.span[1] // HOURS_A_DAY
    level = Level(change, change, change, 0 if abs(change) > tolerance else None)
    day = np.array([last], dtype=np.int64)
    return _with_cost(check_of(_figure(line), level, day, tolerated(tolerance, tolerance)), line)


def _figure(line: MixLine) -> Figure:
    scope = DriftScope(gpu=line.gpu, offer=line.resource)
    return Figure("price", scope, "plan", UNIT, line.usd_per_gpu_hour)


def _with_cost(check: DriftCheck, line: MixLine) -> DriftCheck:
    if check.observed is None or check.expected is None or not check.has_drifted:
        return check
    gpu_hours = line.mean_count * line.gpus_per_instance * HOURS_PER_MONTH
    return replace(check, usd_per_month_kept=(check.observed - check.expected) * gpu_hours)


def _rows_by_line(facts: Facts) -> Mapping[MixLine, IntArray]:
    """Rows of billed hours by the line that they are of: by GPU and way of buying, and of several
    such the one of the nearest price."""
    hours, ways = facts.billed or facts.hours, _ways(facts)
    by_node: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row in np.flatnonzero((hours.usd_micro > 0) & (hours.size > 0.0)).tolist():
        if hours.gpu[row] is not None:
            by_node[hours.node[row], hours.gpu[row]].append(row)
    lines = {line.resource: line for line in rented(facts)}
    week = facts.rules.days("week_days") * HOURS_A_DAY
    found: dict[str, list[int]] = defaultdict(list)
    for (node, gpu), rows in by_node.items():
        fitting = [line for line in lines.values() if line.gpu == gpu]
        way = ways.get(resource_key(node))
        fitting = [line for line in fitting if way in (None, _way(line))] or fitting
        first = np.array(rows)[np.argsort(hours.hour[rows], kind="stable")[:week]]
        price = float(hours.usd_micro[first].sum() / MICRO / hours.size[first].sum())
        nearest = min(
            fitting, key=lambda line: abs(math.log(price / line.usd_per_gpu_hour)), default=None
        )
        if nearest is not None:
            found[nearest.resource] += rows
    return {lines[name]: np.array(sorted(rows), dtype=np.int64) for name, rows in found.items()}


def _ways(facts: Facts) -> dict[str, str]:
    """How most of each resource's cost was bought, by its key."""
    costs: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for line in facts.bill.lines if facts.bill else ():
        if line.resource_id is None or line.category != "Usage" or is_unused(line):
            continue
        if line.commitment_id or line.pricing_category == "Committed":
            way = _COMMITTED
        else:
            way = _SPOT if line.pricing_category == "Dynamic" else _HOURLY
        for name in filter(None, (line.resource_id, line.resource_name)):
            costs[resource_key(name)][way] += line.effective_micro
    return {key: max(ways, key=lambda way: ways[way]) for key, ways in costs.items()}


def _way(line: MixLine) -> str:
    purchase = Purchase(line.purchase)
    if purchase.is_committed:
        return _COMMITTED
    return _SPOT if purchase is Purchase.SPOT else _HOURLY


def _booked(facts: Facts, line: MixLine) -> float | None:
    """The book's price of a line: of its provider where the book names it, else of any."""
    fitting = [
        price
        for price in facts.book
        if price.gpu == line.gpu
        and price.node is None
        and price.usd_per_gpu_hour > 0.0
        and price.provider in (None, line.provider)
        and price.region in (None, line.region)
        and (
            price.purchase == line.purchase
            or (line.term_months > 0 and _OF_BOOK.get(price.purchase) == line.term_months)
        )
    ]
    own = [price for price in fitting if price.provider is not None] or fitting
    return min((price.usd_per_gpu_hour for price in own), default=None)
