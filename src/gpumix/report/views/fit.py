"""A Fit as its readers need it: the answer, then memory, cache and what would help."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gpumix.domain.fit import (
    CacheRoom,
    Fit,
    FitGpu,
    Fits,
    TrainingFit,
    TrainingFitGpu,
    TrainingParts,
)
from gpumix.report.tables import Cell, Table, estimate, remark, table, text, value


def question(found: Fit | TrainingFit) -> str:
    """What was asked, in one line."""
    if isinstance(found, TrainingFit):
        return (
            f"{found.method}, sequences of {found.seq_len:,} tokens, micro-batch"
            f" {found.micro_batch:,}; memory of one GPU at the peak"
        )
    at_once = "one request" if found.users == 1 else f"{found.users:,} requests at once"
    return f"{at_once} of {found.context_tokens:,} tokens; {found.engine}; memory of one GPU"


def headline(found: Fit | TrainingFit) -> str:
    """Where it fits, where tightly and where not, in one sentence."""
    parts = []
    for state, words in ((Fits.FITS, "Fits"), (Fits.TIGHT, "tight"), (Fits.DOES_NOT_FIT, "not")):
        named = [_way(row) for row in found.rows if row.state is state]
        if named:
            parts.append(f"{words}: {', '.join(named)}")
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _way(row: FitGpu | TrainingFitGpu) -> str:
    many = row.tp if isinstance(row, FitGpu) else row.gpus
    return row.gpu if many == 1 else f"{many} x {row.gpu}"


def cache_table(found: Fit) -> Table:
    """What the cache holds on each GPU, and what would help where it is too small."""
    return table(
        "Cache",
        FitGpu,
        found.rows,
        ("gpu", lambda r: text(r.gpu)),
        ("tp", lambda r: value("tp", r.tp)),
        ("state", lambda r: text(r.state.value)),
        ("cache_tokens", lambda r: of_room("cache_tokens", r.room)),
        (
            "longest_request_tokens",
            lambda r: of_room("longest_request_tokens", r.room),
        ),
        ("users", lambda r: estimate("FitGpu.users", r.users)),
        ("missing_gib", lambda r: value("missing_gib", r.missing_gib)),
        ("adapters", lambda r: value("adapters", r.adapters, record=FitGpu)),
        ("adapter_slowdown", lambda r: value("adapter_slowdown", r.adapter_slowdown)),
        ("changes", lambda r: remark(_helps(r.changes))),
        ("note", lambda r: remark(r.note)),
    ).without_absent()


def memory_table(found: Fit) -> Table:
    """What takes the memory of one GPU."""
    return table(
        "Memory of one GPU",
        FitGpu,
        [row for row in found.rows if row.room is not None],
        ("gpu", lambda r: text(r.gpu)),
        *((name, _part(name)) for name in _PARTS),
        ("cache_gib", lambda r: of_room("cache_gib", r.room)),
    )


def training_table(found: TrainingFit) -> Table:
    """The peak of one GPU in a training job, by component."""
    return table(
        "Memory of one GPU at the peak",
        TrainingFitGpu,
        found.rows,
        ("gpu", lambda r: text(r.gpu)),
        ("gpus", lambda r: value("gpus", r.gpus, record=TrainingFitGpu)),
        ("state", lambda r: text(r.state.value)),
        *((name, _training_part(name)) for name in TRAINING_PARTS),
        ("total_gib", lambda r: estimate("TrainingFitGpu.total_gib", r.total_gib)),
        ("usable_gib", lambda r: value("usable_gib", r.usable_gib)),
        ("changes", lambda r: remark(_helps(r.changes))),
    )


_PARTS = (
    "weights_gib", "workspace_gib", "graphs_gib", "buffers_gib", "context_gib",
    "kv_bytes_per_token",
)  # fmt: skip
TRAINING_PARTS = (
    "weights_gib", "gradients_gib", "optimizer_gib", "activations_gib", "logits_gib",
    "overhead_gib",
)  # fmt: skip


def of_room(name: str, room: CacheRoom | None) -> Cell:
    """An estimate of what a cache holds; "-" where there is none."""
    return estimate(name, None if room is None else getattr(room, name))


def _part(name: str) -> Callable[[FitGpu], Cell]:
    def cell(row: FitGpu) -> Cell:
        return value(name, None if row.room is None else getattr(row.room, name))

    return cell


def of_training(name: str, parts: TrainingParts | None) -> Cell:
    """One component of a training job's peak; "-" where there is none."""
    return value(name, None if parts is None else getattr(parts, name), record=TrainingParts)


def _training_part(name: str) -> Callable[[TrainingFitGpu], Cell]:
    return lambda row: of_training(name, row.parts)


def _helps(changes: Sequence[str]) -> str:
    return "; ".join(changes)
