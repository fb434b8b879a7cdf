"""Kernels, memory and precision against numbers known from elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gpumix.catalog import Catalog
from gpumix.errors import NoEstimate
from gpumix.perf.inference import kernels
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.engines import engine_generation
from gpumix.perf.inference.memory import memory, weights_bytes
from gpumix.perf.inference.steps import step_parts
from gpumix.perf.links import link_of
from gpumix.perf.precision import unstated_kv, weight_format
from gpumix.perf.shapes import shape_of

Deploy = Callable[..., Deployment]


def test_weights_of_llama_70b_are_140_gb_and_half_in_fp8(deploy: Deploy) -> None:
    wide = weights_bytes(deploy("meta-llama/Llama-3.1-70B-Instruct"))[0]
    assert wide == pytest.approx(2 * 70.55e9, rel=0.01)
    narrow = weights_bytes(deploy("meta-llama/Llama-3.1-70B-Instruct", weights="fp8"))[0]
    assert 70e9 < narrow < 75e9
    assert weights_bytes(deploy("meta-llama/Llama-3.1-70B-Instruct", tp=4))[0] == wide / 4


def test_kv_per_token_of_published_models(deploy: Deploy) -> None:
    for model, per_token in (
        ("meta-llama/Llama-2-7b-hf", 524_288),  # MHA: 2 x 32 layers x 4096 x 2 bytes
        ("meta-llama/Llama-3.1-70B-Instruct", 327_680),  # GQA, 8 heads
        ("deepseek-ai/DeepSeek-V3", 70_272),  # MLA: 61 x 576 x 2
    ):
        held = memory(deploy(model, "b200-sxm-180gb"), 1000.0, 100.0)
        assert held.kv_bytes_per_token[0] == pytest.approx(per_token)


def test_a_latent_cache_is_not_split_by_tensor_parallelism(deploy: Deploy) -> None:
    whole = memory(deploy("deepseek-ai/DeepSeek-V3", "b200-sxm-180gb", tp=8), 1000.0, 100.0)
    assert whole.kv_bytes_per_token[0] == pytest.approx(70_272)
    heads = memory(deploy("meta-llama/Llama-3.1-70B-Instruct", tp=8), 1000.0, 100.0)
    assert heads.kv_bytes_per_token[0] == pytest.approx(327_680 / 8)


def test_every_rank_of_parallel_attention_holds_the_dense_weights(deploy: Deploy) -> None:
    split = deploy("deepseek-ai/DeepSeek-V3", "b200-sxm-180gb", tp=8, ep=8, weights="fp8")
    ranks = deploy("deepseek-ai/DeepSeek-V3", "b200-sxm-180gb", dp=8, ep=8, weights="fp8")
    more = weights_bytes(ranks)[0] - weights_bytes(split)[0]
    assert more == pytest.approx(split.dense_params[0] * split.dense_bytes[0] * 7 / 8, rel=0.01)


def test_old_kernels_read_again_what_heads_share(deploy: Deploy) -> None:
    def reads(model: str, version: str) -> float:
        dep = deploy(model, engine="vllm", version=version)
        parts = step_parts(dep, 64.0, 2048.0, 0.0, 1.0)
        return float(parts.attention_s[0] * dep.kv_rate[0])

    apart, shared = "meta-llama/Llama-2-7b-hf", "meta-llama/Meta-Llama-3-8B"
    assert reads(apart, "0.4.0") == pytest.approx(reads(apart, "0.9.0"), rel=0.05)
    assert reads(shared, "0.4.0") > 1.3 * reads(shared, "0.9.0")


def test_70b_in_16_bits_fits_two_h100_but_not_one(deploy: Deploy) -> None:
    assert not memory(deploy("meta-llama/Llama-3.1-70B-Instruct"), 512.0, 128.0).fits[0]
    trt = deploy("meta-llama/Llama-3.1-70B-Instruct", tp=2, engine="tensorrt-llm", version="0.15.0")
    held = memory(trt, 1000.0, 1000.0)
    assert held.fits[0]
    assert 15 < held.batch_max[0] < 60  # measured rows need about 30


def test_windows_cap_the_cache(deploy: Deploy) -> None:
    gemma = deploy("google/gemma-3-27b-it")
    full = kernels.attended_bytes(
        32_768.0, gemma.full_kv_bytes, gemma.window_kv_bytes, np.inf, np.inf, 0.15
    )
    windowed = kernels.attended_bytes(
        32_768.0, gemma.full_kv_bytes, gemma.window_kv_bytes, gemma.window, np.inf, 0.15
    )
    assert windowed[0] < 0.25 * full[0]


def test_parts_of_moe_models_add_up(catalog: Catalog) -> None:
    for name in ("mistralai/Mixtral-8x7B-Instruct-v0.1", "Qwen/Qwen3-30B-A3B", "openai/gpt-oss-20b",
                 "deepseek-ai/DeepSeek-V3", "zai-org/GLM-4.5-Air"):  # fmt: skip
        shape = shape_of(catalog.models[name])
        total = shape.dense_params + shape.experts * shape.expert_params + shape.embedding_params
        assert total == pytest.approx(catalog.models[name].params_total_b * 1e9, rel=0.01)


def test_all_reduce_matches_the_measured_h100_node() -> None:
    # 64 MiB over 8 H100 at 279 GB/s of bus bandwidth: 2 (n-1)/n V / bus, plus 18 us.
    tokens, hidden = 4096.0, 8192.0
    seconds = kernels.all_reduce(tokens, hidden, 0.5, 8.0, 9e-6, 279e9)
    assert seconds == pytest.approx(64 * 2**20 * 1.75 / 279e9 + 18e-6, rel=1e-6)
    assert kernels.all_reduce(tokens, hidden, 80.0, 1.0, 9e-6, 279e9) == 0.0


def test_experts_touched_is_between_top_k_and_all() -> None:
    touched = kernels.experts_touched(np.array([1.0, 4.0, 64.0, 1e6]), 128.0, 8.0)
    assert touched[0] == pytest.approx(8.0)
    assert (np.diff(touched) > 0).all()
    assert touched[-1] == pytest.approx(128.0)
    assert kernels.experts_touched(5.0, 1.0, 1.0) == pytest.approx(1.0)


def test_missing_formats_are_emulated_and_said(catalog: Catalog) -> None:
    model = catalog.models["meta-llama/Llama-3.1-8B-Instruct"]
    ampere = weight_format("fp8", catalog.gpus["a100-sxm-80gb"], model, "vllm")
    assert ampere.emulated
    assert ampere.bytes_dense == 1.0
    assert ampere.flops == 312e12
    assert "no fp8" in ampere.note
    assert weight_format("int8", catalog.gpus["a100-sxm-80gb"], model, "vllm").flops == 624e12
    assert weight_format("bf16", catalog.gpus["v100-sxm-32gb"], model, "vllm").note
    with pytest.raises(NoEstimate, match="unknown precision"):
        weight_format("fp12", catalog.gpus["a100-sxm-80gb"], model, "vllm")


def test_cache_width_not_stated() -> None:
    assert unstated_kv("", "fp4", "tensorrt-llm")[0] == "fp8"
    assert "not stated" in unstated_kv("", "fp8", "tensorrt-llm")[1]
    assert unstated_kv("bf16", "fp8", "tensorrt-llm") == ("bf16", "")
    assert unstated_kv("", "bf16", "tensorrt-llm") == ("", "")
    assert unstated_kv("", "fp8", "vllm") == ("", "")


def test_engine_generations() -> None:
    assert engine_generation("vllm", "0.6.3")[0] == "vllm 0.6"
    assert engine_generation("vllm", "0.8.5")[0] == "vllm 0.9"
    assert engine_generation("vllm", "0.8.5", architecture="Volta")[0] == "vllm 0.6"
    assert engine_generation("vllm", "0.11.0", architecture="Volta")[0] == "vllm 0.9"
    assert engine_generation("vllm", "nightly-5b8c")[0] == "vllm 0.14"
    assert engine_generation("vllm", "0.13.0")[0] == "vllm 0.9"
    assert engine_generation("vllm", "0.14.0")[0] == "vllm 0.14"
    assert engine_generation("vllm", "0.2")[0] == "vllm 0.2"
    assert engine_generation("tensorrt-llm", "0.8.0")[0] == "tensorrt-llm 0.8"
    assert engine_generation("vllm", "-0.9.0.2.dev108+rocm641")[0] == "vllm 0.9"
    assert engine_generation("vllm", "2023-11")[0] == "vllm 0.2"
    assert engine_generation("vllm", "", "fp16", "amd")[0] == "vllm 0.3 rocm"
    assert engine_generation("vllm", "0.4.3+rocm614", "fp8", "amd")[0] == "vllm 0.3"
    assert engine_generation("tensorrt-llm", "1.2.0rc6.post1")[0] == "tensorrt-llm 1"
    generation, note = engine_generation("homemade", "3")
    assert generation == "other"
    assert "homemade" in note


def test_links_by_group(catalog: Catalog) -> None:
    gpus = catalog.gpus
    assert link_of(gpus["h100-sxm-80gb"], 8).kind == "nvlink"
    assert link_of(gpus["a100-sxm-80gb"], 8).kind == "nvlink 3"
    assert link_of(gpus["h100-nvl-94gb"], 2).kind == "nvlink 3"
    assert link_of(gpus["h100-nvl-94gb"], 4).kind == "pcie"
    assert link_of(gpus["h100-pcie-80gb"], 2).kind == "pcie", "its bridge is an accessory"
    assert link_of(gpus["l40s-48gb"], 8).kind == "pcie"
    assert link_of(gpus["h100-sxm-80gb"], 16).kind == "network"
    assert link_of(gpus["mi300x-192gb"], 8).kind == "fabric"


def test_an_unseen_architecture_and_engine_are_predicted(deploy: Deploy) -> None:
    known = deploy()
    unseen = deploy(engine="homemade", gpu_changes={"architecture": "Rubin"})
    assert unseen.weight_rate[0] > 0
    assert unseen.weight_rate[0] != known.weight_rate[0]
