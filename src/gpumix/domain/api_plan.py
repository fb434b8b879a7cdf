"""What work would cost by API, beside a plan. Latency of an API is unknown: none is promised."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gpumix.domain.api import ApiKind

NOT_OFFERED = {
    "rent": "no rental may do this workload",
    "own": "no server is on offer for this workload",
}
"""Why there is no break-even by a way of having GPUs that the team does not have at all."""


@dataclass(frozen=True, slots=True)
class ApiOption:
    """A workload at one API.

    `usd_per_mtok_total` is USD per million input and output tokens together, `batch` whether at
    batch rates; `delta_share` the month's cost over the plan's for the workload, less 1 (None:
    nothing to compare it with).
    """

    provider: str
    name: str
    kind: ApiKind
    batch: bool
    usd_per_mtok_total: float
    usd_per_month: float
    usd_horizon: float
    delta_share: float | None
    latency: str
    as_of: date
    source: str


@dataclass(frozen=True, slots=True)
class ApiBreakEven:
    """The least steady demand at which GPUs do a workload for less than the API `against`.

    `way` is `rent` or `own`. At `tokens_per_day` `replicas` run at the busiest hour, for
    `usd_per_month`; None with `reason` where GPUs never win.
    """

    way: str
    against: str
    tokens_per_day: float | None
    gpu: str
    resource: str
    replicas: int
    usd_per_month: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class ApiRefusal:
    """APIs that have the model and cannot do the workload, and why."""

    providers: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class WorkloadApi:
    """One workload by API: the same model first, substitutes apart, each provider at its cheapest.

    `tokens_per_day` are those of the first year, input and output. `reason` says why no API can do
    it.
    """

    id: str
    tokens_per_day: float | None
    plan_usd_per_month: float | None
    same: tuple[ApiOption, ...]
    substitutes: tuple[ApiOption, ...]
    refused: tuple[ApiRefusal, ...]
    break_evens: tuple[ApiBreakEven, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class ApiAlternative:
    """All that APIs can do, done by them, each workload at the cheapest.

    `usd_horizon` covers the workloads in `covers` alone, `plan_usd_horizon` is what they cost in
    the plan; `not_covered` have no API. `substituted` are those done by another model.
    """

    usd_horizon: float | None
    usd_per_month: float | None
    plan_usd_horizon: float | None
    delta_share: float | None
    covers: tuple[str, ...]
    substituted: tuple[str, ...]
    not_covered: tuple[str, ...]
    workloads: tuple[WorkloadApi, ...]
