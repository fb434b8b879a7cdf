"""Versions of the engine, the driver and the model that are no longer those of before."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from gpumix.domain.drift import DriftCheck, DriftScope
from gpumix.errors import UnknownName
from gpumix.loop.facts import Facts, Group, moment

WHATS = ("engine", "driver", "model")


def find(facts: Facts) -> Iterator[DriftCheck]:
    """What most replicas of each group run at the end, against what they ran at first; of models
    also against the plan's."""
    for group in facts.groups:
        for what in WHATS:
            days = _by_day(facts, group, what)
            if days:
                yield _check(facts, group, what, days)


def _by_day(facts: Facts, group: Group, what: str) -> dict[int, str]:
    """What most samples of a day ran, where most ran one."""
    ids = {one.id for one in group.members}
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for one in facts.seen.ran:
        if one.what == what and facts.planned_name(one.workload) in ids:
            counts[one.day][one.version] += one.samples
    share = facts.rules.of("version", "least_share")
    found = {}
    for day, versions in sorted(counts.items()):
        most = max(versions, key=lambda version: (versions[version], version))
        if versions[most] >= share * sum(versions.values()):
            found[day] = most
    return found


def _check(facts: Facts, group: Group, what: str, days: dict[int, str]) -> DriftCheck:
    numbers = sorted(days)
    now, first = days[numbers[-1]], days[numbers[0]]
    before = next((days[d] for d in reversed(numbers) if days[d] != now), now)
    since = min(d for d in numbers if all(days[e] == now for e in numbers if e >= d))
    planned = _planned_model(facts, group, now) if what == "model" else None
    if before == now and planned is not None:
        before = planned
    has_changed = first != now or before != now
    return DriftCheck(
        kind="version",
        scope=DriftScope(workload=group.name, engine_version=now if what == "engine" else None),
        against="plan" if before == planned else "before",
        unit=f"version of the {what}",
        expected=None,
        observed=None,
        change_share=None,
        low=None,
        high=None,
        tolerated_low=None,
        tolerated_high=None,
        days=len(days),
        since=moment(since) if has_changed else None,
        names={"what": what, "before": before, "now": now},
    )


def _planned_model(facts: Facts, group: Group, now: str) -> str | None:
    """The plan's model where the fleet's is known to be another; else None."""
    try:
        id = facts.catalog.model(now).id
    except UnknownName:
        return None
    models = {one.model for one in group.members}
    return None if id in models else min(models)
