"""What `gpumix simulate` is asked: a deployment, its traffic, how its replicas run."""

from __future__ import annotations

from dataclasses import dataclass

from gpumix.domain import defaults as assumed
from gpumix.domain.traffic import Requests
from gpumix.domain.workload import Adapters, Slo


@dataclass(frozen=True, slots=True)
class SimulationQuestion:
    """What to simulate; `tp` None = the smallest that fits, `rate` None = the trace's own,
    `precision` empty = that of the model's name, else as published.

    With `max_replicas` the replicas follow the load from `replicas` up to so many.
    """

    model: str
    gpu: str
    tp: int | None = None
    precision: str = ""
    kv_precision: str = ""
    engine: str = assumed.ENGINE
    replicas: int = 1
    trace: Requests | None = None
    trace_name: str = ""
    profile: str | None = None
    rate: float | None = None
    requests: int | None = None
    slos: tuple[Slo, ...] = ()
    timeout_s: float | None = None
    seed: int = 0
    batching: str = "continuous"
    max_replicas: int | None = None
    scale_target: float | None = None
    cold_start_s: float | None = None
    prefill_replicas: int = 0
    kv_link_gb_per_s: float | None = None
    adapters: Adapters | None = None
    context: int | None = None
