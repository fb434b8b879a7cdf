"""What a team runs, what it may rent or own, and which promises bind it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from gpumix.domain.api import ApiSupply
from gpumix.domain.contracts import NO_CONTRACTS, Contracts
from gpumix.domain.custom import MeasuredRate
from gpumix.domain.evidence import Assumption, Confirmation
from gpumix.domain.gpu import NO_NEEDS, Gpu, Needs
from gpumix.domain.llm import Model
from gpumix.domain.offer import Offer, Purchase
from gpumix.domain.places import StatedTrip
from gpumix.domain.quote import Quote, StatedRate
from gpumix.domain.site import Licence, Site
from gpumix.domain.today import Today
from gpumix.domain.traffic import DemandFrom, Lengths
from gpumix.units import MONTHS_PER_YEAR

DEFAULT_TIERS = ("hyperscaler", "neocloud")
"""Providers that are rented from where an inventory does not say: their machines are their own."""
SIMPLICITY = 0.02
"""Share of the cheapest plan's cost that a simpler one may cost more, where nothing is stated."""
CONFIDENCE = {"standard": 0.8, "premium": 0.95}
"""Probability that a promise holds which a plan aims at where a workload states none, by tier."""
LONGEST_NAME = 200
"""Characters of the name of a plan, a workload or a site."""


LEAST_LIMIT_S = 1e-6
"""What a round trip to the users leaves of a limit, at the least [s]."""


class Kind(StrEnum):
    """Kinds of work, by what is promised about them."""

    CHAT = "chat"
    BATCH = "batch"
    EMBEDDING = "embedding"
    FINETUNE = "finetune"
    PRETRAIN = "pretrain"
    MEDIA = "media"
    CUSTOM = "custom"


class Tier(StrEnum):
    """Premium survives the loss of an instance and is planned with a higher confidence."""

    PREMIUM = "premium"
    STANDARD = "standard"


@dataclass(frozen=True, slots=True)
class Slo:
    """A latency promise: this metric's quantile stays at or below `limit_s`.

    `metric` is `ttft`, `tpot`, `e2e`; `quantile` 0.5, 0.9, 0.95, 0.99. Where requests are of
    several classes it is promised to those `of_class`; empty = to all.
    """

    metric: str
    quantile: float
    limit_s: float
    of_class: str = ""

    @property
    def key(self) -> str:
        """As inventories write it: `ttft_p95`."""
        return f"{self.metric}_p{self.quantile * 100:g}"

    @property
    def is_seen_from_afar(self) -> bool:
        """Whether the way to the users is part of it: of all but the pace of an answer."""
        return self.metric != "tpot"

    def seen_from(self, rtt_s: float) -> Slo:
        """What is left of it for machines this far from the users; a microsecond at the least."""
        if not (self.is_seen_from_afar and rtt_s):
            return self
        return replace(self, limit_s=max(self.limit_s - rtt_s, LEAST_LIMIT_S))

    @property
    def name(self) -> str:
        """With the class it is promised to: `vip ttft_p95`."""
        return f"{self.of_class} {self.key}" if self.of_class else self.key


LEAST_CLASS = 0.01
MOST_CLASSES = 16
"""Share of the smallest class of requests, so that a run holds enough of them, and how many."""


@dataclass(frozen=True, slots=True)
class RequestClass:
    """Some of a workload's requests, `share` (0-1) of them in every hour: their lengths, and the
    tier that they alone would have. Their promises are those `of_class` of the workload."""

    name: str
    share: float
    input: Lengths
    output: Lengths
    tier: Tier


@dataclass(frozen=True, slots=True)
class Demand:
    """Work arriving over a week: `units_per_hour[h]`, 168 hours from Monday 00:00 local time.

    A unit is a request (chat, batch, embedding), a run (jobs), a sample (media) or whatever custom
    work counts, which has no lengths but the coefficient of variation of a unit's time (`input`).
    `growth_per_year` 0.6 means 60 % more in each following year. `arrival_cv` is the coefficient
    of variation of the gaps between arrivals, `length_correlation` that of the ranks of prompt and
    answer, `prefix_share` the share of prompt tokens found in a cache; `evidence` says where each
    comes from; `demand_from` how the rate was stated (None of runs, and in plans up to schema 1.4).
    With `classes` of requests `input` and `output` are the mean and spread of all together.
    """

    units_per_hour: tuple[float, ...]
    growth_per_year: float
    input: Lengths
    output: Lengths
    arrival_cv: float
    prefix_share: float
    profile: str
    length_correlation: float = 0.0
    evidence: tuple[Assumption, ...] = ()
    demand_from: DemandFrom | None = None
    classes: tuple[RequestClass, ...] = ()


@dataclass(frozen=True, slots=True)
class SpotTerms:
    """How long spot capacity of a GPU lasts and what share of the time it can be had.

    `gpu` None = every GPU that has no terms of its own. `mtti_h` is the mean time until a zone
    takes its instances back; `availability` is 0-1.
    """

    gpu: str | None
    mtti_h: float
    availability: float


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """One run of a fine-tuning or pre-training job: `tokens` through the model.

    `token_fill` is the share of computed tokens that are real (below 1 where sequences are padded
    instead of packed). `activation_ckpt` None = the least that fits. `checkpoint` is `sync` or
    `async`. `queue_h` passes before GPUs are had; a `new_fleet` fails more often. Around the final
    run sweeps and failed attempts cost `programme_factor` times its work. `calendar_usd_per_day`
    is what a day of waiting costs the team; it is told apart from cash. `spot` are the inventory's
    own terms of spot capacity. `optimizer`, `offload` and `base_precision` are words of
    `training_words`, empty = the stack's own.
    """

    method: str
    tokens: float
    seq_len: int
    global_batch: int | None
    finish_within_h: float | None
    runs_per_year: float
    stack: str
    lora_rank: int
    gpus: int | None
    token_fill: float = 1.0
    activation_ckpt: str | None = None
    checkpoint: str = "sync"
    queue_h: float = 0.0
    new_fleet: bool = False
    programme_factor: float = 1.0
    calendar_usd_per_day: float = 0.0
    spot: tuple[SpotTerms, ...] = ()
    optimizer: str = ""
    offload: str = ""
    base_precision: str = ""

    @property
    def held(self) -> dict[str, float | str]:
        """What is kept in memory otherwise than the stack does it, by words of `training_words`."""
        return {
            "optimizer": self.optimizer,
            "offload": self.offload,
            "base_precision": self.base_precision,
        }


MOST_ADAPTERS = 10_000
HIGHEST_RANK = 512
"""Adapters of one base model, and their rank: the largest that engines serve."""


@dataclass(frozen=True, slots=True)
class Adapters:
    """LoRA adapters served on one base model: how many stay in GPU memory, and their rank."""

    count: int
    rank: int


@dataclass(frozen=True, slots=True)
class Workload:
    """One line of the inventory.

    `window` are the hours of the week (0-167, Monday 00:00 first) in which deferrable work may
    run. `countries` (ISO alpha-2) are where data may be processed; empty = anywhere. `data_tb` is
    kept where it runs, `egress_tb_per_month` sent out from there [TB, TB/month]. It runs from
    `from_month` until before `until_month`, months after the plan's start; None = to its end.
    Its demand is that of its first year, and grows when the month `grows_in_month` of a year of the
    plan begins. `confidence` is the probability (0.5 to 0.99) that its
    promises hold, over the interval of its predicted speed. Its replicas may run on parts of GPUs
    cut in hardware unless `mig` is off, and take turns with those of others on one GPU where
    `share_gpu` is on.
    `availability` is the share of time that it is promised to be up (0-1; None: no promise).
    A day's volume that may wait is done `finish_within_h` after its window opens; None = within
    that window, or its day where it has none. Runs have a limit of their own.
    `adapters` None = the base model alone. Its replicas may serve other workloads too, unless
    `share_replicas` is off.
    `users_at` are the countries of its users, `stated_trips` how far these are from places: a round
    trip is part of each promise but that of the pace. Without both, users are where it runs.
    Each GPU that it runs on has what it `needs`.
    Custom work has no model, precision or engine: `rates` are what the team measured, in units that
    it calls `unit_name`.
    """

    id: str
    kind: Kind
    model: str
    precisions: tuple[str, ...]
    kv_precision: str
    engine: str
    tier: Tier
    demand: Demand | None
    run: TrainingRun | None
    slos: tuple[Slo, ...]
    window: tuple[int, ...]
    countries: tuple[str, ...]
    gpus: tuple[str, ...]
    steps: int | None = None
    frames: int | None = None
    resolution: str | None = None
    data_tb: float = 0.0
    egress_tb_per_month: float = 0.0
    from_month: int = 0
    until_month: int | None = None
    mig: bool = True
    share_gpu: bool = False
    availability: float | None = None
    confidence: float = CONFIDENCE["standard"]
    finish_within_h: float | None = None
    adapters: Adapters | None = None
    share_replicas: bool = True
    users_at: tuple[str, ...] = ()
    stated_trips: tuple[StatedTrip, ...] = ()
    rates: tuple[MeasuredRate, ...] = ()
    unit_name: str = ""
    needs: Needs = NO_NEEDS
    grows_in_month: int = 0

    @property
    def what_runs(self) -> tuple[str, str]:
        """The key that states what runs, and its value in words."""
        if self.kind is Kind.CUSTOM:
            return "rates", ", ".join(rate.gpu for rate in self.rates)
        return "model", self.model

    @property
    def tightest_s(self) -> float:
        """The tightest limit that the way to the users is part of; infinite without one [s]."""
        return min((s.limit_s for s in self.slos if s.is_seen_from_afar), default=math.inf)

    def seen_from(self, rtt_s: float) -> Workload:
        """The workload as machines see it whose round trip to the users takes so long."""
        return replace(self, slos=tuple(slo.seen_from(rtt_s) for slo in self.slos))

    @property
    def has_data(self) -> bool:
        """Whether it states data that a cloud bills."""
        return self.data_tb > 0.0 or self.egress_tb_per_month > 0.0

    @property
    def is_text(self) -> bool:
        """Whether it reads or writes text on request: its demand counts in tokens."""
        return self.kind in (Kind.CHAT, Kind.BATCH, Kind.EMBEDDING)

    @property
    def is_deferrable(self) -> bool:
        """Whether the work may wait for any hour of its window."""
        return self.kind in (Kind.BATCH, Kind.FINETUNE, Kind.PRETRAIN) or not self.slos

    @property
    def unit(self) -> str:
        """What one unit of its demand is."""
        if self.run is not None:
            return "run"
        if self.kind is Kind.MEDIA:
            return "sample"
        if self.kind is Kind.CUSTOM:
            return self.unit_name
        return "request"


@dataclass(frozen=True, slots=True)
class Quota:
    """The most instances that may be held at a time at a provider: in all, in one of its regions
    (None = all), of one GPU (None = all)."""

    provider: str
    region: str | None
    gpu: str | None
    instances: int

    @property
    def place(self) -> str:
        """Where it holds, in words.

        >>> Quota("aws", "us-east-1", "h100-sxm-80gb", 2).place
        'h100-sxm-80gb of aws in us-east-1'
        """
        gpu = f"{self.gpu} of " if self.gpu else ""
        region = f" in {self.region}" if self.region else ""
        return f"{gpu}{self.provider}{region}"

    def covers(self, provider: str, region: str, gpu: str) -> bool:
        """Whether instances of this GPU there count against it."""
        same_region = self.region is None or self.region == region
        return self.provider == provider and same_region and self.gpu in (None, gpu)


@dataclass(frozen=True, slots=True)
class CloudSupply:
    """Which rentals may be used; None = any. `spot` are the user's own terms of spot capacity.

    `Purchase.RESERVED` among the purchases allows a commitment of any length. A provider that is
    named is allowed whatever its tier. `estimated_terms` brings in commitments that nobody lists.
    `max_instances` limits every kind of instance by itself, `quotas` all those of a place together;
    `contracts` are the team's own terms.
    """

    providers: tuple[str, ...] | None
    countries: tuple[str, ...] | None
    regions: tuple[str, ...] | None
    gpus: tuple[str, ...] | None
    purchases: tuple[Purchase, ...]
    max_instances: int | None
    spot: tuple[SpotTerms, ...] = ()
    tiers: tuple[str, ...] | None = DEFAULT_TIERS
    estimated_terms: bool = False
    quotas: tuple[Quota, ...] = ()
    contracts: Contracts = NO_CONTRACTS

    def quotas_of(self, provider: str, region: str, gpu: str) -> tuple[Quota, ...]:
        """The quotas that instances of this GPU there count against."""
        return tuple(quota for quota in self.quotas if quota.covers(provider, region, gpu))

    def allows(self, purchase: Purchase) -> bool:
        """Whether capacity may be paid for in this way."""
        any_term = purchase.is_committed and Purchase.RESERVED in self.purchases
        return purchase in self.purchases or any_term


@dataclass(frozen=True, slots=True)
class Limits:
    """Promises about the whole plan; None = no limit. Sites of one's own are no provider; lines are
    rows of the mix. `cash` is the most of some years of the calendar [USD], the first first."""

    capex_usd: float | None
    spot_share: float
    providers: int | None = None
    gpu_types: int | None = None
    lines: int | None = None
    min_line_usd_per_month: float | None = None
    cash: tuple[tuple[int, float], ...] = ()

    @property
    def must_be_simple(self) -> bool:
        """Whether the mix may hold only so many providers, GPU types or lines, or no small ones."""
        limits = (self.providers, self.gpu_types, self.lines, self.min_line_usd_per_month)
        return any(limit is not None for limit in limits)


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that a plan was made from: what it was called, and the SHA-256 of its bytes (hex)."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """Everything a plan starts from, in gpumix's words; written by `inventory.read`.

    `rates` are the offers of the inventory's own price sheet. `traces` and `measured` (the team's
    own measurements) say which files stand behind the figures; a plan's folder holds copies.
    `api` None: APIs do none of the work, and are compared with all the same. `today` None: what
    runs today is not stated. `cost_of_capital` [1/year] None: that of its sites. `quotes` are the
    team's quotations for servers, `fx` its exchange rates, which go before the catalogue's.
    `phases` are the months of the plan (0 = first) in which it may buy, reserve or sell; None =
    every one in which anything changes. `licences` are paid on servers of one's own. `own_gpus` and
    `own_models` are the rows of the team's sheets and configs that the catalogue has not, or has
    otherwise. Its last year lacks `short_months`: what is left of a plan need not be whole years.
    `confirmations` say who answers for which of the plan's assumptions.
    """

    name: str
    start: date
    years: int
    timezone: str
    as_of: date
    report_currency: str
    workloads: tuple[Workload, ...]
    cloud: CloudSupply | None
    sites: tuple[Site, ...]
    limits: Limits
    rates: tuple[Offer, ...]
    notes: tuple[str, ...]
    traces: tuple[InputFile, ...] = ()
    measured: InputFile | None = None
    simplicity: float = SIMPLICITY
    api: ApiSupply | None = None
    today: Today | None = None
    cost_of_capital: float | None = None
    quotes: tuple[Quote, ...] = ()
    fx: tuple[StatedRate, ...] = ()
    phases: tuple[int, ...] | None = None
    licences: tuple[Licence, ...] = ()
    own_gpus: tuple[Gpu, ...] = ()
    own_models: tuple[Model, ...] = ()
    short_months: int = 0
    confirmations: tuple[Confirmation, ...] = ()

    @property
    def months(self) -> int:
        """Length of the horizon [months]."""
        return self.years * int(MONTHS_PER_YEAR) - self.short_months
