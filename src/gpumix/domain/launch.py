"""What a plan starts: replicas of one layout on one resource, as engines and schedulers need it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpumix.domain.offer import Purchase
from gpumix.domain.workload import Adapters, Kind, Tier, TrainingRun

_LONGEST_LABEL = 63
LONGEST_LAUNCH = 40
"""Characters of a launch's name, so that every target calls it the same: Dynamo's own limit."""


@dataclass(frozen=True, slots=True)
class EngineFlags:
    """How an engine is started so that it runs as it was planned.

    `max_model_len` [tokens] is the longest request, `memory_share` the part of the GPU that the
    engine may fill (0-1), `chunk_tokens` the most tokens of a step.
    """

    max_num_seqs: int
    max_model_len: int
    chunk_tokens: int
    memory_share: float
    prefix_caching: bool


@dataclass(frozen=True, slots=True)
class Launch:
    """Replicas (or runs of a job) of one layout on one resource of a plan.

    `name` is unique in the plan and a DNS label (RFC 1123). `workloads` are all that its replicas
    serve, of `tier` where any of them is premium. A replica takes `gpus` GPUs of `gpu`, or a
    `slice` of one. `by_hour` are the replicas in each hour of the first year's week (168, Monday
    00:00 first; empty for jobs, whose `peak_replicas` run at a time); `median_replicas` and
    `least_replicas` are of the hours. `flags` are None of what answers no text. `units_per_hour` is
    what a replica is planned at, `share` its placement's part of the workload (0-1), `note` what
    the plan says of it; `waits` where the work may, and takes what promised work leaves of the
    GPUs. The line of the mix is bought as `purchase` says: `instance` of `gpus_per_instance` at a
    `provider` and its `region`, `line_gpus` of them in all in the first year. `as_published` where
    the model's own weights are in `precision`, `is_own_model` where the team alone has them. `run`
    is what a job trains.
    """

    name: str
    workloads: tuple[str, ...]
    kind: Kind
    tier: Tier
    model: str
    engine: str
    resource: str
    gpu: str
    gpus: int
    tp: int
    slice: str
    precision: str
    kv_precision: str
    units_per_hour: float
    batch: float | None
    by_hour: tuple[int, ...]
    least_replicas: int
    median_replicas: int
    peak_replicas: int
    flags: EngineFlags | None = None
    adapters: Adapters | None = None
    share: float = 1.0
    note: str = ""
    waits: bool = False
    purchase: str = ""
    provider: str = ""
    region: str = ""
    instance: str = ""
    gpus_per_instance: int = 1
    line_gpus: int = 0
    as_published: bool = False
    is_own_model: bool = False
    run: TrainingRun | None = None

    @property
    def is_job(self) -> bool:
        """Whether it trains: it ends, and asks for no replicas."""
        return self.kind in (Kind.FINETUNE, Kind.PRETRAIN)

    @property
    def is_spot(self) -> bool:
        """Whether the provider may take its machines back."""
        return self.purchase == Purchase.SPOT

    @property
    def is_rented(self) -> bool:
        """Whether it runs on a provider's machines rather than on the team's own."""
        return self.purchase not in ("", Purchase.BUY, Purchase.OWNED)

    @property
    def first_year_replicas(self) -> int:
        """The most that run in an hour of the first year; of a job, the most at a time."""
        return self.peak_replicas if self.is_job else max(self.by_hour, default=0)


def dns_label(text: str, taken: set[str], longest: int = _LONGEST_LABEL) -> str:
    """A label of RFC 1123 that begins with a letter and that nothing else in `taken` has; it is
    added there.

    >>> taken = set()
    >>> dns_label("Chat/EU!-h100", taken), dns_label("chat-eu--h100", taken)
    ('chat-eu-h100', 'chat-eu-h100-2')
    >>> dns_label("3d-h100", taken)
    'w-3d-h100'
    """
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "work"
    label = label if label[0].isalpha() else f"w-{label}"
    found, number = label[:longest].rstrip("-"), 1
    while found in taken:
        number += 1
        end = f"-{number}"
        found = label[: longest - len(end)].rstrip("-") + end
    taken.add(found)
    return found
