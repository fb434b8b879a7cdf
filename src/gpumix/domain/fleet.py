"""The answers about a real fleet: who used what and what it cost, and what of it was wasted.

`as_json` of each record is the JSON of `attribute` and `audit` (docs/contracts.md). Money that must
add up to a bill is in integer micro-units of the bill's currency (`usd_micro`; the name is kept
where the currency is another). A team, workload, model or node that is not known is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any, Final, Literal

from gpumix.units import HOURS_PER_MONTH, SECONDS_PER_HOUR

SCHEMA_VERSION: Final = 1
DISMISSED_FILE: Final = "dismissed.yaml"
"""In a fleet's folder: findings that its people decided to leave as they are."""

Kind = Literal["used", "allocated_idle", "unallocated", "no_data"]
Basis = Literal["allocation", "usage"]

NoteCode = Literal[
    "gap",
    "duplicate_samples",
    "two_scrapers",
    "counter_reset",
    "clock_skew",
    "future_samples",
    "labels_renamed",
    "gpu_swapped",
    "no_bill",
    "no_telemetry",
    "unknown_gpu",
    "dst",
    "running_job",
    "team_alias",
    "dismissal_over",
    "dismissal_unused",
]
"""What a note may be about."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something about the telemetry or the bill that a reader of the figures must know."""

    code: NoteCode
    node: str | None
    detail: str


@dataclass(frozen=True, slots=True)
class FleetSummary:
    """What a fleet's folder holds. `start` and `end` are of its samples, RFC 3339, None without."""

    folder: str
    sources: int
    nodes: int
    gpus: int
    samples: int
    jobs: int
    start: str | None
    end: str | None
    resolution_s: int
    notes: tuple[Note, ...]


@dataclass(frozen=True, slots=True)
class AttributionRow:
    """GPU-hours of one owner on one node of one kind, and their share of the bill.

    `gpu` is the catalogue's id. `hours` are GPU-hours; a MIG instance counts slices / 7.
    """

    team: str | None
    workload: str | None
    model: str | None
    gpu: str | None
    node: str | None
    kind: Kind
    hours: float
    usd_micro: int
    tokens_in: int
    tokens_out: int
    joules: float


@dataclass(frozen=True, slots=True)
class Outside:
    """What of a bill belongs to no GPU, by charge category (FOCUS) and reason."""

    charge_category: str
    reason: str
    usd_micro: int


@dataclass(frozen=True, slots=True)
class Unbilled:
    """A node that telemetry knows and no line of the bill."""

    node: str
    gpu_hours: float


@dataclass(frozen=True, slots=True)
class AttributionTotals:
    """`attributed_usd_micro + sum(outside) == bill_usd_micro`, exactly.

    `bill_usd_micro` is the sum of EffectiveCost, `billed_usd_micro` that of BilledCost.
    """

    bill_usd_micro: int
    billed_usd_micro: int
    attributed_usd_micro: int
    outside: tuple[Outside, ...]
    unbilled: tuple[Unbilled, ...]


@dataclass(frozen=True, slots=True)
class OwnerCost:
    """What one owner's work cost, its idle GPU-hours included.

    `usd_per_mtok_*` are the whole cost over a million tokens of the kind (served: input and output
    together; computed: input that was not found in the engine's cache), None where none were
    counted. `runs` are the scheduler's jobs that ended, and `usd_per_completed_run` the whole cost
    over those that completed: what failed and was cancelled is paid by them. Shares are of the GPU
    time of the jobs.
    """

    team: str | None
    workload: str | None
    model: str | None
    usd_micro: int
    gpu_hours: float
    usd_per_mtok_input: float | None
    usd_per_mtok_output: float | None
    usd_per_mtok_served: float | None
    usd_per_mtok_computed: float | None = None
    runs: int = 0
    completed_runs: int = 0
    failed_share: float | None = None
    cancelled_share: float | None = None
    usd_per_completed_run: float | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """Every unit of a bill, given to an owner, named as nobody's, or outside of the GPUs.

    `start` and `end` are RFC 3339 in UTC. `shared_by` says how GPUs that several owners had at one
    time were divided: `engine_activity`, `request`, or both; empty where there were none. `owners`
    are on the basis of allocation.
    """

    schema_version: int
    currency: str
    start: str
    end: str
    basis: Basis
    rows: tuple[AttributionRow, ...]
    totals: AttributionTotals
    notes: tuple[Note, ...] = ()
    shared_by: tuple[str, ...] = ()
    owners: tuple[OwnerCost, ...] = ()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a finding is about; what does not apply is None.

    `devices` are UUIDs, `UUID/<GPU_I_ID>` for a MIG instance; empty for all of the scope.
    """

    team: str | None = None
    workload: str | None = None
    model: str | None = None
    gpu: str | None = None
    node: str | None = None
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """A series behind a finding: where it is from, what was asked, and its percentiles."""

    source: str
    query: str
    series: str
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of waste in [start, end).

    `id` is made of its class and scope alone, so that it is the same a week later.
    `at_stake_usd_micro` is the exact share of the bill it is about; `usd_before` the saving at list
    price, `usd_after_discounts` at EffectiveCost with its 80 % interval `low` to `high`.
    """

    class_: str
    scope: Scope
    start: str
    end: str
    at_stake_usd_micro: int
    usd_before: float
    usd_after_discounts: float
    low: float
    high: float
    evidence: tuple[Evidence, ...]
    action: str
    because: str
    confidence: float
    risk: str = ""
    how_to_check: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Dismissal:
    """What somebody said of a finding: leave it as it is until a day, unless it grows.

    `per_month` is what it saved a month then, in the bill's currency; the dismissal is over where
    it saves more than `1 + grows` times that.
    """

    finding: str
    who: str
    reason: str
    when: date
    until: date
    per_month: float
    grows: float


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A finding that is not in the sum, and who said so and why."""

    finding: Finding
    dismissal: Dismissal


@dataclass(frozen=True, slots=True)
class FindingHours:
    """What the GPUs of a finding did by the hour, a day before and after its window too.

    `finding` is its place in the answer; `hours` begin at these times (RFC 3339 in UTC), and the
    means of engine activity [0-1] and of requests running are None where nothing is known.
    """

    finding: int
    hours: tuple[str, ...]
    engine_active: tuple[float | None, ...]
    requests_running: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class AuditAnswer:
    """The findings on one fleet, the largest saving first.

    `looked_for` are the classes of waste that were looked for, `not_looked_for` those that were
    not, each with the reason. `dismissed` are not among the `findings`.
    """

    schema_version: int
    currency: str
    start: str
    end: str
    findings: tuple[Finding, ...]
    notes: tuple[Note, ...]
    bill_usd_micro: int = 0
    looked_for: tuple[str, ...] = ()
    not_looked_for: tuple[str, ...] = ()
    dismissed: tuple[Dismissed, ...] = ()

    @property
    def hours(self) -> float:
        """Length of the window [h]."""
        start, end = (datetime.fromisoformat(t) for t in (self.start, self.end))
        return (end - start).total_seconds() / SECONDS_PER_HOUR

    def per_month(self, finding: Finding) -> float:
        """What a finding saves in 730 h at the rate of the window, in the bill's currency."""
        return finding.usd_after_discounts * HOURS_PER_MONTH / self.hours if self.hours else 0.0


def as_json(record: Attribution | AuditAnswer) -> dict[str, Any]:
    """An answer in the shape of its JSON.

    `class_` is `class` there, a day is text, and `devices` are absent where they are all of a
    scope.

    >>> as_json(AuditAnswer(1, "USD", "", "", (), (Note("gap", "k1", "1 h"),)))["notes"]
    ({'code': 'gap', 'node': 'k1', 'detail': '1 h'},)
    """
    return asdict(
        record,
        dict_factory=lambda pairs: {
            name.rstrip("_"): value.isoformat() if isinstance(value, date) else value
            for name, value in pairs
            if (name, value) != ("devices", ())
        },
    )
