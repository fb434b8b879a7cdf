"""Serving modes, latencies and intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gpumix.domain.workload import Adapters
from gpumix.perf.inference import latency, modes
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import closed_loop
from gpumix.perf.inference.memory import memory, weights_bytes
from gpumix.perf.inference.steps import decode_step_s, prefill_s
from gpumix.perf.interval import interval

Deploy = Callable[..., Deployment]
BIG, SMALL = "meta-llama/Llama-3.1-70B-Instruct", "meta-llama/Llama-3.2-1B-Instruct"


def test_the_closed_loop_answers_with_the_latencies_of_their_formulas(deploy: Deploy) -> None:
    dep = deploy()
    alone = closed_loop(dep, 1024.0, 256.0, 1.0)
    crowd = closed_loop(dep, 1024.0, 256.0, 64.0)
    decode, own = decode_step_s(dep, 1.0, 1152.0), prefill_s(dep, 1024.0, 1024.0)
    least = latency.ttft(dep.first_token_s, own, 0.0, decode, 1.0, dep.together, 0.0, 0.0)
    assert alone.ttft_s[0] >= np.asarray(least)[0]
    assert crowd.ttft_s[0] > alone.ttft_s[0]
    assert crowd.tpot_s[0] > alone.tpot_s[0] >= decode[0]


def test_speculation_pays_alone_and_not_in_a_crowd(deploy: Deploy) -> None:
    target, draft = deploy(BIG, tp=4), deploy(SMALL, tp=1)
    alone = modes.speculative_decoding(target, draft, 1.0, 1000.0, 0.8, 4.0)
    crowd = modes.speculative_decoding(target, draft, 512.0, 1000.0, 0.8, 4.0)
    assert alone.speedup[0] > 1.2
    assert crowd.speedup[0] < alone.speedup[0]
    assert alone.tpot_s[0] * alone.speedup[0] == pytest.approx(
        decode_step_s(target, 1.0, 1000.0)[0]
    )


def test_embeddings_scale_with_length_and_copies(deploy: Deploy) -> None:
    dep = deploy("BAAI/bge-m3", "l4-24gb")
    short, long = modes.encode(dep, 128.0, 64.0)[0], modes.encode(dep, 512.0, 64.0)[0]
    assert 3.0 < short / long < 6.0
    two = deploy("BAAI/bge-m3", "l4-24gb", dp=2)
    assert modes.encode(two, 128.0, 128.0)[0] == pytest.approx(2 * short)


def test_an_interval_is_symmetric_in_logs() -> None:
    low, high = interval(np.array([100.0]), np.array([0.2]))
    assert low[0] * high[0] == pytest.approx(100.0**2)


def test_an_adapter_of_llama_3_at_rank_16_has_the_42m_weights_that_trainers_print(
    deploy: Deploy,
) -> None:
    dep = deploy("meta-llama/Llama-3.1-8B-Instruct")
    assert float(np.asarray(modes.adapter_params(dep, 16.0))[0]) == pytest.approx(41.9e6, rel=0.01)


@pytest.mark.parametrize("count", [1, 4])
def test_adapters_slow_a_llama_2_7b_on_an_a100_as_measured(deploy: Deploy, count: int) -> None:
    """vLLM pull request 11267: 2,694 output tokens/s without, 1,788 and 1,792 with adapters."""
    plain = deploy("meta-llama/Llama-2-7b-hf", "a100-sxm-80gb")
    slower = modes.with_adapters(plain, Adapters(count, 8))
    ratio = decode_step_s(slower, 128.0, 350.0)[0] / decode_step_s(plain, 128.0, 350.0)[0]
    assert ratio == pytest.approx(2693.62 / 1787.78, rel=0.03)


def test_adapters_take_memory_from_the_cache_and_none_changes_nothing(deploy: Deploy) -> None:
    plain = deploy("meta-llama/Llama-3.1-8B-Instruct")
    many = modes.with_adapters(plain, Adapters(100, 16))
    taken = np.asarray(weights_bytes(many) - weights_bytes(plain))[0]
    assert taken == pytest.approx(100 * 2 * 41.9e6, rel=0.01)
    assert memory(many, 1024.0, 256.0).batch_max[0] < memory(plain, 1024.0, 256.0).batch_max[0]
    assert modes.with_adapters(plain, None) is plain
