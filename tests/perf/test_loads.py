"""Loads at their ends: waves that wait for memory, prompts that are wholly cached."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import closed_loop, request_rate, single_stream, static_batch
from gpumix.perf.inference.memory import memory
from gpumix.perf.inference.steps import decode_step_s, prefill_s

Deploy = Callable[..., Deployment]


def test_a_batch_larger_than_memory_runs_in_waves_and_memory_binds(deploy: Deploy) -> None:
    dep = deploy(gpu="l40s-48gb")
    room = float(np.floor(memory(dep, 2000.0, 500.0).batch_max)[0])
    one, two = (static_batch(dep, 2000.0, 500.0, n * room) for n in (1.0, 2.0))
    assert two.limit[0] == "kv_memory" != one.limit[0]
    assert two.batch[0] == pytest.approx(one.batch[0])
    assert two.e2e_s[0] == pytest.approx(2.0 * one.e2e_s[0])
    assert two.output_tokens_per_s[0] == pytest.approx(one.output_tokens_per_s[0])


def test_half_of_two_waves_waits_for_the_first(deploy: Deploy) -> None:
    """The mean first token is half a wave late; in one wave it is the prefill of all."""
    dep = deploy(gpu="l40s-48gb")
    room = float(np.floor(memory(dep, 2000.0, 500.0).batch_max)[0])
    one, two = (static_batch(dep, 2000.0, 500.0, n * room) for n in (1.0, 2.0))
    assert one.ttft_s[0] == pytest.approx(prefill_s(dep, room * 2000.0, 2000.0)[0], rel=0.01)
    assert two.ttft_s[0] - one.ttft_s[0] == pytest.approx(0.5 * one.e2e_s[0])


def test_a_prompt_that_is_wholly_cached_costs_next_to_nothing_to_read(deploy: Deploy) -> None:
    dep = deploy()
    nearly, wholly = (closed_loop(dep, 2000.0, 200.0, 16.0, prefix_hit=h) for h in (0.999, 1.0))
    assert nearly.output_tokens_per_s[0] <= wholly.output_tokens_per_s[0]
    assert wholly.output_tokens_per_s[0] == pytest.approx(nearly.output_tokens_per_s[0], rel=0.02)
    assert 0.0 < wholly.ttft_s[0] <= nearly.ttft_s[0]


@pytest.mark.parametrize("prompt", [128.0, 1_000.0, 4_000.0, 32_000.0, 120_000.0])
@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm"])
def test_one_request_in_flight_is_a_single_stream(
    deploy: Deploy, prompt: float, engine: str
) -> None:
    """So is an open loop in which the next request hardly ever meets the one before."""
    dep = deploy(engine=engine)
    alone = single_stream(dep, prompt, 100.0)
    one = closed_loop(dep, prompt, 100.0, 1.0)
    rare = request_rate(dep, prompt, 100.0, np.array([1e-4]))
    for other in (one, rare):
        assert other.tpot_s[0] == pytest.approx(alone.tpot_s[0], rel=0.02)
        assert other.ttft_s[0] == pytest.approx(alone.ttft_s[0], rel=0.02)


def test_a_lone_prompt_is_read_before_its_answer_begins(deploy: Deploy) -> None:
    """None of it falls into the time per token: each is a step that only decodes."""
    dep = deploy()
    alone = single_stream(dep, 120_000.0, 100.0)
    assert alone.tpot_s[0] == pytest.approx(decode_step_s(dep, 1.0, 120_050.0)[0])
    assert alone.ttft_s[0] > prefill_s(dep, 120_000.0, 120_000.0)[0]
