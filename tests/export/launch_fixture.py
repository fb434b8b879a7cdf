"""Launches made by hand: a plan's shapes, small."""

from __future__ import annotations

from dataclasses import replace

from gpumix.domain.exported import PlanOrigin
from gpumix.domain.launch import EngineFlags, Launch
from gpumix.domain.workload import Adapters, Kind, Tier, TrainingRun

ORIGIN = PlanOrigin("Team's plan", "ab" * 32, "2026-11-24", "0.1.0")
HOSTILE = "a'; rm -rf / #\n- x: {{ .y }} $(id) ${HOME} \"`"
"""A name that ends quotes, lines and comments, and fills in variables."""


def hours(night: int, day: int) -> tuple[int, ...]:
    """A week with other counts by day (08-20) than at night."""
    return tuple(day if 8 <= hour % 24 < 20 else night for hour in range(168))


CHAT = Launch(
    name="chat-l40s-48gb",
    workloads=("chat",),
    kind=Kind.CHAT,
    tier=Tier.PREMIUM,
    model="Qwen/Qwen2.5-32B-Instruct",
    engine="vllm",
    resource="on_demand:aws:4xl40s-48gb@us-east-1",
    gpu="l40s-48gb",
    gpus=2,
    tp=2,
    slice="",
    precision="fp8",
    kv_precision="fp8",
    units_per_hour=7200.0,
    batch=20.0,
    by_hour=hours(2, 5),
    least_replicas=2,
    median_replicas=2,
    peak_replicas=8,
    flags=EngineFlags(256, 8192, 2048, 0.92, prefix_caching=True),
    share=0.75,
    purchase="on_demand",
    provider="aws",
    region="us-east-1",
    instance="g6e.12xlarge",
    gpus_per_instance=4,
    line_gpus=12,
)
BATCH = replace(
    CHAT,
    name="batch-l40s-48gb",
    workloads=("batch",),
    kind=Kind.BATCH,
    tier=Tier.STANDARD,
    by_hour=hours(20, 0),
    least_replicas=0,
    median_replicas=0,
    peak_replicas=20,
    share=1.0,
    waits=True,
)
EMBEDDING = replace(
    CHAT,
    name="embed-a100-sxm-80gb",
    workloads=("embed", "embed-too"),
    kind=Kind.EMBEDDING,
    tier=Tier.STANDARD,
    model="BAAI/bge-m3",
    resource="owned:hall:8xa100-sxm-80gb",
    gpu="a100-sxm-80gb",
    gpus=1,
    tp=1,
    slice="1g.10gb",
    precision="bf16",
    kv_precision="",
    by_hour=hours(3, 3),
    least_replicas=3,
    median_replicas=3,
    peak_replicas=3,
    flags=None,
    purchase="owned",
    provider="own site",
    region="hall",
    instance="",
    gpus_per_instance=8,
    line_gpus=8,
)
SHARED = replace(EMBEDDING, name="embed-turns", slice="1/4", gpu="a100-sxm-80gb")
SPOT = replace(
    CHAT,
    name="chat-mi300x-192gb",
    tier=Tier.STANDARD,
    gpu="mi300x-192gb",
    gpus=1,
    tp=1,
    resource="spot:azure:8xmi300x-192gb@eastus2",
    purchase="spot",
    provider="azure",
    region="eastus2",
    instance="Standard_ND96isr_MI300X_v5",
    gpus_per_instance=8,
    line_gpus=16,
    by_hour=hours(1, 11),
    least_replicas=1,
    median_replicas=1,
    peak_replicas=11,
)
JOB = replace(
    SPOT,
    name="tune-mi300x-192gb",
    workloads=("tune",),
    kind=Kind.FINETUNE,
    gpus=16,
    precision="bf16",
    kv_precision="",
    by_hour=(),
    least_replicas=0,
    median_replicas=0,
    peak_replicas=1,
    flags=None,
    waits=True,
    note="TP1 PP1 DP16",
    run=TrainingRun("full", 1e9, 2048, 256, 72.0, 24.0, "fsdp", 16, None),
)
MEDIA = replace(
    EMBEDDING, name="shots", workloads=("shots",), kind=Kind.MEDIA, model="b/FLUX.1", slice=""
)
SGLANG = replace(CHAT, name="chat-sglang", engine="sglang", adapters=Adapters(20, 12))
TRTLLM = replace(CHAT, name="chat-trt", engine="tensorrt-llm", adapters=Adapters(20, 16))
LATER = replace(CHAT, name="later", by_hour=hours(0, 0), least_replicas=0)
INT4 = replace(CHAT, name="chat-int4", precision="int4", kv_precision="")
STRANGE = replace(CHAT, name="3d-strange", model=HOSTILE, workloads=(HOSTILE,), is_own_model=True)

ALL = (CHAT, BATCH, EMBEDDING, SHARED, SPOT, JOB, MEDIA, SGLANG, TRTLLM, LATER, INT4, STRANGE)
