"""What a precision means on a GPU: bytes read, the peak that computes, and what is emulated."""

from __future__ import annotations

from dataclasses import dataclass

from gpumix.domain.gpu import PRECISIONS, Gpu
from gpumix.domain.llm import Model
from gpumix.errors import NoEstimate
from gpumix.units import TERA

WEIGHT_ONLY = ("int4", "mxfp4")
"""Formats that hold weights only: bytes at 4 bits, compute at 16."""

BYTES_PER_WEIGHT = {
    "bf16": 2.0,
    "fp16": 2.0,
    "fp8": 1.0,
    "int8": 1.0,
    "int4": 0.53,
    "fp4": 0.5625,
    "mxfp4": 0.53,
}
"""Bytes a weight, scales included (groups of 128; NVFP4 one byte a 16, MXFP4 one a 32).

Source: format definitions (OCP Microscaling 1.0; NVFP4: NVIDIA; GPTQ/AWQ group 128).
"""

LLAMA_CPP_INT4_BYTES = 0.60
"""llama.cpp's q4_K_M mixes 4- and 6-bit blocks: 4.85 bits a weight."""


@dataclass(frozen=True, slots=True)
class WeightFormat:
    """How weights are stored and computed: `width` 16, 8 or 4 keys the efficiencies."""

    bytes_dense: float
    bytes_expert: float
    flops: float
    width: int
    compute_width: int
    emulated: bool
    note: str


def weight_format(precision: str, gpu: Gpu, model: Model, engine: str) -> WeightFormat:
    """Bytes a weight, the peak that multiplies it and what had to be emulated.

    A format the GPU lacks is stored low and computed at the 16-bit peak after dequantisation,
    with a note; bf16 on a part without it runs as fp16, with a note.

    Args:
        precision: weight precision as inventories write it; empty = bf16.
        gpu: the part.
        model: the shape (MXFP4 and NVFP4 keep parts of an MoE model wider).
        engine: engine family (llama.cpp's 4 bits are 4.85).

    Raises:
        NoEstimate: unknown precision, or a part without a 16-bit peak.
    """
    name = precision or "bf16"
    if name not in PRECISIONS:
        raise NoEstimate(f"unknown precision {precision!r}; known: {', '.join(PRECISIONS)}")
    flops_16bit = gpu.flops_16bit
    if flops_16bit <= 0:
        raise NoEstimate(f"{gpu.id} has no 16-bit peak in the catalogue")
    width = {2.0: 16, 1.0: 8}.get(BYTES_PER_WEIGHT[name], 4)
    dense = expert = BYTES_PER_WEIGHT[name]
    if name == "int4" and engine == "llama.cpp":
        dense = expert = LLAMA_CPP_INT4_BYTES
    if name == "mxfp4" and model.is_moe:
        dense = 2.0
    if name == "fp4" and model.is_moe:
        dense = 1.0
    if width == 16:
        note = ""
        if name == "bf16" and not gpu.bf16_tflops:
            note = f"{gpu.id} has no bf16: run as fp16"
        return WeightFormat(dense, expert, flops_16bit, 16, 16, False, note)
    native = {"fp8": gpu.fp8_tflops, "int8": gpu.int8_tops, "fp4": gpu.fp4_tflops}.get(name)
    if native and native * TERA >= flops_16bit:
        return WeightFormat(dense, expert, native * TERA, width, width, False, "")
    note = (
        "" if name in WEIGHT_ONLY else f"{gpu.id} has no {name}: weights only, computed at 16 bits"
    )
    return WeightFormat(dense, expert, flops_16bit, width, 16, True, note)


FP8_CACHE_ENGINES = ("tensorrt-llm",)
"""Engines whose own FP8 and FP4 checkpoints carry scales for an 8-bit cache and use it."""


def unstated_kv(kv_precision: str, weights: str, engine: str) -> tuple[str, str]:
    """The KV precision of a run that does not state it, and a note where that is not 16 bits.

    16 bits (returned as empty), except FP8 and FP4 weights under TensorRT-LLM.

    Args:
        kv_precision: as stated; empty = not stated.
        weights: weight precision.
        engine: engine family.

    Source: NVIDIA ModelOpt checkpoints (`kv_cache_quant_algo: FP8` in hf_quant_config.json), which
    TensorRT-LLM's cache type `auto` follows.

    >>> unstated_kv("", "fp8", "tensorrt-llm")[0], unstated_kv("", "fp8", "vllm")[0]
    ('fp8', '')
    """
    if kv_precision or engine not in FP8_CACHE_ENGINES or weights not in ("fp8", "fp4"):
        return kv_precision, ""
    return "fp8", f"KV precision not stated: fp8, as {engine}'s {weights} checkpoints hold it"


def kv_bytes_per_value(kv_precision: str) -> float:
    """Bytes of one KV-cache element [byte]; empty = 16 bits.

    Source: widths of the formats (OCP 8-bit floating point specification 1.0).

    >>> kv_bytes_per_value("fp8")
    1.0

    Raises:
        NoEstimate: unknown precision.
    """
    name = kv_precision or "bf16"
    if name not in PRECISIONS:
        raise NoEstimate(f"unknown kv precision {kv_precision!r}; known: {', '.join(PRECISIONS)}")
    return BYTES_PER_WEIGHT[name]
