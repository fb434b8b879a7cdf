"""What an inventory may hold: keys, types and bounds; meaning is read.py's matter."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gpumix.domain.workload import Kind, Tier
from gpumix.inventory.quantities import (
    Growth,
    Money,
    PerDay,
    RequestsPerS,
    Runs,
    Seconds,
    Share,
    Tokens,
    TokensPerDay,
    TokensPerRequest,
    WindowHours,
)


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _month(value: Any) -> Any:
    text = str(value)
    return f"{text}-01" if len(text) == 7 else text


Names = Annotated[list[str], BeforeValidator(_as_list), Field(min_length=1)]
AnyOr = Literal["any"] | Names
Day = Annotated[date, BeforeValidator(_month)]


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class HorizonSpec(_Spec):
    """When the plan starts and how long it runs."""

    start: Day
    years: int = Field(ge=1, le=10)


class TokensInOut(_Spec):
    """Tokens a day, input and output apart."""

    input: TokensPerDay
    output: TokensPerDay


class TrafficSpec(_Spec):
    """How requests arrive: a catalogue profile, plain lengths, or a trace."""

    profile: str | None = None
    trace: str | None = None
    peak_requests_per_s: RequestsPerS | None = None
    requests_per_s: RequestsPerS | None = None
    input_tokens: TokensPerRequest | None = None
    output_tokens: TokensPerRequest | None = None
    growth_per_year: Growth = 0.0


class WorkloadSpec(_Spec):
    """One workload of any kind; read.py says which keys go with which kind."""

    kind: Kind
    model: str
    precision: Names = ["bf16"]
    kv_precision: str = ""
    engine: str = "vllm"
    tier: Tier = Tier.STANDARD
    residency: Names | None = None
    gpus: Names | None = None
    window: WindowHours | None = None
    growth_per_year: Growth | None = None
    # served work
    traffic: TrafficSpec | None = None
    slo: dict[str, Seconds] = {}
    tokens_per_day: TokensInOut | TokensPerDay | None = None
    input_tokens: TokensPerRequest | None = None
    output_tokens: TokensPerRequest | None = None
    # jobs
    method: Literal["full", "lora", "qlora"] | None = None
    tokens: Tokens | None = None
    runs_per_month: Runs | None = None
    runs_per_year: Runs | None = None
    finish_within: Seconds | None = None
    seq_len: int | None = Field(default=None, ge=16, le=10_000_000)
    global_batch: int | None = Field(default=None, ge=1, le=1_000_000)
    lora_rank: int = Field(default=16, ge=1, le=4096)
    stack: str | None = None
    n_gpus: int | None = Field(default=None, ge=1, le=100_000)
    # media
    images_per_day: PerDay | None = None
    videos_per_day: PerDay | None = None
    latency: Seconds | None = None
    steps: int | None = Field(default=None, ge=1, le=1000)
    resolution: str | None = Field(default=None, pattern=r"^\d{2,5}x\d{2,5}$")
    frames: int | None = Field(default=None, ge=1, le=10_000)


class CloudSpec(_Spec):
    """Which rentals may be used."""

    providers: AnyOr = "any"
    regions: AnyOr = "any"
    countries: AnyOr = "any"
    gpus: AnyOr = "any"
    purchase: Annotated[
        list[Literal["on_demand", "spot", "reserved_1y", "reserved_3y"]],
        BeforeValidator(_as_list),
        Field(min_length=1),
    ] = ["on_demand", "spot", "reserved_1y", "reserved_3y"]
    max_instances: int | None = Field(default=None, ge=1, le=1_000_000)


class SiteSpec(_Spec):
    """A site of one's own; unstated figures come from its country's row."""

    country: str
    racks: int = Field(ge=0, le=10_000)
    kw_per_rack: float = Field(gt=0, le=500, allow_inf_nan=False)
    cooling: Literal["air", "rear_door", "liquid"] = "air"
    gpus: Names = []
    usd_per_kwh: float | None = Field(default=None, gt=0, le=10, allow_inf_nan=False)
    pue: float | None = Field(default=None, ge=1, le=4, allow_inf_nan=False)
    outage_hours_per_year: float | None = Field(default=None, ge=0, le=8760, allow_inf_nan=False)
    generator: bool = True
    cost_of_capital: Share | None = None
    staff_fte: float | None = Field(default=None, ge=0, le=10_000, allow_inf_nan=False)
    fte_usd_per_year: float | None = Field(default=None, ge=0, le=1e7, allow_inf_nan=False)
    facility_usd_per_kw_month: float | None = Field(
        default=None, ge=0, le=10_000, allow_inf_nan=False
    )
    taxes_recoverable: bool = True


class SupplySpec(_Spec):
    """Clouds, sites, and GPUs that already stand on a site."""

    cloud: CloudSpec | None = None
    on_prem: dict[str, SiteSpec] = {}
    owned: dict[str, dict[str, Annotated[int, Field(ge=1, le=1_000_000)]]] = {}


class LimitsSpec(_Spec):
    """Promises about the whole plan."""

    capex_usd: Annotated[float, Field(ge=0, le=1e13, allow_inf_nan=False)] | None = None
    capex: Money | None = None
    spot_share: Share = 1.0


class InventorySpec(_Spec):
    """The whole file."""

    name: str = "my plan"
    horizon: HorizonSpec
    timezone: str = "UTC"
    report_currency: str = "USD"
    as_of: Day | None = None
    workloads: dict[str, WorkloadSpec] = Field(min_length=1)
    supply: SupplySpec
    limits: LimitsSpec = LimitsSpec()
    prices: str | None = None


APPLIES: dict[Kind, frozenset[str]] = {
    Kind.CHAT: frozenset({"traffic", "slo"}),
    Kind.BATCH: frozenset(
        {"tokens_per_day", "window", "growth_per_year", "input_tokens", "output_tokens"}
    ),
    Kind.EMBEDDING: frozenset(
        {"tokens_per_day", "window", "growth_per_year", "input_tokens", "traffic", "slo"}
    ),
    Kind.FINETUNE: frozenset(
        {"method", "tokens", "runs_per_month", "runs_per_year", "finish_within", "seq_len",
         "global_batch", "lora_rank", "stack", "n_gpus", "growth_per_year", "window"}
    ),
    Kind.PRETRAIN: frozenset(
        {"tokens", "runs_per_month", "runs_per_year", "finish_within", "seq_len", "global_batch",
         "stack", "n_gpus", "growth_per_year"}
    ),
    Kind.MEDIA: frozenset(
        {"images_per_day", "videos_per_day", "latency", "steps", "resolution", "frames",
         "growth_per_year", "window", "traffic"}
    ),
}  # fmt: skip
"""Keys that go with a kind, beside those that every workload has."""

COMMON = frozenset(
    {"kind", "model", "precision", "kv_precision", "engine", "tier", "residency", "gpus"}
)
