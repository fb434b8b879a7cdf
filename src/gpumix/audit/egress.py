"""Egress: data transfer that the bill tags with a workload. How much can be avoided is unknown."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from gpumix.audit.draft import Draft, interval
from gpumix.audit.facts import Facts
from gpumix.domain.fleet import Evidence, Scope
from gpumix.telemetry.attribute import MICRO
from gpumix.telemetry.bill import BillLine, tags_of


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every workload whose data transfer the bill has lines of; its saving is 0."""
    transfer = [word.replace("_", " ") for word in facts.rules.words("egress", "words")]
    by_owner: dict[tuple[str | None, str], list[BillLine]] = defaultdict(list)
    for line in facts.lines:
        words = f"{line.service_name} {line.sku_meter} {line.description}".lower()
        tags = tags_of(line)
        workload, team = tags.get("workload"), tags.get("team")
        if line.category == "Usage" and workload and any(w in words for w in transfer):
            team = facts.team_aliases.get(team, team) if team else None
            by_owner[team, workload].append(line)
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
