"""What a workload must find on a GPU: video engines, RT cores and the like."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_options_pooled import PICTURES, steady

from gpumix.catalog import load
from gpumix.domain.custom import MeasuredRate
from gpumix.domain.gpu import NO_NEEDS, GpuFeatures, Needs
from gpumix.domain.workload import Kind, Workload
from gpumix.options.needs import able_gpus, lacks
from gpumix.options.workloads import options_at

CATALOG = load()
RATES = tuple(MeasuredRate(gpu, 1200.0) for gpu in ("l40s-48gb", "l4-24gb", "a100-sxm-80gb"))
WORK = replace(
    PICTURES,
    kind=Kind.CUSTOM,
    model="",
    precisions=(),
    engine="",
    demand=steady(100.0),
    slos=(),
    rates=RATES,
    unit_name="frame",
)


def reasons(workload: Workload) -> dict[str, str]:
    largest = dict.fromkeys((rate.gpu for rate in RATES), 8)
    return {option.gpu: option.reason for option in options_at(workload, largest, CATALOG, 0.0)}


def test_every_part_of_the_catalogue_has_a_row() -> None:
    assert all(gpu.features.source for gpu in CATALOG.gpus.values())


@pytest.mark.parametrize(
    "gpu", ["a100-sxm-80gb", "a100-pcie-40gb", "h100-sxm-80gb", "h200-sxm-141gb"]
)
def test_the_large_parts_encode_no_video_and_trace_no_rays(gpu: str) -> None:
    said = lacks(Needs(nvenc=1, nvdec=4, rt_cores=True), CATALOG.gpus[gpu])
    assert said == "has no video encoder (NVENC); has no RT cores"


@pytest.mark.parametrize(
    ("needs", "said"),
    [
        (NO_NEEDS, ""),
        (Needs(nvenc=3, nvdec=3, rt_cores=True, display=True, vgpu=True, ecc=True), ""),
        (Needs(nvdec=4), "has 3 video decoders (NVDEC), 4 are needed"),
    ],
)
def test_what_an_l40s_has(needs: Needs, said: str) -> None:
    assert lacks(needs, CATALOG.gpus["l40s-48gb"]) == said


def test_what_is_not_known_is_not_counted_on() -> None:
    bare = replace(CATALOG.gpus["l4-24gb"], features=GpuFeatures(nvenc=1))
    assert lacks(Needs(nvenc=2), bare) == "has 1 video encoder (NVENC), 2 are needed"
    said = lacks(Needs(nvdec=1, ecc=True), bare)
    assert said == (
        "how many video decoders (NVDEC) it has is not known; "
        "whether it has ECC memory is not known"
    )


def test_a_gpu_without_it_is_refused_with_the_reason() -> None:
    assert set(reasons(WORK).values()) == {""}
    asked = replace(WORK, needs=Needs(nvenc=2, display=True))
    assert reasons(asked) == {
        "l40s-48gb": "",
        "l4-24gb": "has no display output",
        "a100-sxm-80gb": "has no video encoder (NVENC); has no display output",
    }


def test_more_needs_leave_no_more_gpus() -> None:
    some = able_gpus(Needs(nvenc=1), CATALOG.gpus)
    assert set(able_gpus(Needs(nvenc=2, ecc=True), CATALOG.gpus)) < set(some)
    assert len(able_gpus(NO_NEEDS, CATALOG.gpus)) == len(CATALOG.gpus)


def test_no_gpu_at_all_is_an_answer_too() -> None:
    found = reasons(replace(WORK, needs=Needs(nvenc=9)))
    assert found["l40s-48gb"] == "has 3 video encoders (NVENC), 9 are needed"
    assert all(found.values())
