"""What workloads ask for, held against the plan: requests, lengths, how they bunch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from gpumix.domain.drift import DriftCheck, DriftKind, DriftScope
from gpumix.loop.changes import level_of
from gpumix.loop.check import Figure, check_of, tolerated
from gpumix.loop.facts import Days, Facts, Group, IntArray
from gpumix.values import FloatArray


@dataclass(frozen=True, slots=True)
class Asked:
    """Log ratios of what a group asked for to the plan's, by day; all of shape [days].

    `requests`, `prompt` (tokens of one) and `answer`; NaN where tokens of the kind are not written.
    """

    day: IntArray
    requests: FloatArray
    prompt: FloatArray
    answer: FloatArray


def asked(days: Days) -> Asked:
    """How many requests came and how long they were, over the plan's.

    Where no engine counts requests, tokens in and out are two figures for three unknowns,
    r_in = d + p and r_out = d + a as logs. Demand moves by itself from week to week, lengths do
    not: one length at the most is taken to have changed, the one that leaves demand the nearer to
    the plan's. Both up alike are more requests, one alone is its own length.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        read = np.log(days.tokens_in / days.expected_in)
        written = np.log(days.tokens_out / days.expected_out)
        counted = np.log(days.requests / days.expected_requests)
    read, written, counted = (np.where(np.isfinite(x), x, np.nan) for x in (read, written, counted))
    nearer = np.where(np.abs(written) <= np.abs(read), written, read)
    nearer = np.where(np.isnan(nearer), np.where(np.isnan(read), written, read), nearer)
    requests = np.where(np.isnan(counted), nearer, counted)
    return Asked(days.day, requests, read - requests, written - requests)


def find(facts: Facts) -> Iterator[DriftCheck]:
    """Demand, prompts, answers and burstiness of every group that was seen."""
    for group in facts.groups:
        days = facts.days_of(group)
        if not len(days.day):
            continue
        told = asked(days)
        yield from _checks(facts, group, days, told)
        yield from _burstiness(facts, group)


def _checks(facts: Facts, group: Group, days: Days, told: Asked) -> Iterator[DriftCheck]:
    week = facts.rules.days("week_days")
    hours = float(np.median(days.expected_requests[-week:])) / 24.0
    with np.errstate(divide="ignore", invalid="ignore"):
        prompt = float(np.median((days.expected_in / days.expected_requests)[-week:]))
        answer = float(np.median((days.expected_out / days.expected_requests)[-week:]))
    kinds: tuple[tuple[DriftKind, FloatArray, float, str], ...] = (
        ("demand", told.requests, hours, "requests/h"),
        ("prompt", told.prompt, prompt, "tokens"),
        ("answer", told.answer, answer, "tokens"),
    )
    for kind, ratios, expected, unit in kinds:
        known = np.isfinite(ratios)
        tolerance = math.log1p(facts.rules.of(kind, "tolerance"))
        level = level_of(ratios[known], tolerance, tolerance, facts.rules)
        if level is None:
            continue
        figure = Figure(kind, DriftScope(workload=group.name), "plan", unit, expected)
        yield check_of(figure, level, told.day[known], tolerated(tolerance, tolerance))


def _burstiness(facts: Facts, group: Group) -> Iterator[DriftCheck]:
    """Requests running at a time bunch as arrivals do.

    With answers of exponential length and no waiting, the variance over the mean of what runs is
    1 + (cv^2 - 1) / 2 for gaps of coefficient of variation cv. Source: Eckberg 1983, Generalized
    peakedness of teletraffic processes.
    """
    ids = {one.id for one in group.members}
    by_day: dict[int, list[float]] = {}
    for (workload, day), ratio in facts.seen.peakedness.items():
        if facts.planned_name(workload) in ids:
            by_day.setdefault(day, []).append(ratio)
    cvs = [one.demand.arrival_cv for one in group.members if one.demand]
    planned = 1.0 + (max(cvs) ** 2 - 1.0) / 2.0
    days = np.array(sorted(by_day), dtype=np.int64)
    means = np.array([float(np.mean(by_day[day])) for day in days.tolist()])
    if not len(days) or planned <= 0.0 or (means <= 0.0).any():
        return
    tolerance = math.log1p(facts.rules.of("burstiness", "tolerance"))
    level = level_of(np.log(means / planned), math.inf, tolerance, facts.rules)
    if level is not None:
        scope = DriftScope(workload=group.name)
        figure = Figure("burstiness", scope, "plan", "variance / mean of requests running", planned)
        yield check_of(figure, level, days, (None, math.expm1(tolerance)))
