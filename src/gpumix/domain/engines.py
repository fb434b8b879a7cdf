"""Serving engines by the names that people write."""

from __future__ import annotations

import re

NEWEST = {
    "tensorrt-llm": "tensorrt-llm 1",
    "vllm": "vllm 0.14",
    "sglang": "sglang 0.5",
    "lmdeploy": "lmdeploy 0.2",
    "llama.cpp": "llama.cpp",
    "deepspeed-mii": "deepspeed-mii",
    "mlc-llm": "mlc-llm",
}
"""Engine family -> its newest generation in the table of constants."""

ALIASES = {
    "trtllm": "tensorrt-llm",
    "tensorrtllm": "tensorrt-llm",
    "llamacpp": "llama.cpp",
    "llamaserver": "llama.cpp",
    "ollama": "llama.cpp",
    "lmstudio": "llama.cpp",
    "turbomind": "lmdeploy",
    "mii": "deepspeed-mii",
    "mlc": "mlc-llm",
}
"""What people call engines, less all that is no letter -> family; some are built on another."""


def engine_family(name: str) -> str:
    """The engine that a name means, as the tables call it; the name itself where it is unknown.

    >>> engine_family("TRT-LLM"), engine_family("llama-cpp"), engine_family("vLLM")
    ('tensorrt-llm', 'llama.cpp', 'vllm')
    """
    engine = name.strip().lower()
    letters = re.sub(r"[^a-z]", "", engine)
    return engine if engine in NEWEST else ALIASES.get(letters, engine)
