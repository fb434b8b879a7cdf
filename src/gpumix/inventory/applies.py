"""Which keys of a workload go with which kind."""

from __future__ import annotations

from gpumix.domain.workload import Kind

_RUN = frozenset(
    {"token_fill", "activation_ckpt", "checkpoint", "queue", "new_fleet", "programme_factor",
     "calendar_usd_per_day", "optimizer", "offload", "base_precision"}
)  # fmt: skip
"""Keys of every kind of training job."""

_PARTS = frozenset({"mig", "share_gpu"})
"""Keys of work that may run on part of a GPU."""

_USERS = frozenset({"users_at", "rtt_ms"})
"""Keys of work that users wait for."""

APPLIES: dict[Kind, frozenset[str]] = {
    Kind.CHAT: frozenset(
        {"traffic", "slo", "classes", "adapters", "confidence", "share_replicas", *_PARTS, *_USERS}
    ),
    Kind.BATCH: frozenset(
        {"tokens_per_day", "window", "finish_within", "growth_per_year", "input_tokens",
         "adapters", "confidence", "share_replicas"}
    ),
    Kind.EMBEDDING: frozenset(
        {"tokens_per_day", "window", "finish_within", "growth_per_year", "input_tokens", "traffic",
         "slo", "confidence", "share_replicas", *_PARTS, *_USERS}
    ),
    Kind.FINETUNE: frozenset(
        {"method", "tokens", "runs_per_month", "runs_per_year", "finish_within", "seq_len",
         "global_batch", "lora_rank", "stack", "n_gpus", "growth_per_year", "window", *_RUN}
    ),
    Kind.PRETRAIN: frozenset(
        {"tokens", "runs_per_month", "runs_per_year", "finish_within", "seq_len", "global_batch",
         "stack", "n_gpus", "growth_per_year", *_RUN}
    ),
    Kind.MEDIA: frozenset(
        {"images_per_day", "videos_per_day", "latency", "steps", "resolution", "frames",
         "growth_per_year", "window", "finish_within", "traffic", "confidence", "share_replicas",
         *_PARTS, *_USERS}
    ),
    Kind.CUSTOM: frozenset(
        {"rates", "unit", "per_day", "time_cv", "latency", "slo", "growth_per_year", "window",
         "finish_within", "traffic", "confidence", "share_replicas", *_USERS}
    ),
}  # fmt: skip
"""Keys that go with a kind, beside those that every workload has."""

_EVERY = frozenset(
    {"kind", "tier", "residency", "gpus", "needs", "data_tb", "egress_tb_per_month", "from_",
     "until"}
)  # fmt: skip
_OF_MODELS = frozenset({"model", "precision", "kv_precision", "context", "engine"})


def keys_of(kind: Kind) -> frozenset[str]:
    """All keys that a workload of this kind may have."""
    return APPLIES[kind] | _EVERY | (_OF_MODELS if kind is not Kind.CUSTOM else frozenset())
