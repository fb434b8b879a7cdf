"""From the level of a series to the record of a check."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from gpumix.domain.drift import Against, DriftCheck, DriftKind, DriftScope
from gpumix.loop.changes import Level
from gpumix.loop.facts import IntArray, moment


@dataclass(frozen=True, slots=True)
class Figure:
    """What is held against what: `expected` is the figure that a log ratio of 0 stands for."""

    kind: DriftKind
    scope: DriftScope
    against: Against
    unit: str
    expected: float
    values: Mapping[str, float] = field(default_factory=dict)


def check_of(
    figure: Figure,
    level: Level,
    days: IntArray,
    allowed: tuple[float | None, float | None],
    origin: float = 0.0,
) -> DriftCheck:
    """The check of a series of log ratios on `days` [since 1970]; `allowed` are the ends of the
    change that is tolerated, and the change is counted from the log ratio `origin`."""
    return DriftCheck(
        kind=figure.kind,
        scope=figure.scope,
        against=figure.against,
        unit=figure.unit,
        expected=figure.expected * math.exp(origin),
        observed=figure.expected * math.exp(level.median),
        change_share=math.expm1(level.median - origin),
        low=math.expm1(level.low - origin),
        high=math.expm1(level.high - origin),
        tolerated_low=allowed[0],
        tolerated_high=allowed[1],
        days=len(days),
        since=None if level.since is None else moment(int(days[level.since])),
        values=figure.values,
    )


def tolerated(below: float, above: float) -> tuple[float, float]:
    """The ends of a change of log ratios that is tolerated, as shares.

    >>> [round(end, 3) for end in tolerated(0.25, 0.25)]
    [-0.221, 0.284]
    """
    return math.expm1(-below), math.expm1(above)
