"""Names of engine generations: which constants a (engine, version) pair uses."""

from __future__ import annotations

import re

from gpumix.domain.engines import NEWEST, engine_family

LEGACY_ON_FP16 = {"tensorrt-llm": "tensorrt-llm 0.5", "vllm": "vllm 0.3"}
"""Engines whose fp16 runs of unstated version date from 2023-24: later ones default to bf16."""

OTHER_KERNELS_ON_AMD = ("vllm 0.3",)
"""Generations whose plain builds ran untuned kernels on AMD (the vendor's own say `+rocm`)."""

_VERSION = re.compile(r"(\d+)\.(\d+)")
_YEAR = re.compile(r"(20\d\d)-\d\d")


V0_REMOVED = (0, 11)
"""The first vLLM without its old engine, which GPUs before Ampere ran from 0.8 on, where all others
began with the new one. Source: vLLM V1 user guide, release notes of v0.11.0."""

ASYNCHRONOUS = (0, 14)
"""The first vLLM that prepares a step while the one before runs, unless told otherwise.
Source: release notes of v0.14.0."""

FIRST = {"vllm": "vllm 0.2", "tensorrt-llm": "tensorrt-llm 0.5"}
"""Generations of 2023: runs dated so without a version are theirs."""

BEFORE_AMPERE = ("Pascal", "Volta", "Turing")


def engine_generation(
    engine: str,
    version: str,
    weight_precision: str = "",
    vendor: str = "nvidia",
    architecture: str = "",
) -> tuple[str, str]:
    """The generation whose constants hold for this engine, and a note where it is a guess.

    An empty version means the newest generation, except that 16-bit floats written as `fp16`
    point to the engines of 2023-24. An engine without measurements uses `other`.

    >>> engine_generation("vllm", "0.11.0")
    ('vllm 0.9', '')
    >>> engine_generation("vllm", "0.8.5", architecture="Turing")
    ('vllm 0.6', '')
    >>> engine_generation("tensorrt-llm", "0.12.0")
    ('tensorrt-llm 0.8', '')
    """
    generation, note = _generation(engine, version, weight_precision, architecture)
    if vendor == "amd" and generation in OTHER_KERNELS_ON_AMD and "rocm" not in version.lower():
        generation += " rocm"
    return generation, note


def _generation(
    engine: str, version: str, weight_precision: str, architecture: str
) -> tuple[str, str]:
    engine = engine_family(engine)
    if engine not in NEWEST:
        return (
            "other",
            f"engine {engine or 'not stated'}: using a typical modern engine's constants",
        )
    version = version.strip().lower()
    if not version:
        if weight_precision == "fp16" and engine in LEGACY_ON_FP16:
            return LEGACY_ON_FP16[engine], f"{engine} version not stated: fp16, so 2023-24 assumed"
        return NEWEST[engine], ""
    if year := _YEAR.match(version):
        return (FIRST.get(engine, NEWEST[engine]) if int(year[1]) < 2024 else NEWEST[engine]), ""
    found = _VERSION.search(version)
    number = (int(found[1]), int(found[2])) if found else (99, 0)
    if engine == "tensorrt-llm":
        return _first_below(
            number,
            ((0, 8), "tensorrt-llm 0.5"),
            ((1, 0), "tensorrt-llm 0.8"),
            newest=NEWEST[engine],
        ), ""
    if engine == "vllm":
        v1 = V0_REMOVED if architecture in BEFORE_AMPERE else (0, 8)
        return _first_below(
            number,
            ((0, 3), "vllm 0.2"),
            ((0, 6), "vllm 0.3"),
            (v1, "vllm 0.6"),
            (ASYNCHRONOUS, "vllm 0.9"),
            newest=NEWEST[engine],
        ), ""
    return NEWEST[engine], ""


def _first_below(number: tuple[int, int], *steps: tuple[tuple[int, int], str], newest: str) -> str:
    return next((name for below, name in steps if number < below), newest)


_MEMORY_STEPS = (((0, 17), "vllm 0.9"), ((0, 21), "vllm 0.17"))
"""vLLM 0.17 samples with less workspace, 0.21 counts CUDA graphs and fills 0.92 of a GPU.
Source: docs/memory.md."""


SAME_MEMORY = {"vllm 0.2": "vllm 0.3", "tensorrt-llm 0.8": "tensorrt-llm 0.10"}
"""Generations that differ in speed, not in what they take of memory."""


def memory_generation(generation: str, version: str) -> str:
    """The generation whose constants of memory hold, of an engine's `engine_generation`.

    >>> memory_generation("vllm 0.9", "0.11.0"), memory_generation("vllm 0.9", "")
    ('vllm 0.9', 'vllm 0.21')
    >>> memory_generation("sglang 0.5", "0.5.3")
    'sglang 0.5'
    """
    if generation in SAME_MEMORY:
        return SAME_MEMORY[generation]
    if generation not in ("vllm 0.9", NEWEST["vllm"]):
        return generation
    found = _VERSION.search(version)
    number = (int(found[1]), int(found[2])) if found else (99, 0)
    return _first_below(number, *_MEMORY_STEPS, newest="vllm 0.21")
