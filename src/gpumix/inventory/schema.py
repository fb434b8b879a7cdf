"""What an inventory may hold: keys, types and bounds; meaning is read.py's matter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from gpumix.domain.case import Jump
from gpumix.domain.site import SERVER_TAXES
from gpumix.domain.workload import (
    SIMPLICITY,
)
from gpumix.inventory.quantities import (
    Day,
    Growth,
    LastDay,
    Money,
    Month,
    Number,
    Seconds,
    Share,
    Whole,
    Year,
)
from gpumix.inventory.schema_base import AnyOr, AnyTier, Name, Names, Purchases, Spec, all_or_places
from gpumix.inventory.schema_work import WorkloadSpec


class HorizonSpec(Spec):
    """When the plan starts and how long it runs."""

    start: Day
    years: Whole = Field(ge=1, le=10)


class SpotSpec(Spec):
    """How long spot capacity lasts, and what share of the time it can be had."""

    mean_uptime: Seconds
    availability: Annotated[Share, Field(ge=0.01, le=1)]


MostInstances = Annotated[
    Annotated[Whole, Field(ge=1, le=1_000_000), Tag("all")]
    | Annotated[dict[str, Annotated[Whole, Field(ge=0, le=1_000_000)]], Tag("places")],
    Discriminator(all_or_places),
]
"""`8` of each kind of instance, or by place: `{aws us-east-1: 16}`."""


class DiscountSpec(Spec):
    """A share off a provider's listed prices; what is not named is all."""

    provider: str
    share: Annotated[Share, Field(le=0.99)]
    gpus: Names | None = None
    regions: Names | None = None
    purchase: Purchases | None = None
    until: Day | None = None


class CreditSpec(Spec):
    """Money that pays a provider's rent until a day."""

    provider: str
    usd: Number = Field(gt=0, le=1e12)
    until: Day


class CloudSpec(Spec):
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


class StaffSpec(Spec):
    """Posts of a site: at the least, for each server, what one costs a year, whether whole."""

    least: Number | None = Field(default=None, ge=0, le=10_000)
    per_server: Number | None = Field(default=None, ge=0, le=100)
    salary: Number | None = Field(default=None, ge=0, le=1e7)
    whole: bool = False


def _as_server_taxes(value: Any) -> Any:
    return {SERVER_TAXES: value} if isinstance(value, list) else value


class TaxSpec(Spec):
    """One tax [percent] on the value and on taxes above it; the share that comes back, and when."""

    name: Name
    rate: Number = Field(ge=0, le=100)
    base: Names = ["value"]
    recoverable: Share = 0.0
    lag_months: Whole = Field(default=0, ge=0, le=120)


TaxStacks = Annotated[dict[Name, list[TaxSpec]], BeforeValidator(_as_server_taxes)]
"""A list for servers, or lists by the name of the customs line."""


class RoomSpec(Spec):
    """Rent of the room, for each kW of nameplate, at least `minimum_kw`; whether the power is in
    it; what it takes to fit it out, and to change to denser cooling."""

    usd_per_kw_month: Number = Field(ge=0, le=10_000)
    power_included: bool = False
    minimum_kw: Number = Field(default=0.0, ge=0, le=1e6)
    fit_out_usd: Number = Field(default=0.0, ge=0, le=1e12)
    retrofit_usd_per_kw: dict[
        Literal["rear_door", "liquid"], Annotated[Number, Field(ge=0, le=1e6)]
    ] = {}


class RateSpec(Spec):
    """Units of a currency for a dollar, on a day."""

    per_usd: Number = Field(gt=0, le=1e9)
    as_of: Day
    drift_per_year: Growth = 0.0
    jumps: list[Jump] = []


class SiteSpec(Spec):
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


class ApiSpec(Spec):
    """Which APIs may do some of the work, and the team's own prices of them."""

    providers: AnyOr = "any"
    prices: str | None = None


class OwnedSpec(Spec):
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


class SupplySpec(Spec):
    """Clouds, APIs, sites, and GPUs that already stand on a site."""

    cloud: CloudSpec | None = None
    api: ApiSpec | None = None
    on_prem: dict[Name, SiteSpec] = {}
    quotes: str | None = None
    owned: dict[str, dict[str, Owned]] = {}
    phases: Annotated[list[Month], Field(min_length=1)] | None = None


class LimitsSpec(Spec):
    """Promises about the whole plan."""

    capex_usd: Annotated[Number, Field(ge=0, le=1e15)] | None = None
    capex: Money | None = None
    spot_share: Share | None = None
    providers: Whole | None = Field(default=None, ge=1, le=1000)
    gpu_types: Whole | None = Field(default=None, ge=1, le=1000)
    lines: Whole | None = Field(default=None, ge=1, le=1000)
    min_line_usd_per_month: Number | None = Field(default=None, gt=0, le=1e9)
    cash: dict[Year, Money] = {}


class PreferSpec(Spec):
    """What a plan may pay for: `simplicity` is the share it may cost above the cheapest."""

    simplicity: Annotated[Share, Field(le=0.5)] = SIMPLICITY


class RentedSpec(Spec):
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


class FinanceSpec(Spec):
    """What capital costs a year, where it is not that of a site."""

    cost_of_capital: Share | None = None


class LicenceSpec(Spec):
    """Software that is paid for by the GPU and year."""

    usd_per_gpu_year: Annotated[Number, Field(ge=0, le=1e6)] | None = None
    on: Names = ["all"]


class TodaySpec(Spec):
    """What runs today, and what it is billed a month."""

    rented: list[RentedSpec] = []
    monthly_usd: Annotated[Number, Field(gt=0, le=1e12)] | None = None


class AssumptionSpec(Spec):
    """Who answers for an assumption of the plan, and when it was confirmed, if it was."""

    owner: Name
    confirmed_on: Day | None = None
    note: str = ""


class InventorySpec(Spec):
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
    models: str | None = None
    gpus: str | None = None
    scenarios: dict[Name, dict[str, Any]] = {}
    assumptions: dict[Name, AssumptionSpec] = {}
