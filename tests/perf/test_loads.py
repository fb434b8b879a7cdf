"""Loads at their ends: waves that wait for memory, prompts that are wholly cached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import (
    burst,
    closed_loop,
    request_rate,
    single_stream,
    static_batch,
)
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


@pytest.mark.parametrize("engine", ["vllm", "sglang", "tensorrt-llm"])
def test_an_open_loop_knows_no_convoy(deploy: Deploy, engine: str) -> None:
    """Requests of a closed loop of equal lengths start together and read their prompts together."""
    dep = deploy("meta-llama/Llama-3.1-70B-Instruct", tp=4, engine=engine)
    closed = closed_loop(dep, 2000.0, 300.0, 16.0)
    rate = closed.output_tokens_per_s / 300.0
    opened = request_rate(dep, 2000.0, 300.0, rate)
    assert opened.ttft_s[0] < closed.ttft_s[0]
    assert opened.ttft_s[0] > prefill_s(dep, 2000.0, 2000.0)[0]


def test_geforce_cards_exchange_through_the_host(deploy: Deploy) -> None:
    geforce, workstation = (deploy(gpu=gpu, tp=4) for gpu in ("rtx4090-24gb", "l40s-48gb"))
    assert geforce.link_latency_s[0] > 2.0 * workstation.link_latency_s[0]


def test_a_burst_ends_with_its_longest_answer(deploy: Deploy) -> None:
    """Cut at half as much more than the mean it ends later than equal answers, and sooner than
    chats of unknown length; the last ones run in a batch that empties, so faster than in a full."""
    dep = deploy()
    equal, cut, unknown = (
        burst(dep, 300.0, 350.0, 200.0, spread=spread, longest=longest)
        for spread, longest in ((0.0, 1.0), (1.0, 1.5), (1.0, np.nan))
    )
    took = [200.0 * 350.0 / one.output_tokens_per_s[0] for one in (equal, cut, unknown)]
    assert took == sorted(took)
    extra_s = took[1] - took[0]
    alone_s = 0.5 * 349.0 * decode_step_s(dep, 1.0, 300.0 + 0.75 * 350.0)[0]
    assert extra_s == pytest.approx(alone_s, rel=0.02)


def test_a_server_before_the_engine_bounds_a_burst_and_a_rate(deploy: Deploy) -> None:
    """The last of N prompts is through it after N times what each takes; no more than its rate is
    served; a request that comes while none does waits for none."""
    dep = deploy()
    slow = replace(dep, front_s=np.full(1, 0.1))
    crowd = burst(slow, 128.0, 4.0, 1000.0)
    assert 100.0 < 1000.0 * 4.0 / crowd.output_tokens_per_s[0] < 105.0
    assert crowd.ttft_s[0] == pytest.approx(50.0, rel=0.02)
    assert request_rate(slow, 128.0, 4.0, 30.0).output_tokens_per_s[0] == pytest.approx(40.0, 0.01)
    waits = [request_rate(one, 128.0, 4.0, 5.0).ttft_s[0] for one in (dep, slow)]
    assert waits[1] - waits[0] == pytest.approx(0.5 * 0.1, rel=0.1)
    rare = [request_rate(one, 128.0, 4.0, 0.001).ttft_s[0] for one in (dep, slow)]
    assert rare[1] == pytest.approx(rare[0], rel=1e-3)
