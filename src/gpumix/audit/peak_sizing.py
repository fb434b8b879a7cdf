"""Peak sizing: servers that follow the busiest hour while demand rises and falls."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from gpumix.audit.draft import Draft, of_rows, scope_of
from gpumix.audit.facts import OWNER, Facts, IntArray
from gpumix.telemetry.charges import HOUR_S


def find(facts: Facts) -> Iterator[Draft]:
    """A draft for every served workload whose servers stay while its demand goes.

    Demand is tokens of an hour, or requests running where no tokens are counted; a workload
    without either is not looked at. Holidays and declared standbys are left out.
    """
    shares = facts.shares
    for values, rows in shares.groups((*OWNER, "gpu"), shares.kind == "used"):
        if values["workload"] is None or facts.kept_warm(values["team"], values["workload"]):
            continue
        rows = rows[[_day(h) not in facts.holidays for h in shares.hour[rows].tolist()]]
        if len(rows) and (draft := _draft(facts, values, rows)) is not None:
            yield draft


def _day(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).date().isoformat()


def _draft(facts: Facts, values: dict[str, str | None], rows: IntArray) -> Draft | None:
    shares, rules = facts.shares, facts.rules

    def rule(name: str) -> float:
        return rules.number("peak_sizing", name)

    demand, servers = _demand(facts, rows)
    gpus: dict[int, float] = defaultdict(float)
    for hour, size in zip(shares.hour[rows].tolist(), shares.hours[rows].tolist(), strict=True):
        gpus[hour] += size
    hours = sorted(demand)
    if servers < 2 or len(hours) * HOUR_S < rule("least_days") * 24 * HOUR_S:
        return None
    asked = np.array([demand[h] for h in hours])
    held = np.array([gpus[h] for h in hours])
    peak = float(np.percentile(asked, rule("peak_percentile")))
    if peak <= 0.0 or float(asked.mean()) / peak >= rule("mean_to_peak_below"):
        return None
    least = np.percentile(held, rule("steady_percentile"))
    if held.max() < rule("least_gpus") or least / held.max() < rule("steady"):
        return None
    head_room = _head_room(facts, values["workload"]) or rule("head_room")
    needed = np.ceil(np.minimum(servers * asked / peak * head_room, servers)) / servers
    share = dict(zip(hours, (1.0 - np.maximum(needed, 1.0 / servers)).tolist(), strict=True))
    wanted = sum(
        share.get(hour, 0.0) * cost
        for hour, cost in zip(shares.hour[rows].tolist(), shares.usd_micro[rows].tolist(),
                              strict=True)
    )  # fmt: skip
    if wanted < 1.0:
        return None
    ratio = float(asked.mean()) / peak
    return of_rows(
        facts,
        "peak_sizing",
        scope_of(facts, rows, **values),
        rows,
        wanted_micro=math.floor(wanted),
        action=f"let the {servers} servers of {values['workload']} follow demand by the hour",
        because=f"{held.max():,.0f} GPUs ran all the time while mean demand was {ratio:.0%} of "
        f"its peak; an hourly fleet with {head_room:.3g} x the hour's demand needs "
        f"{float(needed.mean()):.0%} of them (modelled).",
        risk="a server takes minutes to start; what is committed is paid anyway",
        how_to_check="draw tokens an hour beside GPUs held, over the weeks of the window",
    )


def _demand(facts: Facts, rows: IntArray) -> tuple[dict[int, float], int]:
    """(demand by hour, the most servers that say it in one hour): a server's tokens stand at one of
    its GPUs."""
    shares = facts.shares
    for said in (shares.tokens, shares.running):
        known = rows[~np.isnan(said[rows])]
        if len(known) and float(said[known].sum()) > 0.0:
            found: dict[int, float] = defaultdict(float)
            for hour, size in zip(shares.hour[known].tolist(), said[known].tolist(), strict=True):
                found[hour] += size
            saying = Counter(shares.hour[known[said[known] > 0.0]].tolist())
            return found, max(saying.values())
    return {}, 0


def _head_room(facts: Facts, workload: str | None) -> float | None:
    """Capacity over demand of the plan's busiest hour; None where no plan says it."""
    planned = {} if facts.plan is None else {w.id: w for w in facts.plan.workloads}
    other = planned.get(facts.plan_workloads.get(workload or "", workload or ""))
    if other is None or not other.capacity_per_hour or not max(other.demand_per_hour, default=0.0):
        return None
    return max(max(other.capacity_per_hour) / max(other.demand_per_hour), 1.0)
