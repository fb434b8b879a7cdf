"""One way to do a workload, and which of many ways are worth offering to the mix."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from gpumix.domain.defaults import TENSOR_PARALLEL
from gpumix.domain.evidence import Estimate
from gpumix.domain.gpu import Gpu, Slice
from gpumix.domain.plan import SloCheck
from gpumix.domain.workload import Workload
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.interval import Z80
from gpumix.serving.capacity import Server

if TYPE_CHECKING:
    from gpumix.options.runs import Run


@dataclass(frozen=True, slots=True, eq=False)
class Replica:
    """What a simulation needs of an option: row `row` of `dep`, planned `slowdown` slower."""

    dep: Deployment
    row: int
    slowdown: float


@dataclass(frozen=True, slots=True)
class Option:
    """One way to do a workload; `units_per_hour` is what one replica of `gpus` GPUs is planned at.

    `spot_units_per_hour` is the same on spot capacity (None: not to be had there), `spot_slos` the
    promises of a job there.
    `units_per_hour` is at the speed reached with the workload's confidence;
    `rate` is the prediction with its interval. `prefill_share` of a replica's busy time goes to
    input tokens. `shortfall` is the worst latency over its limit at vanishing load (above 1: the
    promise is out of reach); `reason` is empty where it can serve. `replica` is what serves text,
    `server` what serves one unit at a time, of which the busiest hour of the first year needs
    `peak_replicas` behind one queue; `run` is what trains. `wait_usd` is what waiting for a unit
    is worth at the user's value of a day, beside its cash [USD/unit], and `spot_wait_usd` on spot.
    A replica on a `slice` takes that part of one GPU. `class_units_per_hour` is what it does of
    each class of requests alone, as much as fits, in closed form. `rtt_s` is the round trip to the
    users that is planned with, the reason why one replica does less here than there; rates are
    those within what it leaves of the limits, latencies without it.
    """

    workload: str
    gpu: str
    gpus: int
    tp: int
    precision: str
    units_per_hour: float = 0.0
    spot_units_per_hour: float | None = None
    rate: Estimate | None = None
    tokens_per_s: float | None = None
    output_tokens_per_s: float | None = None
    batch: float | None = None
    prefill_share: float = 1.0
    slos: tuple[SloCheck, ...] = ()
    spot_slos: tuple[SloCheck, ...] = ()
    shortfall: float = 0.0
    note: str = ""
    reason: str = ""
    wait_usd: float = 0.0
    spot_wait_usd: float = 0.0
    replica: Replica | None = field(default=None, compare=False, repr=False)
    server: Server | None = field(default=None, compare=False, repr=False)
    peak_replicas: int | None = None
    run: Run | None = field(default=None, compare=False, repr=False)
    slice: Slice | None = None
    class_units_per_hour: tuple[float, ...] = ()
    rtt_s: float = 0.0

    @property
    def sigma(self) -> float:
        """Standard deviation of log(predicted / true) of its speed: ln(high / low) / 2.56 of its
        80 % interval; 0 where it has none."""
        if self.rate is None or self.rate.low <= 0.0:
            return 0.0
        return math.log(self.rate.high / self.rate.low) / (2.0 * Z80)

    @property
    def gpu_share(self) -> float:
        """GPUs that a replica takes: of a slice the part that others like it leave it."""
        return self.gpus / self.slice.per_gpu if self.slice else float(self.gpus)

    @property
    def serves(self) -> bool:
        """Whether it can do the work within every promise."""
        return not self.reason


class Row(NamedTuple):
    """A combination to try."""

    gpu: Gpu
    tp: int
    precision: str


def grid(gpus: Sequence[Gpu], precisions: Sequence[str], largest: Mapping[str, int]) -> list[Row]:
    """Every GPU with every precision and every split its largest instance allows."""
    return [
        Row(gpu, tp, precision)
        for gpu in gpus
        for precision in precisions
        for tp in TENSOR_PARALLEL
        if tp <= largest.get(gpu.id, 1)
    ]


def option_of(workload: Workload, row: Row, **answers: Any) -> Option:
    """The option of a combination, with what was found out about it."""
    return Option(workload.id, row.gpu.id, row.tp, row.tp, row.precision, **answers)


def _steady_rate(option: Option) -> float:
    return option.units_per_hour


def _spot_rate(option: Option) -> float:
    return option.spot_units_per_hour or 0.0


def _share_of_peak(option: Option) -> float:
    return 1.0 / option.peak_replicas if option.peak_replicas else 0.0


def _is_sooner(option: Option, others: Sequence[Option]) -> bool:
    """Whether waiting has a price, and for none of the others as little is waited."""
    return option.wait_usd > 0.0 and all(option.wait_usd < other.wait_usd for other in others)


def undominated(options: Sequence[Option]) -> list[Option]:
    """Options worth offering to the mix: per GPU, no other needs fewer GPUs for as much.

    A larger replica stays only if smaller ones of the same GPU, side by side, deliver less, on
    capacity that stays or on spot, where a larger gang may pay though it does not elsewhere; if
    fewer GPUs in such replicas are enough for the busiest hour; or if waiting has a price and it
    ends sooner. Parts of a GPU are compared with parts of the same name, each as far from the
    users.
    """
    kept: list[Option] = []
    for kind in dict.fromkeys((o.gpu, o.slice, o.rtt_s) for o in options):
        best: list[Option] = []
        able = [o for o in options if (o.gpu, o.slice, o.rtt_s) == kind and o.serves]
        for option in sorted(able, key=lambda o: (o.gpus, -o.units_per_hour, o.precision)):
            if _is_sooner(option, best) or any(
                rate(option)
                > max((option.gpus // b.gpus * rate(b) for b in best), default=0.0) * (1.0 + 1e-9)
                for rate in (_steady_rate, _spot_rate, _share_of_peak)
            ):
                best.append(option)
        kept += best
    return kept


def beaten(option: Option) -> Option:
    """The option as one that is not offered: another of its GPU needs fewer GPUs for as much."""
    if not option.serves:
        return option
    return replace(option, reason="another layout of this GPU does as much with fewer GPUs")
