"""What could do each served workload: GPU x layout x precision, how much of it, how well.

One `Option` a combination, whether it can serve or not; the reason is kept where it cannot.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from gpumix.domain.coefficients import Coefficients
from gpumix.domain.evidence import Estimate
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.domain.plan import SloCheck
from gpumix.domain.workload import Demand, Slo, Workload
from gpumix.errors import NoEstimate
from gpumix.options.classes import class_options
from gpumix.options.option import Option, Replica, Row, grid, option_of
from gpumix.options.queued import QUANTILES, closed_form, promised
from gpumix.options.trust import Trust, measured_by, tightened, trust_in, widened
from gpumix.perf.calibrate import faster
from gpumix.perf.inference.deployment import Deployment, Setup, deployments, refusals
from gpumix.perf.inference.memory import memory, weights_bytes
from gpumix.perf.inference.modes import with_adapters
from gpumix.perf.inference.steps import prefill_s
from gpumix.predict.evidence import Evidence
from gpumix.serving.capacity import Capacity, Latency, Server, Traffic, latency, loop_of, sustained
from gpumix.serving.traffic import lengths
from gpumix.units import GIB, MS, SECONDS_PER_HOUR
from gpumix.values import FloatArray

if TYPE_CHECKING:
    pass


def serving_options(
    workload: Workload,
    model: Model,
    gpus: Sequence[Gpu],
    largest: Mapping[str, int],
    coefficients: Coefficients,
    evidence: Evidence | None = None,
    change: Callable[[Deployment], Deployment] = lambda dep: dep,
    unmeasured: float = 1.0,
) -> list[Option]:
    """Options of a workload that answers requests in text.

    `largest` is the size of the largest instance each GPU comes in; `evidence` moves predictions
    by what was measured; `change` alters the deployments before they are asked (levers);
    `unmeasured` widens what is known of the like alone. Raises: NoEstimate where the model has no
    shape to predict from.
    """
    demand = workload.demand
    if demand is None:
        raise NoEstimate(f"{workload.id}: states no demand")
    if demand.classes:
        return class_options(
            workload,
            demand,
            lambda one: serving_options(
                one, model, gpus, largest, coefficients, evidence, change, unmeasured
            ),
        )
    rows = grid(gpus, workload.precisions, largest)
    if not rows:
        return []
    dep, kept, refused = _deployments(workload, model, rows, coefficients)
    options = [option_of(workload, rows[i], reason=why) for i, why in refused]
    if dep is None:
        return options
    make = _text_options if demand.output.mean >= 1.0 else _embedding_options
    tried = [rows[i] for i in kept]
    trust = trust_in(dep, workload, model, coefficients)
    if evidence is not None:
        moved = measured_by(evidence, tried, dep, workload, model, trust)
        dep, trust = faster(dep, moved.factor), tightened(trust, moved)
    if unmeasured > 1.0:
        trust = widened(trust, unmeasured)
    return options + make(workload, demand, tried, change(dep), trust)


def _deployments(
    workload: Workload, model: Model, rows: Sequence[Row], coefficients: Coefficients
) -> tuple[Deployment | None, list[int], list[tuple[int, str]]]:
    """Deployments of the rows that the engine can run, which rows those are, and why not others."""
    setups = [setup_of(workload, model, row) for row in rows]
    reasons = refusals(setups)
    kept = [i for i, reason in enumerate(reasons) if not reason]
    refused = [(i, reason) for i, reason in enumerate(reasons) if reason]
    if not kept:
        return None, kept, refused
    dep = deployments([setups[i] for i in kept], coefficients)
    return with_adapters(dep, workload.adapters), kept, refused


def setup_of(workload: Workload, model: Model, row: Row) -> Setup:
    """A combination as the engine is asked about it, for a workload."""
    return Setup(model, row.gpu, workload.engine, row.precision, workload.kv_precision, tp=row.tp)


def _text_options(
    workload: Workload, demand: Demand, rows: Sequence[Row], dep: Deployment, trust: Trust
) -> list[Option]:
    traffic = Traffic(demand.input, demand.output, demand.arrival_cv, demand.prefix_share)
    promises = () if workload.is_deferrable else workload.slos
    capacity = sustained(dep, traffic, promises, trust.planned)
    batch = np.maximum(capacity.batch, 1e-3)
    points = {q: latency(dep, traffic, batch, q) for q in {s.quantile for s in promises}}
    middle = loop_of(dep, traffic, batch).requests_per_s * dep.copies
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
                shortfall=max((float(n[i]) for n in capacity.nearest), default=0.0)
                if capacity.batch_max[i] >= 1.0
                else 0.0,
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


def _check(point: Latency, slo: Slo, row: int, trust: Trust) -> SloCheck:
    times = {"ttft": point.ttft_s, "tpot": point.tpot_s, "e2e": point.e2e_s}
    value, spread = float(times[slo.metric][row]), float(trust.spread[row])
    predicted = Estimate(value, value / spread, value * spread, trust.basis[row], "perf.inference")
    return SloCheck(slo.name, slo.limit_s, predicted, value <= slo.limit_s * (1.0 + 1e-6))


def _estimate(rate: float, trust: Trust, row: int) -> Estimate:
    spread = float(trust.spread[row])
    return Estimate(rate, rate / spread, rate * spread, trust.basis[row], "perf.inference")


def _embedding_options(
    workload: Workload, demand: Demand, rows: Sequence[Row], dep: Deployment, trust: Trust
) -> list[Option]:
    """Prompts only: whole batches where the work may wait, one by one where latency is promised."""
    length, planned = demand.input.mean, trust.planned
    fits = np.asarray(memory(dep, length, 1.0).batch_max) >= 1.0
    if workload.is_deferrable:
        together = np.maximum(np.floor(dep.chunk_tokens / length), 1.0)
        rate = together / prefill_s(dep, together * length, length)
        times_s, served, pools = (1.0 / rate)[np.newaxis], rate / planned, np.zeros(dep.rows, int)
    else:
        times_s = _times_alone_s(dep, demand)
        rate = 1.0 / times_s.mean(axis=0)
        served, pools = closed_form(workload, demand, times_s * planned)
    options = []
    for i in range(dep.rows):
        reason = "" if fits[i] else "does not fit"
        one = float(1.0 / rate[i])
        if fits[i] and served[i] <= 0.0:
            reason = f"one request takes {one / MS:,.0f} ms, longer than promised"
        estimate = _estimate(one, trust, i)
        server = Server(
            times_s[:, i] * planned[i], workload.slos, demand.arrival_cv, float(planned[i])
        )
        options.append(
            option_of(
                workload,
                rows[i],
                units_per_hour=float(served[i]) * SECONDS_PER_HOUR,
                rate=_estimate(float(rate[i]) * SECONDS_PER_HOUR, trust, i),
                tokens_per_s=float(rate[i]) * length,
                slos=promised(workload, demand, float(served[i]), int(pools[i]), estimate),
                server=None if workload.is_deferrable else server,
                peak_replicas=None if workload.is_deferrable else int(pools[i]),
                note=trust.note(i, dep.notes[i]),
                shortfall=max(
                    (
                        float(np.quantile(times_s[:, i], s.quantile)) / s.limit_s
                        for s in workload.slos
                    ),
                    default=0.0,
                ),
                reason=reason,
            )
        )
    return options


def _times_alone_s(dep: Deployment, demand: Demand) -> FloatArray:
    """Equally likely times of a prompt that is served alone [s], shape (times, rows)."""
    count = QUANTILES if demand.input.cv > 0.0 or demand.input.quantiles else 1
    tokens = lengths(demand.input, (np.arange(count) + 0.5) / count, 1)
    return np.array([prefill_s(dep, float(n), float(n)) + dep.first_token_s for n in tokens])
