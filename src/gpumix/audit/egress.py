"""Egress: data transfer that the bill tags with a workload. How much can be avoided is unknown."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from gpumix.audit.draft import MICRO, Draft, interval
from gpumix.audit.facts import Facts
from gpumix.domain.fleet import Evidence, Scope
from gpumix.telemetry.bill import BillLine

_TRANSFER = ("transfer", "egress", "data out", "bandwidth")


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every workload whose data transfer the bill has lines of; its saving is 0."""
    by_owner: dict[tuple[str | None, str], list[BillLine]] = defaultdict(list)
    for line in facts.lines:
        words = f"{line.service_name} {line.sku_meter} {line.description}".lower()
        tags = _tags(line)
        workload = tags.get("workload")
        if line.category == "Usage" and workload and any(w in words for w in _TRANSFER):
            by_owner[tags.get("team"), workload].append(line)
    _, high, confidence = interval(facts, "egress")
    for (team, workload), lines in by_owner.items():
        cost = sum(line.effective_micro for line in lines)
        yield Draft(
            class_="egress",
            scope=Scope(team=team, workload=workload),
            rows=np.empty(0, dtype=np.int64),
            stake_micro=cost,
            wanted_micro=0,
            list_micro=0,
            start=min(line.start for line in lines),
            end=max(line.end for line in lines),
            evidence=(
                Evidence("bill", f"tag workload = {workload}", "EffectiveCost of data transfer",
                         {"lines": float(len(lines)), "sum": cost / MICRO}),
            ),
            action=f"see what {workload} sends out, and whether it could stay in its region",
            because="Lines of data transfer with the workload's tag; nothing says what of it "
            "could be avoided, so no saving is counted.",
            risk="none found",
            how_to_check="add up EffectiveCost of the data transfer lines by tag",
            low_micro=0,
            high_micro=round(cost * high),
            confidence=confidence,
        )  # fmt: skip


def _tags(line: BillLine) -> dict[str, str]:
    try:
        found = json.loads(line.tags or "{}")
    except (ValueError, RecursionError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}
