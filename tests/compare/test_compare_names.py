"""A model's name states its precision, and that of the published weights holds elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from gpumix.catalog import load
from gpumix.compare.serving import Load, Question, compare_gpus
from gpumix.domain.promises import slo_of
from gpumix.errors import InputError

DAY = date(2026, 11, 30)


def test_a_quantised_checkpoint_is_compared_at_its_own_bits() -> None:
    """Case p03: 32B at 4 bits serves on one A100 and on one L40S."""
    asked = Question("Qwen/Qwen3-32B-AWQ", 1000.0, 300.0, gpus=("l40s-48gb", "a100-sxm-80gb"))
    found = compare_gpus(asked, load(), DAY)
    assert [row.precision for row in found.rows] == ["int4", "int4"]
    assert all(row.fits for row in found.rows)
    assert found.winners[0].tp == 1
    assert "precision int4, stated by the name (awq)" in found.defaults


def test_published_weights_are_the_default() -> None:
    """Case p04: DeepSeek-V3 is published in FP8 and fits 8 H200, gpt-oss-120b in MXFP4 one H100."""
    slow = (slo_of("ttft_p95", "10s"), slo_of("tpot_p95", "200ms"))
    asked = Question("deepseek-ai/DeepSeek-V3", slos=slow, gpus=("h200-sxm-141gb",))
    (row,) = compare_gpus(asked, load(), DAY).rows
    assert (row.fits, row.precision) == (True, "fp8")
    asked = Question("openai/gpt-oss-120b", 1000.0, 1000.0, gpus=("h100-sxm-80gb",))
    found = compare_gpus(asked, load(), DAY)
    assert found.rows[0].precision == "mxfp4"
    assert "precision mxfp4, as published" in found.defaults


def test_a_stated_precision_wins_over_the_name() -> None:
    asked = Question("Qwen/Qwen3-8B-AWQ", 1000.0, 300.0, precisions=("bf16",), gpus=("l40s-48gb",))
    found = compare_gpus(asked, load(), DAY)
    assert found.rows[0].precision == "bf16"
    assert "precision bf16 as asked for; the name says awq" in found.defaults


def test_requests_beyond_the_context_of_this_checkpoint_are_refused() -> None:
    long = Question("microsoft/Phi-3-mini-4k-instruct", 5000.0, 100.0, gpus=("l40s-48gb",))
    with pytest.raises(InputError, match="4,096 tokens"):
        compare_gpus(long, load(), DAY)


def test_a_stated_context_widens_the_model() -> None:
    asked = Question(
        "Qwen/Qwen3-8B", 60_000.0, 100.0, slos=(slo_of("ttft_p95", "60s"),), gpus=("l40s",)
    )
    with pytest.raises(InputError, match="40,960 tokens"):
        compare_gpus(asked, load(), DAY)
    assert compare_gpus(replace(asked, load=Load(context=131_072.0)), load(), DAY).rows[0].fits
