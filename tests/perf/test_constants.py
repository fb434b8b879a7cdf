"""The packaged constants: complete, physical, and keyed by what they may be keyed by."""

from __future__ import annotations

import itertools

import pytest

from gpumix.catalog import Catalog
from gpumix.domain.engines import NEWEST
from gpumix.perf.inference.constants import EFFICIENCY_CAP, Key, constants_of
from gpumix.perf.interval import tier_sigma
from gpumix.perf.links import link_of


def test_every_architecture_engine_and_link_has_constants(catalog: Catalog) -> None:
    tables = catalog.coefficients.inference
    architectures = {gpu.architecture for gpu in catalog.gpus.values()} | {"of the future"}
    links = {link_of(gpu, n).kind for gpu in catalog.gpus.values() for n in (1, 2, 8, 16)}
    engines = [*tables["engine"], "unheard of"]
    for architecture, link, engine in itertools.product(architectures, links, engines):
        key = Key(architecture, 8, 8, False, 8, False, engine, link)
        found = constants_of(key, tables)
        assert all(value >= 0.0 for value in found.values()), key
        for share in ("mfu", "mbu", "mbu_kv", "mfu_prefill", "link_share"):
            assert 0.0 < found[share] <= EFFICIENCY_CAP


def test_newest_generations_are_fitted(catalog: Catalog) -> None:
    assert set(NEWEST.values()) <= set(catalog.coefficients.inference["engine"])


def test_no_constant_is_keyed_by_a_model_or_a_gpu(catalog: Catalog) -> None:
    names = set(catalog.gpus) | set(catalog.models)
    for table in catalog.coefficients.inference.values():
        assert not names & set(table)
        for constants in table.values():
            assert not names & set(constants)


def test_the_unseen_is_less_certain(catalog: Catalog) -> None:
    import numpy as np

    def sigma(architecture: str, engine: str) -> float:
        return float(
            tier_sigma(
                catalog.coefficients.inference,
                np.array(["throughput"]),
                np.array([architecture]),
                np.array([engine]),
                np.array([False]),
            )[0]
        )

    measured = catalog.coefficients.inference["sigma"]["architecture"]
    widest = max(f for name, f in measured.items() if name != "any")
    assert measured["any"] > 1.2 * widest
    assert "Volta" in measured
    newest = NEWEST["vllm"]
    known = sigma("Hopper", newest)
    assert known < sigma("of the future", newest)
    assert known < sigma("Hopper", "unheard of")
    assert known == pytest.approx(sigma("Hopper", newest))


def test_older_parts_reach_less_of_their_peaks(catalog: Catalog) -> None:
    tables = catalog.coefficients.inference

    def share(architecture: str, name: str) -> float:
        key = Key(architecture, 16, 16, False, 16, False, "vllm 0.9", "nvlink")
        return constants_of(key, tables)[name]

    for name in ("mfu", "mbu", "mbu_kv", "mfu_prefill"):
        for old in ("Volta", "Turing"):
            assert share(old, name) < share("of the future", name) < share("Ampere", name)


def test_a_volta_card_is_about_a_third_of_an_ampere_one(catalog: Catalog) -> None:
    """vLLM at fp16: V100 has 0.40 of the A100's FLOPs, 0.44 of its bandwidth, no FlashAttention."""
    from gpumix.predict.inference import predict_inference

    gpus = ["v100-sxm-32gb", "a100-sxm-80gb"]
    points = {
        "gpu": gpus, "n_gpus": [1, 1], "model": ["meta-llama/Llama-3.1-8B-Instruct"] * 2,
        "engine": ["vllm"] * 2, "engine_version": ["0.9.0"] * 2, "weight_precision": ["fp16"] * 2,
        "input_len": [1024] * 2, "output_len": [256] * 2, "load": ["max_throughput"] * 2,
        "metric": ["output_tok_s_total"] * 2,
    }  # fmt: skip
    volta, ampere = predict_inference(points, catalog=catalog)["value"]
    assert 0.15 < volta / ampere < 0.4


def test_first_tokens_come_late_more_often_than_soon(catalog: Catalog) -> None:
    import numpy as np

    from gpumix.predict.inference import predict_inference

    points = {
        "gpu": ["h100-sxm-80gb"] * 2, "n_gpus": [1] * 2, "engine": ["vllm"] * 2,
        "model": ["meta-llama/Llama-3.1-8B-Instruct"] * 2, "input_len": [1024] * 2,
        "output_len": [256] * 2, "load": ["concurrency"] * 2, "load_value": [16] * 2,
        "metric": ["ttft_ms_mean", "output_tok_s_total"],
    }  # fmt: skip
    out = predict_inference(points, catalog=catalog)
    lean = np.log(out["high"] / out["value"]) / np.log(out["value"] / out["low"])
    assert lean[0] > 1.4 > lean[1] > 0.7
