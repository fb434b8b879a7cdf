"""What a plan starts: replicas of one layout on one resource, as engines and schedulers need it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from gpumix.domain.workload import Adapters, Kind, Tier

_LONGEST_LABEL = 63


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
    what a replica is planned at.
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

    @property
    def is_job(self) -> bool:
        """Whether it trains: it ends, and asks for no replicas."""
        return self.kind in (Kind.FINETUNE, Kind.PRETRAIN)


def dns_label(text: str, taken: set[str]) -> str:
    """A label of RFC 1123 that nothing else in `taken` has; it is added there.

    >>> taken = set()
    >>> dns_label("Chat/EU!-h100", taken), dns_label("chat-eu--h100", taken)
    ('chat-eu-h100', 'chat-eu-h100-2')
    """
    label = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "work"
    found, number = label[:_LONGEST_LABEL].rstrip("-"), 1
    while found in taken:
        number += 1
        end = f"-{number}"
        found = label[: _LONGEST_LABEL - len(end)].rstrip("-") + end
    taken.add(found)
    return found
