"""The words of serving engines: how one is asked for what was planned, option by option.

Options as of vLLM 0.11 to 0.33 (`vllm serve`), SGLang 0.5 (`sglang.launch_server`) and TensorRT-LLM
1.0 to 1.2 (`trtllm-serve`), read in their documentation and sources in November 2026.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from gpumix.domain.workload import Adapters

_AS_LOADED: Final = MappingProxyType({"bf16": "bfloat16", "fp16": "float16"})
_ON_THE_FLY: Final = ("fp8",)
"""Precisions that vLLM and SGLang make of 16-bit weights while they load."""
_VLLM_RANKS: Final = (8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks of adapters that vLLM makes room for (`LoRAConfig.max_lora_rank`)."""
TRTLLM: Final = "tensorrt-llm"
_CACHES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"vllm": ("fp8",), "sglang": ("fp8",), TRTLLM: ("fp8", "nvfp4")}
)
"""Engine -> precisions of the cache, other than the model's own, that it has a word for.

Source: `--kv-cache-dtype` of vLLM and SGLang; `_VALID_KV_CACHE_DTYPES` of TensorRT-LLM 1.2.
"""

SERVE: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "vllm": ("vllm", "serve"),
        "sglang": ("python", "-m", "sglang.launch_server", "--model-path"),
        TRTLLM: ("trtllm-serve",),
    }
)
"""Engine -> the words before the weights."""
PORTS: Final[Mapping[str, int]] = MappingProxyType({"vllm": 8000, "sglang": 30000, TRTLLM: 8000})
"""Engine -> the port that it listens at by default."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What an engine is asked for; None = as it is by default.

    `as_published` where the model's own weights are in `precision`, so that the engine reads it
    from them. `max_num_seqs` sequences run at once, `max_model_len` [tokens] is the longest
    request, `chunk_tokens` the most tokens of a step, `memory_share` the part of the GPU that it
    may fill (0-1). `pools` where it embeds text and writes none.
    """

    model: str
    tp: int
    precision: str
    kv_precision: str
    as_published: bool = False
    max_num_seqs: int | None = None
    max_model_len: int | None = None
    chunk_tokens: int | None = None
    memory_share: float | None = None
    prefix_caching: bool | None = None
    adapters: Adapters | None = None
    pools: bool = False


def needs_checkpoint(engine: str, precision: str) -> bool:
    """Whether an engine takes a precision only from a checkpoint that has it.

    >>> needs_checkpoint("vllm", "fp8"), needs_checkpoint("tensorrt-llm", "fp8")
    (False, True)
    """
    loads = precision in _AS_LOADED or (precision in _ON_THE_FLY and engine != TRTLLM)
    return not loads


def knows_cache(engine: str, kv_precision: str) -> bool:
    """Whether an engine can be asked for a precision of the cache; by default it takes the
    model's own."""
    return kv_precision in _CACHES[engine]


def options(engine: str, one: EngineSettings) -> list[str]:
    """The words after the weights, none quoted for a shell; without host and port.

    What `trtllm-serve` has no option for is in `trtllm_config`.

    Raises: KeyError for an engine that is not in `SERVE`.
    """
    return _OPTIONS[engine](one)


def copies(engine: str, count: int) -> list[str]:
    """Words that make one server of so many replicas, each on GPUs of its own.

    Raises: KeyError for an engine that has none (TensorRT-LLM).
    """
    option = {"vllm": "--data-parallel-size", "sglang": "--dp"}[engine]
    return [option, str(count)] if count > 1 else []


def trtllm_config(one: EngineSettings) -> dict[str, Any]:
    """What TensorRT-LLM reads from a YAML file (`--extra_llm_api_options`); empty where nothing.

    Source: TensorRT-LLM 1.2 LLM API, `KvCacheConfig`, `LoraConfig`.
    """
    cache: dict[str, Any] = {}
    if knows_cache(TRTLLM, one.kv_precision):
        cache["dtype"] = one.kv_precision
    if one.prefix_caching is not None:
        cache["enable_block_reuse"] = one.prefix_caching
    found: dict[str, Any] = {"kv_cache_config": cache} if cache else {}
    if one.adapters is not None:
        most = one.adapters.count
        found["lora_config"] = {"max_lora_rank": one.adapters.rank, "max_loras": most}
    return found


def _precision(one: EngineSettings) -> list[str]:
    if one.precision in _AS_LOADED:
        return ["--dtype", _AS_LOADED[one.precision]]
    on_the_fly = one.precision in _ON_THE_FLY and not one.as_published
    return ["--quantization", one.precision] if on_the_fly else []


def _with(name: str, value: object) -> list[str]:
    return [] if value is None else [name, str(value)]


def _vllm(one: EngineSettings) -> list[str]:
    found = [
        "--served-model-name", one.model,
        "--tensor-parallel-size", str(one.tp),
        *_with("--max-num-seqs", one.max_num_seqs),
        *_with("--max-model-len", one.max_model_len),
        *_precision(one),
        *(["--kv-cache-dtype", "fp8"] if knows_cache("vllm", one.kv_precision) else []),
        *_with("--max-num-batched-tokens", one.chunk_tokens),
        *_with("--gpu-memory-utilization", one.memory_share),
    ]  # fmt: skip
    if one.prefix_caching is not None:
        found.append(f"--{'' if one.prefix_caching else 'no-'}enable-prefix-caching")
    if one.adapters is not None:
        asked = one.adapters.rank
        rank = next((r for r in _VLLM_RANKS if r >= asked), asked)
        most = str(one.adapters.count)
        found += ["--enable-lora", "--max-loras", most, "--max-lora-rank", str(rank)]
    return [*found, *(["--runner", "pooling"] if one.pools else [])]


def _sglang(one: EngineSettings) -> list[str]:
    found = [
        "--served-model-name", one.model,
        "--tp", str(one.tp),
        *_with("--max-running-requests", one.max_num_seqs),
        *_with("--context-length", one.max_model_len),
        *_precision(one),
        *(["--kv-cache-dtype", "fp8_e4m3"] if knows_cache("sglang", one.kv_precision) else []),
        *_with("--chunked-prefill-size", one.chunk_tokens),
        *_with("--mem-fraction-static", one.memory_share),
    ]  # fmt: skip
    if one.prefix_caching is False:
        found.append("--disable-radix-cache")
    if one.adapters is not None:
        most, rank = str(one.adapters.count), str(one.adapters.rank)
        found += ["--enable-lora", "--max-loras-per-batch", most, "--max-lora-rank", rank]
    return [*found, *(["--is-embedding"] if one.pools else [])]


def _trtllm(one: EngineSettings) -> list[str]:
    return [
        "--tp_size", str(one.tp),
        *_with("--max_batch_size", one.max_num_seqs),
        *_with("--max_seq_len", one.max_model_len),
        *_with("--max_num_tokens", one.chunk_tokens),
        *_with("--kv_cache_free_gpu_memory_fraction", one.memory_share),
    ]  # fmt: skip


_OPTIONS: Final[Mapping[str, Callable[[EngineSettings], list[str]]]] = MappingProxyType(
    {"vllm": _vllm, "sglang": _sglang, TRTLLM: _trtllm}
)
