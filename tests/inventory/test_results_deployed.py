"""What a result file says of its hardware, against what the command line says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from result_files import vllm

from gpumix.catalog import Catalog, load
from gpumix.errors import InputError
from gpumix.inventory.results import Measured, Stated, read_results

L40S = Stated(gpu="l40s-48gb")


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load()


def read(catalog: Catalog, folder: Path, data: Any, stated: Stated) -> Measured:
    path = folder / "run.json"
    path.write_text(json.dumps(data), encoding="utf-8")
    return read_results([path], stated, catalog).files[0]


@pytest.mark.parametrize(
    ("words", "stated", "layout"),
    [
        ({"gpu": "4xNVIDIA_L40S", "decode_replicas": "4"}, L40S, ("4", "1", "4")),
        ({"gpu": "4xNVIDIA_L40S", "tp": "4"}, L40S, ("4", "4", "")),
        ({"gpu_name": "NVIDIA L40S", "tensor_parallel_size": 2}, Stated(), ("2", "2", "")),
        ({"gpu": "L40S x 2", "tp": "1"}, replace(L40S, dp="2"), ("2", "1", "2")),
        ({"metadata": {"gpu": "L40S", "n_gpus": "2"}}, replace(L40S, tp="2"), ("2", "2", "")),
        ({"server_info": {"tp_size": 2, "dp_size": 1, "pp_size": 1}}, L40S, ("2", "2", "1")),
        ({"gpus": 2, "tp": 2}, L40S, ("2", "2", "")),
        ({"gpus": "L40S", "replicas": 3}, L40S, ("3", "1", "3")),
        ({"gpu": "", "tp": None, "n_gpus": "none"}, L40S, ("1", "1", "")),
    ],
)
def test_the_file_fills_what_is_not_stated(
    catalog: Catalog, tmp_path: Path, words: Any, stated: Stated, layout: tuple[str, ...]
) -> None:
    found = read(catalog, tmp_path, vllm(**words), stated)
    assert {row["gpu"] for row in found.rows} == {"l40s-48gb"}
    assert tuple(found.rows[0][name] for name in ("n_gpus", "tp", "dp")) == layout
    assert found.doubts == ()


@pytest.mark.parametrize(
    ("words", "stated", "said"),
    [
        ({"gpu": "4xNVIDIA_L40S"}, Stated(gpu="h100-sxm-80gb"), "--gpu says h100-sxm-80gb"),
        ({"gpu": "NVIDIA RTX 4090"}, Stated(gpu="h100-sxm-80gb"), "GPU 'NVIDIA RTX 4090'"),
        ({"n_gpus": 4, "tp": 4}, replace(L40S, n_gpus="1"), "--n-gpus says 1"),
        ({"tp": 4}, replace(L40S, tp="1"), "says tp '4', --tp says 1"),
        ({"n_gpus": 4, "tp": 2, "dp": 4}, L40S, "4 GPUs contradict tp 2 x dp 4 = 8"),
        ({"gpu": "4xL40S", "n_gpus": 2}, L40S, "2 GPUs"),
        ({"tp": 4, "metadata": {"tp": 2}}, L40S, "contradicts itself on tp"),
        ({"tp": "many"}, L40S, "tp must be a whole number"),
        ({"tp": [4]}, L40S, "tp: must be text or a number"),
        ({"gpu": "L40S\u001b[31m"}, L40S, "control character"),
        ({"gpu": "H100", "tp": 1}, Stated(), "may be h100-sxm-80gb"),
        ({"gpu": "abacus"}, Stated(), "the catalogue does not have"),
        ({"quantization": "fp8"}, replace(L40S, weight_precision="bf16"), "--precision says bf16"),
        ({"vllm_version": "0.8.1"}, replace(L40S, engine_version="0.9"), "--engine-version says"),
        ({"model_id": "Qwen/Qwen3-8B"}, replace(L40S, model="Qwen/Qwen2.5-7B-Instruct"), "--model"),
    ],
)
def test_a_contradiction_is_an_error_that_names_both(
    catalog: Catalog, tmp_path: Path, words: Any, stated: Stated, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        read(catalog, tmp_path, vllm(**words), stated)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("words", "stated", "said"),
    [
        ({"gpu": "4xL40S"}, L40S, "not how they are used"),
        ({"n_gpus": 8, "tp": 2}, L40S, "idle GPUs?"),
        ({"gpu": "abacus"}, L40S, "'abacus', which the catalogue does not have"),
        ({"quantization": "marble"}, L40S, "'marble' is not one"),
        ({"tp": 1, "decode_replicas": 2, "prefill_replicas": 1}, L40S, "prefill ran"),
        (
            {"server_info": {"tp_size": 8, "dp_size": 8, "enable_dp_attention": True}},
            L40S,
            "inside",
        ),
    ],
)
def test_what_the_file_leaves_open_is_a_doubt(
    catalog: Catalog, tmp_path: Path, words: Any, stated: Stated, said: str
) -> None:
    assert said in "; ".join(read(catalog, tmp_path, vllm(**words), stated).doubts)


def test_versions_agree_as_far_as_they_go(catalog: Catalog, tmp_path: Path) -> None:
    words = {"vllm_version": "0.8.1.post1", "quantization": "AWQ"}
    stated = replace(L40S, engine_version="0.8.1")
    row = read(catalog, tmp_path, vllm(**words), stated).rows[0]
    assert (row["engine_version"], row["weight_precision"]) == ("0.8.1", "int4")


def test_rows_of_a_sheet_are_compared_with_the_options(catalog: Catalog, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text(
        "gpu,model,tp,metric,value,load,load_value,input_len,output_len\n"
        "l40s-48gb,Qwen/Qwen3-8B,1,output_tok_s_total,900,concurrency,16,1000,200\n"
    )
    with pytest.raises(InputError) as caught:
        read_results([path], Stated(gpu="h100-sxm-80gb", tp="2"), catalog)
    assert "the file says gpu 'l40s-48gb', --gpu says 'h100-sxm-80gb'" in str(caught.value)
    assert "--tp says '2'" in str(caught.value)
    assert read_results([path], Stated(gpu="L40S", tp="1"), catalog).files[0].doubts == ()
