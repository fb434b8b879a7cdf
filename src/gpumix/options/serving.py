"""What could do each served workload: GPU x layout x precision, how much of it, how well.

One `Option` a combination, whether it can serve or not; the reason is kept where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.defaults import TENSOR_PARALLEL
from gpumix.domain.evidence import Basis, Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.plan import SloCheck
from gpumix.domain.workload import Demand, Slo, Tier, Workload
from gpumix.errors import NoEstimate
from gpumix.perf.calibrate import Places, faster
from gpumix.perf.inference.constants import is_fitted
from gpumix.perf.inference.deployment import Deployment, deployments
from gpumix.perf.inference.memory import memory, weights_bytes
from gpumix.perf.inference.steps import prefill_s
from gpumix.perf.interval import Z80, tier_sigma
from gpumix.perf.values import FloatArray
from gpumix.predict.evidence import Asked, Evidence, Moved, serving_label
from gpumix.serving.capacity import Capacity, Latency, Traffic, latency, queue_rate, sustained
from gpumix.units import GIB, MS, SECONDS_PER_HOUR

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
    `units_per_hour` is at the pessimistic end of the prediction for premium work, else its middle;
    `rate` is the prediction with its interval. `prefill_share` of a replica's busy time goes to
    input tokens. `shortfall` is the worst latency over its limit at vanishing load (above 1: the
    promise is out of reach); `reason` is empty where it can serve. `replica` is what serves text,
    `run` what trains.
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
    replica: Replica | None = field(default=None, compare=False, repr=False)
    run: Run | None = field(default=None, compare=False, repr=False)

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


def serving_options(
    workload: Workload,
    model: Model,
    gpus: Sequence[Gpu],
    largest: Mapping[str, int],
    coefficients: Coefficients,
    evidence: Evidence | None = None,
    change: Callable[[Deployment], Deployment] = lambda dep: dep,
) -> list[Option]:
    """Options of a workload that answers requests in text.

    `largest` is the size of the largest instance each GPU comes in; `evidence` moves predictions
    by what was measured; `change` alters the deployments before they are asked (levers). Raises:
    NoEstimate where the model has no shape to predict from.
    """
    demand = workload.demand
    if demand is None:
        raise NoEstimate(f"{workload.id}: states no demand")
    rows = grid(gpus, workload.precisions, largest)
    if not rows:
        return []
    dep, kept, refused = _deployments(workload, model, rows, coefficients)
    options = [option_of(workload, rows[i], reason=why) for i, why in refused]
    if dep is None:
        return options
    make = _text_options if demand.output.mean >= 1.0 else _embedding_options
    tried = [rows[i] for i in kept]
    trust = _trust(dep, workload, model, coefficients)
    if evidence is not None:
        moved = _measured(evidence, tried, dep, workload, model, trust)
        dep, trust = faster(dep, moved.factor), _tightened(trust, moved, workload)
    return options + make(workload, demand, tried, change(dep), trust)


def option_of(workload: Workload, row: Row, **answers: Any) -> Option:
    """The option of a combination, with what was found out about it."""
    return Option(workload.id, row.gpu.id, row.tp, row.tp, row.precision, **answers)


def _deployments(
    workload: Workload, model: Model, rows: Sequence[Row], coefficients: Coefficients
) -> tuple[Deployment | None, list[int], list[tuple[int, str]]]:
    """Deployments of the rows that the engine can run, which rows those are, and why not others."""
    kept: list[int] = []
    refused: list[tuple[int, str]] = []
    reasons: dict[tuple[str, str], str] = {}
    for i, row in enumerate(rows):
        key = (row.gpu.id, row.precision)
        if key not in reasons:
            reasons[key] = _refusal(workload, model, row, coefficients)
        if reasons[key]:
            refused.append((i, reasons[key]))
        else:
            kept.append(i)
    if not kept:
        return None, kept, refused
    return _built(workload, model, [rows[i] for i in kept], coefficients), kept, refused


def _built(
    workload: Workload,
    model: Model,
    rows: Sequence[Row],
    coefficients: Coefficients,
) -> Deployment:
    n = len(rows)
    return deployments(
        [model] * n,
        [row.gpu for row in rows],
        tp=[row.tp for row in rows],
        pp=[1] * n,
        dp=[1] * n,
        ep=[1] * n,
        weight_precision=[row.precision for row in rows],
        kv_precision=[workload.kv_precision] * n,
        engine=[workload.engine] * n,
        engine_version=[""] * n,
        coefficients=coefficients,
    )


def _refusal(workload: Workload, model: Model, row: Row, coefficients: Coefficients) -> str:
    try:
        _built(workload, model, [row], coefficients)
    except NoEstimate as error:
        return str(error)
    return ""


@dataclass(frozen=True, slots=True)
class _Trust:
    """How far the predictions of some rows can be relied on.

    `spread` is the high end of the 80 % interval of times over their middle; `planned` the part
    of it that the plan takes: all of it for premium work and for architectures that no measured
    row covers, else none.
    """

    spread: FloatArray
    planned: FloatArray
    basis: tuple[Basis, ...]
    notes: tuple[str, ...] = ()

    def note(self, row: int, other: str) -> str:
        """A row's note, with what measurements did to it."""
        own = self.notes[row] if self.notes else ""
        return "; ".join(part for part in (other, own) if part)


def _trust(dep: Deployment, workload: Workload, model: Model, coefficients: Coefficients) -> _Trust:
    keys = [dep.keys[i] for i in dep.key_index]
    architectures = np.array([key.architecture for key in keys])
    sigma = tier_sigma(
        coefficients.inference,
        np.full(dep.rows, "throughput"),
        architectures,
        np.array([key.engine for key in keys]),
        np.full(dep.rows, model.is_moe),
    )
    spread = np.exp(Z80 * sigma)
    measured = np.array([is_fitted(key, coefficients.inference) for key in keys])
    cautious = ~measured | (workload.tier is Tier.PREMIUM)
    return _Trust(
        spread,
        np.where(cautious, spread, 1.0),
        tuple(Basis.CALIBRATED if known else Basis.MODELLED for known in measured),
    )


def _measured(
    evidence: Evidence,
    rows: Sequence[Row],
    dep: Deployment,
    workload: Workload,
    model: Model,
    trust: _Trust,
) -> Moved:
    """What the team's own measurements say of the throughput of each row.

    The batch is not known yet: halfway, in logs, to the most that fits stands for it.
    """
    keys = [dep.keys[i] for i in dep.key_index]
    engine = [key.engine for key in keys]
    labels = [
        serving_label(row.gpu.id, model.id, (row.tp, 1, 1, 1), row.precision, key)
        for row, key in zip(rows, keys, strict=True)
    ]
    lengths = (
        (workload.demand.input.mean, workload.demand.output.mean) if workload.demand else (1.0, 1.0)
    )
    most = np.asarray(memory(dep, *lengths).batch_max)
    one = np.ones(dep.rows)
    places = Places(
        np.array(engine), np.array([row.gpu.id for row in rows]), np.array(labels),
        np.full(dep.rows, "throughput"), one * lengths[0], one * lengths[1],
        np.sqrt(np.maximum(np.minimum(most, dep.max_sequences), 1.0)),
    )  # fmt: skip
    return evidence.move(Asked(places, np.array(labels)), np.log(trust.spread) / Z80)


def _tightened(trust: _Trust, moved: Moved, workload: Workload) -> _Trust:
    """Trust after measurements: narrower, and planned in the middle where they are of the row."""
    spread = np.exp(Z80 * moved.sigma)
    near = moved.basis != ""
    cautious = (trust.planned > 1.0) & (~near.astype(bool) | (workload.tier is Tier.PREMIUM))
    basis = tuple(
        Basis.CALIBRATED if own else kind for own, kind in zip(near, trust.basis, strict=True)
    )
    return _Trust(spread, np.where(cautious, spread, 1.0), basis, tuple(moved.note.tolist()))


def _text_options(
    workload: Workload, demand: Demand, rows: Sequence[Row], dep: Deployment, trust: _Trust
) -> list[Option]:
    traffic = Traffic(demand.input, demand.output, demand.arrival_cv, demand.prefix_share)
    promises = () if workload.is_deferrable else workload.slos
    capacity = sustained(dep, traffic, promises, trust.planned)
    batch = np.maximum(capacity.batch, 1e-3)
    points = {q: latency(dep, traffic, batch, q) for q in {s.quantile for s in promises} or {0.5}}
    middle = latency(dep, traffic, batch, 0.5).requests_per_s
    fresh = demand.input.mean * (1.0 - demand.prefix_share)
    prefill_share = np.minimum(middle * prefill_s(dep, fresh, demand.input.mean), 1.0)
    tokens = demand.input.mean + demand.output.mean
    options = []
    for i in range(dep.rows):
        reason = _why_not(dep, capacity, promises, i, demand)
        rate = float(middle[i]) * SECONDS_PER_HOUR
        checks = tuple(_check(points[s.quantile], s, i, trust) for s in promises)
        options.append(
            option_of(
                workload,
                rows[i],
                units_per_hour=float(capacity.requests_per_s[i]) * SECONDS_PER_HOUR,
                rate=_estimate(rate, trust, i),
                tokens_per_s=float(middle[i]) * tokens,
                output_tokens_per_s=float(middle[i]) * demand.output.mean,
                batch=float(capacity.batch[i]),
                prefill_share=float(prefill_share[i]),
                slos=checks,
                shortfall=max((float(n[i]) for n in capacity.nearest), default=0.0),
                note=trust.note(i, dep.notes[i]),
                reason=reason,
                replica=Replica(dep, i, float(trust.planned[i])),
            )
        )
    return options


def _why_not(
    dep: Deployment, capacity: Capacity, slos: Sequence[Slo], row: int, demand: Demand
) -> str:
    if capacity.batch_max[row] < 1.0:
        need = float(np.asarray(weights_bytes(dep))[row]) / GIB
        have = float(dep.memory_bytes[row]) / GIB
        return (
            f"does not fit: weights take {need:.0f} of {have:.0f} GiB a GPU, no room for a request"
        )
    for slo, nearest in zip(slos, capacity.nearest, strict=True):
        if nearest[row] > 1.0:
            best_ms, limit_ms = float(nearest[row]) * slo.limit_s / MS, slo.limit_s / MS
            return f"{slo.name} is {best_ms:,.0f} ms when idle, the limit {limit_ms:,.0f} ms"
    if capacity.requests_per_s[row] <= 0.0:
        return "misses its latency limits even when almost idle (traffic too bursty)"
    return ""


def _check(point: Latency, slo: Slo, row: int, trust: _Trust) -> SloCheck:
    times = {"ttft": point.ttft_s, "tpot": point.tpot_s, "e2e": point.e2e_s}
    value, spread = float(times[slo.metric][row]), float(trust.spread[row])
    predicted = Estimate(value, value / spread, value * spread, trust.basis[row], "perf.inference")
    return SloCheck(slo.name, slo.limit_s, predicted, value <= slo.limit_s * (1.0 + 1e-6))


def _estimate(rate: float, trust: _Trust, row: int) -> Estimate:
    spread = float(trust.spread[row])
    return Estimate(rate, rate / spread, rate * spread, trust.basis[row], "perf.inference")


def _embedding_options(
    workload: Workload, demand: Demand, rows: Sequence[Row], dep: Deployment, trust: _Trust
) -> list[Option]:
    """Prompts only: whole batches where the work may wait, one by one where latency is promised."""
    length = demand.input.mean
    together = np.maximum(np.floor(dep.chunk_tokens / length), 1.0)
    alone = prefill_s(dep, length, length) + dep.first_token_s
    planned = trust.planned
    if workload.is_deferrable:
        rate = together / prefill_s(dep, together * length, length)
        served = rate / planned
    else:
        rate = queue_rate(alone, workload.slos, demand.arrival_cv, demand.input.cv)
        served = queue_rate(alone * planned, workload.slos, demand.arrival_cv, demand.input.cv)
    fits = np.asarray(memory(dep, length, 1.0).batch_max) >= 1.0
    options = []
    for i in range(dep.rows):
        reason = "" if fits[i] else "does not fit"
        if fits[i] and served[i] <= 0.0:
            reason = f"one request takes {alone[i] / MS:,.0f} ms, longer than promised"
        options.append(
            option_of(
                workload,
                rows[i],
                units_per_hour=float(served[i]) * SECONDS_PER_HOUR,
                rate=_estimate(float(rate[i]) * SECONDS_PER_HOUR, trust, i),
                tokens_per_s=float(rate[i]) * length,
                note=trust.note(i, dep.notes[i]),
                shortfall=max((float(alone[i]) / s.limit_s for s in workload.slos), default=0.0),
                reason=reason,
            )
        )
    return options


def undominated(options: Sequence[Option]) -> list[Option]:
    """Options worth offering to the mix: per GPU, no other needs fewer GPUs for as much.

    A larger replica stays only if smaller ones of the same GPU, side by side, deliver less.
    """
    kept: list[Option] = []
    for gpu in dict.fromkeys(o.gpu for o in options):
        best: list[Option] = []
        able = [o for o in options if o.gpu == gpu and o.serves]
        for option in sorted(able, key=lambda o: (o.gpus, -o.units_per_hour, o.precision)):
            side_by_side = max(
                (option.gpus // b.gpus * b.units_per_hour for b in best), default=0.0
            )
            if option.units_per_hour > side_by_side * (1.0 + 1e-9):
                best.append(option)
        kept += best
    return kept
