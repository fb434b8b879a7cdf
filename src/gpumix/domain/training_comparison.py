"""One training run on every GPU and count: what `gpumix compare --train` answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gpumix.domain.comparison import SERVES, PriceUsed
from gpumix.domain.evidence import Estimate, NearestMeasurement
from gpumix.domain.fit import TrainingParts
from gpumix.domain.job import ParetoRun


@dataclass(frozen=True, slots=True)
class PurchasedRun:
    """The run on capacity bought one way, at the median price of that way.

    `usd_per_run` is cash: GPUs, storage and egress, programme factor included; `calendar_usd` what
    the wait is worth at the user's value of a day, told apart. Times count from asking for
    capacity. `kept` says whether the P90 finish is within the limit.
    """

    purchase: str
    price: PriceUsed
    goodput: float
    availability: float
    finish_expected_s: float
    finish_p50_s: float
    finish_p90_s: float
    kept: bool
    usd_gpus: float
    usd_storage_egress: float
    usd_per_run: float
    calendar_usd: float


@dataclass(frozen=True, slots=True)
class ComparedRun:
    """One GPU at one count with its best layout; `reason` and `fix` where nothing fits. `status`
    says what stands in the way: `does not fit`, `not supported`, `not allowed`, `too late` however
    it is paid for, `no price`; or `serves`.

    `within_share`, `between_share` and `bubble_share` are the parts of a step (0-1) that go to
    exchange within a replica, between replicas, and to the pipeline's bubble. `spot_ceiling` is
    the spot price over the on-demand price below which spot costs less. `memory` is what takes
    the memory of one GPU at the peak.
    """

    gpu: str
    gpus: int
    precision: str | None
    layout: str
    fits: bool
    reason: str
    fix: str
    tokens_per_s: Estimate | None
    limit: str
    within_share: float | None
    between_share: float | None
    bubble_share: float | None
    mem_gib: float | None
    undisturbed_s: float | None
    runs_per_week: float | None
    purchases: tuple[PurchasedRun, ...]
    spot_ceiling: float | None
    note: str
    nearest: NearestMeasurement | None = None
    memory: TrainingParts | None = None
    status: str = SERVES

    def bought(self, purchase: str) -> PurchasedRun | None:
        """The run bought one way; None where there is no price."""
        return next((p for p in self.purchases if p.purchase == purchase), None)


@dataclass(frozen=True, slots=True)
class PriceRatio:
    """Two GPUs at the same count: the price ratio up to which the first is worth it.

    `break_even_cash` counts no value of time, `break_even_with_time` the user's; `ratio_now` is
    the ratio of the median on-demand prices.
    """

    gpu: str
    over: str
    gpus: int
    speedup: float
    break_even_cash: float
    break_even_with_time: float
    ratio_now: float
    worth_it: bool


@dataclass(frozen=True, slots=True)
class TrainingComparison:
    """The question, one row a GPU and count, the trade of cost for time, and what decides.

    `calendar_usd_per_day` is the user's value of a day; `finish_within_s` the limit on P90.
    `ways_out` are changes that would make the run possible where no GPU and count does it in time.
    """

    model: str
    method: str
    tokens: float
    seq_len: int
    global_batch: int | None
    stack: str
    finish_within_s: float | None
    calendar_usd_per_day: float
    programme_factor: float
    price_rule: str
    as_of: date
    runs: tuple[ComparedRun, ...]
    pareto: tuple[ParetoRun, ...]
    ratios: tuple[PriceRatio, ...]
    why: tuple[str, ...]
    counts_stated: bool
    defaults: tuple[str, ...]
    warnings: tuple[str, ...]
    ways_out: tuple[str, ...] = ()
