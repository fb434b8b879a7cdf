"""What the price catalogue answers: offers and what they replaced, ratios, history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from gpumix.domain.evidence import Basis
from gpumix.domain.offer import Offer, Purchase

ALL = "all"
"""In place of a tier or a purchase: every one."""


@dataclass(frozen=True, slots=True)
class ListedOffer:
    """An offer and, where it is superseded, the newer one that replaced it."""

    offer: Offer
    replaced_by: Offer | None = None


@dataclass(frozen=True, slots=True)
class GpuMeant:
    """The GPU that a name on the command line was read as, and the family's other forms."""

    asked: str
    gpu: str
    gpus_per_instance: int | None
    other_forms: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PricePair:
    """Prices of two GPUs at one provider, in one region, for one kind of purchase.

    USD per GPU-hour of the cheapest machine: of the sizes that both are sold in, the median
    ratio; `gpus_per_instance` is that one size, None where there are several or none in common.
    """

    gpu: str
    over: str
    provider: str
    tier: str
    region: str
    purchase: Purchase
    term_months: int
    gpus_per_instance: int | None
    usd_per_gpu_hour: float
    over_usd_per_gpu_hour: float
    ratio: float
    as_of: date


@dataclass(frozen=True, slots=True)
class MeasuredRatio:
    """Price of a GPU over another's, measured on `n` pairs; the figures are None where n is 0.

    `tier` and `purchase` say which pairs, "all" being every one. `provider_median` counts each
    provider once, by the median of its own pairs. `oldest` is the date of the oldest price.
    """

    gpu: str
    over: str
    tier: str
    purchase: str
    median: float | None
    p10: float | None
    p90: float | None
    provider_median: float | None
    n: int
    providers: int
    oldest: date | None
    newest: date | None
    basis: Basis = Basis.MEASURED


@dataclass(frozen=True, slots=True)
class PriceComparison:
    """Ratios of GPUs' prices to the first one's, and the pairs that they are measured on."""

    as_of: date
    gpus: tuple[GpuMeant, ...]
    ratios: tuple[MeasuredRatio, ...]
    pairs: tuple[PricePair, ...]


@dataclass(frozen=True, slots=True)
class PriceObservation:
    """What a provider asked on one day, over `rows` regions and machines [USD per GPU-hour]."""

    provider: str
    tier: str
    gpu: str
    gpus_per_instance: int
    purchase: Purchase
    term_months: int
    as_of: date
    as_of_precision: str
    median: float
    low: float
    high: float
    rows: int
    source: str


@dataclass(frozen=True, slots=True)
class PricePeriod:
    """Prices of one GPU, tier and purchase over a month, or over all months (`month` empty).

    `median` [USD per GPU-hour] counts each provider once; `low` and `high` are the extremes of
    all `n` prices. `age_days` is that of the newest. `is_approximate`: no price of it is dated
    to the day.
    """

    tier: str
    purchase: Purchase
    term_months: int
    month: str
    median: float
    low: float
    high: float
    n: int
    providers: int
    newest: date
    age_days: int
    is_approximate: bool
    sources: tuple[str, ...]
    basis: Basis = Basis.MEASURED


@dataclass(frozen=True, slots=True)
class PriceHistory:
    """How the price of one GPU moved: a summary by tier and purchase, then month by month."""

    gpu: GpuMeant
    as_of: date
    summary: tuple[PricePeriod, ...]
    periods: tuple[PricePeriod, ...]
    observations: tuple[PriceObservation, ...]
