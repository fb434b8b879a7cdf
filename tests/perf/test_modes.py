"""Serving modes, latencies and intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from gpumix.perf.inference import latency, modes
from gpumix.perf.inference.deployment import Deployment
from gpumix.perf.inference.loads import closed_loop
from gpumix.perf.inference.steps import decode_step_s, prefill_s
from gpumix.perf.interval import interval

Deploy = Callable[..., Deployment]
BIG, SMALL = "meta-llama/Llama-3.1-70B-Instruct", "meta-llama/Llama-3.2-1B-Instruct"


def test_the_closed_loop_answers_with_the_latencies_of_their_formulas(deploy: Deploy) -> None:
    dep = deploy()
    alone = closed_loop(dep, 1024.0, 256.0, 1.0)
    crowd = closed_loop(dep, 1024.0, 256.0, 64.0)
    decode, own = decode_step_s(dep, 1.0, 1152.0), prefill_s(dep, 1024.0, 1024.0)
    least = latency.ttft(dep.first_token_s, own, 0.0, decode, 1.0, dep.together, 0.0)
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
