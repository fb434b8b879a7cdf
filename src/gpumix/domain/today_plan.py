"""Today's fleet as a plan tells of it: what it costs and keeps, what the plan saves, the moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

CLOSE = 0.15
"""Share by which gpumix's figures of today's fleet may differ from the stated ones, for savings to
be told."""


class Action(StrEnum):
    """What becomes of a line of today's fleet, or of the plan."""

    STOP = "stop"
    EXPIRE = "let expire"
    KEEP = "keep"
    SELL = "sell"
    START = "start"


@dataclass(frozen=True, slots=True)
class Move:
    """One step from today's fleet to the plan: `count` instances of a resource, from this day.

    `usd` is what it saves a month on average over the first year; below 0 where it costs. All
    moves together save what the plan saves in the first year. `gpus` are those of all instances.
    """

    date: date
    action: Action
    resource: str
    count: int
    usd: float
    gpu: str
    gpus: int
    provider: str
    purchase: str


@dataclass(frozen=True, slots=True)
class TodayPromise:
    """Whether today's fleet carries a workload of the first year with all that is promised; where
    it does not, `reason` says what it lacks."""

    workload: str
    kept: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure of today's fleet that the stated demand does not explain: GPUs that run, or USD a
    month. `inputs` are the keys of the inventory that would explain it, the likeliest first."""

    what: str
    stated: float
    predicted: float
    inputs: tuple[str, ...]

    @property
    def share(self) -> float:
        """The prediction over what is stated, less one."""
        return self.predicted / self.stated - 1.0 if self.stated else 0.0


@dataclass(frozen=True, slots=True)
class TodayPlan:
    """Today's fleet under the plan's demand, and the way from it to the plan.

    `monthly_usd` is what it costs in the first year, sites of one's own included;
    `rented_usd_per_month` the part that clouds bill, beside `stated_usd_per_month`. The stated
    demand needs `needed_gpus` of its kinds where `gpus` run. Where `differences` are too large
    nothing is said of savings, and there are no moves. `end_usd_per_month` is what the last year
    costs if all goes on as today, with more of the same as the demand grows.
    """

    monthly_usd: float
    promises: tuple[TodayPromise, ...]
    saves_first_year_usd_per_month: float | None
    saves_end_usd_per_month: float | None
    moves: tuple[Move, ...]
    stated_usd_per_month: float | None = None
    rented_usd_per_month: float = 0.0
    gpus: int = 0
    needed_gpus: int | None = None
    end_usd_per_month: float | None = None
    differences: tuple[Difference, ...] = ()
