"""Cost against time: runs that no other beats on both, and who wins at which value of a day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from gpumix.cost.jobs import break_even_value_of_time
from gpumix.domain.job import ParetoRun
from gpumix.units import HOURS_PER_DAY, SECONDS_PER_HOUR

LEAST_GAIN = 0.02
"""Share of the time that a dearer run must save to be told."""


def front(runs: Iterable[ParetoRun]) -> tuple[ParetoRun, ...]:
    """Runs that no other beats on cost and time, cheapest first; those on the lower hull win
    somewhere and tell from which value of a day."""
    kept: list[ParetoRun] = []
    order = sorted(runs, key=lambda r: (r.usd_per_run, r.finish_expected_s, r.gpu, r.gpus))
    for one in order:
        if kept and one.finish_expected_s > kept[-1].finish_expected_s * (1.0 - LEAST_GAIN):
            continue
        kept.append(one)
    return tuple(_with_values(kept))


def _with_values(kept: Sequence[ParetoRun]) -> list[ParetoRun]:
    """The front with the value of a day from which each entry of its lower hull wins."""
    hull: list[ParetoRun] = []
    for entry in kept:
        while len(hull) > 1 and _worth(hull[-1], entry) <= _worth(hull[-2], hull[-1]):
            hull.pop()
        hull.append(entry)
    values = {hull[0]: 0.0} if hull else {}
    values |= {fast: _worth(slow, fast) for slow, fast in pairwise(hull)}
    return [replace(entry, wins_from_usd_per_day=values.get(entry)) for entry in kept]


def _worth(slow: ParetoRun, fast: ParetoRun) -> float:
    hour = break_even_value_of_time(
        slow.usd_per_run,
        slow.finish_expected_s / SECONDS_PER_HOUR,
        fast.usd_per_run,
        fast.finish_expected_s / SECONDS_PER_HOUR,
    )
    return hour * HOURS_PER_DAY
