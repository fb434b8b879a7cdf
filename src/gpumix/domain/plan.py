"""The answer: one Plan object that every renderer shows and none computes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from gpumix.domain import shown
from gpumix.domain.api_plan import ApiAlternative
from gpumix.domain.class_plan import ClassPlan
from gpumix.domain.confidence import ConfidenceCost
from gpumix.domain.evidence import (
    Assumption,
    Basis,
    Estimate,
    NearestMeasurement,
    RestsOn,
    Speed,
)
from gpumix.domain.fit import CacheRoom
from gpumix.domain.job import JobPlan
from gpumix.domain.ledger import PlanLedger
from gpumix.domain.money import PlanMoney
from gpumix.domain.proof import PlannedHours, Replay
from gpumix.domain.room import RoomUse
from gpumix.domain.scenarios import CurvePoint, Scenarios, TermTarget
from gpumix.domain.timeline import Step
from gpumix.domain.today_plan import TodayPlan
from gpumix.domain.traffic import DemandFrom
from gpumix.domain.workload import Inventory
from gpumix.units import MONTHS_PER_YEAR

SCHEMA_VERSION = "1.4"
PLAN_JSON = "plan.json"
"""Name of a plan's file in its folder."""
WITHOUT_LOSS = "without surviving a loss"
"""The alternative whose premium work does not survive the loss of an instance."""
LISTED = "listed prices only"
"""The alternative without commitments that nobody lists."""


@dataclass(frozen=True, slots=True)
class MixLine:
    """One kind of instance in the plan.

    `count` is the most that are held at once where committed, else the most that run in any hour;
    `counts_by_year` the same of each year, `mean_count` the average over the horizon. `utilisation`
    is the share of its GPU-hours that work (0-1). Costs are of the whole line. A rented line says
    what its price is: the machine, the provider's tier, the layer it comes from (sheet, import,
    snapshot), the length of a commitment and the share paid at its start (0-1), its age on the
    plan's day [days], whether it was `derived` from another price or is an estimate, and which
    rules mark it. `valid_until` is the last day for which the price of what is rented or bought is
    good: that of its quotation, else by its age.
    """

    resource: str
    gpu: str
    gpus_per_instance: int
    purchase: str
    provider: str
    region: str
    country: str | None
    count: int
    mean_count: float
    usd_per_gpu_hour: float
    usd_per_month: float
    usd_horizon: float
    utilisation: float
    serves: tuple[str, ...]
    price_as_of: date | None
    basis: Basis
    source: str
    instance: str = ""
    tier: str = ""
    layer: str = ""
    term_months: int = 0
    upfront_share: float = 0.0
    estimated: bool = False
    derived: bool = False
    age_days: int | None = None
    marks: tuple[str, ...] = ()
    counts_by_year: tuple[int, ...] = ()
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class SloCheck:
    """A promise beside its prediction on the deployment that comes nearest to breaking it.

    `kept` is what the replay says where it was `replayed`, else what the prediction does, both at
    the speed that is reached with a probability of `confidence` (None where the promise has an
    interval of its own: jobs and media). It holds with a probability of `p_kept` over the interval
    of the speed (0.01 to 0.99; None where it was not replayed).
    """

    name: str
    limit_s: float
    predicted: Estimate
    kept: bool
    replayed: bool = False
    confidence: float | None = None
    p_kept: float | None = None


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a workload runs: replicas of one layout on one resource.

    `share` is its part of the workload's work (0-1); `units_per_hour` what one replica sustains
    within the SLO; `peak_replicas` the most in any hour. `speed` and `nearest` say why it is so
    fast, and what was measured nearest to it. A replica on a `slice` takes that part of one GPU:
    a MIG profile, or a share of its time. Replicas that also serve the workloads `shared_with` are
    counted whole, for all of them together. `rtt_ms` is the round trip to the users, None where
    nothing says where they are, and `rtt_basis` how it is known. `room` is the memory of one GPU
    and what a replica's cache holds, None where it keeps none.
    """

    resource: str
    gpu: str
    gpus: int
    tp: int
    precision: str
    peak_replicas: int
    share: float
    units_per_hour: float
    output_tokens_per_s: float | None
    batch: float | None
    note: str
    speed: Speed | None = None
    nearest: NearestMeasurement | None = None
    slice: str = ""
    shared_with: tuple[str, ...] = ()
    rtt_ms: float | None = None
    rtt_basis: str = ""
    room: CacheRoom | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """How one GPU would do a workload, whether chosen or not, at its cheapest allowed price.

    `unit_cost_usd` is USD per million total tokens, per run or per sample (`cost_unit`) with
    full replicas; None with `reason` where it cannot serve. What a kW of rack and a joule carry is
    of the server that the GPU is bought in; None where none is known.
    """

    gpu: str
    tp: int | None
    gpus: int | None
    precision: str | None
    units_per_hour: float | None
    tokens_per_s_per_gpu: float | None
    ttft_p95_s: float | None
    tpot_p95_s: float | None
    usd_per_gpu_hour: float | None
    purchase: str | None
    unit_cost_usd: float | None
    chosen: bool
    reason: str
    nearest: NearestMeasurement | None = None
    total_tokens_per_s_per_rack_kw: float | None = None
    total_tokens_per_joule: float | None = None


@dataclass(frozen=True, slots=True)
class Lever:
    """What could be had from the GPUs before buying one: the change and its effect on cost."""

    name: str
    unit_cost_usd: float
    saving_share: float
    note: str


@dataclass(frozen=True, slots=True)
class WorkloadPlan:
    """One workload's part of the plan. Unit costs carry its share of idle capacity.

    Of the unit costs those that apply are set: tokens for inference, run for jobs, sample for
    media, unit for custom work. `demand_per_hour` and `capacity_per_hour` are 168 values of the
    first year, in units per hour, where replicas are shared those of all that share them, in units
    of this one;
    capacity is None for deferrable work, `replay` for all but promised text, `job` for all but
    training. `demand_from` says how its rate was stated.
    `availability` is the share of its requests that find a replica up (0-1; None where it may wait
    or is unknown), `promised_availability` the least that is promised. `planned_hours` are
    what runs in every block of the horizon, to be simulated again; none of jobs (schema 1.4).
    """

    id: str
    kind: str
    model: str
    tier: str
    unit: str
    units_per_year: tuple[float, ...]
    usd_per_month: float
    usd_per_mtok_input: float | None
    usd_per_mtok_output: float | None
    usd_per_mtok_total: float | None
    usd_per_run: float | None
    usd_per_sample: float | None
    slo: tuple[SloCheck, ...]
    placements: tuple[Placement, ...]
    candidates: tuple[Candidate, ...]
    cost_unit: str
    levers: tuple[Lever, ...]
    why: str
    demand_per_hour: tuple[float, ...]
    capacity_per_hour: tuple[float, ...] | None
    replay: Replay | None = None
    job: JobPlan | None = None
    demand_from: DemandFrom | None = None
    availability: float | None = None
    promised_availability: float | None = None
    planned_hours: tuple[PlannedHours, ...] = ()
    classes: tuple[ClassPlan, ...] = ()
    usd_per_unit: float | None = None


@dataclass(frozen=True, slots=True)
class Alternative:
    """A plan under one more restriction, re-solved; or why it cannot be.

    `gap` is its own: the share of its cost that a better plan under the same restriction could at
    most save. `breaks` says what it does not keep that the plan keeps (since schema 1.4).
    """

    name: str
    status: str
    horizon_usd: float | None
    delta_usd: float | None
    delta_share: float | None
    reason: str
    gap: float | None = None
    breaks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CostPart:
    """One component of the cost: USD in each year of the horizon."""

    name: str
    usd_by_year: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Where a decision flips: at this `value` of the `quantity`, which is `now` in the plan.

    `what` is a sentence up to the value: `chat moves to l4-24gb below`. `note` says why the plan
    decides otherwise, where it does (since schema 1.4).
    """

    what: str
    quantity: str
    value: float
    now: float | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """Which GPU carries a workload, and when the next one would win, in words and numbers.

    `load` is the share of what the replicas of `gpu` sustain that is asked of them (0-1).
    `next_gpu`, the cheapest that the plan does not use for it, at `next_usd_per_gpu_hour`, wins at
    a lower price (replicas as full) or where its replicas have a higher load than
    `wins_above_load`; None where at none. `nowhere` are GPU families that are dearer however full
    they are.
    """

    workload: str
    sentence: str
    gpu: str
    load: float
    next_gpu: str | None
    next_usd_per_gpu_hour: float | None
    wins_below_usd_per_gpu_hour: float | None
    wins_above_load: float | None
    nowhere: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ClassUse:
    """GPU-hours held for a class of work and what they cost; `share` of all that is spent (0-1).

    `work` is training, tuning, real time, batch, media, unused, or sold: what sales of servers
    free, below 0.
    """

    work: str
    gpu_hours_per_month: float
    usd_per_month: float
    share: float


@dataclass(frozen=True, slots=True)
class GpuCut:
    """GPUs of a line that are cut alike: at most `count` at a time, each into so many slices of
    each name in `pattern`. Where a line has more of them than GPUs, these are cut anew between
    hours.
    """

    resource: str
    gpu: str
    pattern: Mapping[str, int]
    count: int


@dataclass(frozen=True, slots=True)
class BurstRule:
    """When a workload that has committed capacity also rents by the hour, in the first year.

    The cloud takes what is above `above_units_per_s`, what its committed replicas carry at the
    busiest hour; it does so in `hours_per_month` and does `share` of the work (0-1) on `clouds`,
    where a replica serves `startup_s` after its instance runs (None: unknown). Data lies at
    `data_at`; of `data_tb` kept and `egress_tb_per_month` sent, the cloud's part costs
    `data_usd_per_month`.
    """

    workload: str
    above_units_per_s: float
    hours_per_month: float
    share: float
    clouds: tuple[str, ...]
    startup_s: float | None
    data_at: tuple[str, ...]
    data_tb: float
    egress_tb_per_month: float
    data_usd_per_month: float


@dataclass(frozen=True, slots=True)
class HourlyGpus:
    """GPUs by hour of the week in the first year: 168 values each."""

    committed: tuple[float, ...]
    hourly: tuple[float, ...]
    busy: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CashYear:
    """Cash of a year of the calendar [USD], and the most that the inventory allows; None where it
    sets no limit. What is owed past the horizon is in its last."""

    year: int
    cash_usd: float
    limit_usd: float | None


@dataclass(frozen=True, slots=True, repr=False)
class Plan:
    """The cheapest mix found, what it costs, why, and how sure.

    `horizon_usd` is the present cost at `cost_of_capital` [1/year], which is minimised; `cash_usd`
    and `cash_by_year_usd` are cash; `monthly_usd` is the level cost / 12;
    `ledger` is what all of them are sums of.
    `bound` is the least present cost of any plan under the same model [USD], what
    waiting for training jobs is worth (`wait_usd`, since schema 1.4; no cash) included;
    `gap` = (horizon_usd + wait_usd - bound) / (horizon_usd + wait_usd). `report_currency` and
    `fx_per_usd` tell renderers a second currency to show. `version` is that of the program,
    `data_as_of` the newest date of its data; from `inventory` the plan can be made again (plans of
    schema 1.0 have none).
    `targets` are prices of commitments that would pay if they could be had; `api` is the same work
    done by APIs (both since schema 1.2). `cheapest_usd` is what the cheapest mix found costs over
    the horizon; the plan is the simplest within a share of it, and `curve` leads from one to the
    other (since schema 1.3). `today` is what runs today beside it, where the inventory states that;
    `cut_short_s` is the limit of time that ended the searches early [s], where the user set one
    that did; `timeline` are its steps with dates; `first_year_monthly_usd` is the cash of the first
    year / 12; `owed_usd` is the part of the cost that pays for months after the horizon; `by_class`
    is what each class of work takes, `rules` say which GPU carries which workload and until when;
    `cuts` say which GPUs are cut into slices, and how; `burst` when a workload goes to the cloud
    beside its committed capacity; `scenarios` what other growth and prices do;
    `surviving_usd_per_month` is what premium work's surviving the loss of an instance costs,
    `surviving_share` of the cheapest mix's cost (0-1); `confidence_costs` say what it would cost to
    be more or less sure of all speeds; `cash_years` are the years of the calendar, where the cash
    of any is limited; `money` says how sure the cost is and what would flip the plan; `room_use`
    what it takes of the racks of each site; `cash_by_year_local` is cash in `report_currency`, each
    payment at the rate of its day, where the inventory says how the rate goes on; `rests_on` is the
    present cost by what its prices rest on (all since schema 1.4).
    """

    name: str
    status: str
    as_of: date
    start: date
    years: int
    timezone: str
    report_currency: str
    fx_per_usd: float
    fx_as_of: date | None
    mix: tuple[MixLine, ...]
    monthly_usd: float
    horizon_usd: float
    horizon_low_usd: float
    horizon_high_usd: float
    capex_usd: float
    bound: float
    gap: float
    utilisation: float
    idle_usd_per_month: float
    costs: tuple[CostPart, ...]
    workloads: tuple[WorkloadPlan, ...]
    regret: tuple[Alternative, ...]
    break_evens: tuple[BreakEven, ...]
    hourly_gpus: HourlyGpus
    assumptions: tuple[Assumption, ...]
    warnings: tuple[str, ...]
    seconds: float
    version: str = ""
    data_as_of: date | None = None
    inventory: Inventory | None = None
    targets: tuple[TermTarget, ...] = ()
    cheapest_usd: float | None = None
    curve: tuple[CurvePoint, ...] = ()
    api: ApiAlternative | None = None
    today: TodayPlan | None = None
    cut_short_s: float | None = None
    timeline: tuple[Step, ...] = ()
    first_year_monthly_usd: float | None = None
    owed_usd: float = 0.0
    wait_usd: float = 0.0
    by_class: tuple[ClassUse, ...] = ()
    rules: tuple[DecisionRule, ...] = ()
    cuts: tuple[GpuCut, ...] = ()
    burst: tuple[BurstRule, ...] = ()
    scenarios: Scenarios | None = None
    surviving_usd_per_month: float | None = None
    surviving_share: float | None = None
    confidence_costs: tuple[ConfidenceCost, ...] = ()
    cash_usd: float | None = None
    cash_by_year_usd: tuple[float, ...] = ()
    cost_of_capital: float = 0.0
    ledger: PlanLedger | None = None
    cash_years: tuple[CashYear, ...] = ()
    money: PlanMoney | None = None
    room_use: tuple[RoomUse, ...] = ()
    cash_by_year_local: tuple[float, ...] = ()
    rests_on: RestsOn | None = None

    @property
    def months(self) -> int:
        """Length of the horizon [months]."""
        return self.inventory.months if self.inventory else self.years * int(MONTHS_PER_YEAR)

    def __repr__(self) -> str:
        cost = f"USD {self.monthly_usd:,.0f} a month from {self.start}"
        return f"<Plan {self.name!r}: {cost}, {self.status}, gap {self.gap:.2%}>"

    def _repr_html_(self) -> str:
        """Head of its report, for notebooks."""
        return shown.as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The plan in the shape of `plan.json`."""
        return shown.as_dict(self)

    def to_frame(self, table: str = "mix", library: str | None = None) -> Any:
        """A table of the plan as a data frame: `mix`, `workloads` or `promises`.

        `library` is pandas or polars; by default whichever is installed, pandas first.
        """
        return shown.as_frame(self, table, library)
