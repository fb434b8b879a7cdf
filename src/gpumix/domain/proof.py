"""What a plan runs hour by hour, as its proof needs it, and what a run of it found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PlannedReplicas:
    """Replicas of one layout in some hours of a plan.

    Each is planned at `units_per_hour`, `slowdown` slower than predicted; together they take
    `share` of the workload's demand (0-1). `slice` is empty for whole GPUs; `rtt_s` is the round
    trip to the users that they are planned with [s].
    """

    gpu: str
    tp: int
    precision: str
    slice: str
    replicas: int
    units_per_hour: float
    share: float
    slowdown: float
    rtt_s: float = 0.0


@dataclass(frozen=True, slots=True)
class PlannedHours:
    """Hours of the week (0 = Monday 00:00) of a period of the horizon, and what runs in them.

    `year` 0 is the first; `period` is `y2` for the whole second year, `y2m4` for what starts in
    its fourth month. `peak_units_per_hour` is the demand of the busiest of the hours; what APIs do
    of it is in no share of `running`.
    """

    year: int
    period: str
    hours: tuple[int, ...]
    peak_units_per_hour: float
    running: tuple[PlannedReplicas, ...]


@dataclass(frozen=True, slots=True)
class ReplayedSlo:
    """A promise beside what the plan's replicas did in simulation: over the first week, and in the
    year (0 = first) and hour of the week (0 = Monday 00:00) that came nearest to breaking it, or
    broke it.

    `kept` where it is in the busiest hour of every block of every year (serving/kept.py);
    `standard_error_s` is that of the worst hour's percentile, of so many `requests`; `p_kept` the
    probability that the worst hour keeps it, over the interval of the speed (None: not asked).
    """

    name: str
    limit_s: float
    week_s: float
    worst_s: float
    worst_hour: int
    kept: bool
    worst_year: int = 0
    standard_error_s: float = 0.0
    requests: int = 0
    p_kept: float | None = None


@dataclass(frozen=True, slots=True)
class Replay:
    """A workload's traffic sent through the plan's replicas.

    `requests` were simulated, at the busiest hours of the blocks of all years; those not served
    were shed. `within` is the share within every limit; `corrections` how often the plan was made
    anew with lower rates because a promise broke. The traffic was drawn with gaps of `arrival_cv`,
    `length_correlation` of the ranks of prompt and answer and `prefix_share` of prompt tokens in
    cache; `traffic` says where each comes from.
    """

    requests: int
    served: int
    shed: int
    within: float
    slo: tuple[ReplayedSlo, ...]
    corrections: int
    arrival_cv: float
    length_correlation: float
    prefix_share: float
    traffic: str


KEPT, NOT_KEPT, UNCLEAR = "kept", "not kept", "unclear"


@dataclass(frozen=True, slots=True)
class SimulatedPromise:
    """A promise beside what `requests` came to in simulation [s], and the standard error of that;
    None where they never came to it.

    `verdict` is kept, not kept, or unclear where the standard error leaves it open.
    """

    name: str
    limit_s: float
    simulated_s: float | None
    standard_error_s: float | None
    requests: int
    verdict: str


@dataclass(frozen=True, slots=True)
class SimulatedHour:
    """An hour of the week (0 = Monday 00:00) of a year (0 = first) that was simulated: what arrived
    and what ran. Of work that may wait it is the hour in which the slowest volume is there."""

    year: int
    period: str
    hour: int
    units_per_hour: float
    running: tuple[PlannedReplicas, ...]
    slo: tuple[SimulatedPromise, ...]


@dataclass(frozen=True, slots=True)
class PlanSimulation:
    """A plan's replicas for one workload, run again.

    `confidence` is the probability with which replicas are at least as fast as they were run;
    `seed` None is the plan's own traffic. `slo` is each promise in the worst of the hours.
    """

    plan: str
    workload: str
    model: str
    unit: str
    confidence: float
    seed: int | None
    slo: tuple[SimulatedPromise, ...]
    simulated_hours: tuple[SimulatedHour, ...]
    warnings: tuple[str, ...]

    @property
    def is_kept(self) -> bool:
        """Whether every promise is kept in every hour, beyond doubt."""
        return all(promise.verdict == KEPT for hour in self.simulated_hours for promise in hour.slo)
