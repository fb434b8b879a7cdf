"""How weights are stored and computed: sizes of published files, and what is emulated."""

from __future__ import annotations

import pytest

from gpumix.catalog import load
from gpumix.perf.precision import peak_16bit, weight_format

CATALOG = load()
LLAMA = CATALOG.models["meta-llama/Llama-3.1-8B-Instruct"]
H100, V100 = CATALOG.gpus["h100-sxm-80gb"], CATALOG.gpus["v100-sxm-32gb"]


def test_llama_cpp_stores_four_bits_as_its_files_are_published() -> None:
    """Llama 3.1 8B in Q4_K_M is a file of 4.92 GB."""
    form = weight_format("int4", H100, LLAMA, "llama.cpp")
    assert form.bytes_dense * LLAMA.params_total_b == pytest.approx(4.92, rel=0.03)
    assert weight_format("int4", H100, LLAMA, "vllm").bytes_dense < form.bytes_dense


def test_only_a_part_without_bf16_is_said_to_run_it_as_fp16() -> None:
    assert weight_format("bf16", H100, LLAMA, "vllm").note == ""
    assert weight_format("fp16", V100, LLAMA, "vllm").note == ""
    assert (
        weight_format("bf16", V100, LLAMA, "vllm").note == "v100-sxm-32gb has no bf16: run as fp16"
    )


def test_llama_cpp_has_twice_the_peak_on_geforce_cards_alone() -> None:
    geforce = CATALOG.gpus["rtx4090-24gb"]
    assert peak_16bit(geforce, "llama.cpp") == pytest.approx(
        2.0 * peak_16bit(geforce, "vllm"), rel=0.01
    )
    assert peak_16bit(H100, "llama.cpp") == peak_16bit(H100, "vllm")
