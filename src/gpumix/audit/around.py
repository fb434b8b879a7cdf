"""What the GPUs of a finding did hour by hour, before, in and after its window: for the charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from gpumix.audit.facts import Facts, IntArray
from gpumix.domain.fleet import Finding, FindingHours, Scope
from gpumix.telemetry.charges import HOUR_S
from gpumix.telemetry.store import utc
from gpumix.values import FloatArray

MOST_OF_CLASS: Final = 2
"""Findings of a class that get their hours: those that save most."""
BESIDE_S: Final = 24 * HOUR_S
"""Before and after the window."""
_NAMED: Final = ("team", "workload", "model", "gpu", "node")


def hours_of(facts: Facts, findings: Sequence[Finding]) -> Iterator[FindingHours]:
    """The hours of each class's first findings whose GPUs were seen; what a scope leaves open is
    any."""
    told: Counter[str] = Counter()
    for number, finding in enumerate(findings):
        if finding.scope == Scope() or told[finding.class_] == MOST_OF_CLASS:
            continue
        if (found := _around(facts, number, finding)) is not None:
            told[finding.class_] += 1
            yield found


def _around(facts: Facts, number: int, finding: Finding) -> FindingHours | None:
    rows = _rows(facts, finding)
    engine, running = facts.shares.engine[rows], facts.shares.running[rows]
    if not len(rows) or np.isnan(engine).all():
        return None
    hour, weight = facts.shares.hour[rows], facts.shares.hours[rows]
    hours = np.unique(hour)
    at = np.searchsorted(hours, hour)
    return FindingHours(
        finding=number,
        hours=tuple(utc(int(one)) for one in hours),
        engine_active=_means(engine, weight, at, len(hours)),
        requests_running=_means(running, np.ones(len(rows)), at, len(hours)),
    )


def _rows(facts: Facts, finding: Finding) -> IntArray:
    """Rows of the finding's GPUs and owner within and beside its window, of any kind."""
    shares, scope = facts.shares, finding.scope
    start, end = (int(datetime.fromisoformat(t).timestamp()) for t in (finding.start, finding.end))
    chosen = (shares.hour >= start - BESIDE_S) & (shares.hour < end + BESIDE_S)
    devices = set(scope.devices)
    if devices:
        chosen &= np.array([device in devices for device in shares.device], dtype=bool)
    names = ("node",) if devices else _NAMED
    for name in names:
        if (word := getattr(scope, name)) is not None:
            chosen &= getattr(shares, name) == word
    return np.flatnonzero(chosen)


def _means(
    values: FloatArray, weight: FloatArray, at: IntArray, count: int
) -> tuple[float | None, ...]:
    """Weighted means of values by hour, None where nothing is known."""
    known = ~np.isnan(values)
    total = np.bincount(at[known], (values * weight)[known], minlength=count)
    whole = np.bincount(at[known], weight[known], minlength=count)
    return tuple(
        round(float(t / w), 4) if w > 0.0 else None for t, w in zip(total, whole, strict=True)
    )
