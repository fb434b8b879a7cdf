"""What a model takes of a GPU's memory and what its cache holds: what `gpumix fit` answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from gpumix.domain.evidence import Estimate


class Fits(StrEnum):
    """Whether what was asked fits: by its whole interval, by part of it, or not."""

    FITS = "fits"
    TIGHT = "tight"
    DOES_NOT_FIT = "does not fit"


@dataclass(frozen=True, slots=True)
class CacheRoom:
    """Memory of the fullest GPU of one replica [GiB], and what its cache holds [tokens].

    `graphs_gib` are counted against the engine's share or beside it, as the engine does. A replica
    holds `cache_tokens` in requests of the length asked, and alone one request of
    `longest_request_tokens`; 0 where there is no room.
    """

    weights_gib: float
    workspace_gib: float
    graphs_gib: float
    buffers_gib: float
    context_gib: float
    cache_gib: Estimate
    kv_bytes_per_token: float
    cache_tokens: Estimate
    longest_request_tokens: Estimate


@dataclass(frozen=True, slots=True)
class FitGpu:
    """One GPU: its layout, memory, and whether the requests fit.

    `users` is the most requests of the context asked at once; `missing_gib` what a GPU lacks,
    `changes` the least changes that would help, or for a tight fit what usually gives. Adapters:
    the most that fit beside one request, and the time of a step over one without; None unasked.
    """

    gpu: str
    tp: int
    precision: str
    kv_precision: str
    state: Fits
    room: CacheRoom | None
    users: Estimate | None
    missing_gib: float | None
    changes: tuple[str, ...]
    note: str
    adapters: int | None = None
    adapter_slowdown: float | None = None


@dataclass(frozen=True, slots=True)
class Fit:
    """A model on every GPU asked: what fits, at which context and for how many users."""

    model: str
    context_tokens: int
    users: int
    engine: str
    rows: tuple[FitGpu, ...]
    defaults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TrainingParts:
    """What takes the memory of one GPU at a training job's peak [GiB]; they sum to the peak.

    Only what is there at that moment counts: at the optimizer's step no activations, while a
    layer is computed no gradients of a single micro-batch.
    """

    weights_gib: float
    gradients_gib: float
    optimizer_gib: float
    activations_gib: float
    logits_gib: float
    overhead_gib: float


@dataclass(frozen=True, slots=True)
class TrainingFitGpu:
    """Peak memory of one GPU in a training job on `gpus` of them, against what it may use."""

    gpu: str
    gpus: int
    state: Fits
    parts: TrainingParts
    total_gib: Estimate
    usable_gib: float
    changes: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class TrainingFit:
    """A training job's memory on every GPU asked."""

    model: str
    method: str
    seq_len: int
    micro_batch: int
    rows: tuple[TrainingFitGpu, ...]
    defaults: tuple[str, ...]
