"""One deployment against a trace or a profile: what `gpumix simulate` runs."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from gpumix import formats
from gpumix.catalog import Catalog, price_summary
from gpumix.cost.energy import joules_per_token
from gpumix.cost.unit_cost import usd_per_million
from gpumix.domain import defaults as assumed
from gpumix.domain.engines import NEWEST
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import SHORTER, Model, NamedModel, too_long
from gpumix.domain.offer import Purchase
from gpumix.domain.promises import DEFAULT_SLOS
from gpumix.domain.simulation import Curves, RequestCounts, Simulation, Spread, Timeline
from gpumix.domain.traffic import Lengths, Requests
from gpumix.domain.workload import Slo
from gpumix.errors import InputError, NoEstimate, Problem, unknown_name
from gpumix.perf.inference.deployment import Deployment, Setup, deployments
from gpumix.perf.inference.memory import memory
from gpumix.perf.inference.modes import with_adapters
from gpumix.perf.power import gpu_power_w, idle_power_w, utilisation
from gpumix.predict.software import unknown_name as unknown_software_name
from gpumix.serving.capacity import Traffic, sustained
from gpumix.serving.simulated_capacity import attainment
from gpumix.serving.simulator import state as at
from gpumix.serving.simulator.simulation import Outcome, simulate
from gpumix.serving.simulator.steptable import step_table
from gpumix.serving.traffic import at_rate, from_profile, mean_rate, resized
from gpumix.simulate.fleet import fleet_problems, settings_of
from gpumix.simulate.question import SimulationQuestion
from gpumix.units import KILO, SECONDS_PER_HOUR
from gpumix.values import FloatArray

DEFAULT_REQUESTS = 10_000
DEFAULT_LOAD = 0.8
"""Of what the closed form says one deployment sustains, where no rate is stated."""

_PERCENTILES = np.arange(1.0, 100.0)
_MOST_REQUESTS = 10_000_000
_OVERLOADED = 10.0
"""Times of the fastest answer that the rest must still take to be called overload."""


def run_simulation(
    question: SimulationQuestion,
    catalog: Catalog,
    as_of: date,
    progress: Callable[[float], None] = lambda _: None,
) -> Simulation:
    """The simulation of a question; what it does not state is a default, told first.

    Raises: InputError for unknown names, options that contradict, a model that does not fit.
    """
    _refuse(question)
    named = catalog.named_model(question.model, "--model").with_context(question.context)
    part = catalog.named_gpu(question.gpu, "--gpu")
    model, gpu = named.model, part.gpu
    defaults = [note for note in (part.note, *named.notes) if note]
    question = _at_precision(question, named, defaults)
    slos = question.slos or DEFAULT_SLOS
    if not question.slos:
        defaults += [f"{s.name} {s.limit_s * 1e3:,.0f} ms" for s in DEFAULT_SLOS]
    requests, traffic = _requests(question, catalog, defaults)
    sizes = float(requests.input_tokens.mean()), float(requests.output_tokens.mean())
    _refuse_long(named, requests, sizes, defaults)
    dep = _deployment(question, model, gpu, catalog, sizes, defaults)
    if question.rate is not None:
        requests = _at_rate(requests, question.rate)
    shape = Traffic(Lengths(sizes[0], 0.0), Lengths(sizes[1], 0.0), 1.0)
    capacity = sustained(dep, shape, slos)
    if question.rate is None and question.trace is None:
        found = float(capacity.requests_per_s[0]) * question.replicas
        rate = DEFAULT_LOAD * found if found > 0.0 else 0.1 * question.replicas
        requests = _at_rate(requests, rate)
        defaults.append(f"{rate:.3g} requests/s, {DEFAULT_LOAD:.0%} of the closed form's capacity")
    batch = DEFAULT_LOAD * float(capacity.batch[0])
    defaults += unknown_software_name("engine", question.engine, NEWEST)
    settings = settings_of(question, dep, model, batch, catalog, defaults)
    table = step_table(dep, *sizes)
    started = time.perf_counter()
    outcome = simulate(requests, table, settings, progress)
    wall_s = time.perf_counter() - started
    price = price_summary(catalog.quoted(as_of), gpu.id, Purchase.ON_DEMAND)
    usd_per_gpu_hour = None if price is None else price.usd_per_gpu_hour
    if usd_per_gpu_hour is not None:
        defaults.append(f"{usd_per_gpu_hour:.2f} USD/GPU-h, the median of on-demand offers")
    written = _written(question, dep, requests, outcome, slos, table.kv_blocks)
    energy_j = _energy_j(dep, outcome, sizes, catalog, question.prefill_replicas)
    tokens = written.output_tokens_per_s * written.simulated_s
    mean_w = energy_j / written.simulated_s
    joules = joules_per_token(mean_w / KILO, written.output_tokens_per_s) if tokens > 0.0 else None
    usd = None
    if usd_per_gpu_hour is not None and tokens > 0.0:
        usd = usd_per_million(usd_per_gpu_hour * written.gpu_hours, tokens)
    return replace(
        written,
        model=model.id,
        gpu=gpu.id,
        traffic=traffic,
        wall_s=wall_s,
        defaults=tuple(defaults),
        avg_power_w=mean_w,
        energy_kwh=energy_j / (KILO * SECONDS_PER_HOUR),
        joules_per_output_token=joules,
        usd_per_gpu_hour=usd_per_gpu_hour,
        usd_per_mtok_output=usd,
    )


def _refuse(question: SimulationQuestion) -> None:
    """Every option that is out of range, at once."""
    problems = []
    if (question.trace is None) == (question.profile is None):
        problems.append(Problem("--trace, --profile", "give exactly one of them"))
    limits: Sequence[tuple[str, float | None, float, float]] = (
        ("--rate", question.rate, 1e-6, 1e6),
        ("--requests", question.requests, 1, _MOST_REQUESTS),
        ("--replicas", question.replicas, 1, 1000),
        ("--timeout-s", question.timeout_s, 1e-3, 1e9),
        ("--tp", question.tp, 1, 64),
        ("--seed", question.seed, 0, 2**32 - 1),
        ("--max-replicas", question.max_replicas, 1, 1000),
        ("--scale-target", question.scale_target, 1e-2, 1e6),
        ("--cold-start-s", question.cold_start_s, 0, 1e6),
        ("--prefill-replicas", question.prefill_replicas, 0, 999),
        ("--kv-link-gb-per-s", question.kv_link_gb_per_s, 1e-3, 1e5),
    )
    for option, value, low, high in limits:
        if value is not None and not low <= value <= high:
            problems.append(
                Problem(option, f"must be between {low:g} and {high:,.0f}, got {value:g}")
            )
    for option, name in (
        ("--precision", question.precision),
        ("--kv-precision", question.kv_precision),
    ):
        if name and formats.canonical(name) is None:
            problems.append(formats.unknown_precision(option, name))
    problems += fleet_problems(question)
    if problems:
        raise InputError(problems)


def _at_precision(
    question: SimulationQuestion, named: NamedModel, defaults: list[str]
) -> SimulationQuestion:
    """The question at the precisions that it states, else its model; what is assumed is told."""
    asked = formats.canonical(question.precision)
    (precision,), told = named.precisions((asked,) if asked else ())
    defaults += [told] if told else []
    cache = formats.canonical(question.kv_precision) or named.kv_precision
    return replace(question, precision=precision, kv_precision=cache)


def _refuse_long(
    named: NamedModel, requests: Requests, sizes: tuple[float, float], defaults: list[str]
) -> None:
    """Tell requests beyond the model's context. Raises: InputError where most of them are."""
    if message := too_long(named.model, *sizes, named.context):
        raise InputError(Problem("--trace, --profile", f"on average, {message}", SHORTER))
    if named.longest is None:
        return
    long = int((requests.input_tokens + requests.output_tokens > named.longest).sum())
    if long:
        defaults.append(
            f"{long:,} of {len(requests):,} requests are longer than the context of "
            f"{named.model.id}, {named.longest:,} tokens: an engine refuses them, here they run"
        )


def _requests(
    question: SimulationQuestion, catalog: Catalog, defaults: list[str]
) -> tuple[Requests, str]:
    """The requests asked for and their name; what a profile supplies goes to `defaults`."""
    if question.trace is not None:
        start = question.trace.arrival_s - question.trace.arrival_s[0]
        requests = replace(question.trace, arrival_s=start)
        if question.requests is not None:
            requests = resized(requests, question.requests)
        if requests.note:
            defaults.append(requests.note)
        return requests, question.trace_name
    name = question.profile or ""
    if name not in catalog.profiles:
        raise InputError(unknown_name("--profile", "profile", name, catalog.profiles))
    profile = catalog.profiles[name]
    if profile.input.mean < 1.0:
        raise InputError(
            Problem("--profile", f"{name} has no request lengths", "name another, or a trace")
        )
    share = profile.prefix_share
    prefixes = "shared prefixes not recorded" if share is None else f"{share:.0%} shared prefixes"
    defaults.append(
        f"gaps of CV {profile.arrival_cv:.2f}, length correlation "
        f"{profile.length_correlation:+.2f}, {prefixes} (from the trace of {name})"
    )
    count = question.requests or DEFAULT_REQUESTS
    return from_profile(profile, count, 1.0, question.seed), f"profile {name}"


def _at_rate(requests: Requests, rate: float) -> Requests:
    if mean_rate(requests) <= 0.0:
        if len(requests) == 1:
            return requests
        raise InputError(Problem("--rate", "all requests arrive at one moment", "leave out --rate"))
    return at_rate(requests, rate)


def _deployment(
    question: SimulationQuestion,
    model: Model,
    gpu: Gpu,
    catalog: Catalog,
    sizes: tuple[float, float],
    defaults: list[str],
) -> Deployment:
    """The deployment asked for, at the smallest tensor parallelism that fits if none is."""
    ways = (question.tp,) if question.tp else assumed.TENSOR_PARALLEL
    if question.tp and model.heads and model.heads % question.tp:
        fitting = ", ".join(str(k) for k in range(1, 65) if model.heads % k == 0)
        raise InputError(
            Problem(
                "--tp",
                f"{question.tp} does not divide the {model.heads} attention heads of {model.id}",
                f"one of {fitting}",
            )
        )
    try:
        dep = deployments(
            [
                Setup(model, gpu, question.engine, question.precision, question.kv_precision, tp=tp)
                for tp in ways
            ],
            catalog.coefficients,
        )
    except NoEstimate as error:
        raise InputError(Problem("--model", str(error))) from None
    dep = with_adapters(dep, question.adapters)
    fits = np.flatnonzero(np.asarray(memory(dep, *sizes).fits))
    if not len(fits):
        most = max(ways)
        raise InputError(
            Problem(
                "--tp" if question.tp else "--gpu",
                f"{model.id} at {question.precision} does not fit {most} x {gpu.id}",
                "a larger --tp, a lower --precision or a GPU with more memory",
            )
        )
    if question.tp is None:
        defaults.append(f"tp {ways[fits[0]]}, the smallest that fits")
    return dep.take([int(fits[0])])


def _written(
    question: SimulationQuestion,
    dep: Deployment,
    requests: Requests,
    outcome: Outcome,
    slos: Sequence[Slo],
    kv_blocks: int,
) -> Simulation:
    served = outcome.served
    counts = np.bincount(outcome.outcome, minlength=5)
    lasts = max(float(outcome.clock_s.max(initial=0.0)), 1e-12)
    share = attainment(outcome, slos)
    times = {"ttft_s": outcome.ttft_s, "tpot_s": outcome.tpot_s, "e2e_s": outcome.e2e_s}
    times = {name: t[served & np.isfinite(t)] for name, t in times.items()}
    itl: tuple[float, ...] = ()
    if outcome.gaps.any():
        itl = tuple(outcome.gap_quantiles_s(_PERCENTILES / 100.0).tolist())
    curves = {
        name: tuple(float(v) for v in np.percentile(t, _PERCENTILES)) if len(t) else ()
        for name, t in times.items()
    }
    return Simulation(
        model=question.model,
        gpu=question.gpu,
        tp=int(dep.tp[0]),
        precision=question.precision,
        engine=question.engine,
        replicas=question.replicas,
        max_replicas=question.max_replicas,
        prefill_replicas=question.prefill_replicas,
        batching=question.batching,
        traffic="",
        requests_per_s=mean_rate(requests),
        slo=tuple(f"{s.name} <= {s.limit_s * 1e3:,g} ms" for s in slos),
        requests=RequestCounts(
            len(requests),
            int(counts[at.SERVED]),
            int(counts[at.QUEUED]),
            int(counts[at.TOO_LONG] + counts[at.TURNED_AWAY]),
            int(counts[at.TIMED_OUT]),
        ),
        **{name: _spread(t) for name, t in times.items()},
        itl_s=_spread_of_gaps(outcome, itl),
        slo_attainment=share,
        goodput_requests_per_s=share * len(requests) / lasts,
        output_tokens_per_s=float(requests.output_tokens[served].sum()) / lasts,
        input_tokens_per_s=float(requests.input_tokens[served].sum()) / lasts,
        utilisation=float(outcome.busy_s.sum()) / max(float(outcome.on_s.sum()), 1e-12),
        mean_batch=float(outcome.sequence_s.sum()) / max(float(outcome.busy_s.sum()), 1e-12),
        preemptions=outcome.evictions,
        gpu_hours=float(outcome.on_s.sum()) * float(dep.gpus[0]) / SECONDS_PER_HOUR,
        avg_power_w=0.0,
        energy_kwh=0.0,
        joules_per_output_token=None,
        usd_per_gpu_hour=None,
        usd_per_mtok_output=None,
        simulated_s=lasts,
        wall_s=0.0,
        defaults=(),
        warnings=tuple(_warnings(counts, outcome)),
        timeline=_timeline(outcome, float(outcome.on_s.sum()) / lasts, kv_blocks),
        curves=Curves(itl_s=itl, **curves),
    )


def _warnings(counts: np.ndarray, outcome: Outcome) -> list[str]:
    found = []
    if counts[at.TOO_LONG]:
        found.append(
            f"{counts[at.TOO_LONG]:,} requests were shed: longer than the model's context or "
            "than the whole cache"
        )
    waited_s = float(outcome.clock_s.max(initial=0.0) - outcome.arrival_s[-1])
    came_s = float(outcome.arrival_s[-1] - outcome.arrival_s[0])
    shortest_s = float(np.nanmin(outcome.e2e_s)) if counts[at.SERVED] else math.inf
    if waited_s > max(came_s, _OVERLOADED * shortest_s):
        found.append(
            f"overloaded: requests that came within {came_s:,.0f} s took {waited_s:,.0f} s more; "
            "add replicas, lower --rate or set --timeout-s"
        )
    if outcome.evictions > 0.05 * len(outcome.arrival_s):
        found.append(f"the KV cache ran out: {outcome.evictions:,} pre-emptions")
    return found


def _spread(times: FloatArray) -> Spread:
    if not len(times):
        return Spread(None, None, None, None, None)
    return Spread(float(times.mean()), *(float(v) for v in np.percentile(times, (50, 90, 95, 99))))


def _spread_of_gaps(outcome: Outcome, quantiles: Sequence[float]) -> Spread:
    if not quantiles:
        return Spread(None, None, None, None, None)
    mean = float(outcome.sequence_s.sum()) / max(int(outcome.gaps.sum()), 1)
    return Spread(mean, quantiles[49], quantiles[89], quantiles[94], quantiles[98])


def _timeline(outcome: Outcome, replicas: float, kv_blocks: int) -> Timeline:
    """Only the parts in which something ran."""
    ran = np.flatnonzero(outcome.series[:, 0] > 0.0)
    busy, running, waiting, free = outcome.series[ran].T
    return Timeline(
        tuple(float(v) for v in ran * outcome.bin_s),
        tuple(float(v) for v in running / busy * replicas),
        tuple(float(v) for v in waiting / busy * replicas),
        tuple(float(v) for v in np.clip(1.0 + free / busy / max(kv_blocks, 1), 0.0, 1.0)),
    )


def _energy_j(
    dep: Deployment,
    outcome: Outcome,
    sizes: tuple[float, float],
    catalog: Catalog,
    prefill_replicas: int,
) -> float:
    """Energy of all GPUs: a pool's mean step while a step runs, idle otherwise [J]."""
    idle = idle_power_w(dep.tdp_w, dep.idle_w)
    curve = catalog.coefficients.power["serving"]["any"]
    pools = [slice(0, prefill_replicas), slice(prefill_replicas, None)]
    total = 0.0
    for pool in pools if prefill_replicas else [slice(None)]:
        busy, on = float(outcome.busy_s[pool].sum()), float(outcome.on_s[pool].sum())
        steps = max(int(outcome.replica_iterations[pool].sum()), 1)
        prompts = float(outcome.replica_prefilled[pool].sum()) / steps
        batch = float(outcome.sequence_s[pool].sum()) / max(busy, 1e-12)
        loads = utilisation(dep, batch, sizes[0] + 0.5 * sizes[1], prompts, sizes[0])
        running = gpu_power_w(dep.tdp_w, idle, *loads, curve)
        total += float(np.asarray(busy * running + max(on - busy, 0.0) * idle)[0])
    return total * float(dep.gpus[0])
