"""Whatever a fleet and its bill look like: nothing of the bill is lost, and hours are as the rules
say, minute by minute."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fleet_fixture import CATALOG, START, bill_of, fleet_of, sample
from gpumix.telemetry.answer import KEYS, answer
from gpumix.telemetry.attribute import attribute
from gpumix.telemetry.declared import Declared, Standby

HOURS = 3
MINUTES = 60 * HOURS

runs = st.lists(
    st.tuples(
        st.integers(1, 80),  # minutes
        st.sampled_from(["a", "b", None]),
        st.sampled_from([0.0, 0.02, 0.5, 1.0]),
        st.sampled_from([60.0, 400.0]),
        st.booleans(),  # whether it was seen
    ),
    min_size=1,
    max_size=6,
)
costs = st.decimals(-50, 5000, places=9, allow_nan=False).map(str)
lines = st.lists(
    st.fixed_dictionaries(
        {
            "EffectiveCost": costs,
            "BilledCost": costs,
            "ChargeCategory": st.sampled_from(
                ["Usage", "Usage", "Usage", "Tax", "Credit", "Purchase"]
            ),
            "ChargeClass": st.sampled_from(["", "Correction"]),
            "ChargePeriodStart": st.sampled_from(
                ["2026-10-18T00:00:00Z", "2026-10-17T22:30:00Z", "2026-10-18T01:00:00Z"]
            ),
            "ChargePeriodEnd": st.sampled_from(["2026-10-18T02:00:00Z", "2026-10-18T03:00:00Z"]),
            "ResourceId": st.sampled_from(["k1", "k1", "arn:x/K1", "bucket", "", "i-9"]),
            "SkuPriceDetails": st.sampled_from(["", '{"GpuCount": 3}']),
            "CommitmentDiscountStatus": st.sampled_from(["", "Unused"]),
        }
    ),
    min_size=1,
    max_size=8,
)


def _samples(slot: int, drawn: list[tuple[Any, ...]], **values: Any) -> list[dict[str, Any]]:
    rows = []
    minute = 0
    for length, team, active, watts, seen in drawn:
        for m in range(minute, min(minute + length, MINUTES)):
            if seen:
                one = {"team": team, "workload": team and "w", "engine_active": active}
                rows.append(sample(m, slot, power_w=watts, **one, **values))
        minute += length
    return rows


@settings(max_examples=15)
@given(st.lists(runs, min_size=1, max_size=3), runs, lines, st.integers(1, 5))
def test_every_micro_dollar_is_given_or_named(
    whole: list[Any], mig: Any, drawn: list[dict[str, str]], gpus: int
) -> None:
    rows = [row for slot, one in enumerate(whole) for row in _samples(slot, one)]
    rows += _samples(7, mig, mig="2g.20gb", mig_id="5")
    rows += [row | {"team": "c", "engine_active": 0.7} for row in rows[::3]]
    with tempfile.TemporaryDirectory() as scratch:
        fleet = fleet_of(Path(scratch) / "f", rows, [{"node": "k1", "gpus": gpus}])
        bill = bill_of(Path(scratch) / "b.csv", drawn)
        found = attribute(fleet, bill, CATALOG)
    outside = sum(one.usd_micro for one in found.outside)
    for by in (KEYS, (), ("team",), ("model", "gpu")):
        for basis in ("allocation", "usage"):
            told = answer(found, by, basis)
            rows_sum = sum(row.usd_micro for row in told.rows)
            assert rows_sum == told.totals.attributed_usd_micro
            assert rows_sum + outside == bill.effective_micro
            keys = [(r.team, r.workload, r.model, r.gpu, r.node, r.kind) for r in told.rows]
            assert len(keys) == len(set(keys))
            assert all(row.hours >= 0.0 for row in told.rows)


@settings(max_examples=25)
@given(runs)
def test_hours_are_those_of_a_walk_through_the_minutes(drawn: Any) -> None:
    rows = _samples(0, drawn)
    if not rows:
        return
    line = {"ChargePeriodEnd": f"2026-10-18T{HOURS:02}:00:00Z", "EffectiveCost": "180"}
    declared = Declared(standby=(Standby("b", None),))
    with tempfile.TemporaryDirectory() as scratch:
        node = {"node": "k1", "gpus": 1}
        fleet = fleet_of(Path(scratch) / "f", rows, [node], declared=declared)
        found = answer(attribute(fleet, bill_of(Path(scratch) / "b.csv", [line]), CATALOG))
    assert {(r.kind, r.team): r.usd_micro for r in found.rows} == _walked(rows)


def _walked(rows: list[dict[str, Any]]) -> dict[tuple[str, str | None], int]:
    """Micro-dollars by kind and team at a dollar a minute, by the rules as they are worded."""
    by_minute = {(row["t"] - START) // 60: row for row in rows}
    unowned = [row["power_w"] for row in rows if row["team"] is None]
    idle_w = 1.3 * min([105.0, *([_percentile(unowned)] if unowned else [])])
    seen: list[dict[str, Any] | None] = []
    for m in range(MINUTES):
        row = by_minute.get(m)
        if row is None and m and seen[m - 1] is not None:
            ahead = next((k for k in range(m, MINUTES) if k in by_minute), MINUTES)
            behind = max(k for k in by_minute if k < m)
            row = by_minute[behind] if ahead - behind - 1 <= 5 else None
        seen.append(row)
    quiet = [
        row is not None
        and row["team"] not in (None, "b")
        and row["engine_active"] < 0.05
        and row["power_w"] < idle_w
        for row in seen
    ]
    sums: dict[tuple[str, str | None], int] = defaultdict(int)
    for m, row in enumerate(seen):
        if row is None:
            sums["no_data", None] += 1_000_000
            continue
        first, last = m, m
        same = row["team"]
        while first and quiet[first - 1] and (seen[first - 1] or {}).get("team") == same:
            first -= 1
        while last + 1 < MINUTES and quiet[last + 1] and (seen[last + 1] or {}).get("team") == same:
            last += 1
        if same is None:
            kind = "unallocated"
        else:
            kind = "allocated_idle" if quiet[m] and last - first + 1 >= 60 else "used"
        sums[kind, same] += 1_000_000
    return dict(sums)


def _percentile(watts: list[float]) -> float:
    """The 5th percentile, between neighbours in proportion."""
    ordered = sorted(watts)
    place = 0.05 * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (place - low) * (ordered[high] - ordered[low])


def test_the_percentile_of_the_walk_is_the_usual_one() -> None:
    assert _percentile([float(n) for n in range(101)]) == pytest.approx(5.0)
