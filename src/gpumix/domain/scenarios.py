"""What stands beside the chosen mix: simpler ones, terms to ask for, other futures."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """A mix on the way from the cheapest to the simplest: what it counts and costs [USD].

    Own sites are no provider; lines are rows of the mix.
    """

    providers: int
    gpu_types: int
    lines: int
    horizon_usd: float

    def delta_share(self, cheapest_usd: float) -> float:
        """Extra cost as a share of the cheapest mix's."""
        return self.horizon_usd / cheapest_usd - 1.0


@dataclass(frozen=True, slots=True)
class TermTarget:
    """A commitment that nobody lists and that would pay: what to ask a quote for.

    `gpus` on a commitment of `term_months` cost no more than this plan at `usd_per_gpu_hour`; at
    `usual_usd_per_gpu_hour`, what providers of the `tier` usually ask, all targets of the plan
    together would save `saves_usd_per_month`.
    """

    gpu: str
    gpus: int
    tier: str
    term_months: int
    usd_per_gpu_hour: float
    usual_usd_per_gpu_hour: float
    saves_usd_per_month: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the plan costs over the horizon if growth or prices turn out otherwise [USD].

    Yearly growth is `growth_factor` times what the inventory says, hourly prices change by
    `price_change_per_year` (-0.2: a fifth less each year). `plan_usd` keeps the plan's commitments
    and plans the rest anew, `best_usd` is the best plan for the scenario, `regret_usd` their
    difference; None where there is no plan.
    """

    growth_factor: float
    price_change_per_year: float
    plan_usd: float | None
    best_usd: float | None
    regret_usd: float | None


@dataclass(frozen=True, slots=True)
class Scenarios:
    """All scenarios, of the same weight, and what the plan costs at the 10th, 50th and 90th of 100
    [USD]; None where the plan's commitments do not do in one of them."""

    of: tuple[Scenario, ...]
    p10_usd: float | None
    p50_usd: float | None
    p90_usd: float | None
