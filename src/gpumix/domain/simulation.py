"""What `gpumix simulate` found: one deployment under one stream of requests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestCounts:
    """How the requests ended; offered = served + queued + shed + timed_out."""

    offered: int
    served: int
    queued: int
    shed: int
    timed_out: int


@dataclass(frozen=True, slots=True)
class Spread:
    """A latency over the requests served [s]; None where there was none."""

    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None


@dataclass(frozen=True, slots=True)
class Timeline:
    """The run in equal parts of time: sequences running, requests waiting, cache used (0-1)."""

    t_s: tuple[float, ...]
    running: tuple[float, ...]
    waiting: tuple[float, ...]
    kv_used: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Curves:
    """Each latency at the percentiles 1 to 99, for drawing [s]; empty where there was none."""

    ttft_s: tuple[float, ...]
    tpot_s: tuple[float, ...]
    itl_s: tuple[float, ...]
    e2e_s: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Simulation:
    """A deployment, what was asked of it, and what it did.

    Replicas follow the load from `replicas` up to `max_replicas`, None where they do not; of them
    `prefill_replicas` only prefill. `slo_attainment` counts shed and timed-out requests as misses.
    `utilisation` is the share of time in which a step runs; `goodput_requests_per_s` those served
    within every limit. `gpu_hours` count the time replicas are on, their cold start included.
    `usd_per_mtok_output` is at the load really served; None without a price.
    """

    model: str
    gpu: str
    tp: int
    precision: str
    engine: str
    replicas: int
    max_replicas: int | None
    prefill_replicas: int
    batching: str
    traffic: str
    requests_per_s: float
    slo: tuple[str, ...]
    requests: RequestCounts
    ttft_s: Spread
    tpot_s: Spread
    itl_s: Spread
    e2e_s: Spread
    slo_attainment: float
    goodput_requests_per_s: float
    output_tokens_per_s: float
    input_tokens_per_s: float
    utilisation: float
    mean_batch: float
    preemptions: int
    gpu_hours: float
    avg_power_w: float
    energy_kwh: float
    joules_per_output_token: float | None
    usd_per_gpu_hour: float | None
    usd_per_mtok_output: float | None
    simulated_s: float
    wall_s: float
    defaults: tuple[str, ...]
    warnings: tuple[str, ...]
    timeline: Timeline
    curves: Curves
