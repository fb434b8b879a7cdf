"""What a precision means on a GPU: bytes read, the peak that computes, and what is emulated."""

from __future__ import annotations

from dataclasses import dataclass

from gpumix import formats
from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.errors import NoEstimate
from gpumix.units import TERA

LLAMA_CPP_INT4 = "q4_k_m"
"""What llama.cpp's 4 bits are: a mixture of 4- and 6-bit blocks."""


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


SUMS_IN_16_BITS = ("llama.cpp",)
"""Engines whose 16-bit products are summed at 16 bits, which GeForce cards do twice as fast.

Source: ggml-cuda.cu (CUBLAS_COMPUTE_16F by default); NVIDIA Ada whitepaper, appendix A."""


def peak_16bit(gpu: Gpu, engine: str) -> float:
    """Dense 16-bit peak of a part as an engine multiplies [FLOP/s].

    Args:
        gpu: the part.
        engine: engine family.

    Source: NVIDIA data sheets; `SUMS_IN_16_BITS`.
    """
    if engine in SUMS_IN_16_BITS:
        return max(gpu.flops_16bit, (gpu.fp16_tflops or 0.0) * TERA)
    return gpu.flops_16bit


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
    form = _format(name, "precision")
    flops_16bit = peak_16bit(gpu, engine)
    if flops_16bit <= 0:
        raise NoEstimate(f"{gpu.id} has no 16-bit peak in the catalogue")
    dense = expert = form.bytes_per_weight
    if name == "int4" and engine == "llama.cpp":
        dense = expert = _format(LLAMA_CPP_INT4, "precision").bytes_per_weight
    if name == "mxfp4" and model.is_moe:
        dense = 2.0
    if name == "fp4" and model.is_moe:
        dense = 1.0
    if form.width == 16:
        note = ""
        if name == "bf16" and not gpu.bf16_tflops:
            note = f"{gpu.id} has no bf16: run as fp16"
        return WeightFormat(dense, expert, flops_16bit, 16, 16, False, note)
    peaks = {"fp8": gpu.fp8_tflops, "int8": gpu.int8_tops, "fp4": gpu.fp4_tflops}
    native = peaks.get(form.computed_in)
    if native and native * TERA >= flops_16bit:
        return WeightFormat(dense, expert, native * TERA, form.width, form.width, False, "")
    note = f"{gpu.id} has no {name}: weights only, computed at 16 bits" if form.computed_in else ""
    if form.engines and engine and engine not in form.engines:
        note = f"{name} is a format of {', '.join(form.engines)}: {engine} may lack it or be slow"
    return WeightFormat(dense, expert, flops_16bit, form.width, 16, True, note)


def _format(name: str, what: str) -> formats.Format:
    found = formats.precisions().get(name)
    if found is None:
        raise NoEstimate(f"unknown {what} {name!r}; known: {', '.join(formats.precisions())}")
    return found


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
    return _format(kv_precision or "bf16", "kv precision").bytes_per_weight
