"""Priors of the text engine's constants: where each lives, its typical value, what it may move.

A constant's value is prior x exp(theta x sigma), theta in prior standard deviations.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import exp, inf
from typing import Any

import numpy as np
import numpy.typing as npt

from fit_kernels import reached
from gpumix.perf.links import THROUGH_HOST

Tables = dict[str, dict[str, dict[str, float]]]

US, MS = 1e-6, 1e-3


@dataclass(frozen=True)
class Prior:
    """A constant's typical value and the standard deviation of its logarithm."""

    value: float
    sigma: float


PART = {
    "mfu_16bit": Prior(0.70, 0.15),
    "mfu_8bit_ratio": Prior(0.80, 0.15),
    "mfu_4bit_ratio": Prior(0.62, 0.20),
    "mbu_16bit": Prior(0.82, 0.08),
    "mbu_8bit_ratio": Prior(0.92, 0.08),
    "mbu_4bit_ratio": Prior(0.85, 0.12),
    "mbu_kv": Prior(0.75, 0.12),
    "mfu_prefill": Prior(0.62, 0.12),
    "half_span": Prior(500.0, 0.4),
}
"""Efficiencies of an unseen architecture. Source: GEMM and attention tables, docs/inference.md."""

PART_SIGMA = {
    "mfu_16bit": 0.15, "mfu_8bit_ratio": 0.20, "mfu_4bit_ratio": 0.20, "mbu_16bit": 0.12,
    "mbu_8bit_ratio": 0.12, "mbu_4bit_ratio": 0.15, "mbu_kv": 0.15, "mfu_prefill": 0.15,
    "half_span": 0.4,
}  # fmt: skip
"""How far one architecture may deviate from the unseen one."""

ARCHITECTURES = (
    "Hopper", "Ampere", "Ada Lovelace", "Blackwell", "Blackwell Ultra", "Blackwell GDDR7",
    "CDNA3", "Volta", "Turing", "Gaudi",
)  # fmt: skip
LEVEL = "level"
"""What measured architectures deviate from."""

UNSEEN = {"mfu_16bit": 0.9, "mbu_16bit": 0.95, "mbu_kv": 0.85, "mfu_prefill": 0.85}
"""Caution where no measurement is: shares of the level an unknown architecture gets."""

BEFORE_AMPERE = {"mfu_16bit": 0.75, "mbu_16bit": 0.9, "mbu_kv": 0.7, "mfu_prefill": 0.5}
"""The same for Volta and Turing: no asynchronous copies, no FlashAttention-2, no bf16.

Source: FlashAttention-2 supports Ampere and later (its README); vLLM falls back to xFormers.
"""

STARTS = {"Volta": BEFORE_AMPERE, "Turing": BEFORE_AMPERE, "CDNA3": {"mfu_16bit": 0.73}}
"""Architectures that are known to deviate, and by how much before anything is fitted.

CDNA3: 0.514 of the peak is the most that was reached of an MI300X, 0.70 of it is the level here.
Source: ml-engineering, compute/accelerator, @744d01e18b."""

SAME_ARCHITECTURE = {"CDNA4": "CDNA3"}

TABLE_SIGMA = 0.12
"""Of a kernel table: one machine a GPU, clocks not stated."""

COMMON = {
    "half_tokens": Prior(20.0, 0.7),
    "product_start_16bit_s": Prior(4 * US, 0.4),
    "product_start_8bit_s": Prior(7 * US, 0.4),
    "product_start_4bit_s": Prior(9 * US, 0.4),
    "expert_half_tokens": Prior(25.0, 0.5),
    "expert_efficiency": Prior(0.65, 0.15),
    "expert_launch_s": Prior(25 * US, 0.5),
    "attention_launch_s": Prior(10 * US, 0.5),
    "activation_passes": Prior(12.0, 0.4),
    "state_passes": Prior(3.0, 0.4),
    "dequantise": Prior(1.3, 0.2),
    "routing_spread": Prior(0.75, 0.2),
    "kv_8bit": Prior(0.9, 0.08),
    "imbalance": Prior(0.3, 0.5),
    "latent_layer_s": Prior(16 * US, 0.6),
    "sparse_layer_s": Prior(80 * US, 0.6),
    "state_layer_s": Prior(10 * US, 0.6),
    "clock_exponent": Prior(0.7, 0.25),
    "itl_tail": Prior(1.3, 0.15),
    "ramp_down": Prior(0.06, 0.5),
    "burst_tail": Prior(1.4, 0.3),
    "ttft_tail": Prior(2.0, 0.2),
    "slo_headroom": Prior(1.35, 0.12),
    "slo_share": Prior(0.93, 0.03),
    "first_wave": Prior(0.05, 0.3),
    "expert_passes": Prior(4.5, 0.4),
    "offline_host": Prior(0.16, 0.3),
    "repeated_reads": Prior(0.05, 0.8),
    "reads_apart": Prior(4.0, 0.6),
}
HOST_LATENCY = 3.0
"""An all-reduce of GeForce cards takes 75-82 us on two and 90-125 us on four to eight of them at
batch 1 (RTX 4090, vLLM 0.8.5), where the latency of cards with peer-to-peer gives 21-42 us."""

HOST_CROSSINGS = 2.0
"""What passes through the host's memory crosses PCIe twice, up and down."""

LINK = {
    name: {"latency_s": Prior(start, 0.4), "share": Prior(share, spread), "doubling": growth}
    for name, start, share, spread, growth in (
        ("nvlink", 8 * US, 0.55, 0.2, Prior(1.15, 0.08)),
        ("nvlink 3", 12 * US, 0.43, 0.2, Prior(1.07, 0.06)),
        ("fabric", 12 * US, 0.45, 0.2, Prior(1.1, 0.08)),
        ("pcie", 22 * US, 0.55, 0.25, Prior(0.9, 0.08)),
    )
}
"""Of each kind of link: a small message between two, the share of its one-way rate that two reach,
and how that grows with each doubling of the group. Source: all-reduce tables of
aiconfigurator 0.12.0 (H100 .61, .71, .86 of the rate at 2, 4, 8; A100 PCIe falls)."""

GROWTH = 0.5
"""How the start of an all-reduce grows with each doubling of the group, of rings and across PCIe.
Source: kernel tables, collectives, 4,096 elements over 2, 4, 8 GPUs: NCCL 7, 10, 16 us on H100, 11,
16, 26 on B200; PCIe cards 13-15 us over 4, 22-28 over 8."""

ONE_SHOT_GROWTH = 0.12
"""The same where each GPU reads all others' parts at once, through NVLink and in a CUDA graph.
Source: the same tables, us: H100 2.8, 3.1, 3.5 (TensorRT-LLM), 4.4, 4.8, 5.1 (vLLM), 2.6, 2.8, 3.6
(SGLang); A100 5.3, 5.5, 6.3 (vLLM); B200 4.8, 5.1, 5.6 (TensorRT-LLM), 7.0, 7.1, 7.8 (vLLM)."""

ENGINE = {
    "step_s": Prior(1.5 * MS, 0.8),
    "layer_s": Prior(20 * US, 0.6),
    "sequence_s": Prior(15 * US, 0.7),
    "prompt_token_s": Prior(0.4 * US, 0.8),
    "request_s": Prior(1.0 * MS, 0.8),
    "first_token_s": Prior(15 * MS, 0.8),
    "together": Prior(0.7, 0.6),
    "compute": Prior(1.0, 0.10),
    "bytes": Prior(1.0, 0.06),
    "kv": Prior(1.0, 0.08),
    "prefill": Prior(1.0, 0.10),
    "compute_8bit": Prior(1.0, 0.08),
    "link": Prior(1.0, 0.25),
    "link_start": Prior(1.0, 0.5),
    "experts": Prior(1.0, 0.15),
}
"""Constants of an unseen engine: the level all engines share."""

SHARED = ("compute", "bytes", "kv", "prefill", "compute_8bit", "link", "link_start", "experts")
"""Levels held at 1: what all engines share of these is the architecture's or the link's."""

ENGINE_SIGMA = {
    "step_s": 0.7, "layer_s": 0.6, "sequence_s": 0.7, "prompt_token_s": 0.8, "request_s": 0.8,
    "first_token_s": 0.8, "together": 0.6, "compute": 0.12, "bytes": 0.08,
    "kv": 0.12, "prefill": 0.15, "compute_8bit": 0.12, "link": 0.25, "link_start": 0.4,
    "experts": 0.20,
}  # fmt: skip
"""How far one engine generation may deviate from that level."""

READ_APART = ("tensorrt-llm 0.5", "vllm 0.2", "vllm 0.3", "vllm 0.3 rocm", "deepspeed-mii")
"""Generations whose decode kernels give each query head a block of its own: it reads again the keys
and values that the heads of its group share (`reads_apart` times as slow as others do)."""

PREFILLS_FIRST = {"lockstep": Prior(0.36, 1.0)}
OLD_LINKS = {"link_start": Prior(2.0, 0.4)}
SLOW_HOST = {"sequence_s": Prior(4.0, 0.7)}
EAGER = {
    "layer_s": Prior(2.0, 0.6), "step_s": Prior(1.0, 0.9), **SLOW_HOST,
}  # fmt: skip
"""What is known beforehand: prompts before answers, which no other engine lets wait (0); deviations
of engines without CUDA graphs."""

ENGINES: dict[str, dict[str, Prior]] = {
    "tensorrt-llm 0.5": OLD_LINKS,
    "tensorrt-llm 0.8": OLD_LINKS,
    "tensorrt-llm 1": {},
    "vllm 0.2": EAGER | OLD_LINKS,
    "vllm 0.3": EAGER,
    "vllm 0.3 rocm": EAGER
    | OLD_LINKS
    | {"compute": Prior(0.08, 0.6), "kv": Prior(0.5, 0.4), "bytes": Prior(0.8, 0.15)},
    "vllm 0.6": {},
    "vllm 0.9": {},
    "vllm 0.14": {},
    "sglang 0.5": PREFILLS_FIRST,
    "lmdeploy 0.2": PREFILLS_FIRST | OLD_LINKS,
    "deepspeed-mii": {"step_s": Prior(3.0, 0.7)} | OLD_LINKS | SLOW_HOST,
    "llama.cpp": {"prompt_token_s": Prior(5.0, 0.9), "compute": Prior(0.6, 0.2)},
    "mlc-llm": OLD_LINKS,
}
OWN_OF_ENGINE: dict[str, tuple[str, ...]] = {
    "step_s": (
        "tensorrt-llm 0.5", "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.2", "vllm 0.3",
        "vllm 0.3 rocm", "vllm 0.6", "vllm 0.9", "vllm 0.14", "sglang 0.5", "lmdeploy 0.2",
        "deepspeed-mii", "llama.cpp",
    ),
    "sequence_s": (
        "tensorrt-llm 0.5", "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.3", "vllm 0.3 rocm",
        "vllm 0.6", "vllm 0.9", "vllm 0.14", "sglang 0.5", "lmdeploy 0.2", "deepspeed-mii",
    ),
    "compute": (
        "tensorrt-llm 0.5", "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.2", "vllm 0.3",
        "vllm 0.3 rocm", "vllm 0.6", "vllm 0.9", "sglang 0.5", "lmdeploy 0.2", "llama.cpp",
    ),
    "bytes": (
        "tensorrt-llm 0.5", "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.2", "vllm 0.3",
        "vllm 0.6", "vllm 0.9", "vllm 0.14", "sglang 0.5", "llama.cpp", "mlc-llm",
    ),
    "kv": (
        "tensorrt-llm 0.5", "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.3", "vllm 0.3 rocm",
        "vllm 0.9", "lmdeploy 0.2",
    ),
    "compute_8bit": (
        "tensorrt-llm 0.5", "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.3", "vllm 0.6",
        "vllm 0.9",
    ),
    "link_start": (
        "tensorrt-llm 0.5", "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.2", "vllm 0.3",
        "vllm 0.3 rocm", "vllm 0.6", "vllm 0.9", "vllm 0.14", "sglang 0.5", "deepspeed-mii",
        "mlc-llm",
    ),
    "link": (
        "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.2", "vllm 0.6", "vllm 0.9", "sglang 0.5",
    ),
    "experts": (
        "tensorrt-llm 0.8", "tensorrt-llm 1", "vllm 0.6", "vllm 0.9", "vllm 0.14", "sglang 0.5",
    ),
    "first_token_s": (
        "tensorrt-llm 1", "vllm 0.6", "vllm 0.9", "vllm 0.14", "sglang 0.5", "lmdeploy 0.2",
    ),
    "lockstep": ("sglang 0.5", "lmdeploy 0.2"),
    "together": (
        "tensorrt-llm 1", "vllm 0.9", "vllm 0.14", "sglang 0.5", "lmdeploy 0.2",
    ),
    "request_s": (
        "vllm 0.9", "lmdeploy 0.2",
    ),
}  # fmt: skip
"""Generations with a deviation of their own, of each constant; the others have the level's value
times what is known beforehand. Left out are deviations of which the rows tell less than a tenth of
the prior's variance (`Fit.told`)."""

OWN_OF_PART: dict[str, tuple[str, ...]] = {
    "mfu_16bit": (
        "Hopper", "Ampere", "Ada Lovelace", "Blackwell", "Blackwell GDDR7", "CDNA3", "Volta",
        "Gaudi",
    ),
    "mfu_8bit_ratio": (
        "Hopper", "Ampere", "Ada Lovelace", "CDNA3", "Gaudi",
    ),
    "mbu_16bit": (
        "Hopper", "Ampere", "Ada Lovelace", "Blackwell", "Blackwell Ultra", "Blackwell GDDR7",
        "CDNA3", "Volta",
    ),
    "mbu_8bit_ratio": (
        "Hopper", "Ada Lovelace", "Blackwell", "Blackwell Ultra", "CDNA3",
    ),
    "mbu_kv": (
        "Hopper", "Ampere", "Ada Lovelace", "Blackwell", "Blackwell Ultra", "Gaudi",
    ),
    "mbu_4bit_ratio": (
        "Ampere", "Blackwell", "Blackwell GDDR7",
    ),
    "mfu_4bit_ratio": (
        "Blackwell",
    ),
}  # fmt: skip
"""The same of architectures: the others have the level's value, or their kernel tables'."""

NOT_FITTED = ("ttft_tail", "state_layer_s", "latent_layer_s", "prompt_token_s", "half_span")
"""Levels of which the rows tell nothing: they stay at their priors."""

MODERN = ("tensorrt-llm 1", "vllm 0.9", "vllm 0.14", "sglang 0.5")

BY_HAND: dict[str, dict[str, float]] = {
    "": {
        "chunk_tokens": 8192.0, "max_sequences": 2048.0, "output_share": 0.775, "front_s": 0.0,
    },
    "tensorrt-llm": {"output_share": 1.0},
    "vllm": {
        "max_sequences": 1024.0, "max_sequences_small": 256.0, "chunk_tokens_small": 2048.0,
    },
    "sglang": {"chunk_tokens_small": 4096.0, "front_s": 6.2 * MS},
    "vllm 0.2": {"max_sequences": 256.0},
    "vllm 0.3": {"max_sequences": 256.0},
    "vllm 0.3 rocm": {"max_sequences": 256.0},
    "vllm 0.6": {"max_sequences": 256.0},
    "llama.cpp": {"chunk_tokens": 512.0},
    "vllm 0.9": {"front_s": 4.0 * MS},
    "vllm 0.14": {"front_s": 4.0 * MS},
}  # fmt: skip
"""Engine defaults, not fitted: chunk budget, sequence limits (engine manuals).

`front_s` is the least that a server took a request when 1,000 of 128 / 4 tokens came at once:
161 requests/s of SGLang 0.5.3 (GLM-4.6, 4 H200; 156 and 128 with models six times as large and
half as large), 247 of vLLM 0.11 (gpt-oss-20b, H100); gpustack performance lab, @47277d7, 2025. The
sum over all requests cannot be more than that; a generation without such a run has 0.
"""


@dataclass
class Constant:
    """One fitted number: where it lives, its prior, and which rows it can move."""

    path: tuple[str, str, str]
    prior: Prior
    touches: Callable[[Any], bool]
    relative_to: tuple[str, str, str] | None = None


@cache
def candidates() -> tuple[Constant, ...]:
    """Every constant that could be fitted, levels before what deviates from them."""
    found = [Constant(("common", "any", n), p, lambda key: True) for n, p in COMMON.items()]
    found += [Constant(("architecture", LEVEL, n), p, lambda key: True) for n, p in PART.items()]
    tables = reached()
    for arch in ARCHITECTURES:
        names = {arch} | {k for k, v in SAME_ARCHITECTURE.items() if v == arch}
        known = {name: value / PART[name].value for name, value in tables.get(arch, {}).items()}
        start = STARTS.get(arch, {}) | known
        for name, sigma in PART_SIGMA.items():
            found.append(
                Constant(
                    ("architecture", arch, name),
                    Prior(start.get(name, 1.0), TABLE_SIGMA if name in known else sigma),
                    lambda key, names=names: key.architecture in names,
                    relative_to=("architecture", LEVEL, name),
                )
            )
    for link, priors in LINK.items():
        for name, prior in priors.items():
            found.append(
                Constant(("link", link, name), prior, lambda key, link=link: key.link == link)
            )
    found += [
        Constant(("engine", "other", n), p, lambda key: True)
        for n, p in ENGINE.items()
        if n not in SHARED
    ]
    for engine, own in ENGINES.items():
        for name, sigma in ENGINE_SIGMA.items():
            found.append(
                Constant(
                    ("engine", engine, name), own.get(name, Prior(1.0, sigma)),
                    lambda key, engine=engine: key.engine == engine,
                    relative_to=None if name in SHARED else ("engine", "other", name),
                )
            )  # fmt: skip
        for name in PREFILLS_FIRST:
            if name in own:
                found.append(
                    Constant(
                        ("engine", engine, name), own[name],
                        lambda key, engine=engine: key.engine == engine,
                    )
                )  # fmt: skip
    return tuple(found)


def constants() -> list[Constant]:
    """Every fitted constant, in a fixed order."""
    return [one for one in candidates() if _is_fitted(*one.path)]


def _is_fitted(table: str, key: str, name: str) -> bool:
    if table == "engine" and key != "other":
        return key in OWN_OF_ENGINE.get(name, ())
    if table == "architecture" and key != LEVEL:
        return key in OWN_OF_PART.get(name, ())
    return name not in NOT_FITTED


CAPS = {
    "slo_share": 1.0, "offline_host": 1.0, "mfu_8bit_ratio": 1.1, "mbu_8bit_ratio": 1.1,
    "lockstep": 0.6,
}  # fmt: skip
"""Physical ceilings."""


def tables_of(theta: npt.NDArray[np.float64], wanted: Sequence[Constant]) -> Tables:
    """The tables of constants at a point of the fit (in prior standard deviations)."""
    out: Tables = {"common": {"any": {}}, "architecture": {LEVEL: {}}, "link": {}, "engine": {}}
    moved = {one.path: value for value, one in zip(theta.tolist(), wanted, strict=True)}
    for one in candidates():
        table, key, name = one.path
        value = moved.get(one.path, 0.0)
        level = one.prior.value
        if one.relative_to:
            level *= out[table][one.relative_to[1]][name]
        number = min(level * exp(value * one.prior.sigma), CAPS.get(name, inf))
        out[table].setdefault(key, {})[name] = number
    for twin, arch in SAME_ARCHITECTURE.items():
        out["architecture"][twin] = out["architecture"][arch]
        level = out["architecture"][LEVEL]
    out["architecture"]["any"] = {n: v * UNSEEN.get(n, 1.0) for n, v in level.items()}
    engine, common = out["engine"], out["common"]["any"]
    engine["other"] |= dict.fromkeys(SHARED, 1.0)
    for name, values in engine.items():
        family = name.split(" ")[0]
        for by_hand in ("", family, name):
            values |= BY_HAND.get(by_hand, {})
        apart = common["reads_apart"] if name in READ_APART else 1.0
        values["repeated_reads"] = common["repeated_reads"] * apart
        values.setdefault("lockstep", 0.0)
        modern = name in (*MODERN, "other")
        values["overlap"] = float(modern)
        values["link_growth"] = ONE_SHOT_GROWTH if modern else GROWTH
    for name, values in out["link"].items():
        values["growth"] = GROWTH if name == "pcie" else 0.0
    out["link"]["network"] = {
        "latency_s": 2.0 * out["link"]["pcie"]["latency_s"], "share": out["link"]["pcie"]["share"],
        "doubling": 1.0, "growth": GROWTH,
    }  # fmt: skip
    out["link"][THROUGH_HOST] = {
        "latency_s": HOST_LATENCY * out["link"]["pcie"]["latency_s"],
        "share": out["link"]["pcie"]["share"] / HOST_CROSSINGS,
        "doubling": out["link"]["pcie"]["doubling"],
        "growth": GROWTH,
    }
    return out
