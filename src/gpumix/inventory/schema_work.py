"""What an inventory may say of a workload; meaning is read.py's matter."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from gpumix.domain import defaults
from gpumix.domain.training_words import BasePrecision, Offload, Optimizer
from gpumix.domain.workload import (
    HIGHEST_RANK,
    LEAST_CLASS,
    MOST_ADAPTERS,
    MOST_CLASSES,
    Kind,
    Tier,
)
from gpumix.inventory.quantities import (
    Crowd,
    Day,
    Growth,
    LastDay,
    Limit,
    Number,
    PerDay,
    RequestsPerS,
    Runs,
    Seconds,
    Share,
    Tokens,
    TokensPerDay,
    TokensPerRequest,
    UnitsPerDay,
    UnitsPerHour,
    Whole,
    WindowHours,
)
from gpumix.inventory.schema_base import Name, Names, Spec, all_or_places


class TokensInOut(Spec):
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


class TraceMapSpec(Spec):
    """Columns of a trace that is none of the public formats."""

    arrival: Name
    input: Name
    output: Name


class TrafficSpec(Spec):
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
    images_per_request: Annotated[Number, Field(ge=0, le=1000)] = 0.0
    tokens_per_image: TokensPerRequest | None = None
    audio_minutes_per_request: Annotated[Number, Field(ge=0, le=1000)] = 0.0
    arrival_cv: Annotated[Number, Field(ge=0.05, le=20)] | None = None
    length_correlation: Annotated[Number, Field(ge=-1, le=1)] | None = None
    prefix_share: Annotated[Share, Field(lt=1)] | None = None
    growth_per_year: Growth = 0.0


class AdaptersSpec(Spec):
    """LoRA adapters that a workload's base model serves."""

    count: Whole = Field(ge=1, le=MOST_ADAPTERS)
    rank: Whole = Field(ge=1, le=HIGHEST_RANK)


class ClassSpec(Spec):
    """Some of a chat's requests: what is not stated is as in the workload."""

    name: Name | None = None
    share: Annotated[Share, Field(ge=LEAST_CLASS)]
    input_tokens: TokensPerRequest | None = None
    output_tokens: TokensPerRequest | None = None
    slo: dict[str, Limit] = {}
    tier: Tier | None = None


RoundTripMs = Annotated[Number, Field(ge=0, le=10_000)]


RoundTrips = Annotated[
    Annotated[RoundTripMs, Tag("all")] | Annotated[dict[str, RoundTripMs], Tag("places")],
    Discriminator(all_or_places),
]
"""`40` to every place, or by place: `{IN: 45, aws ap-south-1: 38}`."""


class NeedsSpec(Spec):
    """What each GPU of a workload must have: engines by number, the others or not."""

    nvenc: Whole = Field(default=0, ge=0, le=64)
    nvdec: Whole = Field(default=0, ge=0, le=64)
    rt_cores: bool = False
    display: bool = False
    vgpu: bool = False
    ecc: bool = False


class MeasuredRateSpec(Spec):
    """What so many GPUs of a kind do together, and how much that varies from run to run."""

    rate: UnitsPerHour
    gpus: Whole = Field(default=1, ge=1, le=1024)
    cv: Annotated[Number, Field(ge=0.001, le=2)] | None = None


def _rate_form(value: Any) -> str:
    return "terms" if isinstance(value, dict | MeasuredRateSpec) else "rate"


Rate = Annotated[
    Annotated[UnitsPerHour, Tag("rate")] | Annotated[MeasuredRateSpec, Tag("terms")],
    Discriminator(_rate_form),
]
"""`120` units an hour on one GPU, or `{rate: 900, gpus: 8, cv: 0.2}`."""


class ConfigSpec(Spec):
    """A model by its Hugging Face config, called `name` or what the config calls it."""

    config: Annotated[str, Field(min_length=1)]
    name: Name | None = None


def _model_form(value: Any) -> str:
    return "config" if isinstance(value, dict | ConfigSpec) else "name"


ModelRef = Annotated[
    Annotated[str, Tag("name")] | Annotated[ConfigSpec, Tag("config")],
    Discriminator(_model_form),
]
"""`Qwen/Qwen3-8B`, or `{config: our-model/config.json}`."""


class WorkloadSpec(Spec):
    """One workload of any kind; applies.py says which keys go with which kind."""

    kind: Kind
    model: ModelRef | None = None
    precision: Names | None = None
    kv_precision: str = ""
    context: Annotated[Whole, Field(ge=1, le=100_000_000)] | None = None
    engine: str = defaults.ENGINE
    tier: Tier = Tier.STANDARD
    confidence: Annotated[Share, Field(ge=0.5, le=0.99)] | None = None
    residency: Names | None = None
    gpus: Names | None = None
    needs: NeedsSpec = NeedsSpec()
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
    # custom
    rates: dict[str, Rate] = {}
    unit: Name | None = None
    per_day: UnitsPerDay | None = None
    time_cv: Annotated[Number, Field(ge=0, le=10)] = 0.0
