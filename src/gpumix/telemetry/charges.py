"""A bill's lines -> what each machine cost in each hour, and what belongs to no GPU."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gpumix.domain.fleet import Outside
from gpumix.telemetry.bill import Bill, BillLine
from gpumix.telemetry.machines import Machine, is_unused, resource_key

HOUR_S: Final = 3600
"""Seconds in an hour, a whole number: hours are counted from 1970 UTC."""


@dataclass(frozen=True, slots=True)
class Charges:
    """(node, hour) -> micro-units of EffectiveCost and of ListCost; the span [s]; the rest.

    Hours are counted from 1970 UTC. `start` and `end` are None where no line is a GPU's.
    """

    effective: dict[tuple[str, int], int]
    listed: dict[tuple[str, int], int]
    start: int | None
    end: int | None
    outside: tuple[Outside, ...]


def charges_of(bill: Bill, machines: Sequence[Machine]) -> Charges:
    """The charges of a bill, each given to a machine's hours or left outside with its reason.

    What is given and what is outside add up to the bill exactly.
    """
    nodes = {resource_key(m.resource): m.node for m in machines if m.resource}
    effective: dict[tuple[str, int], int] = defaultdict(int)
    listed: dict[tuple[str, int], int] = defaultdict(int)
    outside: dict[tuple[str, str], int] = defaultdict(int)
    starts, ends = [], []
    for line in bill.lines:
        node = nodes.get(resource_key(line.resource_id)) if line.resource_id else None
        if node is None or not _is_use(line):
            outside[line.category, _reason(line)] += line.effective_micro
            continue
        starts.append(line.start)
        ends.append(line.end)
        cost = line.effective_micro
        for hour, part in spread(line.start, line.end, cost):
            effective[node, hour] += part
        for hour, part in spread(
            line.start, line.end, cost if line.list_micro is None else line.list_micro
        ):
            listed[node, hour] += part
    if bill.residue_micro:
        outside["Adjustment", "adjustment"] += bill.residue_micro
    return Charges(
        dict(effective),
        dict(listed),
        min(starts, default=None),
        max(ends, default=None),
        tuple(Outside(c, r, usd) for (c, r), usd in sorted(outside.items())),
    )


def spread(start: int, end: int, micro: int) -> list[tuple[int, int]]:
    """An amount over the hours that [start, end) touches, by the time in each.

    What whole micro-units leave over goes to the largest remainders, of equal ones the earliest.

    >>> spread(0, 3 * 3600, 11)
    [(0, 4), (1, 4), (2, 3)]
    """
    hours = range(start // HOUR_S, (end - 1) // HOUR_S + 1)
    weights = [min(end, (h + 1) * HOUR_S) - max(start, h * HOUR_S) for h in hours]
    total = end - start
    parts = [micro * weight // total for weight in weights]
    rests = [micro * weight % total for weight in weights]
    left = micro - sum(parts)
    for i in sorted(range(len(parts)), key=lambda i: -rests[i])[:left]:
        parts[i] += 1
    return list(zip(hours, parts, strict=True))


def _is_use(line: BillLine) -> bool:
    """Whether a line of a GPU machine is the cost of having it: usage, or the correction of it."""
    if is_unused(line):
        return False
    corrects = line.charge_class == "Correction" and line.category in ("Credit", "Adjustment")
    return line.category == "Usage" or corrects


def _reason(line: BillLine) -> str:
    if line.category == "Usage":
        return "commitment_unused" if is_unused(line) else "other_usage"
    if line.category == "Purchase":
        return "commitment_purchase" if line.commitment_id else "other_purchase"
    return line.category.lower()
