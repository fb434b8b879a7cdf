"""One workload on every GPU: what `gpumix compare` answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from gpumix.domain import shown
from gpumix.domain.api import ApiKind
from gpumix.domain.evidence import Estimate, NearestMeasurement, Speed
from gpumix.domain.fit import CacheRoom
from gpumix.domain.plan import Lever

SERVES: Final = "serves"
NO_PRICE: Final = "no price"
NO_FIT: Final = "does not fit"
MISSES: Final = "misses its promise"
TOO_LATE: Final = "too late"
NOT_ALLOWED: Final = "not allowed"
NOT_SUPPORTED: Final = "not supported"
"""What a GPU is told as: it does the work, or the first thing that stands in its way."""


@dataclass(frozen=True, slots=True)
class PriceUsed:
    """Median of providers' current prices and its spread [USD per GPU-hour].

    `is_old`: all of them are older than they are good for.
    """

    usd_per_gpu_hour: float
    low: float
    high: float
    providers: int
    oldest: date
    newest: date
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class ComparedGpu:
    """One GPU's row; None with `reason` where it cannot do the work within the SLO. `status` says
    which of the causes it is: `serves`, `no price`, `does not fit`, `misses its promise`,
    `not allowed`.

    `usd_per_mtok` holds USD per million total tokens at each utilisation of `Comparison`;
    `beats_cheapest_from` is the utilisation from which it undercuts the GPU that is cheapest
    per hour kept fully busy (None: never). What a kW of rack and a joule carry is of the server
    that the GPU is bought in; None where none is known. `room` is the memory of one GPU and what
    a replica's cache holds. Of images and videos the row holds how long one takes, and USD for one
    at each utilisation, in place of tokens.
    """

    gpu: str
    tp: int | None
    precision: str | None
    fits: bool
    reason: str
    batch: float | None
    requests_per_s: float | None
    output_tokens_per_s_per_gpu: Estimate | None
    output_tokens_per_s_per_user: float | None
    ttft_p95_s: Estimate | None
    tpot_p95_s: Estimate | None
    price: PriceUsed | None
    usd_per_mtok: tuple[float, ...]
    beats_cheapest_from: float | None
    limit: str
    note: str
    speed: Speed | None = None
    nearest: NearestMeasurement | None = None
    total_tokens_per_s_per_rack_kw: float | None = None
    total_tokens_per_joule: float | None = None
    room: CacheRoom | None = None
    status: str = SERVES
    sample_s: Estimate | None = None
    usd_per_sample: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class WinnerAt:
    """The cheapest layout and count for a demand above `requests_per_s`, up to the next entry.

    A replica is `tp` GPUs at `precision`; `load` is the share of what these replicas sustain that
    `requests_per_s` asks of them (0-1).
    """

    requests_per_s: float
    gpu: str
    tp: int
    precision: str
    replicas: int
    usd_per_hour: float
    load: float


@dataclass(frozen=True, slots=True)
class SweptBatch:
    """A GPU's best layout with `batch` requests at once, the most that fit where `is_largest`.

    `ratio` is its tokens per second per GPU over the first GPU's at the same batch; None without.
    """

    gpu: str
    tp: int
    precision: str
    batch: float
    is_largest: bool
    output_tokens_per_s_per_gpu: Estimate
    tpot_p50_s: Estimate
    ratio: float | None


@dataclass(frozen=True, slots=True)
class ComparedApi:
    """One provider's price of the work by API; its latency is unknown.

    From `tokens_per_day` on (steady demand in the workload's shape) `replicas` of `gpu`, rented by
    the hour at its price, cost less; None with `reason` where they never do.
    """

    provider: str
    name: str
    kind: ApiKind
    batch: bool
    usd_per_mtok_total: float
    tokens_per_day: float | None
    gpu: str
    replicas: int
    latency: str
    as_of: date
    source: str
    reason: str


@dataclass(frozen=True, slots=True, repr=False)
class Comparison:
    """The question, one row a GPU (cheapest first), and who wins from which demand on.

    `levers` say what changes would save on the cheapest GPU, always busy; `apis` what the work
    costs where somebody else hosts the model. `sample` is one image or video in words; empty for
    text. `at_load` is each GPU's cheapest layout and count for a stated load, which `load_words`
    names; `sweep` each GPU over batches, where it was asked for.
    """

    model: str
    input_tokens: float
    output_tokens: float
    slo: tuple[str, ...]
    price_rule: str
    engine: str
    as_of: date
    utilisations: tuple[float, ...]
    rows: tuple[ComparedGpu, ...]
    winners: tuple[WinnerAt, ...]
    defaults: tuple[str, ...]
    warnings: tuple[str, ...]
    levers: tuple[Lever, ...] = ()
    apis: tuple[ComparedApi, ...] = ()
    sample: str = ""
    load_words: str = ""
    at_load: tuple[WinnerAt, ...] = ()
    sweep: tuple[SweptBatch, ...] = ()

    def __repr__(self) -> str:
        able = sum(row.fits for row in self.rows)
        work = self.sample or f"{self.input_tokens:g} in, {self.output_tokens:g} out"
        return f"<Comparison {self.model!r}: {able} of {len(self.rows)} GPUs do it, {work}>"

    def _repr_html_(self) -> str:
        """Its head and table, for notebooks."""
        return shown.as_html(self)

    def to_dict(self) -> dict[str, Any]:
        """The comparison in the shape of `gpumix compare --json`."""
        return shown.as_dict(self)

    def to_frame(self, library: str | None = None) -> Any:
        """One row a GPU as a data frame; `library` is pandas or polars, pandas by default."""
        return shown.as_frame(self, "", library)
