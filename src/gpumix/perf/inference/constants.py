"""Which fitted constants hold for a deployment: architecture x engine generation x link."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpumix.domain.coefficients import Table
from gpumix.domain.gpu import Gpu
from gpumix.perf.links import NETWORK, THROUGH_HOST

EFFICIENCY_CAP = 0.95
"""No kernel reaches more of a peak than this, whatever the product of fitted factors."""

LOW_PRECISION_CAP = 1.1
"""Efficiency at 8 or 4 bits over that at 16: a higher peak is never used much better."""

COMMON = (
    "imbalance", "latent_layer_s", "sparse_layer_s", "state_layer_s", "clock_exponent",
    "expert_half_tokens", "expert_efficiency", "expert_launch_s", "attention_launch_s",
    "activation_passes", "state_passes", "routing_spread", "itl_tail", "ramp_down", "burst_tail",
    "ttft_tail", "slo_headroom", "slo_share", "first_wave", "offline_host", "expert_passes",
)  # fmt: skip
"""Constants of every deployment."""

OF_ENGINE = (
    "step_s", "layer_s", "sequence_s", "prompt_token_s", "request_s", "first_token_s", "front_s",
    "lockstep", "together", "overlap", "output_share", "repeated_reads",
    "chunk_tokens", "max_sequences",
)  # fmt: skip
"""Constants of an engine generation; `<name>_small` holds on small GPUs where it exists."""

OF_MEMORY = (
    "memory_share", "weights_first", "context_gib", "group_gib", "graph_gib", "graphs_inside",
    "sampler_bytes", "ffn_copies", "hidden_copies", "expert_copies", "whole_prompt_tokens",
    "attention_bytes", "doubt_share",
)  # fmt: skip
"""What an engine generation takes of memory besides weights and cache (data/memory_terms.csv)."""


CONSUMER_BLACKWELL = "Blackwell GDDR7"
"""RTX PRO 6000 and RTX 50 (SM120): other tensor cores, caches and memory than B200 (SM100)."""


def kernel_architecture(gpu: Gpu) -> str:
    """The architecture whose kernels run on a part: its own, except that Blackwell is two.

    Source: CUDA compute capabilities 10.0 (B200) and 12.0 (RTX PRO 6000, RTX 50).
    """
    if gpu.architecture == "Blackwell" and gpu.mem_type.startswith("GDDR"):
        return CONSUMER_BLACKWELL
    return gpu.architecture


CONSUMER = " consumer"
"""Ends the name of an architecture's GeForce cards."""


@dataclass(frozen=True, slots=True)
class Key:
    """What constants are looked up by; never a model, a GPU or a length.

    `width` and `compute_width` are bits of a weight as stored and as multiplied, `emulated` says
    that a lower format was stored than the GPU computes, `small` that engines choose their
    smaller default batch on this part; `memory` is the generation by use of memory, `consumer` says
    that it is a GeForce card.
    """

    architecture: str
    width: int
    compute_width: int
    emulated: bool
    kv_width: int
    small: bool
    engine: str
    link: str
    memory: str = ""
    consumer: bool = False

    @property
    def machine(self) -> str:
        """What the width of an interval is looked up by: GeForce cards stand in other boxes."""
        return self.architecture + CONSUMER * self.consumer


def is_fitted(key: Key, tables: Mapping[str, Table]) -> bool:
    """Whether measured rows stand behind a key's constants: its architecture's, its engine's and
    those of its link, which no row tells between nodes."""
    known = key.architecture in tables["architecture"] and key.engine != "other"
    return known and key.link != NETWORK


def constants_of(key: Key, tables: Mapping[str, Table]) -> dict[str, float]:
    """Constants of one key; an unseen architecture or engine has its fallback row.

    Args:
        key: what to look up.
        tables: `coefficients.inference`.

    Source: tools/fit_inference.py.
    """
    common = tables["common"]["any"]
    part = tables["architecture"].get(key.architecture) or tables["architecture"]["any"]
    engine = tables["engine"].get(key.engine) or tables["engine"]["other"]
    link = tables["link"][key.link]
    direct = key.link != THROUGH_HOST  # else the host is slow, whatever the engine does
    launch, reached = (engine["link_start"], engine["link"]) if direct else (1.0, 1.0)
    small = "_small" if key.small else ""
    memory = tables["memory"].get(key.memory or key.engine) or tables["memory"]["other"]
    return {
        **_efficiencies(key, part, engine, common),
        "half_tokens": common["half_tokens"],
        "half_span": part["half_span"],
        "product_start_s": common[f"product_start_{key.width}bit_s"],
        "expert_factor": engine["experts"],
        "link_latency_s": link["latency_s"] * launch,
        "link_growth": max(link["growth"], engine["link_growth"]),
        "link_doubling": link["doubling"],
        "link_share": link["share"] * reached,
        **{name: common[name] for name in COMMON},
        **{name: engine.get(name + small, engine[name]) for name in OF_ENGINE},
        **{name: memory[name] for name in OF_MEMORY},
    }


def _efficiencies(
    key: Key, part: Mapping[str, float], engine: Mapping[str, float], common: Mapping[str, float]
) -> dict[str, float]:
    """Shares of the peaks reached: mfu of compute, mbu of bandwidth."""
    computed = {16: 1.0, 8: part["mfu_8bit_ratio"], 4: part["mfu_4bit_ratio"]}[key.compute_width]
    if key.compute_width < 16:
        computed = min(computed * engine["compute_8bit"], LOW_PRECISION_CAP)
    if key.emulated:
        computed /= max(common["dequantise"], 1.0)
    stored = {16: 1.0, 8: part["mbu_8bit_ratio"], 4: part["mbu_4bit_ratio"]}[key.width]
    cached = min(common["kv_8bit"], LOW_PRECISION_CAP) if key.kv_width < 16 else 1.0
    mfu = min(part["mfu_16bit"] * engine["compute"], EFFICIENCY_CAP)
    mbu = min(part["mbu_16bit"] * engine["bytes"], EFFICIENCY_CAP)
    return {
        "mfu_16bit": mfu,
        "mbu_16bit": mbu,
        "mfu": min(mfu * computed, EFFICIENCY_CAP),
        "mbu": min(mbu * min(stored, LOW_PRECISION_CAP), EFFICIENCY_CAP),
        "mbu_kv": min(part["mbu_kv"] * engine["kv"] * cached, EFFICIENCY_CAP),
        "mfu_prefill": min(part["mfu_prefill"] * engine["prefill"], EFFICIENCY_CAP),
    }
