"""Rules that every row of GPUs and models must keep, packaged or the user's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from gpumix.domain.gpu import Gpu
from gpumix.domain.llm import Model
from gpumix.errors import Problem

PARAMETER_TOLERANCE: Final = 0.012
"""Published and counted parameters agree within this share (data/README of the shape table)."""
_ROUNDED_TO_B: Final = 0.05
"""Half of the last digit of a size published as `1.7B`."""


PEAKS: Final = (
    "tf32_tflops", "bf16_tflops", "fp16_tflops", "fp8_tflops", "int8_tops", "fp4_tflops",
)  # fmt: skip
SAME_FIGURE: Final = 0.01
"""Data sheets agree within this share on a figure of one part."""
SPARSE_OVER_DENSE: Final = 2.0
"""A peak with 2:4 sparsity over the dense one, as data sheets print it."""


def sparse_problems(gpu: Gpu, place: str, packaged: Iterable[Gpu]) -> list[Problem]:
    """Peaks of a part that are those with 2:4 sparsity: twice what the catalogue has as dense.

    A part is one of the catalogue's where the id, or memory and bandwidth, are the same. Where
    another such part has that peak as its dense one it is believed.
    """
    parts = [one for one in packaged if one.id == gpu.id or _same_memory(one, gpu)]
    problems = []
    for peak in PEAKS:
        stated = getattr(gpu, peak)
        dense = [figure for one in parts if (figure := getattr(one, peak))]
        twice = [figure for figure in dense if _near(stated, SPARSE_OVER_DENSE * figure)]
        if twice and not any(_near(stated, figure) for figure in dense):
            what = (
                f"{gpu.id}: {peak} {stated:g} is the peak with 2:4 sparsity; dense is {twice[0]:g}"
            )
            problems.append(Problem(place, what, "write dense peaks"))
    return problems


def _same_memory(one: Gpu, other: Gpu) -> bool:
    return one.mem_gib == other.mem_gib and _near(one.bandwidth_gb_per_s, other.bandwidth_gb_per_s)


def _near(stated: float | None, known: float) -> bool:
    return stated is not None and abs(stated / known - 1.0) <= SAME_FIGURE


def model_problems(model: Model, place: str) -> list[Problem]:
    """Disagreement of a model's published size with the count its shape gives.

    |computed - published| <= 1.2 % of published; (a) of a multimodal model only the text part
    is counted, so the count may only be smaller; (b) a size that is `published_rounded` may be
    off by half of its last digit; (c) a row without a count is not checked.

    Source: the rule of the shape table, docs/data.md, "Rules checked at loading".
    """
    published, computed = model.params_total_b, model.computed_total_b
    if computed is None:
        return []
    tolerance = PARAMETER_TOLERANCE * published
    if model.published_rounded:
        tolerance = max(tolerance, _ROUNDED_TO_B)
    excess = computed - published
    text_part_only = model.kind == "llm-multimodal" and excess < 0.0
    if abs(excess) <= tolerance or text_part_only:
        return []
    return [
        Problem(
            place,
            f"{model.id}: params_total_b {published:g} but the shape counts {computed:g}"
            f" ({excess / published:+.1%})",
            "correct the shape or the size; they must agree within 1.2 %",
        )
    ]
