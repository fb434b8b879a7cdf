"""GPUs by the names that people, drivers and clouds give them."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpumix.catalog import load
from gpumix.compare.serving import Question, compare_gpus
from gpumix.errors import UnknownName
from gpumix.predict.inference import predict_inference

CATALOG = load()


@pytest.mark.parametrize(
    ("name", "id", "count"),
    [
        ("h100", "h100-sxm-80gb", None), ("H100 80GB", "h100-sxm-80gb", None),
        ("a100", "a100-sxm-80gb", None), ("l40s", "l40s-48gb", None),
        ("8xH100", "h100-sxm-80gb", 8), ("2x A100 80GB", "a100-sxm-80gb", 2),
        ("H100:8", "h100-sxm-80gb", 8), ("p5.48xlarge", "h100-sxm-80gb", 8),
        ("Standard_ND96isr_H100_v5", "h100-sxm-80gb", 8), ("ND96asr_v4", "a100-sxm-40gb", 8),
        ("a3-highgpu-8g", "h100-sxm-80gb", 8), ("g5.12xlarge", "a10g-24gb", 4),
        ("NVIDIA A100-SXM4-80GB", "a100-sxm-80gb", None),
        ("NVIDIA A100 80GB PCIe", "a100-pcie-80gb", None),
        ("NVIDIA A100-PCIE-40GB", "a100-pcie-40gb", None),
        ("NVIDIA H100 80GB HBM3", "h100-sxm-80gb", None),
        ("NVIDIA H100 PCIe", "h100-pcie-80gb", None), ("NVIDIA H100 NVL", "h100-nvl-94gb", None),
        ("Tesla V100-SXM2-16GB", "v100-sxm-16gb", None), ("Tesla T4", "t4-16gb", None),
        ("NVIDIA GeForce RTX 4090", "rtx4090-24gb", None),
        ("NVIDIA RTX 6000 Ada Generation", "rtx6000ada-48gb", None),
        ("NVIDIA RTX PRO 6000 Blackwell Server Edition", "rtxpro6000-96gb", None),
        ("AMD Instinct MI300X", "mi300x-192gb", None), ("Gaudi 3", "gaudi3-128gb", None),
        ("NVIDIA GH200 480GB", "gh200-96gb", None),
    ],
)  # fmt: skip
def test_a_name_means_one_part(name: str, id: str, count: int | None) -> None:
    found = CATALOG.named_gpu(name)
    assert (found.gpu.id, found.count) == (id, count)
    assert id in found.note or name.lower() == "l40s"


@pytest.mark.parametrize(
    "name", ["h100 smx", "h1000", "4090", "0xH100", "nonsense", "", "H100 72G"]
)
def test_what_is_no_part_is_refused_with_three(name: str) -> None:
    with pytest.raises(UnknownName, match=r"did you mean \S+, \S+, \S+\?"):
        CATALOG.named_gpu(name)


@given(st.sampled_from(sorted(CATALOG.gpus)), st.sampled_from(["", " ", "_"]), st.booleans())
def test_an_id_means_itself_however_it_is_spelt(id: str, joint: str, upper: bool) -> None:
    name = id.replace("-", joint or "-")
    found = CATALOG.named_gpu(name.upper() if upper else name)
    assert (found.gpu.id, found.count, found.note) == (id, None, "")


@given(st.text(max_size=60))
def test_any_text_is_a_part_or_is_refused(text: str) -> None:
    try:
        assert CATALOG.named_gpu(text).gpu.id in CATALOG.gpus
    except UnknownName as refused:
        assert len(str(refused)) < 500  # noqa: PT017


def test_the_choice_is_printed() -> None:
    asked = Question("Qwen/Qwen3-8B", gpus=("h100",))
    found = compare_gpus(asked, CATALOG, date(2026, 11, 30))
    assert found.rows[0].gpu == "h100-sxm-80gb"
    assert "'h100' counts as h100-sxm-80gb, not h100-pcie-80gb" in found.defaults[0]


def test_a_machine_in_points_is_its_gpus() -> None:
    point = {
        "model": ["Qwen/Qwen3-8B"] * 2, "metric": ["output_tok_s_total"] * 2,
        "load": ["concurrency"] * 2, "load_value": ["64"] * 2, "input_len": ["1000"] * 2,
        "output_len": ["200"] * 2, "engine": ["vllm"] * 2,
        "gpu": ["p5.48xlarge", "h100-sxm-80gb"], "n_gpus": ["", "8"],
    }  # fmt: skip
    found = predict_inference(point)
    assert found["value"][0] == found["value"][1]
    assert "p5.48xlarge is 8 x h100-sxm-80gb" in found["note"][0]


def test_a6000_is_the_rtx_a6000() -> None:
    assert CATALOG.named_gpu("A6000").gpu.id == "rtxa6000-48gb"
