"""A training job's cost against its calendar time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ParetoRun:
    """A run that no other one beats on both cost and time, cheapest first.

    `wins_from_usd_per_day` is the value of a calendar day from which it is the best of all, up to
    the next entry's; None where no value makes it the best.
    """

    gpu: str
    gpus: int
    purchase: str
    finish_expected_s: float
    finish_p90_s: float
    usd_per_run: float
    wins_from_usd_per_day: float | None


def winner(pareto: Sequence[ParetoRun], usd_per_day: float) -> ParetoRun | None:
    """The run of a front that is best at a value of a day."""
    able = [
        p for p in pareto
        if p.wins_from_usd_per_day is not None and p.wins_from_usd_per_day <= usd_per_day
    ]  # fmt: skip
    return able[-1] if able else None


@dataclass(frozen=True, slots=True)
class JobWay:
    """A run on one gang bought one way, at the plan's prices; cash and calendar are told apart.

    `usd_per_run` is cash for GPUs, programme included, on a gang held for this run alone;
    `calendar_usd` what its wait is worth at the user's value of a day. `break_even_cash` and
    `break_even_with_time` are the price ratios over the way that is cheapest in cash up to which
    this one costs less than it, `ratio_now` the ratio today. `within_share` and `between_share`
    are the parts of a step (0-1) that exchange within a replica and between replicas takes.
    """

    gpu: str
    gpus: int
    precision: str
    purchase: str
    usd_per_gpu_hour: float
    finish_expected_s: float
    finish_p90_s: float
    kept: bool
    usd_per_run: float
    calendar_usd: float
    within_share: float
    between_share: float
    break_even_cash: float
    break_even_with_time: float
    ratio_now: float
    chosen: bool


@dataclass(frozen=True, slots=True)
class JobPlan:
    """A training job's cost against its calendar time.

    `calendar_usd` is what the wait for a run of this plan is worth, beside its cash. `pareto` are
    the runs in time that no other beats on both, with the value of a day from which each wins;
    `ways` the best of every GPU, late ones included; `why` says what slows GPUs on PCIe.
    """

    calendar_usd_per_day: float
    calendar_usd: float
    finish_expected_s: float
    pareto: tuple[ParetoRun, ...]
    ways: tuple[JobWay, ...]
    why: tuple[str, ...]
