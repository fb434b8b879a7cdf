"""The shape of a model: its parameters add up, whichever of them are experts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gpumix.catalog import load
from gpumix.perf.shapes import shape_of

MODELS = load().models
MIXTRAL = MODELS["mistralai/Mixtral-8x7B-Instruct-v0.1"]


@pytest.mark.parametrize(
    "name",
    [
        "meta-llama/Llama-3.1-8B-Instruct",
        "mistralai/Mixtral-8x7B-Instruct-v0.1",
        "deepseek-ai/DeepSeek-V3",
    ],
)
def test_all_and_the_active_parameters_add_up(name: str) -> None:
    """The rest of the model runs for every token, and top_k of the experts."""
    model, shape = MODELS[name], shape_of(MODELS[name])
    always = shape.dense_params + shape.embedding_params
    whole, active = (always + shape.expert_params * n for n in (shape.experts, shape.top_k))
    assert whole == pytest.approx(model.params_total_b * 1e9, rel=1e-6)
    assert active == pytest.approx(model.params_active_b * 1e9, rel=0.05)


def test_a_model_that_uses_all_its_experts_for_each_token_is_dense() -> None:
    every = shape_of(replace(MIXTRAL, experts=2, top_k=2))
    assert every.expert_params == 0.0
    assert every.dense_params == pytest.approx(every.total_params - every.embedding_params)
