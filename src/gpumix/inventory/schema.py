"""What an inventory may hold: keys, types and bounds; meaning is read.py's matter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Discriminator, Field, Tag

from gpumix.domain import defaults
from gpumix.domain.case import Jump
from gpumix.domain.site import SERVER_TAXES
from gpumix.domain.training_words import BasePrecision, Offload, Optimizer
from gpumix.domain.workload import (
    HIGHEST_RANK,
    LEAST_CLASS,
    LONGEST_NAME,
    MOST_ADAPTERS,
    MOST_CLASSES,
    SIMPLICITY,
    Kind,
    Tier,
)
from gpumix.inventory.quantities import (
    Crowd,
    Day,
    Growth,
    LastDay,
    Limit,
    Money,
    Month,
    Number,
    PerDay,
    RequestsPerS,
    Runs,
    Seconds,
    Share,
    Tokens,
    TokensPerDay,
    TokensPerRequest,
    Whole,
    WindowHours,
    Year,
)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME)]
"""A name of the team's own: a plan, a workload, a site."""


Purchases = Annotated[
    list[Literal["on_demand", "spot", "reserved", "reserved_1y", "reserved_3y"]],
    BeforeValidator(_as_list),
    Field(min_length=1),
]
"""Ways of renting."""


TierName = Literal["hyperscaler", "neocloud", "marketplace", "reseller"]


def _any_form(value: Any) -> str:
    return "any" if value == "any" else "names"


AnyOr = Annotated[
    Annotated[Literal["any"], Tag("any")] | Annotated[Names, Tag("names")],
    Discriminator(_any_form),
]


AnyTier = Annotated[
    Annotated[Literal["any"], Tag("any")]
    | Annotated[list[TierName], BeforeValidator(_as_list), Field(min_length=1), Tag("names")],
    Discriminator(_any_form),
]
"""Kinds of providers; `any` for all."""


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HorizonSpec(_Spec):
    """When the plan starts and how long it runs."""

    start: Day
    years: Whole = Field(ge=1, le=10)


class TokensInOut(_Spec):
    """Tokens a day, input and output apart."""

    input: TokensPerDay
    output: TokensPerDay


def _volume_form(value: Any) -> str:
    return "apart" if isinstance(value, dict | TokensInOut) else "input"


Volume = Annotated[
    Annotated[TokensInOut, Tag("apart")] | Annotated[TokensPerDay, Tag("input")],
    Discriminator(_volume_form),
]
"""`2B` (input only), or `{input: 900M, output: 60M}`."""


class TraceMapSpec(_Spec):
    """Columns of a trace that is none of the public formats."""

    arrival: Name
    input: Name
    output: Name


class TrafficSpec(_Spec):
    """How requests arrive: a catalogue profile, plain lengths, or a trace; how many, in one of the
    ways of rates.RATES."""

    profile: str | None = None
    trace: str | None = None
    trace_unit: Literal["s", "ms"] | None = None
    trace_map: TraceMapSpec | None = None
    peak_requests_per_s: RequestsPerS | None = None
    requests_per_s: RequestsPerS | None = None
    users: Crowd | None = None
    think_time: Seconds | None = None
    concurrency: Crowd | None = None
    tokens_per_day: Volume | None = None
    input_tokens: TokensPerRequest | None = None
    output_tokens: TokensPerRequest | None = None
    arrival_cv: Annotated[Number, Field(ge=0.05, le=20)] | None = None
    length_correlation: Annotated[Number, Field(ge=-1, le=1)] | None = None
    prefix_share: Annotated[Share, Field(lt=1)] | None = None
    growth_per_year: Growth = 0.0


class AdaptersSpec(_Spec):
    """LoRA adapters that a workload's base model serves."""

    count: Whole = Field(ge=1, le=MOST_ADAPTERS)
    rank: Whole = Field(ge=1, le=HIGHEST_RANK)


class ClassSpec(_Spec):
    """Some of a chat's requests: what is not stated is as in the workload."""

    name: Name | None = None
    share: Annotated[Share, Field(ge=LEAST_CLASS)]
    input_tokens: TokensPerRequest | None = None
    output_tokens: TokensPerRequest | None = None
    slo: dict[str, Limit] = {}
    tier: Tier | None = None


RoundTripMs = Annotated[Number, Field(ge=0, le=10_000)]


def _trip_form(value: Any) -> str:
    return "places" if isinstance(value, dict) else "all"


RoundTrips = Annotated[
    Annotated[RoundTripMs, Tag("all")] | Annotated[dict[str, RoundTripMs], Tag("places")],
    Discriminator(_trip_form),
]
"""`40` to every place, or by place: `{IN: 45, aws ap-south-1: 38}`."""


class WorkloadSpec(_Spec):
    """One workload of any kind; read.py says which keys go with which kind."""

    kind: Kind
    model: str
    precision: Names | None = None
    kv_precision: str = ""
    engine: str = defaults.ENGINE
    tier: Tier = Tier.STANDARD
    confidence: Annotated[Share, Field(ge=0.5, le=0.99)] | None = None
    residency: Names | None = None
    gpus: Names | None = None
    window: WindowHours | None = None
    growth_per_year: Growth | None = None
    data_tb: Number = Field(default=0.0, ge=0, le=1e6)
    egress_tb_per_month: Number = Field(default=0.0, ge=0, le=1e6)
    from_: Day | None = Field(default=None, alias="from")
    until: LastDay | None = None
    # served work
    mig: bool = True
    share_gpu: bool = False
    adapters: AdaptersSpec | None = None
    share_replicas: bool = True
    classes: Annotated[list[ClassSpec], Field(min_length=1, max_length=MOST_CLASSES)] | None = None
    traffic: TrafficSpec | None = None
    slo: dict[str, Limit] = {}
    users_at: Names | None = None
    rtt_ms: RoundTrips | None = None
    tokens_per_day: Volume | None = None
    input_tokens: TokensPerRequest | None = None
    # jobs
    method: Literal["full", "dpo", "lora", "qlora"] | None = None
    tokens: Tokens | None = None
    runs_per_month: Runs | None = None
    runs_per_year: Runs | None = None
    finish_within: Seconds | None = None
    seq_len: Whole | None = Field(default=None, ge=16, le=10_000_000)
    global_batch: Whole | None = Field(default=None, ge=1, le=1_000_000)
    lora_rank: Whole = Field(default=16, ge=1, le=4096)
    stack: str | None = None
    n_gpus: Whole | None = Field(default=None, ge=1, le=100_000)
    token_fill: Share = 1.0
    activation_ckpt: Literal["none", "selective", "full"] | None = None
    optimizer: Optimizer | None = None
    offload: Offload | None = None
    base_precision: BasePrecision | None = None
    checkpoint: Literal["sync", "async"] = "sync"
    queue: Seconds | None = None
    new_fleet: bool = False
    programme_factor: Number = Field(default=1.0, ge=1, le=100)
    calendar_usd_per_day: Number = Field(default=0.0, ge=0, le=1e9)
    # media
    images_per_day: PerDay | None = None
    videos_per_day: PerDay | None = None
    latency: Seconds | None = None
    steps: Whole | None = Field(default=None, ge=1, le=1000)
    resolution: str | None = Field(default=None, pattern=r"^[1-9][0-9]{1,4}x[1-9][0-9]{1,4}$")
    frames: Whole | None = Field(default=None, ge=1, le=10_000)


class SpotSpec(_Spec):
    """How long spot capacity lasts, and what share of the time it can be had."""

    mean_uptime: Seconds
    availability: Annotated[Share, Field(ge=0.01, le=1)]


def _most_form(value: Any) -> str:
    return "places" if isinstance(value, dict) else "each"


MostInstances = Annotated[
    Annotated[Whole, Field(ge=1, le=1_000_000), Tag("each")]
    | Annotated[dict[str, Annotated[Whole, Field(ge=0, le=1_000_000)]], Tag("places")],
    Discriminator(_most_form),
]
"""`8` of each kind of instance, or by place: `{aws us-east-1: 16}`."""


class DiscountSpec(_Spec):
    """A share off a provider's listed prices; what is not named is all."""

    provider: str
    share: Annotated[Share, Field(le=0.99)]
    gpus: Names | None = None
    regions: Names | None = None
    purchase: Purchases | None = None
    until: Day | None = None


class CreditSpec(_Spec):
    """Money that pays a provider's rent until a day."""

    provider: str
    usd: Number = Field(gt=0, le=1e12)
    until: Day


class CloudSpec(_Spec):
    """Which rentals may be used."""

    providers: AnyOr = "any"
    regions: AnyOr = "any"
    countries: AnyOr = "any"
    gpus: AnyOr = "any"
    purchase: Purchases = ["on_demand", "spot", "reserved"]
    tiers: AnyTier = ["hyperscaler", "neocloud"]
    estimated_terms: bool = False
    max_instances: MostInstances | None = None
    spot: dict[str, SpotSpec] = {}
    discounts: list[DiscountSpec] = []
    support_share: dict[str, Share] = {}
    credits: list[CreditSpec] = []
    tax_share: Share = 0.0


class StaffSpec(_Spec):
    """Posts of a site: at the least, for each server, what one costs a year, whether whole."""

    least: Number | None = Field(default=None, ge=0, le=10_000)
    per_server: Number | None = Field(default=None, ge=0, le=100)
    salary: Number | None = Field(default=None, ge=0, le=1e7)
    whole: bool = False


def _as_server_taxes(value: Any) -> Any:
    return {SERVER_TAXES: value} if isinstance(value, list) else value


class TaxSpec(_Spec):
    """One tax [percent] on the value and on taxes above it; the share that comes back, and when."""

    name: Name
    rate: Number = Field(ge=0, le=100)
    base: Names = ["value"]
    recoverable: Share = 0.0
    lag_months: Whole = Field(default=0, ge=0, le=120)


TaxStacks = Annotated[dict[Name, list[TaxSpec]], BeforeValidator(_as_server_taxes)]
"""A list for servers, or lists by the name of the customs line."""


class RoomSpec(_Spec):
    """Rent of the room, for each kW of nameplate, at least `minimum_kw`; whether the power is in
    it; what it takes to fit it out, and to change to denser cooling."""

    usd_per_kw_month: Number = Field(ge=0, le=10_000)
    power_included: bool = False
    minimum_kw: Number = Field(default=0.0, ge=0, le=1e6)
    fit_out_usd: Number = Field(default=0.0, ge=0, le=1e12)
    retrofit_usd_per_kw: dict[
        Literal["rear_door", "liquid"], Annotated[Number, Field(ge=0, le=1e6)]
    ] = {}


class RateSpec(_Spec):
    """Units of a currency for a dollar, on a day."""

    per_usd: Number = Field(gt=0, le=1e9)
    as_of: Day
    drift_per_year: Growth = 0.0
    jumps: list[Jump] = []


class SiteSpec(_Spec):
    """A site of one's own; unstated figures come from its country's row."""

    country: str
    racks: Whole = Field(ge=0, le=10_000)
    kw_per_rack: Number = Field(gt=0, le=500)
    cooling: Literal["air", "rear_door", "liquid"] = "air"
    gpus: Names = []
    usd_per_kwh: Number | None = Field(default=None, gt=0, le=10)
    pue: Number | None = Field(default=None, ge=1, le=4)
    outage_hours_per_year: Number | None = Field(default=None, ge=0, le=8760)
    generator: bool | dict[str, Any] = True
    cost_of_capital: Share | None = None
    staff: StaffSpec | None = None
    staff_fte: Number | None = Field(default=None, ge=0, le=10_000)
    fte_usd_per_year: Number | None = Field(default=None, ge=0, le=1e7)
    facility_usd_per_kw_month: Number | None = Field(default=None, ge=0, le=10_000)
    room: RoomSpec | None = None
    tariff: dict[str, Any] | None = None
    taxes_recoverable: bool = True
    taxes: TaxStacks | None = None
    currency: str | None = None
    lead_months: Whole | None = Field(default=None, ge=0, le=120)


class ApiSpec(_Spec):
    """Which APIs may do some of the work, and the team's own prices of them."""

    providers: AnyOr = "any"
    prices: str | None = None


class OwnedSpec(_Spec):
    """GPUs that stand on a site: how many, how old, and what somebody offers for one."""

    count: Whole = Field(ge=1, le=1_000_000)
    age_months: Number | None = Field(default=None, ge=0, le=240)
    sell_usd: Number | None = Field(default=None, ge=0, le=1e6)


def _owned_form(value: Any) -> str:
    return "terms" if isinstance(value, dict | OwnedSpec) else "count"


Owned = Annotated[
    Annotated[Whole, Field(ge=1, le=1_000_000), Tag("count")] | Annotated[OwnedSpec, Tag("terms")],
    Discriminator(_owned_form),
]
"""`8`, or `{count: 8, age_months: 24, sell_usd: 4000}`."""


class SupplySpec(_Spec):
    """Clouds, APIs, sites, and GPUs that already stand on a site."""

    cloud: CloudSpec | None = None
    api: ApiSpec | None = None
    on_prem: dict[Name, SiteSpec] = {}
    quotes: str | None = None
    owned: dict[str, dict[str, Owned]] = {}
    phases: Annotated[list[Month], Field(min_length=1)] | None = None


class LimitsSpec(_Spec):
    """Promises about the whole plan."""

    capex_usd: Annotated[Number, Field(ge=0, le=1e15)] | None = None
    capex: Money | None = None
    spot_share: Share | None = None
    providers: Whole | None = Field(default=None, ge=1, le=1000)
    gpu_types: Whole | None = Field(default=None, ge=1, le=1000)
    lines: Whole | None = Field(default=None, ge=1, le=1000)
    min_line_usd_per_month: Number | None = Field(default=None, gt=0, le=1e9)
    cash: dict[Year, Money] = {}


class PreferSpec(_Spec):
    """What a plan may pay for: `simplicity` is the share it may cost above the cheapest."""

    simplicity: Annotated[Share, Field(le=0.5)] = SIMPLICITY


class RentedSpec(_Spec):
    """Instances that run today; today.py says what goes together."""

    provider: str
    instance: str | None = None
    gpu: str | None = None
    gpus_per_instance: Whole | None = None
    region: str = ""
    purchase: Literal["on_demand", "spot", "reserved", "reserved_1y", "reserved_3y"] = "on_demand"
    count: Whole
    until: LastDay | None = None
    usd_per_gpu_hour: Number | None = None


class FinanceSpec(_Spec):
    """What capital costs a year, where it is not that of a site."""

    cost_of_capital: Share | None = None


class LicenceSpec(_Spec):
    """Software that is paid for by the GPU and year."""

    usd_per_gpu_year: Annotated[Number, Field(ge=0, le=1e6)] | None = None
    on: Names = ["all"]


class TodaySpec(_Spec):
    """What runs today, and what it is billed a month."""

    rented: list[RentedSpec] = []
    monthly_usd: Annotated[Number, Field(gt=0, le=1e12)] | None = None


class InventorySpec(_Spec):
    """The whole file."""

    name: Name = "my plan"
    horizon: HorizonSpec
    timezone: str = "UTC"
    report_currency: str = "USD"
    fx: dict[str, RateSpec] = {}
    as_of: Day | None = None
    workloads: dict[Name, WorkloadSpec]
    supply: SupplySpec
    limits: LimitsSpec = LimitsSpec()
    prefer: PreferSpec = PreferSpec()
    today: TodaySpec | None = None
    finance: FinanceSpec = FinanceSpec()
    licences: dict[Name, LicenceSpec] = {}
    prices: str | None = None
