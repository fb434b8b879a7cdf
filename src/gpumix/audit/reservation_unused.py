"""Reservations: commitments and capacity that were paid for and, says the bill, not used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from gpumix.audit.draft import Draft, interval
from gpumix.audit.facts import Facts
from gpumix.domain.fleet import Evidence, Scope
from gpumix.telemetry.attribute import MICRO
from gpumix.telemetry.bill import BillLine
from gpumix.telemetry.machines import is_unused


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every commitment or reservation with lines that say Unused."""
    by_name: dict[str, list[BillLine]] = defaultdict(list)
    for line in facts.lines:
        if is_unused(line):
            by_name[line.commitment_id or line.resource_id or ""].append(line)
    low, high, confidence = interval(facts, "reservation_unused")
    for name, lines in by_name.items():
        cost = sum(line.effective_micro for line in lines)
        if cost <= 0:
            continue
        called = name or "a commitment without a name"
        yield Draft(
            class_="reservation_unused",
            scope=Scope(),
            rows=np.empty(0, dtype=np.int64),
            stake_micro=cost,
            wanted_micro=cost,
            list_micro=sum(line.list_micro or 0 for line in lines) or cost,
            start=min(line.start for line in lines),
            end=max(line.end for line in lines),
            evidence=(
                Evidence(
                    "bill",
                    f"CommitmentDiscountId = {called}, status Unused",
                    "EffectiveCost",
                    {"lines": float(len(lines)), "sum": cost / MICRO},
                ),
            ),
            action=f"use {called}, lend it, or let it end",
            because=f"{len(lines):,} lines of the bill say that {called} was not used.",
            risk="a commitment mostly cannot be given back before its end",
            how_to_check="add up EffectiveCost of the bill's lines whose CommitmentDiscountStatus "
            "or CapacityReservationStatus is Unused",
            low_micro=round(cost * low),
            high_micro=round(cost * high),
            confidence=confidence,
            about=name,
        )
