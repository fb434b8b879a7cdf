"""Rules that every row of GPUs and models must keep, packaged or the user's."""

from __future__ import annotations

from typing import Final

from gpumix.domain.llm import Model
from gpumix.errors import Problem

PARAMETER_TOLERANCE: Final = 0.012
"""Published and counted parameters agree within this share (data/README of the shape table)."""
_ROUNDED_TO_B: Final = 0.05
"""Half of the last digit of a size published as `1.7B`."""


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
